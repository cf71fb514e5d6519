//! Tokens are looked up at a real server; an outage is never an answer (RFC 7662, RFC 9701).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod server;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bailiwick_fetch::{
    ClientAuthentication, FetchError, Fetcher, Introspector, IssuerKeys, Tokeninfo,
};
use bailiwick_jose::{Algorithm, Jwks, Jws, SigningKey, json};
use bailiwick_oauth::introspect::Received;
use bailiwick_oauth::{ClientId, Form, Issuer, Secret};
use futures_util::future::join_all;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use server::serve;

const NOW: i64 = 1_800_000_000;

/// A server with one answer, which remembers what it was asked last.
#[derive(Clone)]
struct Server {
    status: u16,
    kind: &'static str,
    body: String,
    asked: Arc<Mutex<Option<(HeaderMap, Form)>>>,
    discoveries: Arc<AtomicUsize>,
}

impl Server {
    fn new(status: u16, kind: &'static str, body: impl Into<String>) -> Self {
        let (asked, discoveries) = (Arc::default(), Arc::default());
        Self { status, kind, body: body.into(), asked, discoveries }
    }

    /// Serves metadata, and the answer at `/introspect`; gives the issuer.
    async fn start(&self) -> Issuer {
        let router = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/introspect", post(introspect))
            .with_state(self.clone());
        Issuer::parse(&serve(router).await).unwrap()
    }

    fn asked(&self) -> (HeaderMap, Form) {
        self.asked.lock().unwrap().take().unwrap()
    }
}

async fn metadata(State(server): State<Server>, headers: HeaderMap) -> axum::Json<Value> {
    server.discoveries.fetch_add(1, Ordering::SeqCst);
    let issuer = format!("http://{}", headers["host"].to_str().unwrap());
    let endpoint = format!("{issuer}/introspect");
    axum::Json(json!({ "issuer": issuer, "introspection_endpoint": endpoint }))
}

async fn introspect(State(server): State<Server>, headers: HeaderMap, body: String) -> Response {
    *server.asked.lock().unwrap() = Some((headers, Form::parse(&body).unwrap()));
    let status = StatusCode::from_u16(server.status).unwrap();
    (status, [("content-type", server.kind)], server.body).into_response()
}

fn fetcher() -> Fetcher {
    Fetcher::builder().build().unwrap()
}

fn orders() -> ClientId {
    ClientId::parse("orders:1").unwrap()
}

fn basic() -> ClientAuthentication {
    ClientAuthentication::SecretBasic { client_id: orders(), secret: Secret::new("p% q") }
}

async fn ask(server: &Server, with: ClientAuthentication) -> Result<Received, FetchError> {
    let issuer = server.start().await;
    Introspector::new(issuer, with, fetcher()).introspect("to ken&", NOW).await
}

#[tokio::test]
async fn the_answer_of_the_discovered_endpoint_is_given() {
    let server = Server::new(200, "application/json", r#"{"active":true,"aud":"a","exp":5}"#);
    let introspector = Introspector::new(server.start().await, basic(), fetcher());
    for _ in 0..3 {
        let received = introspector.introspect("to ken&", NOW).await.unwrap();
        assert!(received.active);
        assert_eq!(received.claims["aud"], "a");
    }
    assert_eq!(server.discoveries.load(Ordering::SeqCst), 1);
    let (headers, form) = server.asked();
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(form.one("token").unwrap(), Some("to ken&"));
    assert_eq!(form.one("token_type_hint").unwrap(), Some("access_token"));

    let server = Server::new(200, "application/json", r#"{"active":false}"#);
    assert!(!ask(&server, basic()).await.unwrap().active);
}

// RFC 6749 §2.3.1: both are form-encoded before they are put together.
#[tokio::test]
async fn a_secret_is_shown_in_the_header_and_not_in_the_body() {
    let server = Server::new(200, "application/json", r#"{"active":false}"#);
    ask(&server, basic()).await.unwrap();
    let (headers, form) = server.asked();
    assert_eq!(headers["authorization"], "Basic b3JkZXJzJTNBMTpwJTI1K3E="); // orders%3A1:p%25+q
    assert_eq!(form.one("client_id").unwrap(), None);

    let token = Secret::new("of-its-own");
    ask(&server, ClientAuthentication::Bearer { token }).await.unwrap();
    assert_eq!(server.asked().0["authorization"], "Bearer of-its-own");

    ask(&server, ClientAuthentication::Certificate { client_id: orders() }).await.unwrap();
    let (headers, form) = server.asked();
    assert_eq!(headers.get("authorization"), None);
    assert_eq!(form.one("client_id").unwrap(), Some("orders:1"));
}

// RFC 7523 §3, and for the audience the issuer alone.
#[tokio::test]
async fn an_assertion_is_fresh_and_for_the_issuer_alone() {
    let server = Server::new(200, "application/json", r#"{"active":false}"#);
    let issuer = server.start().await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let public = key.verifying_key().clone();
    let with = ClientAuthentication::PrivateKeyJwt { client_id: orders(), key: Arc::new(key) };
    let introspector = Introspector::new(issuer.clone(), with, fetcher());
    let mut seen = Vec::new();
    for _ in 0..2 {
        introspector.introspect("t", NOW).await.unwrap();
        let (headers, form) = server.asked();
        assert_eq!(headers.get("authorization"), None);
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        assert_eq!(form.one("client_assertion_type").unwrap(), Some(kind));
        let jws = Jws::parse(form.one("client_assertion").unwrap().unwrap()).unwrap();
        assert!(jws.header().is_type("client-authentication+jwt"));
        let claims = json::parse_object(&jws.verify(&public).unwrap().payload).unwrap();
        assert_eq!(claims["iss"], "orders:1");
        assert_eq!(claims["sub"], "orders:1");
        assert_eq!(claims["aud"], json!(issuer.as_str()));
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(NOW), &json!(NOW + 60)));
        seen.push(claims["jti"].as_str().unwrap().to_owned());
    }
    assert!(seen[0].len() >= 22); // 128 bits
    assert_ne!(seen[0], seen[1]);
}

/// `threats.md`: an outage is not "inactive".
#[tokio::test]
async fn whatever_is_no_answer_is_an_outage() {
    const JSON: &str = "application/json";
    const DEAD: &str = r#"{"active":false}"#;
    let cases = [
        (200, JSON, "", "malformed"),
        (200, JSON, "{}", "malformed"),
        (200, JSON, "[]", "malformed"),
        (200, JSON, r#"{"active":"false"}"#, "malformed"),
        (200, JSON, r#"{"active":null}"#, "malformed"),
        (200, JSON, r#"{"active":true,"active":false}"#, "malformed"),
        (200, JSON, r#"{"active":false} x"#, "malformed"),
        (200, "text/html", DEAD, "content type"),
        (200, "application/token-introspection+jwt", DEAD, "content type"),
        (401, JSON, r#"{"error":"invalid_client"}"#, "refused"),
        (401, JSON, DEAD, "refused"),
        (403, JSON, DEAD, "refused"),
        (400, JSON, DEAD, "status"),
        (404, JSON, DEAD, "status"),
        (429, JSON, DEAD, "status"),
        (500, JSON, DEAD, "status"),
        (503, JSON, DEAD, "status"),
        (204, JSON, "", "status"),
        (302, JSON, DEAD, "redirect"),
    ];
    for (status, kind, body, expected) in cases {
        let error = ask(&Server::new(status, kind, body), basic()).await.unwrap_err();
        let verdict = match &error {
            FetchError::Malformed { .. } => "malformed",
            FetchError::ContentType { .. } => "content type",
            FetchError::Refused { .. } => "refused",
            FetchError::Status { .. } => "status",
            FetchError::Redirect { .. } => "redirect",
            other => panic!("{other}"),
        };
        assert_eq!(verdict, expected, "{status} {kind} {body}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("to ken") && !shown.contains("p% q"), "{shown}");
    }
    let nobody =
        Introspector::new(Issuer::parse("http://127.0.0.1:9").unwrap(), basic(), fetcher())
            .endpoint("http://127.0.0.1:9/introspect");
    let unreachable = nobody.introspect("t", NOW).await;
    assert!(matches!(unreachable, Err(FetchError::Connect { .. })));
    assert!(!format!("{nobody:?}").contains("p% q"));
}

#[tokio::test]
async fn a_hundred_that_ask_at_once_cause_one_discovery_even_of_a_dead_issuer() {
    let server = Server::new(200, "application/json", r#"{"active":false}"#);
    let introspector = Introspector::new(server.start().await, basic(), fetcher());
    let all = join_all((0..100).map(|_| introspector.introspect("t", NOW))).await;
    assert!(all.into_iter().all(|received| received.is_ok_and(|received| !received.active)));
    assert_eq!(server.discoveries.load(Ordering::SeqCst), 1);

    async fn broken(State(discoveries): State<Arc<AtomicUsize>>) -> StatusCode {
        discoveries.fetch_add(1, Ordering::SeqCst);
        StatusCode::INTERNAL_SERVER_ERROR
    }
    let discoveries = Arc::<AtomicUsize>::default();
    let router = Router::new().fallback(broken).with_state(Arc::clone(&discoveries));
    let issuer = Issuer::parse(&serve(router).await).unwrap();
    let introspector = Introspector::new(issuer, basic(), fetcher());
    let began = Instant::now();
    let all = join_all((0..100).map(|_| introspector.introspect("t", NOW))).await;
    assert!(all.iter().all(|one| matches!(one, Err(FetchError::Status { status: 500, .. }))));
    // Two places of metadata for each discovery, and a discovery for each second.
    let most = 2 * (began.elapsed().as_secs() + 1);
    assert!(discoveries.load(Ordering::SeqCst) as u64 <= most);
}

#[tokio::test]
async fn an_issuer_without_introspection_is_said() {
    async fn bare(headers: HeaderMap) -> axum::Json<Value> {
        axum::Json(json!({ "issuer": format!("http://{}", headers["host"].to_str().unwrap()) }))
    }
    let router = Router::new().route("/.well-known/oauth-authorization-server", get(bare));
    let issuer = Issuer::parse(&serve(router).await).unwrap();
    let refused = Introspector::new(issuer, basic(), fetcher()).introspect("t", NOW).await;
    assert!(matches!(refused, Err(FetchError::Missing { entry: "introspection_endpoint", .. })));
}

/// The issuer's key, and what a good signed answer holds (RFC 9701 §5).
struct Signer {
    key: SigningKey,
    other: SigningKey,
}

impl Signer {
    fn new() -> Self {
        let key = || SigningKey::generate(Algorithm::EdDsa).unwrap();
        Self { key: key(), other: key() }
    }

    fn claims() -> Value {
        json!({
            "iss": "https://id.example",
            "aud": "orders:1",
            "iat": NOW,
            "token_introspection": { "active": true, "aud": "https://orders.example" },
        })
    }

    /// Asks a server that answers with `body`, and requires a signature.
    async fn ask(&self, body: String) -> Result<Received, FetchError> {
        let server = Server::new(200, "application/token-introspection+jwt", body);
        let endpoint = format!("{}/introspect", server.start().await.as_str());
        let keys = Jwks::from_keys(vec![self.key.verifying_key().clone()]);
        let issuer = Issuer::parse("https://id.example").unwrap();
        let received = Introspector::new(issuer, basic(), fetcher())
            .endpoint(endpoint)
            .require_signed("orders:1", IssuerKeys::fixed(keys))
            .introspect("t", NOW)
            .await;
        assert_eq!(server.asked().0["accept"], "application/token-introspection+jwt");
        received
    }

    fn sign(&self, claims: &Value) -> String {
        self.key.sign_json("token-introspection+jwt", claims).unwrap()
    }
}

#[tokio::test]
async fn a_signed_answer_of_the_issuer_for_us_is_taken() {
    let signer = Signer::new();
    let received = signer.ask(signer.sign(&Signer::claims())).await.unwrap();
    assert!(received.active);
    assert_eq!(received.claims["aud"], "https://orders.example");
    let mut several = Signer::claims();
    several["aud"] = json!(["other", "orders:1"]);
    several["token_introspection"] = json!({ "active": false });
    assert!(!signer.ask(signer.sign(&several)).await.unwrap().active);
}

#[tokio::test]
async fn an_answer_that_is_not_signed_as_required_is_refused() {
    let signer = Signer::new();
    let good = signer.sign(&Signer::claims());
    let payload = good.split('.').nth(1).unwrap();
    let none =
        bailiwick_jose::base64url::encode(br#"{"alg":"none","typ":"token-introspection+jwt"}"#);
    let bodies = [
        r#"{"active":true}"#.to_owned(),
        String::new(),
        format!("{none}.{payload}."),
        signer.other.sign_json("token-introspection+jwt", &Signer::claims()).unwrap(),
        signer.key.sign_json("at+jwt", &Signer::claims()).unwrap(),
        signer.key.sign_json("JWT", &Signer::claims()).unwrap(),
        format!("{}A", &good[..good.len() - 4]),
    ];
    for body in bodies {
        let refused = signer.ask(body.clone()).await;
        assert!(matches!(refused, Err(FetchError::Untrusted { .. })), "{body}: {refused:?}");
    }
}

#[tokio::test]
async fn a_signed_answer_of_another_issuer_for_another_or_of_old_is_refused() {
    let signer = Signer::new();
    for (name, value) in [
        ("iss", json!("https://id.example/")),
        ("iss", json!(["https://id.example"])),
        ("iss", Value::Null),
        ("aud", json!("orders:12")),
        ("aud", json!(["other"])),
        ("aud", json!({ "orders:1": true })),
        ("aud", Value::Null),
        ("iat", json!(NOW + 61)),
        ("iat", json!(NOW - 301)),
        ("iat", json!(NOW.to_string())),
        ("iat", Value::Null),
        ("exp", json!(NOW)),
        ("exp", json!("never")),
        ("token_introspection", json!("{\"active\":true}")),
        ("token_introspection", Value::Null),
    ] {
        let mut claims = Signer::claims();
        claims[name] = value;
        let refused = signer.ask(signer.sign(&claims)).await;
        assert!(matches!(refused, Err(FetchError::Untrusted { .. })), "{claims}: {refused:?}");
    }
    let mut silent = Signer::claims();
    silent["token_introspection"] = json!({ "scope": "read" });
    let refused = signer.ask(signer.sign(&silent)).await;
    assert!(matches!(refused, Err(FetchError::Malformed { .. })));
}

#[tokio::test]
async fn tokeninfo_is_read_like_an_introspection_answer() {
    const JSON: &str = "application/json; charset=utf-8";
    let good = r#"{"azp":"1.apps","aud":"1.apps","exp":"1800003599","expires_in":"3599","scope":"openid email","email_verified":"true"}"#;
    let cases = [
        (200, JSON, good, "active"),
        (200, JSON, r#"{"aud":"1.apps","exp":1800003599}"#, "active"),
        (400, JSON, r#"{"error":"invalid_token","error_description":"Invalid Value"}"#, "inactive"),
        (400, JSON, r#"{"error_description":"Invalid Value"}"#, "inactive"),
        (401, JSON, r#"{"error":"invalid_token"}"#, "inactive"),
        (400, JSON, "{}", "outage"),
        (400, "text/html", "<h1>Bad request</h1>", "outage"),
        (200, JSON, r#"{"error":"invalid_token"}"#, "outage"),
        (200, JSON, r#"{"aud":"1.apps","exp":"soon"}"#, "outage"),
        (200, JSON, r#"{"aud":"1.apps","exp":"-1"}"#, "outage"),
        (200, JSON, r#"{"aud":"1.apps","exp":""}"#, "outage"),
        (200, JSON, r#"{"aud":"1.apps","aud":"2.apps"}"#, "outage"),
        (200, JSON, "", "outage"),
        (403, JSON, r#"{"error":"rate_limited"}"#, "outage"),
        (404, JSON, r#"{"error":"not_found"}"#, "outage"),
        (500, JSON, r#"{"error":"backend"}"#, "outage"),
    ];
    for (status, kind, body, expected) in cases {
        let server = Server::new(status, kind, body);
        let url = format!("{}/introspect", server.start().await.as_str());
        let received = Tokeninfo::new(url, fetcher()).look_up("ya29.a&b").await;
        let verdict = match received {
            Ok(Received { active: true, claims }) => {
                assert_eq!(claims["exp"], 1_800_003_599);
                assert!(claims.get("expires_in").is_none_or(|left| *left == 3599));
                "active"
            }
            Ok(_) => "inactive",
            Err(_) => "outage",
        };
        assert_eq!(verdict, expected, "{status} {kind} {body}");
        assert_eq!(server.asked().1.one("access_token").unwrap(), Some("ya29.a&b"));
    }
}
