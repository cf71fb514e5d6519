//! The order API from outside, with an issuer over real HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use bailiwick_jose::{Algorithm, Jwks, SigningKey};
use http_body_util::BodyExt;
use orders::Config;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::ServiceExt;

const RESOURCE: &str = "http://localhost/orders-api";

struct Orders {
    app: Router,
    issuer: String,
    key: SigningKey,
    _folder: TempDir,
}

impl Orders {
    async fn start() -> Self {
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let issuer = issue(&key).await;
        let folder = tempfile::tempdir().unwrap();
        let app = orders::router(&Config {
            issuer: issuer.clone(),
            resource: RESOURCE.to_owned(),
            database: folder.path().join("orders.db"),
        });
        Self { app: app.unwrap(), issuer, key, _folder: folder }
    }

    fn token(&self, subject: &str, scope: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({
            "iss": self.issuer, "sub": subject, "aud": RESOURCE, "client_id": "shop", "jti": "1",
            "scope": scope, "iat": now, "exp": now + 300,
        });
        format!("Bearer {}", self.key.sign_json("at+jwt", &claims).unwrap())
    }

    async fn list(&self, token: &str) -> (StatusCode, Value) {
        self.send(Request::get("/orders").header("authorization", token), String::new()).await
    }

    async fn place(&self, token: &str, order: &Value) -> (StatusCode, Value) {
        let request = Request::post("/orders").header("authorization", token);
        self.send(request.header("content-type", "application/json"), order.to_string()).await
    }

    async fn send(
        &self,
        request: axum::http::request::Builder,
        body: String,
    ) -> (StatusCode, Value) {
        let request = request.body(Body::from(body)).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

async fn issue(key: &SigningKey) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let keys = Jwks::from_keys(vec![key.verifying_key().clone()]).to_json();
    let metadata = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") });
    let app = Router::new()
        .route(
            "/.well-known/oauth-authorization-server",
            get(move || async move { Json(metadata) }),
        )
        .route("/keys", get(move || async move { Json(keys) }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    issuer
}

#[tokio::test]
async fn an_order_that_was_placed_is_in_the_history_of_its_own_subject_only() {
    let orders = Orders::start().await;
    let (alice, bob) =
        (orders.token("alice", "read:orders write:orders"), orders.token("bob", "read:orders"));
    let tea = json!({"item": "Tea", "quantity": 3});
    let (status, placed) = orders.place(&alice, &tea).await;
    assert_eq!((status, &placed["item"]), (StatusCode::CREATED, &json!("Tea")));
    let (status, history) = orders.list(&alice).await;
    assert_eq!((status, &history[0]), (StatusCode::OK, &placed));
    let (_, history) = orders.list(&bob).await;
    assert!(!history.as_array().unwrap().contains(&placed));
}

#[tokio::test]
async fn each_route_needs_a_scope_of_its_own() {
    let orders = Orders::start().await;
    let tea = json!({"item": "Tea", "quantity": 3});
    let (reader, writer) = (orders.token("a", "read:orders"), orders.token("a", "write:orders"));
    assert_eq!(orders.list(&reader).await.0, StatusCode::OK);
    assert_eq!(orders.place(&reader, &tea).await.0, StatusCode::FORBIDDEN);
    assert_eq!(orders.list(&writer).await.0, StatusCode::FORBIDDEN);
    assert_eq!(orders.place(&writer, &tea).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_stranger_reads_the_metadata_and_nothing_else() {
    let orders = Orders::start().await;
    for request in [Request::get("/orders"), Request::post("/orders")] {
        let (status, body) = orders.send(request, String::new()).await;
        assert_eq!((status, body), (StatusCode::UNAUTHORIZED, Value::Null));
    }
    let place = Request::get("/.well-known/oauth-protected-resource/orders-api");
    let (status, metadata) = orders.send(place, String::new()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(metadata["resource"], RESOURCE);
    assert_eq!(metadata["authorization_servers"], json!([orders.issuer]));
    assert_eq!(metadata["scopes_supported"], json!(["read:orders", "write:orders"]));
}

#[tokio::test]
async fn a_senseless_order_is_not_placed() {
    let orders = Orders::start().await;
    let token = orders.token("alice", "write:orders");
    for order in [
        json!({"item": "", "quantity": 1}),
        json!({"item": "Tea", "quantity": 0}),
        json!({"item": "Tea", "quantity": 1001}),
        json!({"item": "Tea", "quantity": 1, "subject": "bob"}),
    ] {
        let (status, _) = orders.place(&token, &order).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{order}");
    }
}
