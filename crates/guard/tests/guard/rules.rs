//! What a route wants of a token: each part alone, their order, and what the client is told
//! (RFC 6750 §3.1, RFC 9396 §9.1, RFC 9470 §3).

use std::sync::Arc;

use bailiwick_guard::policy::{Denied, Policy, Question};
use bailiwick_guard::{
    Binding, ClaimPath, ClaimRule, ClaimTest, DetailRule, Implied, LoginRule, Offer, Rule,
    ScopeRule, challenges,
};
use bailiwick_oauth::{ClientId, Resource, Scope, Scopes};
use serde_json::{Value, json};

use crate::mint::*;

#[track_caller]
fn verdict(rule: &Rule, claims: &Value, expected: &str) {
    Attempt { rule, ..Attempt::bearer(&token(claims)) }.ends(expected);
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn clients(names: &[&str]) -> Vec<ClientId> {
    names.iter().map(|name| ClientId::parse(name).unwrap()).collect()
}

#[test]
fn only_the_listed_clients_are_let_in() {
    for (listed, expected) in [
        (None, "passed"),
        (Some(clients(&["shop"])), "passed"),
        (Some(clients(&["other", "shop"])), "passed"),
        (Some(clients(&["sho", "shopp", "SHOP"])), "client_refused"),
        (Some(Vec::new()), "client_refused"),
    ] {
        verdict(&Rule { clients: listed, ..Rule::ANY_TOKEN }, &claims(), expected);
    }
    // A token that names no client is no listed client's.
    let rule = Rule { clients: Some(clients(&["alice"])), ..Rule::ANY_TOKEN };
    let trust = trust(bailiwick_guard::Profile::introspection());
    let answer = json!({ "active": true, "sub": "alice", "aud": RESOURCE, "exp": NOW + 60 });
    let found = Attempt { rule: &rule, ..Attempt::bearer("t") }.looked_up(&trust, &answer);
    assert_eq!(outcome(&found), "client_refused");
}

#[test]
fn only_the_listed_subjects_are_let_in() {
    for (listed, expected) in [
        (None, "passed"),
        (Some(owned(&["bob", "alice"])), "passed"),
        (Some(owned(&["Alice", "alic", "alice "])), "subject_refused"),
        (Some(owned(&["shop"])), "subject_refused"),
        (Some(Vec::new()), "subject_refused"),
    ] {
        verdict(&Rule { subjects: listed, ..Rule::ANY_TOKEN }, &claims(), expected);
    }
}

#[test]
fn one_of_the_roles_will_do() {
    let rule = |names: &[&str]| Rule { roles: owned(names), ..Rule::ANY_TOKEN };
    for claim in ["roles", "groups", "entitlements"] {
        verdict(&rule(&["admin", "clerk"]), &with(claim, json!(["clerk"])), "passed");
        verdict(&rule(&["admin"]), &with(claim, json!("admin")), "passed");
        verdict(&rule(&["admin"]), &with(claim, json!(["clerk", "Admin"])), "role_missing");
        verdict(&rule(&["admin"]), &with(claim, json!("admin clerk")), "role_missing");
        verdict(&rule(&["admin"]), &with(claim, json!([1])), "claim_malformed");
    }
    verdict(&rule(&["admin"]), &claims(), "role_missing");
    verdict(&rule(&[]), &claims(), "passed");
    // A scope is no role.
    verdict(&rule(&["read:orders"]), &claims(), "role_missing");
}

#[test]
fn a_claim_is_compared_with_its_type() {
    let rule = |test: ClaimTest| Rule {
        claims: vec![ClaimRule { claim: ClaimPath::parse("/org/x"), test }],
        ..Rule::ANY_TOKEN
    };
    let judge = |test: &ClaimTest, value: &Value, passes: bool| {
        let expected = if passes { "passed" } else { "claim_refused" };
        verdict(&rule(test.clone()), &with("org", json!({ "x": value })), expected);
    };
    for (value, is_present) in [
        (json!("a"), true),
        (json!(0), true),
        (json!(true), true),
        (json!(["a"]), true),
        (json!({ "a": 1 }), true),
        (json!(null), false),
        (json!(false), false),
        (json!(""), false),
        (json!([]), false),
        (json!({}), false),
    ] {
        judge(&ClaimTest::Present, &value, is_present);
    }
    let one_of = ClaimTest::OneOf(vec![json!("gold"), json!(1), json!(true)]);
    for (value, passes) in [
        (json!("gold"), true),
        (json!(1), true),
        (json!(true), true),
        (json!("1"), false),
        (json!("true"), false),
        (json!("Gold"), false),
        (json!("gold "), false),
        (json!(["gold"]), false),
        (json!(1.5), false),
        (json!(null), false),
    ] {
        judge(&one_of, &value, passes);
    }
    let contains = ClaimTest::Contains(json!("eu"));
    for (value, passes) in [
        (json!(["us", "eu"]), true),
        (json!("us eu"), true),
        (json!("eu"), true),
        (json!("eur"), false),
        (json!("us,eu"), false),
        (json!(["us eu"]), false),
        (json!([["eu"]]), false),
        (json!({ "eu": true }), false),
        (json!(1), false),
    ] {
        judge(&contains, &value, passes);
    }
    judge(&ClaimTest::Contains(json!(1)), &json!([1]), true);
    judge(&ClaimTest::Contains(json!(1)), &json!(["1"]), false);
    judge(&ClaimTest::Contains(json!(1)), &json!("1"), false);
    judge(&ClaimTest::OneOf(Vec::new()), &json!("x"), false);
}

#[test]
fn an_absent_claim_is_nothing() {
    for test in [
        ClaimTest::Present,
        ClaimTest::OneOf(vec![json!(null), json!("")]),
        ClaimTest::Contains(json!("")),
    ] {
        for path in ["absent", "/org/absent", "/org/list/0", "/sub/x", "org/x"] {
            let claim = ClaimPath::parse(path);
            let rule =
                Rule { claims: vec![ClaimRule { claim, test: test.clone() }], ..Rule::ANY_TOKEN };
            let org = json!({ "x": 1, "list": ["a"] });
            verdict(&rule, &with("org", org), "claim_refused");
        }
    }
}

#[test]
fn each_of_the_claims_must_be_so() {
    let claim = |name: &str, value: &str| ClaimRule {
        claim: ClaimPath::member(name),
        test: ClaimTest::OneOf(vec![value.into()]),
    };
    let rule = |claims: Vec<ClaimRule>| Rule { claims, ..Rule::ANY_TOKEN };
    verdict(&rule(vec![claim("sub", "alice"), claim("iss", ISSUER)]), &claims(), "passed");
    verdict(&rule(vec![claim("sub", "alice"), claim("iss", "x")]), &claims(), "claim_refused");
    verdict(&rule(vec![claim("sub", "bob"), claim("iss", ISSUER)]), &claims(), "claim_refused");
}

fn payment() -> DetailRule {
    DetailRule {
        kind: "payment".to_owned(),
        actions: owned(&["initiate", "cancel"]),
        datatypes: owned(&["account"]),
        privileges: owned(&["admin"]),
        identifier: Some("a1".to_owned()),
    }
}

/// Details that hold all that [`payment`] wants, with one member set; `null` removes it.
fn detail(name: &str, value: Value) -> Value {
    let mut detail = json!({
        "type": "payment", "actions": ["cancel", "status", "initiate"], "datatypes": ["account"],
        "privileges": ["admin"], "identifier": "a1",
    });
    match value {
        Value::Null => _ = detail.as_object_mut().unwrap().remove(name),
        value => detail[name] = value,
    }
    detail
}

// RFC 9396 §2.2, §9.1.
#[test]
fn one_of_the_details_holds_everything_by_itself() {
    let rule = Rule { details: vec![payment()], ..Rule::ANY_TOKEN };
    let judge = |details: Value, expected: &str| {
        verdict(&rule, &with("authorization_details", details), expected);
    };
    for (name, value, passes) in [
        ("x", json!(1), true),
        ("type", json!("payments"), false),
        ("actions", json!(["initiate"]), false),
        ("actions", json!(null), false),
        ("datatypes", json!(["accounts"]), false),
        ("privileges", json!([]), false),
        ("identifier", json!("a2"), false),
        ("identifier", json!(null), false),
        ("locations", json!([RESOURCE]), true),
        ("locations", json!(["https://other.example.com", RESOURCE]), true),
        ("locations", json!(["HTTPS://API.example.com:443/orders"]), true),
        ("locations", json!(["https://other.example.com"]), false),
        ("locations", json!(["https://api.example.com"]), false),
        ("locations", json!(["https://api.example.com/orders/1"]), false),
        ("locations", json!([""]), false),
        ("locations", json!([]), true),
    ] {
        let expected = if passes { "passed" } else { "details_insufficient" };
        judge(json!([detail(name, value)]), expected);
    }
    judge(json!([{ "type": "x" }, detail("x", json!(1))]), "passed");
    let halves =
        json!([detail("actions", json!(["initiate"])), detail("actions", json!(["cancel"])),]);
    judge(halves, "details_insufficient");
    judge(json!([]), "details_insufficient");
    judge(json!(null), "details_insufficient");
    for broken in [json!({}), json!("x"), json!([{}]), json!([detail("actions", json!("cancel"))])]
    {
        judge(broken, "claim_malformed");
    }
}

#[test]
fn each_of_the_wanted_details_is_there() {
    let other = DetailRule { kind: "account".to_owned(), ..DetailRule::default() };
    let rule = Rule { details: vec![payment(), other], ..Rule::ANY_TOKEN };
    let one = json!([detail("x", json!(1))]);
    let two = json!([{ "type": "account" }, detail("x", json!(1))]);
    verdict(&rule, &with("authorization_details", one), "details_insufficient");
    verdict(&rule, &with("authorization_details", two), "passed");
}

#[test]
fn a_resource_at_a_plain_address_is_a_location_too() {
    use bailiwick_oauth::resource::PlainHttp;
    let address = "http://orders.internal";
    let resource = Resource::parse_with(address, PlainHttp::Anywhere).unwrap();
    let wanted = DetailRule { kind: "payment".to_owned(), ..DetailRule::default() };
    let details = json!([{ "type": "payment", "locations": [address] }]);
    let details = bailiwick_oauth::details::parse(&details).unwrap();
    assert!(wanted.check(&details, &resource).is_ok());
}

#[test]
fn a_login_is_strong_and_recent_enough() {
    let login = |acr: &[&str], max_age| Rule {
        login: LoginRule { acr_values: owned(acr), max_age },
        ..Rule::ANY_TOKEN
    };
    let acr = |value: Value| with("acr", value);
    verdict(&login(&["gold", "silver"], None), &acr(json!("silver")), "passed");
    verdict(&login(&["gold"], None), &acr(json!("silver")), "login_weak");
    verdict(&login(&["gold"], None), &acr(json!("gold silver")), "login_weak");
    verdict(&login(&["gold"], None), &acr(json!("Gold")), "login_weak");
    verdict(&login(&["gold"], None), &claims(), "login_weak");
    verdict(&login(&["gold"], None), &acr(json!(["gold"])), "claim_malformed");
    verdict(&login(&[], None), &claims(), "passed");
    let at = |time: i64| with("auth_time", time.into());
    for (time, expected) in [
        (NOW - 300, "passed"),
        (NOW - 310, "passed"),
        (NOW - 311, "login_old"),
        (NOW, "passed"),
        (NOW + 10, "passed"),
        (NOW + 11, "login_old"),
        (1 << 53, "login_old"),
        (0, "login_old"),
    ] {
        verdict(&login(&[], Some(300)), &at(time), expected);
    }
    verdict(&login(&[], Some(300)), &claims(), "login_old");
    verdict(&login(&[], Some(0)), &at(NOW - 10), "passed");
    verdict(&login(&[], Some(0)), &at(NOW - 11), "login_old");
    verdict(&login(&[], Some(i64::MAX)), &at(0), "passed");
    // When a login was, does not matter where nobody asks.
    verdict(&login(&["gold"], None), &acr(json!("gold")), "passed");
}

// RFC 9470 §3: 401, with all that the next login must be.
#[test]
fn a_client_is_told_which_login_would_do() {
    let told = |login: LoginRule, claims: &Value| {
        let rule = Rule { login, ..WORLD.rule.clone() };
        let refusal = Attempt { rule: &rule, ..Attempt::bearer(&token(claims)) }.refusal();
        assert_eq!(refusal.status().as_u16(), 401);
        let offer = Offer {
            resource: &Resource::parse("urn:x:y").unwrap(),
            needed: &Scopes::parse("read:orders").unwrap(),
            binding: Binding::AsTheTokenSays,
            offers_dpop: true,
            sent: Some(bailiwick_guard::Scheme::Bearer),
        };
        let values = challenges(&refusal, &offer);
        assert!(!values[1].to_str().unwrap().contains("acr_values"), "told once");
        values[0].to_str().unwrap().to_owned()
    };
    let both = LoginRule { acr_values: owned(&["gold", "silver"]), max_age: Some(300) };
    let expected = |why: &str| {
        format!(
            "Bearer realm=\"urn:x:y\", error=\"insufficient_user_authentication\", \
             error_description=\"{why}\", acr_values=\"gold silver\", max_age=\"300\", \
             scope=\"read:orders\""
        )
    };
    assert_eq!(told(both.clone(), &claims()), expected("a stronger login is needed"));
    assert_eq!(told(both, &with("acr", "gold".into())), expected("a more recent login is needed"));
    let recent = LoginRule { max_age: Some(0), ..LoginRule::ANY };
    let found = told(recent, &claims());
    assert!(found.contains("max_age=\"0\"") && !found.contains("acr_values"), "{found}");
    let strong = LoginRule { acr_values: owned(&["gold"]), ..LoginRule::ANY };
    let found = told(strong, &claims());
    assert!(found.contains("acr_values=\"gold\"") && !found.contains("max_age"), "{found}");
}

#[test]
fn a_scope_does_for_those_that_it_implies() {
    let scopes = |text: &str| Scopes::parse(text).unwrap();
    let admin = Scope::parse("admin").unwrap();
    let implied = Implied::new([(admin, scopes("read:orders write:orders"))]);
    let none = Implied::default();
    let judge = |rule: ScopeRule, held: &str, implied: &Implied, expected: &str| {
        let rule = Rule::from(rule);
        let token = token(&with("scope", held.into()));
        Attempt { rule: &rule, implied, ..Attempt::bearer(&token) }.ends(expected);
    };
    let all = || ScopeRule::AllOf(scopes("read:orders write:orders"));
    let any = || ScopeRule::AnyOf(scopes("read:orders delete:orders"));
    judge(all(), "admin", &implied, "passed");
    judge(any(), "admin", &implied, "passed");
    judge(all(), "admin", &none, "insufficient_scope");
    judge(all(), "read:orders", &implied, "insufficient_scope");
    judge(
        ScopeRule::from(Scope::parse("admin").unwrap()),
        "read:orders write:orders",
        &implied,
        "insufficient_scope",
    );
    judge(ScopeRule::AllOf(scopes("delete:orders")), "admin", &implied, "insufficient_scope");
}

/// Lets in whoever asks for one path with one method.
#[derive(Debug)]
struct Reading(&'static str);

impl Policy for Reading {
    fn decide(&self, question: &Question<'_>) -> Result<(), Denied> {
        let is_ours = question.path == self.0
            && question.method == http::Method::GET
            && question.now == NOW
            && question.permit.subject().as_str() == "alice";
        if is_ours { Ok(()) } else { Err(Denied { why: "policy reading".to_owned() }) }
    }
}

#[test]
fn all_policies_must_agree() {
    let rule = |paths: &[&'static str]| Rule {
        policies: paths.iter().map(|path| Arc::new(Reading(path)) as Arc<dyn Policy>).collect(),
        ..Rule::ANY_TOKEN
    };
    verdict(&rule(&["/orders"]), &claims(), "passed");
    verdict(&rule(&["/orders", "/other"]), &claims(), "policy_denied");
    verdict(&rule(&["/other", "/orders"]), &claims(), "policy_denied");
    verdict(&rule(&["/orders"]), &with("sub", "bob".into()), "policy_denied");
    let other = rule(&["/other"]);
    let refusal = Attempt { rule: &other, ..Attempt::bearer(&token(&claims())) }.refusal();
    // What the policy says is for the log, not for the client.
    assert_eq!((refusal.status().as_u16(), refusal.note()), (403, Some("policy reading")));
    assert!(!refusal.description().contains("reading"));
}

/// A rule of which a good token meets nothing.
fn strictest() -> Rule {
    Rule {
        clients: Some(Vec::new()),
        subjects: Some(Vec::new()),
        scope: ScopeRule::AnyOf(Scopes::new()),
        roles: owned(&["admin"]),
        claims: vec![ClaimRule { claim: ClaimPath::member("x"), test: ClaimTest::Present }],
        details: vec![payment()],
        login: LoginRule { acr_values: owned(&["gold"]), max_age: None },
        policies: vec![Arc::new(Reading("/other"))],
    }
}

#[test]
fn the_first_part_that_is_not_met_is_told() {
    type Loosen = fn(&mut Rule);
    let steps: [(&str, Loosen); 8] = [
        ("client_refused", |rule| rule.clients = None),
        ("subject_refused", |rule| rule.subjects = None),
        ("insufficient_scope", |rule| rule.scope = ScopeRule::NONE),
        ("role_missing", |rule| rule.roles.clear()),
        ("claim_refused", |rule| rule.claims.clear()),
        ("details_insufficient", |rule| rule.details.clear()),
        ("login_weak", |rule| rule.login = LoginRule::ANY),
        ("policy_denied", |rule| rule.policies.clear()),
    ];
    let mut rule = strictest();
    for (reason, loosen) in steps {
        verdict(&rule, &claims(), reason);
        loosen(&mut rule);
    }
    verdict(&rule, &claims(), "passed");
    // Whether the token is any good comes before what it may do.
    verdict(&strictest(), &with("exp", 1.into()), "expired");
    verdict(&strictest(), &with("aud", "x".into()), "audience_mismatch");
    verdict(&strictest(), &bound_claims(), "proof_missing");
}
