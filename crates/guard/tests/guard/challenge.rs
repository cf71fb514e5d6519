//! What a refused client is told (RFC 6750 §3, RFC 9728 §5.1).

use bailiwick_guard::{
    Binding, Implied, LoginRule, Offer, Reason, Refusal, Rule, Scheme, ScopeRule, challenges,
};
use bailiwick_oauth::{Resource, Scopes};

use crate::mint::{Attempt, claims, token};

/// The challenge for a refusal at the orders API.
fn told(refusal: &Refusal, scope: &str) -> String {
    to(refusal, "https://api.example.com/orders", scope)
}

fn to(refusal: &Refusal, resource: &str, scope: &str) -> String {
    sent(refusal, resource, scope, Binding::AsTheTokenSays, false, None)
}

/// The challenges, one line each; `-` for none.
fn sent(
    refusal: &Refusal,
    resource: &str,
    scope: &str,
    binding: Binding,
    offers_dpop: bool,
    sent: Option<Scheme>,
) -> String {
    let (resource, needed) = (Resource::parse(resource).unwrap(), Scopes::parse(scope).unwrap());
    let offer = Offer { resource: &resource, needed: &needed, binding, offers_dpop, sent };
    let values = challenges(refusal, &offer);
    let lines: Vec<_> = values.iter().map(|value| value.to_str().unwrap()).collect();
    if lines.is_empty() { "-".to_owned() } else { lines.join("\n") }
}

const METADATA: &str =
    r#"resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/orders""#;

//= https://www.rfc-editor.org/rfc/rfc6750#section-3.1
//= type=test
//# If the request lacks any authentication information (e.g., the client
//# was unaware that authentication is necessary or attempted using an
//# unsupported authentication method), the resource server SHOULD NOT
//# include an error code or other error information.
//= https://www.rfc-editor.org/rfc/rfc9728#section-5.1
//= type=test
//# The URL of the protected resource metadata.
#[test]
fn without_credentials_the_challenge_is_bare() {
    for reason in [Reason::NoCredentials, Reason::SchemeUnsupported] {
        let refusal = Refusal::new(reason, "not told");
        assert_eq!(refusal.status().as_u16(), 401);
        assert_eq!(told(&refusal, ""), format!("Bearer {METADATA}"));
        assert_eq!(told(&refusal, "read"), format!(r#"Bearer scope="read", {METADATA}"#));
        assert_eq!(refusal.answer(), None);
    }
}

#[test]
fn each_fault_has_its_status_and_code() {
    let cases = [
        (Reason::SeveralCredentials, 400, "invalid_request"),
        (Reason::CredentialsMalformed, 400, "invalid_request"),
        (Reason::QueryToken, 400, "invalid_request"),
        (Reason::TokenMalformed, 401, "invalid_token"),
        (Reason::Expired, 401, "invalid_token"),
        (Reason::AudienceMismatch, 401, "invalid_token"),
        (Reason::KeyUnknown, 401, "invalid_token"),
        (Reason::BindingRequired, 401, "invalid_token"),
        (Reason::CertificateMissing, 401, "invalid_token"),
        (Reason::InsufficientScope, 403, "insufficient_scope"),
    ];
    for (reason, status, code) in cases {
        let refusal = Refusal::new(reason, "why");
        assert_eq!(refusal.status().as_u16(), status, "{reason}");
        let expected = format!(r#"Bearer error="{code}", error_description="why", {METADATA}"#);
        assert_eq!(told(&refusal, ""), expected);
    }
}

#[test]
fn a_client_without_the_scope_is_told_the_scope_that_would_do() {
    let rule = ScopeRule::AllOf(Scopes::parse("read:orders write:orders").unwrap());
    let refusal = rule.check(&Scopes::new(), &Implied::default()).unwrap_err();
    let expected = format!(
        "Bearer error=\"insufficient_scope\", error_description=\"the token lacks the scope for \
         this; it needs: read:orders write:orders\", scope=\"read:orders write:orders\", {METADATA}"
    );
    assert_eq!(told(&refusal, "other"), expected);
    let malformed = Refusal::new(Reason::SeveralCredentials, "why");
    assert!(!told(&malformed, "read").contains("scope"));
}

//= https://www.rfc-editor.org/rfc/rfc6750#section-3
//= type=test
//# This scheme MUST be followed by one or more auth-param values.
#[test]
fn a_resource_without_metadata_is_named_by_its_realm() {
    let refusal = Refusal::new(Reason::NoCredentials, "");
    assert_eq!(to(&refusal, "urn:example:orders", ""), r#"Bearer realm="urn:example:orders""#);
}

#[test]
fn an_outage_is_no_challenge() {
    let refusal = Refusal::new(Reason::KeysUnavailable, "try again");
    assert_eq!(refusal.status().as_u16(), 503);
    assert_eq!(told(&refusal, "read"), "-");
}

//= https://www.rfc-editor.org/rfc/rfc6750#section-3
//= type=test
//# Values for the "error" and "error_description" attributes (specified
//# in Appendixes A.7 and A.8 of [RFC6749]) MUST NOT include characters
//# outside the set %x20-21 / %x23-5B / %x5D-7E.
#[test]
fn nothing_breaks_out_of_its_quotes() {
    let refusal = Refusal::new(Reason::TokenMalformed, "a\"b\\c\r\nX: y é");
    let expected =
        format!(r#"Bearer error="invalid_token", error_description="a'b'c??X: y ?", {METADATA}"#);
    assert_eq!(told(&refusal, ""), expected);
}

// RFC 9110 §5.6.4: what is quoted cannot end its quotes.
#[test]
fn a_value_of_the_operators_is_quoted() {
    let login = LoginRule { acr_values: vec![r#"a"b\c"#.to_owned()], max_age: None };
    let rule = Rule { login, ..Rule::ANY_TOKEN };
    let refusal = Attempt { rule: &rule, ..Attempt::bearer(&token(&claims())) }.refusal();
    let found = to(&refusal, "urn:x:y", "");
    assert!(found.ends_with(r#", acr_values="a\"b\\c""#), "{found}");
}

const ALGS: &str = r#"algs="RS256 PS256 ES256 ES384 EdDSA""#;

#[test]
fn bearer_comes_before_dpop_where_both_are_offered() {
    let refusal = Refusal::new(Reason::NoCredentials, "");
    let found = sent(&refusal, "urn:x:y", "read", Binding::AsTheTokenSays, true, None);
    let expected = format!(
        "Bearer realm=\"urn:x:y\", scope=\"read\"\nDPoP realm=\"urn:x:y\", scope=\"read\", {ALGS}"
    );
    assert_eq!(found, expected);
}

#[test]
fn the_scheme_that_was_tried_is_told_of_its_error() {
    let refusal = Refusal::new(Reason::Expired, "why");
    let found = sent(&refusal, "urn:x:y", "", Binding::AsTheTokenSays, false, Some(Scheme::Dpop));
    let expected = format!(
        "Bearer realm=\"urn:x:y\"\nDPoP realm=\"urn:x:y\", error=\"invalid_token\", \
         error_description=\"why\", {ALGS}"
    );
    assert_eq!(found, expected);
}

#[test]
fn where_only_dpop_will_do_bearer_is_not_mentioned() {
    for tried in [None, Some(Scheme::Bearer), Some(Scheme::Dpop)] {
        let refusal = Refusal::new(Reason::BindingRequired, "why");
        let found = sent(&refusal, "urn:x:y", "", Binding::Dpop, false, tried);
        assert!(found.starts_with("DPoP realm=\"urn:x:y\", error=\"invalid_token\""), "{found}");
        assert!(!found.contains("Bearer"), "{found}");
    }
}

#[test]
fn where_any_binding_will_do_a_client_is_told_of_dpop() {
    for reason in [Reason::NoCredentials, Reason::BindingRequired] {
        let refusal = Refusal::new(reason, "why");
        let found = sent(&refusal, "urn:x:y", "", Binding::Either, false, None);
        assert!(found.ends_with(&format!("\nDPoP realm=\"urn:x:y\", {ALGS}")), "{found}");
        let found = sent(&refusal, "urn:x:y", "", Binding::Certificate, false, None);
        assert!(!found.contains("DPoP"), "{found}");
    }
}

#[test]
fn a_certificate_that_is_missing_says_nothing_of_dpop() {
    let refusal = Refusal::new(Reason::CertificateMissing, "why");
    let found = sent(&refusal, "urn:x:y", "", Binding::AsTheTokenSays, false, Some(Scheme::Bearer));
    let expected = "Bearer realm=\"urn:x:y\", error=\"invalid_token\", error_description=\"why\"";
    assert_eq!(found, expected);
}

#[test]
fn whoever_sends_a_bound_token_plainly_is_told_of_dpop() {
    let refusal = Refusal::new(Reason::ProofMissing, "why");
    let found = sent(&refusal, "urn:x:y", "", Binding::AsTheTokenSays, false, Some(Scheme::Bearer));
    assert!(found.starts_with("Bearer realm=\"urn:x:y\", error=\"invalid_token\""), "{found}");
    assert!(found.ends_with(&format!("\nDPoP realm=\"urn:x:y\", {ALGS}")), "{found}");
}

#[test]
fn no_token_helps_whom_the_route_does_not_let_in() {
    let refusal = Refusal::new(Reason::ClientRefused, "why");
    assert_eq!(refusal.status().as_u16(), 403);
    assert_eq!(told(&refusal, "read"), "-");
}
