//! Keys that a client publishes at its `jwks_uri` (RFC 7591 §2).

use bailiwick_jose::{Algorithm, Jwks, SigningKey};
use bailiwick_oauth::credentials::JWT_BEARER;
use serde_json::json;

use super::publisher::Publisher;
use super::server::{API, Answer, CONFIG, ISSUER, Server};

const PATH: &str = "/jwks";

async fn server(publisher: &Publisher) -> Server {
    let client = format!(
        r#"
        [[client]]
        id = "publishing"
        name = "Publishing"
        authentication = "private_key_jwt"
        jwks_uri = "{}"
        grants = ["client_credentials"]
        resources = {{ "*" = "*" }}
        "#,
        publisher.url(PATH)
    );
    Server::with(ISSUER, &format!("{CONFIG}{client}")).await
}

fn publish(publisher: &Publisher, keys: &[&SigningKey]) {
    let keys = keys.iter().map(|key| key.verifying_key().clone()).collect();
    publisher.publish(PATH, "application/json", Jwks::from_keys(keys).to_json());
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

/// Asks for a token with an assertion of this key.
async fn ask(server: &Server, key: &SigningKey, jti: &str) -> Answer {
    let now = server.now();
    let claims = json!({
        "iss": "publishing", "sub": "publishing", "aud": ISSUER, "jti": jti, "iat": now,
        "exp": now + 60,
    });
    let assertion = key.sign_json("client-authentication+jwt", &claims).unwrap();
    let pairs = [
        ("grant_type", "client_credentials"),
        ("resource", API),
        ("scope", "read"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion.as_str()),
    ];
    server.post("/token", &pairs).await
}

#[tokio::test]
async fn a_client_changes_its_keys_without_asking() {
    let publisher = Publisher::new().await;
    let server = server(&publisher).await;
    let (old, new) = (key(), key());
    publish(&publisher, &[&old]);
    assert_eq!(ask(&server, &old, "1").await.status, 200);
    assert_eq!(ask(&server, &old, "2").await.status, 200);
    assert_eq!(publisher.fetched(PATH), 1, "kept");
    publish(&publisher, &[&new]);
    assert_eq!(ask(&server, &new, "3").await.status, 200);
    assert_eq!(publisher.fetched(PATH), 2);
    ask(&server, &old, "4").await.expect(401, "invalid_client");
}

#[tokio::test]
async fn junk_kids_do_not_multiply_fetches() {
    let publisher = Publisher::new().await;
    let server = server(&publisher).await;
    let (known, junk) = (key(), key());
    publish(&publisher, &[&known]);
    assert_eq!(ask(&server, &known, "1").await.status, 200);
    ask(&server, &junk, "2").await.expect(401, "invalid_client");
    assert_eq!(publisher.fetched(PATH), 2, "it could have been new");
    for n in 0..50 {
        ask(&server, &junk, &format!("junk {n}")).await.expect(401, "invalid_client");
        assert_eq!(ask(&server, &known, &format!("known {n}")).await.status, 200);
    }
    assert!(publisher.fetched(PATH) <= 3, "fetched {} times", publisher.fetched(PATH));
    // What is no token at all fetches nothing.
    let fetched = publisher.fetched(PATH);
    let pairs = [
        ("grant_type", "client_credentials"),
        ("client_id", "publishing"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", "x.y.z"),
    ];
    server.post("/token", &pairs).await.expect(401, "invalid_client");
    assert!(publisher.fetched(PATH) <= fetched + 1);
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_no_verdict() {
    let publisher = Publisher::new().await;
    let server = server(&publisher).await;
    let key = key();
    let answer = ask(&server, &key, "1").await;
    answer.expect(503, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.body.contains("127.0.0.1"), "{}", answer.body);
}
