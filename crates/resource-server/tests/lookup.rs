//! Opaque tokens, looked up at their issuer: what passes and what does not (RFC 7662, RFC 9701).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

#[path = "lookup/kept.rs"]
mod kept;
mod world;

use bailiwick_jose::{Algorithm, SigningKey};
use bailiwick_resource_server::{
    Builder, Fetcher, Issuer, Lookup, Profile, Resource, ResourceServer, Rule, Scope, Tokeninfo,
    Trust,
};
use serde_json::{Value, json};
use world::{API, Id, NOW, Site, proof_claims, prove, with_bearer};

/// An API that looks opaque tokens up, beside the JWTs that it verifies itself.
fn site(id: &Id) -> Site {
    site_with(id, id.lookup())
}

fn site_with(id: &Id, lookup: Lookup) -> Site {
    Site::new(id.protect().look_up(lookup).build().unwrap())
}

#[tokio::test]
async fn an_opaque_token_passes_when_its_issuer_vouches_for_it() {
    let id = Id::up().await;
    let site = site(&id);
    id.know("good", json!({}));
    site.bearer("good").await.is(200, "admitted");
    // The issuer that was asked speaks for itself (RFC 7662 §2.2).
    id.know("no-iss", json!({ "iss": null }));
    site.bearer("no-iss").await.is(200, "admitted");
    id.know("writes", json!({ "scope": "read:orders write:orders" }));
    site.send(with_bearer("/write", "writes")).await.is(200, "admitted");
}

#[tokio::test]
async fn an_answer_is_judged_like_the_claims_of_a_jwt() {
    let id = Id::up().await;
    let site = site(&id);
    let cases = [
        (json!({ "active": false }), "token_inactive"),
        (json!({ "iss": "https://other.example" }), "issuer_mismatch"),
        (json!({ "iss": format!("{}/", id.url) }), "issuer_mismatch"),
        (json!({ "iss": [id.url] }), "issuer_mismatch"),
        (json!({ "aud": "https://api.example.com" }), "audience_mismatch"),
        (json!({ "aud": [format!("{API}/1")] }), "audience_mismatch"),
        (json!({ "aud": null }), "audience_mismatch"),
        (json!({ "exp": NOW - 60 }), "expired"),
        (json!({ "exp": null }), "claim_missing"),
        (json!({ "exp": "soon" }), "claim_malformed"),
        (json!({ "nbf": NOW + 60 }), "not_yet_valid"),
        (json!({ "scope": ["read:orders"] }), "claim_malformed"),
        (json!({ "sub": null, "client_id": null }), "claim_missing"),
        (json!({ "cnf": { "jkt": "x" } }), "claim_malformed"),
        (json!({ "token_type": "DPoP" }), "claim_missing"),
    ];
    for (at, (changes, reason)) in cases.into_iter().enumerate() {
        let token = format!("token-{at}");
        id.know(&token, changes);
        for _ in 0..2 {
            let answer = site.bearer(&token).await;
            answer.is(401, reason).names("Bearer", "invalid_token");
        }
    }
    site.bearer("unknown").await.is(401, "token_inactive");
    let answer = site.send(with_bearer("/write", "unknown")).await;
    answer.is(401, "token_inactive");
    id.know("reads", json!({}));
    let answer = site.send(with_bearer("/write", "reads")).await;
    answer.is(403, "insufficient_scope").names("Bearer", "insufficient_scope");
    assert!(answer.challenges()[0].contains("scope=\"write:orders\""));
}

#[tokio::test]
async fn active_is_true_and_nothing_that_looks_like_it() {
    let id = Id::up().await;
    let site = site(&id);
    for (at, active) in [json!("true"), json!(1), json!({}), json!(["true"])].iter().enumerate() {
        let token = format!("token-{at}");
        id.know(&token, json!({ "active": active }));
        // Whoever answers so says nothing that can be relied on, either way.
        site.bearer(&token).await.is(503, "introspection_unavailable");
    }
}

#[tokio::test]
async fn jwts_are_verified_here_unless_every_token_is_looked_up() {
    let id = Id::up().await;
    let jwt = id.token(json!({}));
    let local = site(&id);
    local.bearer(&jwt).await.is(200, "admitted");
    local.bearer(&id.junk("other")).await.is(401, "key_unknown");
    assert_eq!(id.lookups(), 0);
    let every = site_with(&id, id.lookup().every_token());
    every.bearer(&jwt).await.is(401, "token_inactive");
    let other = id.token(json!({ "jti": "2" }));
    id.know(&other, json!({}));
    every.bearer(&other).await.is(200, "admitted");
    assert_eq!(id.lookups(), 2);
}

#[tokio::test]
async fn an_api_may_look_everything_up_and_have_no_keys_at_all() {
    let id = Id::up().await;
    let api = Builder::looking_up(id.lookup(), Resource::parse(API).unwrap()).clock(|| NOW);
    let site = Site::new(api.build().unwrap());
    let jwt = id.token(json!({}));
    id.know(&jwt, json!({}));
    site.bearer(&jwt).await.is(200, "admitted");
    assert_eq!((id.lookups(), id.key_fetches()), (1, 0));
    let document: Value = serde_json::from_slice(site.api.metadata_document()).unwrap();
    assert_eq!(document["authorization_servers"], json!([id.url]));
}

#[tokio::test]
async fn a_bound_opaque_token_needs_its_proof() {
    let id = Id::up().await;
    let site = site(&id);
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    id.know("bound", json!({ "cnf": { "jkt": key.kid() }, "token_type": "DPoP" }));
    site.bearer("bound").await.is(401, "proof_missing");
    let claims = proof_claims("bound", "GET", API);
    let proof = prove(&key, &claims);
    site.dpop("GET", "/orders", "bound", &proof).await.is(200, "admitted");
    site.dpop("GET", "/orders", "bound", &proof).await.is(401, "proof_replayed");
    assert_eq!(id.lookups(), 1);
}

#[tokio::test]
async fn signed_answers_are_believed_and_nothing_else_where_they_are_required() {
    let id = Id::up().await;
    let stranger = Id::up().await;
    let signed = |keys| {
        let introspector = id.introspector().require_signed("orders-api", keys);
        site_with(&id, Lookup::introspection(introspector))
    };
    let kept = || id.kept(world::Keep::shortly());
    for token in ["plain", "good", "bad"] {
        id.know(token, json!({}));
    }
    signed(kept()).bearer("plain").await.is(503, "introspection_unavailable");
    id.sign_answers(json!({}));
    let site = signed(kept());
    site.bearer("good").await.is(200, "admitted");
    site.bearer("unknown").await.is(401, "token_inactive");
    for changes in [
        json!({ "aud": "another-api" }),
        json!({ "aud": null }),
        json!({ "iss": stranger.url }),
        json!({ "iat": NOW - 3600 }),
        json!({ "iat": NOW + 3600 }),
        json!({ "exp": NOW }),
        json!({ "token_introspection": { "active": "true" } }),
        json!({ "token_introspection": null }),
    ] {
        id.sign_answers(changes);
        signed(kept()).bearer("bad").await.is(503, "introspection_unavailable");
    }
    id.sign_answers(json!({}));
    let by_another = stranger.kept(world::Keep::shortly());
    signed(by_another).bearer("bad").await.is(503, "introspection_unavailable");
}

#[tokio::test]
async fn the_way_of_google_is_another_way_to_look_a_token_up() {
    let id = Id::up().await;
    let trust = Trust { profile: Profile::introspection(), ..Trust::new(issuer(&id)) };
    let fetcher = Fetcher::builder().build().unwrap();
    let tokeninfo = Tokeninfo::new(format!("{}/tokeninfo", id.url), fetcher);
    let site = site_with(&id, Lookup::tokeninfo(trust, tokeninfo));
    id.know("good", json!({}));
    id.know("elsewhere", json!({ "aud": "another-client" }));
    id.know("expired", json!({ "exp": NOW - 60 }));
    site.bearer("good").await.is(200, "admitted");
    site.bearer("elsewhere").await.is(401, "audience_mismatch");
    site.bearer("expired").await.is(401, "expired");
    site.bearer("unknown").await.is(401, "token_inactive");
    id.answer_with(Some(503));
    site.bearer("another").await.is(503, "introspection_unavailable");
    site.bearer("good").await.is(200, "admitted");
}

fn issuer(id: &Id) -> Issuer {
    Issuer::parse(&id.url).unwrap()
}

#[tokio::test]
async fn an_explanation_tells_of_the_lookup() {
    let id = Id::up().await;
    let site = site(&id);
    id.know("reads", json!({}));
    let explain = async |token: &str| {
        let request = with_bearer("/orders", token).body(()).unwrap();
        let rule = Rule::from(Scope::parse("write:orders").unwrap());
        let asked = bailiwick_resource_server::Asked::from(&request);
        let checks = site.api.explain(&asked, &rule).await;
        let outcome = |name: &str| {
            let checks = serde_json::to_value(&checks).unwrap();
            let check = checks.as_array().unwrap().iter().find(|check| check["name"] == name);
            check.unwrap()["outcome"].as_str().unwrap().to_owned()
        };
        ["introspection", "signature", "addressed", "allowed"].map(outcome)
    };
    assert_eq!(explain("reads").await, ["passed", "not_applicable", "passed", "failed"]);
    assert_eq!(explain("x").await, ["failed", "not_applicable", "not_reached", "not_reached"]);
    let jwt = id.token(json!({}));
    assert_eq!(explain(&jwt).await, ["not_applicable", "passed", "passed", "failed"]);
    // Nothing is counted.
    assert_eq!(site.api.metrics().refused, []);
}

#[tokio::test]
async fn what_the_answers_look_like_may_be_said() {
    let id = Id::up().await;
    let strict = Profile { required: vec!["jti".to_owned()], ..Profile::introspection() };
    let site = site_with(&id, id.lookup().profile(strict));
    id.know("nameless", json!({ "jti": null }));
    site.bearer("nameless").await.is(401, "claim_missing");
}

#[tokio::test]
async fn rubbish_costs_no_lookup_where_nothing_is_looked_up() {
    let id = Id::up().await;
    let site = Site::new(ResourceServer::builder(&id.url, API).unwrap().build().unwrap());
    site.bearer("rubbish").await.is(401, "token_malformed");
    assert_eq!(id.lookups(), 0);
}
