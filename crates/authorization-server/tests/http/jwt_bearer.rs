//! Assertions of an enterprise's identity provider as grants (RFC 7523, ID-JAG).

use axum::Router;
use axum::routing::get;
use bailiwick_jose::{Algorithm, SigningKey};
use bailiwick_oauth::jwt_bearer::{GRANT_TYPE, ID_JAG_TYPE};
use serde_json::{Value, json};

use super::live::{listen, spawn};
use super::server::{ANOTHER, API, Answer, CONFIG, ISSUER, OF_API, SECRET, START, Server};

const IDP: &str = "https://idp.example.com";

struct Scene {
    server: Server,
    key: SigningKey,
}

impl Scene {
    async fn new() -> Self {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let set = json!({ "keys": [key.verifying_key().to_jwk()] }).to_string();
        let (listener, url) = listen().await;
        let jwks = get(move || async { ([("content-type", "application/json")], set) });
        spawn(listener, Router::new().route("/jwks", jwks));
        let config = format!(
            "{CONFIG}\n[[client]]\nid = \"agent\"\nname = \"Agent\"\n\
             authentication = \"client_secret_basic\"\nsecret = {{ env = \"WAREHOUSE\" }}\n\
             grants = [\"jwt_bearer\"]\nresources = {{ \"*\" = \"*\" }}\n\
             [[trusted_issuer]]\nissuer = \"{IDP}\"\njwks_uri = \"{url}/jwks\"\n\
             clients = [\"agent\"]\nresources = [\"{API}\"]\nuser_claim = \"email\"\n"
        );
        Self { server: Server::with(ISSUER, &config).await, key }
    }

    fn assertion(&self, jti: &str, changed: &Value) -> String {
        let mut claims = json!({
            "iss": IDP, "sub": "1", "email": "ada", "aud": ISSUER, "client_id": "agent",
            "jti": jti, "iat": START, "exp": START + 300, "resource": API, "scope": "read",
        });
        for (name, value) in changed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.key.sign_json(ID_JAG_TYPE, &claims).unwrap()
    }

    async fn redeem(&self, assertion: &str, more: &[(&str, &str)]) -> Answer {
        let mut pairs = vec![("grant_type", GRANT_TYPE), ("assertion", assertion)];
        pairs.extend(more);
        self.server.post_as("agent", SECRET, "/token", &pairs).await
    }
}

#[tokio::test]
async fn an_assertion_is_redeemed_once_for_its_resource() {
    let scene = Scene::new().await;
    let assertion = scene.assertion("1", &json!({}));
    // rules §5.6: a refused resource consumes nothing.
    scene.redeem(&assertion, &[("resource", ANOTHER)]).await.expect(400, "invalid_target");
    let answer = scene.redeem(&assertion, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let claims = answer.claims();
    assert_eq!((&claims["aud"], &claims["scope"]), (&API.into(), &"read".into()));
    assert_eq!((&claims["sub"], &claims["client_id"]), (&"s-ada".into(), &"agent".into()));
    assert_eq!(answer.json().get("refresh_token"), None);
    scene.redeem(&assertion, &[]).await.expect(400, "invalid_grant");
    let token = answer.text("access_token");
    let asked = scene.server.post_as(API, OF_API, "/introspect", &[("token", &*token)]).await;
    assert_eq!(asked.json()["active"], true);
}

#[tokio::test]
async fn of_two_at_once_one_is_first() {
    let scene = Scene::new().await;
    let assertion = scene.assertion("1", &json!({}));
    let (first, second) =
        tokio::join!(scene.redeem(&assertion, &[]), scene.redeem(&assertion, &[]));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn what_is_not_believed_is_refused_alike() {
    let scene = Scene::new().await;
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let forged = other.sign_json(ID_JAG_TYPE, &json!({ "iss": IDP })).unwrap();
    let mut said = Vec::new();
    for assertion in [
        scene.assertion("1", &json!({ "iss": "https://evil.example.com" })),
        scene.assertion("2", &json!({ "aud": API })),
        scene.assertion("3", &json!({ "client_id": "shop" })),
        scene.assertion("4", &json!({ "exp": START - 60 })),
        scene.assertion("5", &json!({ "email": "nobody" })),
        forged,
        "rubbish".to_owned(),
    ] {
        let answer = scene.redeem(&assertion, &[]).await;
        answer.expect(400, "invalid_grant");
        assert!(!answer.body.contains(&assertion));
        said.push(answer.body);
    }
    assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:?}");
    let pairs = [("grant_type", GRANT_TYPE), ("assertion", "a")];
    scene.server.post_as("the-api", SECRET, "/token", &pairs).await.expect(400, "invalid_grant");
    scene.redeem("", &[]).await.expect(400, "invalid_request");
}

#[tokio::test]
async fn the_metadata_says_it_only_where_somebody_is_trusted() {
    let place = "/.well-known/oauth-authorization-server";
    let with = Scene::new().await.server.get(place).await.json();
    let profiles = json!(["urn:ietf:params:oauth:grant-profile:id-jag"]);
    assert_eq!(with["authorization_grant_profiles_supported"], profiles);
    assert!(with["grant_types_supported"].as_array().unwrap().contains(&GRANT_TYPE.into()));
    let without = Server::new().await.get(place).await.json();
    assert_eq!(without.get("authorization_grant_profiles_supported"), None);
    assert!(!without["grant_types_supported"].as_array().unwrap().contains(&GRANT_TYPE.into()));
}
