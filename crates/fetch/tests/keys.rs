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
use bailiwick_jose::{Algorithm, Jwks, SigningKey, VerifyingKey};
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
        self.publish(key);
        kid
    }

    fn publish(&self, key: VerifyingKey) {
        *self.keys.lock().unwrap() = Some(Jwks::from_keys(vec![key]).to_json().to_string());
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

/// `threats.md`: a flood of junk kids neither multiplies fetches nor delays a genuine rotation; not
/// even when the new kid was guessed, and asked for, before it was published.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_junk_kids_delay_no_rotation_and_cause_few_fetches() {
    let (published, keys, _) = issuer(KeySettings::default()).await;
    keys.keys().await.unwrap();
    let began = Instant::now();
    let next = SigningKey::generate(Algorithm::EdDsa).unwrap().verifying_key().clone();
    let guessed = next.kid().unwrap().to_owned();
    let flood: Vec<_> = (0..10_000)
        .map(|junk| {
            let (keys, guessed) = (Arc::clone(&keys), guessed.clone());
            tokio::spawn(async move {
                keys.refresh_for_unknown_kid(&format!("junk{junk}")).await.unwrap();
                keys.refresh_for_unknown_kid(&guessed).await.unwrap();
                keys.refresh_for_unknown_kid(&format!("late{junk}")).await.unwrap();
            })
        })
        .collect();
    assert!(!has(&keys.refresh_for_unknown_kid(&guessed).await.unwrap(), &guessed));
    assert!(!has(&keys.refresh_for_unknown_kid(&guessed).await.unwrap(), &guessed));

    published.publish(next);
    let publication = Instant::now();
    let mut retries = tokio::time::interval(Duration::from_millis(20));
    while !has(&keys.refresh_for_unknown_kid(&guessed).await.unwrap(), &guessed) {
        assert!(publication.elapsed() < Duration::from_secs(2), "{:?}", keys.status());
        retries.tick().await;
    }
    let new = published.rotate();
    let publication = Instant::now();
    assert!(has(&keys.refresh_for_unknown_kid(&new).await.unwrap(), &new));
    assert!(publication.elapsed() < Duration::from_secs(2), "{:?}", publication.elapsed());
    for junk in flood {
        junk.await.unwrap();
    }
    let a_lane = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    assert!(published.fetches() <= 1 + 2 * a_lane, "{:?}", keys.status());
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

/// Microsoft publishes one document for all tenants, with a template in place of the issuer.
#[tokio::test]
async fn a_template_of_issuers_is_compared_byte_for_byte() {
    const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
    async fn template(headers: HeaderMap) -> axum::Json<serde_json::Value> {
        let keys = format!("http://{}/keys", headers["host"].to_str().unwrap());
        axum::Json(serde_json::json!({ "issuer": TEMPLATE, "jwks_uri": keys }))
    }
    let published = Published::default();
    let kid = published.rotate();
    let path = "/common/v2.0/.well-known/openid-configuration";
    let router = Router::new()
        .route(path, get(template))
        .route("/keys", get(keys))
        .with_state(published.clone());
    let origin = serve(router).await;
    let keys = |issuer: &str| {
        let (issuer, url) = (issuer.to_owned(), format!("{origin}{path}"));
        let fetcher = Fetcher::builder().build().unwrap();
        IssuerKeys::with_metadata(issuer, url, fetcher, KeySettings::default())
    };
    assert!(has(&keys(TEMPLATE).keys().await.unwrap(), &kid));
    for other in [
        "https://login.microsoftonline.com/{tenantId}/v2.0",
        "https://login.microsoftonline.com/{tenantid}/v2.0/",
        "https://login.microsoftonline.com/common/v2.0",
    ] {
        let refused = keys(other).keys().await;
        assert!(matches!(refused, Err(FetchError::Mismatch { .. })), "{other}");
    }
    assert_eq!(published.fetches(), 1);
}
