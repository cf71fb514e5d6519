//! The scope that a request needs, and the permit (RFC 6750 §3.1).

use bailiwick_guard::{Implied, Presented, ScopeRule, Trusted};
use bailiwick_oauth::Scopes;

use crate::mint::*;

fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

/// Judges a scope against a rule: `ok`, or the scope that would do.
#[track_caller]
fn verdict(rule: &ScopeRule, held: &str, expected: &str) {
    let found = match rule.check(&scopes(held), &Implied::default()) {
        Ok(()) => "ok".to_owned(),
        Err(refusal) => {
            assert_eq!(refusal.status().as_u16(), 403);
            refusal.scope().unwrap().to_string()
        }
    };
    assert_eq!(found, expected, "{rule:?} {held}");
}

//= https://www.rfc-editor.org/rfc/rfc6750#section-3.1
//= type=test
//# The resource server SHOULD respond with the HTTP 403 (Forbidden) status
//# code and MAY include the "scope" attribute with the scope necessary to
//# access the protected resource.
#[test]
fn scope_is_needed_whole_and_by_name() {
    let all = ScopeRule::AllOf(scopes("read write"));
    verdict(&all, "write extra read", "ok");
    for held in ["", "read", "write", "read writes", "READ WRITE", "read:write", "readwrite"] {
        verdict(&all, held, "read write");
    }
    let any = ScopeRule::AnyOf(scopes("read write"));
    verdict(&any, "write", "ok");
    verdict(&any, "reads", "read");
    verdict(&ScopeRule::NONE, "", "ok");
    verdict(&ScopeRule::AnyOf(Scopes::new()), "read", "");
}

#[test]
fn a_token_without_the_scope_is_refused_last() {
    crate::mint::verdict(&token(&with("scope", "write:orders".into())), "insufficient_scope");
    crate::mint::verdict(&token(&with("scope", serde_json::Value::Null)), "insufficient_scope");
}

#[test]
fn a_permit_says_who_may_do_what_where() {
    let issuers = [Trusted { trust: &WORLD.trust, keys: Some(&WORLD.keys) }];
    let token = token(&with("aud", "orders".into()));
    let presented = Presented::from_token(&token).unwrap();
    let permit = run(&presented, &issuers).unwrap();
    assert_eq!(permit.subject().as_str(), "alice");
    assert_eq!(permit.client_id().unwrap().as_str(), "shop");
    assert_eq!(permit.scopes(), &scopes("read:orders"));
    assert_eq!(permit.resource().as_str(), RESOURCE);
    assert_eq!(permit.issuer().as_str(), ISSUER);
    assert_eq!(permit.expires(), NOW + 60);
    assert_eq!(permit.token().jti().as_deref(), Some("1"));
    assert_eq!(format!("{permit:?}"), format!("Permit {{ resource: Resource({RESOURCE}), .. }}"));
    let permitted = permit.admit("request");
    assert_eq!(permitted.permit().subject().as_str(), "alice");
    assert_eq!(permitted.request(), &"request");
    assert_eq!(permitted.into_parts().1, "request");
}
