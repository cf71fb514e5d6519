//! A status list is believed when its issuer has signed it for its own place
//! (draft-ietf-oauth-status-list §8).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod server;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use bailiwick_fetch::{FetchError, Fetcher, IssuerKeys, StatusLists, StatusSettings};
use bailiwick_jose::{Algorithm, Jwks, SigningKey};
use bailiwick_oauth::Issuer;
use serde_json::{Value, json};
use server::serve;

const NOW: i64 = 1_800_000_000;

/// Answers with a token if a status list token is asked for.
async fn answer(
    State(token): State<Arc<Mutex<String>>>,
    headers: HeaderMap,
) -> (StatusCode, String) {
    if headers["accept"] == "application/statuslist+jwt" {
        (StatusCode::OK, token.lock().unwrap().clone())
    } else {
        (StatusCode::NOT_ACCEPTABLE, String::new())
    }
}

struct Place {
    key: SigningKey,
    token: Arc<Mutex<String>>,
    uri: String,
}

impl Place {
    async fn new() -> Self {
        let token = Arc::<Mutex<String>>::default();
        let router = Router::new().route("/lists/1", get(answer)).with_state(Arc::clone(&token));
        let uri = format!("{}/lists/1", serve(router).await);
        Self { key: SigningKey::generate(Algorithm::Es256).unwrap(), token, uri }
    }

    /// A good list: the example of the draft, §4.2.
    fn claims(&self) -> Value {
        json!({
            "sub": self.uri,
            "iat": NOW,
            "exp": NOW + 3600,
            "ttl": 600,
            "status_list": { "bits": 1, "lst": "eNrbuRgAAhcBXQ" },
        })
    }

    async fn load(&self, token: String) -> Result<Vec<u8>, FetchError> {
        let keys = Jwks::from_keys(vec![self.key.verifying_key().clone()]);
        self.load_with(keys, token).await
    }

    async fn load_with(&self, keys: Jwks, token: String) -> Result<Vec<u8>, FetchError> {
        *self.token.lock().unwrap() = token;
        let keys = IssuerKeys::fixed(keys);
        let issuer = Issuer::parse("https://id.example").unwrap();
        let fetcher = Fetcher::builder().build().unwrap();
        let lists = StatusLists::new(issuer, keys, fetcher, StatusSettings::default());
        let list = lists.load(&self.uri, NOW).await?;
        assert_eq!(lists.current(&self.uri, NOW).as_ref(), Some(&list));
        Ok((0..list.len()).map(|idx| list.status(idx).unwrap()).collect())
    }

    fn sign(&self, claims: &Value) -> String {
        self.key.sign_json("statuslist+jwt", claims).unwrap()
    }
}

#[tokio::test]
async fn a_list_of_the_issuer_for_its_place_is_taken() {
    let place = Place::new().await;
    let statuses = place.load(place.sign(&place.claims())).await.unwrap();
    assert_eq!(statuses, [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
    let mut claims = place.claims();
    claims["iss"] = json!("https://id.example");
    assert!(place.load(place.sign(&claims)).await.is_ok());
}

// As in Microsoft's sets, which name the issuer of each key.
#[tokio::test]
async fn a_key_that_its_set_gives_to_another_issuer_signs_no_list() {
    let place = Place::new().await;
    let token = place.sign(&place.claims());
    for (owner, is_taken) in [("https://id.example", true), ("https://other.example", false)] {
        let mut jwk = place.key.verifying_key().to_jwk();
        jwk["issuer"] = json!(owner);
        let keys = Jwks::from_json(&json!({ "keys": [jwk] })).unwrap();
        let list = place.load_with(keys, token.clone()).await;
        assert_eq!(list.is_ok(), is_taken, "{owner}");
        let refused_rightly = matches!(list, Ok(_) | Err(FetchError::Untrusted { .. }));
        assert!(refused_rightly, "{owner}");
    }
}

#[tokio::test]
async fn a_list_that_is_not_signed_by_the_issuer_as_a_list_is_refused() {
    let place = Place::new().await;
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    for token in [
        String::new(),
        place.claims().to_string(),
        other.sign_json("statuslist+jwt", &place.claims()).unwrap(),
        place.key.sign_json("at+jwt", &place.claims()).unwrap(),
        place.key.sign_json("JWT", &place.claims()).unwrap(),
    ] {
        let refused = place.load(token).await;
        assert!(matches!(refused, Err(FetchError::Untrusted { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_list_for_another_place_or_time_is_refused() {
    let place = Place::new().await;
    for (name, value, expected) in [
        ("sub", json!("https://id.example/lists/2"), "untrusted"),
        ("sub", json!(format!("{}/", place.uri)), "untrusted"),
        ("exp", json!(NOW), "untrusted"),
        ("iat", json!(NOW + 61), "untrusted"),
        ("nbf", json!(NOW + 61), "untrusted"),
        ("nbf", json!("now"), "untrusted"),
        ("iss", json!("https://id.example/"), "untrusted"),
        ("iss", json!(["https://id.example"]), "untrusted"),
        ("sub", Value::Null, "malformed"),
        ("iat", Value::Null, "malformed"),
        ("exp", json!("never"), "malformed"),
        ("ttl", json!(0), "malformed"),
        ("status_list", json!({ "bits": 3, "lst": "eNrbuRgAAhcBXQ" }), "malformed"),
        ("status_list", json!({ "bits": 1, "lst": "eNrbuRgAAhcBXQ==" }), "malformed"),
        ("status_list", json!({ "bits": 1, "lst": "uaM" }), "malformed"),
        ("status_list", json!({ "bits": 1, "lst": "eNrbuRgAAhc" }), "malformed"),
    ] {
        let mut claims = place.claims();
        claims[name] = value;
        let verdict = match place.load(place.sign(&claims)).await {
            Err(FetchError::Untrusted { .. }) => "untrusted",
            Err(FetchError::Malformed { .. }) => "malformed",
            other => panic!("{claims}: {other:?}"),
        };
        assert_eq!(verdict, expected, "{claims}");
    }
}

#[tokio::test]
async fn a_place_that_is_not_fetched_is_an_outage() {
    let keys = IssuerKeys::fixed(Jwks::default());
    let issuer = Issuer::parse("https://id.example").unwrap();
    let fetcher = Fetcher::builder().build().unwrap();
    let lists = StatusLists::new(issuer, keys, fetcher, StatusSettings::default());
    for uri in ["http://id.example/lists/1", "file:///lists/1", "urn:lists:1", "https://10.0.0.1/1"]
    {
        let refused = lists.load(uri, NOW).await;
        assert!(
            matches!(refused, Err(FetchError::Url { .. } | FetchError::Address { .. })),
            "{uri}: {refused:?}"
        );
    }
    let origin = serve(Router::new()).await;
    let refused = lists.load(&format!("{origin}/none"), NOW).await;
    assert!(matches!(refused, Err(FetchError::Status { status: 404, .. })));
}
