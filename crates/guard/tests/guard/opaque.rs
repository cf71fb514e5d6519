//! What an introspection answer may say (RFC 7662 §2.2, §4).

use bailiwick_guard::opaque::unavailable;
use bailiwick_guard::{Admission, IssuerRule, IssuerTemplate, Profile, Stop, Tenants, Trust};
use bailiwick_oauth::introspect::{MalformedAnswer, Received};
use serde_json::{Value, json};

use crate::mint::*;

fn trusted() -> Trust {
    trust(Profile::introspection())
}

/// The answer about a token that passes, with one member set; `null` removes it.
fn answer(name: &str, value: Value) -> Value {
    let mut answer = json!({
        "active": true, "iss": ISSUER, "sub": "alice", "aud": RESOURCE, "client_id": "shop",
        "scope": "read:orders", "exp": NOW + 60, "token_type": "Bearer",
    });
    match value {
        Value::Null => _ = answer.as_object_mut().unwrap().remove(name),
        value => answer[name] = value,
    }
    answer
}

#[track_caller]
fn verdict(name: &str, value: Value, expected: &str) {
    judged(&trusted(), &answer(name, value), expected);
}

#[track_caller]
fn judged(trust: &Trust, answer: &Value, expected: &str) {
    let found = Attempt::bearer("opaque").looked_up(trust, answer);
    assert_eq!(outcome(&found), expected, "{answer} {found:?}");
}

#[test]
fn an_answer_says_what_a_token_says() {
    verdict("x", json!(1), "passed");
    for (name, value, expected) in [
        ("active", json!(false), "token_inactive"),
        ("iss", json!(null), "passed"),
        ("iss", json!("https://other.example.com"), "issuer_mismatch"),
        ("iss", json!(format!("{ISSUER}/")), "issuer_mismatch"),
        ("iss", json!([ISSUER]), "issuer_mismatch"),
        ("iss", json!(1), "issuer_mismatch"),
        ("iss", json!(""), "issuer_mismatch"),
        ("aud", json!([RESOURCE, "other"]), "passed"),
        ("aud", json!(null), "audience_mismatch"),
        ("aud", json!("other"), "audience_mismatch"),
        ("aud", json!([]), "audience_mismatch"),
        ("aud", json!(1), "claim_malformed"),
        ("exp", json!(null), "claim_missing"),
        ("exp", json!(NOW - 10), "expired"),
        ("exp", json!((NOW + 60).to_string()), "claim_malformed"),
        ("exp", json!(-1), "claim_malformed"),
        ("nbf", json!(NOW + 11), "not_yet_valid"),
        ("iat", json!(NOW + 11), "not_yet_valid"),
        ("scope", json!(null), "insufficient_scope"),
        ("scope", json!("write:orders"), "insufficient_scope"),
        ("scope", json!(7), "claim_malformed"),
        ("sub", json!(1), "claim_malformed"),
        ("sub", json!(""), "claim_malformed"),
        ("client_id", json!(["shop"]), "claim_malformed"),
        ("authorization_details", json!({}), "claim_malformed"),
        ("cnf", json!({}), "claim_malformed"),
    ] {
        verdict(name, value, expected);
    }
}

#[test]
fn a_list_of_scopes_is_read_where_the_profile_says_so() {
    use bailiwick_guard::profile::{ScopeShape, ScopeSource};
    let list = answer("scope", json!(["read:orders"]));
    judged(&trusted(), &list, "claim_malformed");
    let mut profile = Profile::introspection();
    profile.scopes = vec![ScopeSource { shape: ScopeShape::Either, ..ScopeSource::text("scope") }];
    judged(&trust(profile), &list, "passed");
}

#[test]
fn a_scope_is_read_further_in_where_the_profile_says_so() {
    use bailiwick_guard::ClaimPath;
    use bailiwick_guard::profile::{ScopeShape, ScopeSource};
    let verdict = |shape, scope: Value, expected| {
        let claim = ClaimPath::parse("/access/scope");
        let mut profile = Profile::introspection();
        profile.scopes = vec![ScopeSource { claim, shape }];
        judged(&trust(profile), &answer("access", json!({ "scope": scope })), expected);
    };
    verdict(ScopeShape::Text, json!("read:orders"), "passed");
    verdict(ScopeShape::Text, json!(["read:orders"]), "claim_malformed");
    verdict(ScopeShape::List, json!(["read:orders"]), "passed");
    verdict(ScopeShape::List, json!("read:orders"), "claim_malformed");
}

#[test]
fn whether_a_token_is_active_is_said_by_a_boolean() {
    for active in [json!("true"), json!(1), json!(null), json!([true]), json!({})] {
        let answer = json!({ "active": active, "iss": ISSUER });
        let read = Received::read(answer.to_string().as_bytes());
        assert_eq!(read, Err(MalformedAnswer::Active), "{answer}");
    }
}

#[test]
fn of_an_inactive_token_nothing_else_counts() {
    for more in [json!({}), json!({ "iss": 1, "exp": "x" }), answer("x", json!(1))] {
        let mut answer = more;
        answer["active"] = false.into();
        judged(&trusted(), &answer, "token_inactive");
    }
}

#[test]
fn a_token_without_subject_is_its_clients() {
    let subject = |answer: &Value| match Attempt::bearer("t").looked_up(&trusted(), answer) {
        Ok(Admission::Now(permit)) => permit.subject().as_str().to_owned(),
        other => outcome(&other).to_owned(),
    };
    assert_eq!(subject(&answer("x", json!(1))), "alice");
    assert_eq!(subject(&answer("sub", json!(null))), "shop");
    assert_eq!(subject(&answer("client_id", json!(null))), "alice");
    let mut neither = answer("sub", json!(null));
    neither.as_object_mut().unwrap().remove("client_id");
    assert_eq!(subject(&neither), "claim_missing");
}

#[test]
fn a_bound_token_needs_its_proof_here_too() {
    let jkt = answer("cnf", json!({ "jkt": WORLD.sender.kid() }));
    let trust = trusted();
    let proof = proof(&WORLD.sender, &proof_claims("opaque"));
    let found = |attempt: &Attempt<'_>, answer| outcome(&attempt.looked_up(&trust, answer));
    assert_eq!(found(&Attempt::bearer("opaque"), &jkt), "proof_missing");
    assert_eq!(found(&Attempt::dpop("opaque", &proof), &jkt), "passed");
    assert_eq!(found(&Attempt::dpop("other", &proof), &jkt), "proof_invalid");
    let x5t = answer("cnf", json!({ "x5t#S256": bailiwick_jose::base64url::encode(&[1; 32]) }));
    assert_eq!(found(&Attempt::bearer("opaque"), &x5t), "certificate_missing");
    let shown = Attempt { certificate: Some([1; 32]), ..Attempt::bearer("opaque") };
    assert_eq!(found(&shown, &x5t), "passed");
}

// RFC 9449 §6.2: the type DPoP comes with the key's thumbprint.
#[test]
fn a_token_said_to_be_bound_is_never_taken_for_a_bearer_token() {
    for typ in ["DPoP", "dpop"] {
        verdict("token_type", typ.into(), "claim_missing");
    }
    for typ in ["Bearer", "bearer", "N_A", "access_token"] {
        verdict("token_type", typ.into(), "passed");
    }
    let mut bound = answer("cnf", json!({ "jkt": WORLD.sender.kid() }));
    bound["token_type"] = "DPoP".into();
    let proof = proof(&WORLD.sender, &proof_claims("opaque"));
    let found = Attempt::dpop("opaque", &proof).looked_up(&trusted(), &bound);
    assert_eq!(outcome(&found), "passed");
    // A certificate does not stand in for the key.
    bound["cnf"] = json!({ "x5t#S256": bailiwick_jose::base64url::encode(&[1; 32]) });
    judged(&trusted(), &bound, "claim_missing");
}

#[test]
fn a_token_of_another_kind_is_refused_where_the_issuer_says_the_kind() {
    let profile = Profile {
        fixed: vec![("token_use".to_owned(), vec![json!("access_token"), json!("access")])],
        ..Profile::introspection()
    };
    for (kind, expected) in [
        (json!("access_token"), "passed"),
        (json!("refresh_token"), "type_mismatch"),
        (json!(["access_token"]), "type_mismatch"),
        (json!(null), "type_mismatch"),
    ] {
        judged(&trust(profile.clone()), &answer("token_use", kind), expected);
    }
}

#[test]
fn an_issuer_of_many_tenants_says_which_one_it_is() {
    let tenants = Tenants::These(vec!["one".to_owned()]);
    let template = IssuerTemplate::parse("https://id.example.com/{tenantid}", tenants).unwrap();
    let trust = Trust { issuer: IssuerRule::Template(template), ..trusted() };
    judged(&trust, &answer("iss", json!("https://id.example.com/one")), "passed");
    judged(&trust, &answer("iss", json!("https://id.example.com/two")), "issuer_mismatch");
    judged(&trust, &answer("iss", json!(null)), "issuer_mismatch");
}

#[test]
fn an_answer_that_cannot_be_had_is_an_outage() {
    let refusal = unavailable();
    assert_eq!(refusal.status().as_u16(), 503);
    assert_eq!(refusal.reason().as_str(), "introspection_unavailable");
    let found = Attempt::bearer("opaque").looked_up(&trusted(), &json!({ "active": false }));
    let Err(Stop::Refused(inactive)) = found else { panic!("{found:?}") };
    assert_eq!(inactive.status().as_u16(), 401);
}
