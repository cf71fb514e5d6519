//! Encrypted access tokens (RFC 9068 §4, RFC 7516): what the issuer still does with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::routing::get;
use axum::{Json, Router};
use bailiwick_jose::{DecryptionKey, Jwe, KeyManagement};
use http::StatusCode;
use serde_json::{Value, json};

use super::browser::Browser;
use super::live::{Live, MACHINE, call, listen, protected, spawn};
use super::server::{CONFIG, ISSUER, OF_API, SECRET, Server, claims};

const VAULT: &str = "https://vault.example.com";

fn config(key: &str, more: &str) -> String {
    format!(
        "{CONFIG}{MACHINE}\n[[resource]]\nidentifier = \"{VAULT}\"\nname = \"Vault\"\n\
         scopes = {{ open = {{ description = \"Open it\", default = true }} }}\n\
         introspection_secret = {{ env = \"API\" }}\n[resource.encryption]\n{key}\n{more}"
    )
}

fn jwk(key: &DecryptionKey) -> String {
    let jwk = key.encryption_key().unwrap().to_jwk().unwrap();
    let members = jwk.as_object().unwrap().iter().map(|(name, value)| format!("{name} = {value}"));
    format!("jwk = {{ {} }}", members.collect::<Vec<_>>().join(", "))
}

async fn introspected(server: &Server, token: &str) -> Value {
    server.post_as(VAULT, OF_API, "/introspect", &[("token", token)]).await.json()
}

#[tokio::test]
async fn the_api_alone_reads_an_encrypted_token() {
    for (alg, enc) in [
        (KeyManagement::EcdhEsA256Kw, "A256GCM"),
        (KeyManagement::EcdhEs, "A128CBC-HS256"),
        (KeyManagement::RsaOaep256, "A128GCM"),
    ] {
        let key = DecryptionKey::generate(alg).unwrap();
        let live = Live::new(&config(&jwk(&key), &format!("enc = \"{enc}\""))).await;
        let token = live.token(VAULT).await;
        let jwe = Jwe::parse(&token).unwrap();
        assert_eq!((jwe.header().alg.as_str(), jwe.header().enc.as_str()), (alg.name(), enc));
        assert!(jwe.header().is_content("JWT"));
        let inside = jwe.decrypt(std::slice::from_ref(&key)).unwrap();
        let inside = claims(std::str::from_utf8(&inside).unwrap());
        assert_eq!((&inside["aud"], &inside["scope"]), (&json!(VAULT), &json!("open")));

        let api = protected(live.api(VAULT).decryption_key(key));
        assert_eq!(call(&api, &token).await, StatusCode::OK);
        assert_eq!(call(&protected(live.api(VAULT)), &token).await, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn an_encrypted_token_is_introspected_and_revoked() {
    let key = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let server = Server::with(ISSUER, &config(&jwk(&key), "")).await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid open"), ("resource", VAULT)]).await;
    let answer = server.redeem(&code, &[("resource", VAULT)]).await;
    let token = answer.text("access_token");
    let told = introspected(&server, &token).await;
    assert_eq!((&told["active"], &told["scope"]), (&json!(true), &json!("open")));
    assert_eq!(told["sub"], "s-ada");
    server.userinfo(&token).await.expect(401, "invalid_token");
    // Known by the whole of it: a changed one is nothing of ours.
    let (short, long) = (&token[..token.len() - 1], format!("{token}A"));
    for other in [short, &long, token.split('.').next().unwrap()] {
        assert_eq!(introspected(&server, other).await, json!({ "active": false }));
    }
    let stranger = [("token", token.as_str())];
    server.post_as("machine", SECRET, "/revoke", &stranger).await.expect(400, "invalid_grant");
    let own = [("token", token.as_str()), ("client_id", "shop")];
    assert_eq!(server.post("/revoke", &own).await.status, 200);
    assert_eq!(introspected(&server, &token).await, json!({ "active": false }));
}

#[tokio::test]
async fn a_published_key_is_fetched_once_and_kept() {
    let key = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let public = key.encryption_key().unwrap().to_jwk().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let (listener, url) = listen().await;
    let count = Arc::clone(&asked);
    let signing = json!({ "kty": "oct", "k": "c2VjcmV0" }); // not fit, and passed over
    let set = json!({ "keys": [signing, public] });
    let publish = get(move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        Json(set)
    });
    spawn(listener, Router::new().route("/jwks", publish));
    let live = Live::new(&config(&format!("jwks_uri = \"{url}/jwks\""), "")).await;
    let api = protected(live.api(VAULT).decryption_key(key));
    for _ in 0..2 {
        assert_eq!(call(&api, &live.token(VAULT).await).await, StatusCode::OK);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_the_key_nothing_is_issued_and_nothing_is_consumed() {
    let (listener, url) = listen().await;
    drop(listener); // nobody answers there
    let server = Server::with(ISSUER, &config(&format!("jwks_uri = \"{url}/jwks\""), "")).await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid open"), ("resource", VAULT)]).await;
    let answer = server.redeem(&code, &[("resource", VAULT)]).await;
    answer.expect(503, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.body.contains("127.0.0.1"), "where the key is concerns no client");
    assert_eq!(server.redeem(&code, &[]).await.status, 200, "the code is still good");
}
