//! Google: whatever is no answer of `tokeninfo` about an own client's token is refused.

use bailiwick_guard::Provider;
use bailiwick_guard::profile::OpaqueTokens;
use serde_json::{Value, json};

use crate::world::{World, says};

const CLIENT: &str = "32555940559-web.apps.googleusercontent.com";

fn world() -> World {
    World::new(Provider::google(), &[CLIENT])
}

fn answer() -> Value {
    serde_json::from_str(include_str!("fixtures/google/tokeninfo.json")).unwrap()
}

#[track_caller]
fn refuses(name: &str, value: Value, code: &str) {
    let mut answer = answer();
    match value {
        Value::Null => _ = answer.as_object_mut().unwrap().remove(name),
        value => answer[name] = value,
    }
    assert_eq!(world().look_up(&answer).map(drop), Err(code.to_owned()), "{name}");
}

#[test]
fn a_token_of_an_own_client_passes() {
    let permit = world().look_up(&answer()).unwrap();
    let scope = "openid https://www.googleapis.com/auth/userinfo.email";
    says(&permit, "110169484474386276334", Some(CLIENT), scope, &[]);
    assert_eq!(permit.issuer().as_str(), "https://accounts.google.com");
    let tokeninfo = OpaqueTokens::Tokeninfo("https://oauth2.googleapis.com/tokeninfo");
    assert_eq!(world().provider().opaque, tokeninfo);
}

#[test]
fn a_token_of_anybody_elses_client_is_refused() {
    refuses("aud", json!("1-evil.apps.googleusercontent.com"), "audience_mismatch");
    refuses("aud", Value::Null, "claim_missing");
}

#[test]
fn a_token_that_nobody_could_be_known_by_is_refused() {
    refuses("sub", Value::Null, "claim_missing");
    refuses("azp", Value::Null, "claim_missing");
}

#[test]
fn an_answer_about_an_id_token_is_refused() {
    refuses("scope", Value::Null, "claim_missing");
}

#[test]
fn an_answer_that_is_not_live_is_refused() {
    refuses("active", json!(false), "token_inactive");
    refuses("exp", json!(1_600_000_000), "expired");
    refuses("exp", json!("1700003600"), "claim_malformed"); // as Google writes it
    refuses("iss", json!("https://evil.example"), "issuer_mismatch");
}

#[test]
fn no_jwt_passes() {
    let id = fixture!("google/id.json");
    world().refuses(&id, "type_mismatch");
    let disguised = id.headed("typ", "at+jwt").with("scope", "openid").without("nonce");
    world().refuses(&disguised, "algorithm_refused");
}
