use crate::config::{Access, Config};

use super::*;

/// The rule of a route with these settings, or what is said about them.
fn rule_of(settings: &str) -> Result<Rule, String> {
    let text = format!(
        "[[resource]]\nidentifier = \"https://a.example\"\nissuer = \"https://id.example\"\n\
         upstream = \"http://127.0.0.1:1\"\nroutes = [{{ path = \"/a\", {settings} }}]\n"
    );
    let config = Config::parse("g.toml", &text).map_err(|error| error.to_string())?;
    match &config.resources[0].routes[0].access {
        Access::Token(rule) => Ok((**rule).clone()),
        Access::Public => Err("public".to_owned()),
    }
}

#[test]
fn every_part_of_a_rule_can_be_written() {
    let rule = rule_of(
        "any_scope = [\"read\", \"write\"], any_role = [\"clerk\"], clients = [\"shop\"], \
         subjects = [\"alice\"], acr = [\"urn:mfa\"], max_age = 300, claims = { tenant = \"acme\", \
         \"/org/id\" = [1, true], groups = { contains = \"staff\" }, mail = { present = true } }, \
         authorization_details = [{ type = \"payment\", actions = [\"send\"], identifier = \"7\" }]",
    )
    .unwrap();
    assert_eq!(
        in_words(&rule),
        [
            "one of the clients shop",
            "one of the subjects alice",
            "one of the scopes read write",
            "one of the roles clerk",
            "the claim '/org/id' as 1 or true",
            "\"staff\" in the claim 'groups'",
            "a claim 'mail'",
            "the claim 'tenant' as \"acme\"",
            "authorization details of type payment with actions send with identifier 7",
            "a login of the class urn:mfa",
            "a login at most 300 seconds ago",
        ]
    );
    assert_eq!(rule.scope.enough().to_string(), "read");
    assert_eq!(rule.claims[0].claim, ClaimPath::parse("/org/id"));
    assert_eq!(rule.details[0].actions, ["send"]);
    assert_eq!((rule.login.acr_values.len(), rule.login.max_age), (1, Some(300)));
}

#[test]
fn one_part_is_a_rule_and_none_is_a_mistake() {
    for settings in ["any_role = [\"a\"]", "clients = [\"a\"]", "max_age = 0", "claims = { a = 1 }"]
    {
        assert_eq!(rule_of(settings).unwrap().scope, ScopeRule::NONE, "{settings}");
    }
    assert!(rule_of("forward_token = true").unwrap_err().contains("says neither `scopes`"));
}

#[test]
fn what_would_let_nobody_or_everybody_in_is_refused() {
    let cases = [
        ("any_scope = []", "an empty list"),
        ("any_role = []", "an empty list"),
        ("any_role = [\"\"]", "an empty text"),
        ("clients = []", "an empty list"),
        ("clients = [\"a\\nb\"]", "not a client"),
        ("subjects = []", "an empty list"),
        ("acr = []", "an empty list"),
        ("max_age = 99999999", "expected 0 to"),
        ("claims = {}", "no claim"),
        ("claims = { a = [] }", "an empty list"),
        ("claims = { a = [[1]] }", "expected a value"),
        ("claims = { \"\" = 1 }", "a claim without a name"),
        ("claims = { a = { present = false } }", "expected a value"),
        ("claims = { a = { contains = 1, present = true } }", "expected a value"),
        ("claims = { a = { contians = 1 } }", "expected a value"),
        ("claims = { a = 2026-01-01 }", "expected a value"),
        ("authorization_details = []", "an empty list"),
        ("authorization_details = [{ type = \"\" }]", "an empty type"),
        ("authorization_details = [{ kind = \"a\" }]", "unknown field `kind`"),
        ("scopes = [\"a\"], any_scope = [\"b\"]", "has `scopes` already"),
        ("public = true, any_role = [\"a\"]", "a public route needs no any_role"),
        ("public = true, max_age = 5", "a public route needs no max_age"),
    ];
    for (settings, expected) in cases {
        let said = rule_of(settings).unwrap_err();
        assert!(said.starts_with("g.toml:5:") && said.contains(expected), "{settings}: {said}");
    }
}
