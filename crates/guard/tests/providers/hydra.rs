//! Ory Hydra, with opaque tokens and with JWTs.

use bailiwick_guard::Provider;
use serde_json::{Value, json};

use crate::world::{API, World, says};

fn opaque() -> World {
    World::new(Provider::hydra("https://hydra.example.com"), &[])
}

fn jwt() -> World {
    World::new(Provider::hydra_jwt("https://hydra.example.com"), &[])
}

fn answer() -> Value {
    serde_json::from_str(include_str!("fixtures/hydra/introspection.json")).unwrap()
}

#[track_caller]
fn refuses(answer: &Value, code: &str) {
    assert_eq!(opaque().look_up(answer).map(drop), Err(code.to_owned()), "{answer}");
}

#[test]
fn a_live_access_token_passes() {
    let permit = opaque().look_up(&answer()).unwrap();
    says(&permit, "alice", Some("web"), "openid read:orders", &[]);
}

#[test]
fn a_refresh_token_is_refused_though_it_is_live() {
    let refresh = include_str!("fixtures/hydra/introspection-refresh.json");
    refuses(&serde_json::from_str(refresh).unwrap(), "type_mismatch");
    let mut unsaid = answer();
    unsaid.as_object_mut().unwrap().remove("token_use");
    refuses(&unsaid, "type_mismatch");
}

#[test]
fn a_token_for_another_audience_is_refused() {
    for (aud, code) in [
        (json!([]), "audience_mismatch"),
        (json!(["https://api.example.com"]), "audience_mismatch"),
        (Value::Null, "claim_malformed"),
    ] {
        let mut answer = answer();
        answer["aud"] = aud;
        refuses(&answer, code);
    }
}

#[test]
fn an_answer_of_another_issuer_is_refused() {
    let mut answer = answer();
    answer["iss"] = json!("https://hydra.example.com/");
    refuses(&answer, "issuer_mismatch");
    answer["iss"] = json!("https://hydra.example.com");
    answer["active"] = json!(false);
    refuses(&answer, "token_inactive");
}

#[test]
fn where_tokens_are_opaque_no_jwt_passes() {
    let token = fixture!("hydra/access.json");
    opaque().refuses(&token, "type_mismatch");
    let marked = token.headed("typ", "at+jwt").with("token_use", "access_token");
    opaque().refuses(&marked, "algorithm_refused");
}

#[test]
fn scopes_of_jwts_are_read_in_any_of_their_forms() {
    let token = fixture!("hydra/access.json");
    says(&jwt().passes(&token), "alice", Some("web"), "openid read:orders", &[]);
    let text = token.clone().without("scp").with("scope", "read:orders");
    says(&jwt().passes(&text), "alice", Some("web"), "read:orders", &[]);
    let both = token.clone().with("scope", "openid read:orders");
    says(&jwt().passes(&both), "alice", Some("web"), "openid read:orders", &[]);
    jwt().refuses(&token.with("scp", "openid read:orders"), "claim_malformed");
}

#[test]
fn a_jwt_that_was_asked_for_without_audience_is_refused() {
    let token = fixture!("hydra/access.json");
    jwt().refuses(&token.clone().with("aud", json!([])), "audience_mismatch");
    jwt().passes(&token.with("aud", json!([API])));
}
