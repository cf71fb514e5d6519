//! Keys from a real server: discovery, one fetch for many, floods, outages (RFC 7517 §5).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod server;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bailiwick_fetch::{FetchError, Fetcher, IssuerKeys, KeySettings};
use bailiwick_jose::{Algorithm, Jwks, SigningKey};
use bailiwick_oauth::Issuer;
use http::{HeaderMap, StatusCode};
use server::serve;

#[derive(Clone, Default)]
struct Published {
    /// The key set; `None` while the issuer is down.
    keys: Arc<Mutex<Option<String>>>,
    fetches: Arc<AtomicUsize>,
}

impl Published {
    fn rotate(&self) -> String {
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap().verifying_key().clone();
        let kid = key.kid().unwrap().to_owned();
        *self.keys.lock().unwrap() = Some(Jwks::from_keys(vec![key]).to_json().to_string());
        kid
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

async fn keys(State(published): State<Published>) -> Response {
    published.fetches.fetch_add(1, Ordering::SeqCst);
    match published.keys.lock().unwrap().clone() {
        Some(keys) => ([("content-type", "application/json")], keys).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn metadata(headers: HeaderMap) -> axum::Json<serde_json::Value> {
    let issuer = format!("http://{}", headers["host"].to_str().unwrap());
    axum::Json(serde_json::json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") }))
}

async fn issuer(settings: KeySettings) -> (Published, Arc<IssuerKeys>, String) {
    let published = Published::default();
    let kid = published.rotate();
    let router = Router::new()
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/keys", get(keys))
        .with_state(published.clone());
    let issuer = Issuer::parse(&serve(router).await).unwrap();
    let keys = IssuerKeys::new(issuer, Fetcher::builder().build().unwrap(), settings);
    (published, keys, kid)
}

fn has(keys: &Jwks, kid: &str) -> bool {
    keys.keys().iter().any(|key| key.kid() == Some(kid))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_that_ask_at_once_cause_one_fetch() {
    let (published, keys, kid) = issuer(KeySettings::default()).await;
    let all: Vec<_> = (0..100)
        .map(|_| {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.keys().await })
        })
        .collect();
    for one in all {
        assert!(has(&one.await.unwrap().unwrap(), &kid));
    }
    assert_eq!(published.fetches(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_junk_kids_delay_no_rotation_and_cause_few_fetches() {
    let (published, keys, _) = issuer(KeySettings::default()).await;
    keys.keys().await.unwrap();
    let flood: Vec<_> = (0..10_000)
        .map(|junk| {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.refresh_for_unknown_kid(&format!("junk{junk}")).await })
        })
        .collect();
    let new = published.rotate();
    let began = Instant::now();
    assert!(has(&keys.refresh_for_unknown_kid(&new).await.unwrap(), &new));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    for junk in flood {
        junk.await.unwrap().unwrap();
    }
    assert!(published.fetches() <= 5, "{}", published.fetches());
}

#[tokio::test]
async fn an_outage_keeps_known_keys_and_heals() {
    let settings = KeySettings {
        retry: Duration::from_millis(10),
        retry_most: Duration::from_millis(10),
        unknown_kid: Duration::from_millis(10),
        ..KeySettings::default()
    };
    let (published, keys, kid) = issuer(settings).await;
    keys.keys().await.unwrap();
    *published.keys.lock().unwrap() = None;
    let refused = keys.refresh_for_unknown_kid("new").await;
    assert!(matches!(refused, Err(FetchError::Status { status: 500, .. })));
    assert!(has(&keys.current().unwrap(), &kid));
    assert!(keys.status().last_error.is_some());

    let new = published.rotate();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !keys.refresh_for_unknown_kid(&new).await.is_ok_and(|keys| has(&keys, &new)) {
        assert!(Instant::now() < deadline, "it did not heal");
    }
    assert_eq!(keys.status().last_error, None);
}

#[tokio::test]
async fn a_broken_set_does_not_replace_a_good_one() {
    let settings = KeySettings { unknown_kid: Duration::ZERO, ..KeySettings::default() };
    let (published, keys, kid) = issuer(settings).await;
    keys.keys().await.unwrap();
    for broken in ["", "[]", r#"{"keys":1}"#, r#"{"keys":[],"keys":[]}"#] {
        *published.keys.lock().unwrap() = Some(broken.to_owned());
        let refused = keys.refresh_for_unknown_kid("new").await;
        assert!(matches!(refused, Err(FetchError::Malformed { .. })), "{broken}");
        assert!(has(&keys.current().unwrap(), &kid));
    }
}

#[tokio::test]
async fn an_issuer_without_keys_in_its_metadata_is_said() {
    async fn bare(headers: HeaderMap) -> axum::Json<serde_json::Value> {
        let issuer = format!("http://{}", headers["host"].to_str().unwrap());
        axum::Json(serde_json::json!({ "issuer": issuer }))
    }
    let router = Router::new().route("/.well-known/openid-configuration", get(bare));
    let issuer = Issuer::parse(&serve(router).await).unwrap();
    let fetcher = Fetcher::builder().build().unwrap();
    let keys = IssuerKeys::new(issuer, fetcher, KeySettings::default());
    let refused = keys.keys().await;
    assert!(matches!(refused, Err(FetchError::Missing { entry: "jwks_uri", .. })));
}
