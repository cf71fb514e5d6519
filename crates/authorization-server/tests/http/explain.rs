//! What the operator is told of a request, by the admin listener.

use axum::Router;
use axum::body::Body;
use bailiwick_authorization_server::{Administered, admin};
use bailiwick_grant::Tenant;
use bailiwick_oauth::Issuer;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

use super::server::{ANOTHER, API, ISSUER, START, Server};

async fn asked(router: &Router, host: &str, kind: &str, question: &Value) -> (u16, Value) {
    let request = Request::post("/explain/grant").header("host", host).header("content-type", kind);
    let request = request.body(Body::from(question.to_string())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn router() -> Router {
    let server = Server::new().await;
    let tenant = Tenant::new(Issuer::parse(ISSUER).unwrap());
    admin(vec![Administered { tenant, store: Arc::clone(&server.store) as _ }], || START)
}

const JSON: &str = "application/json";

#[tokio::test]
async fn every_pair_is_told_with_its_rule() {
    let router = router().await;
    let question = json!({
        "client": "narrow", "user": "ada", "resources": [API], "scope": "openid email read write x",
    });
    let (status, told) = asked(&router, "127.0.0.1:9001", JSON, &question).await;
    assert_eq!(status, 200);
    assert_eq!(told["global"], json!(["openid"]));
    assert_eq!(told["resources"], json!({ API: ["read"] }));
    let pairs: Vec<String> = told["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| format!("{} {} {}", pair["resource"], pair["scope"], pair["reason"]))
        .collect();
    let api = format!("\"{API}\"");
    for expected in [
        "null \"openid\" \"kept\"".to_owned(),
        "null \"email\" \"client_ceiling\"".to_owned(),
        "null \"x\" \"scope_unknown\"".to_owned(),
        format!("{api} \"read\" \"kept\""),
        format!("{api} \"write\" \"client_ceiling\""),
        format!("{api} \"x\" \"not_defined\""),
    ] {
        assert!(pairs.contains(&expected), "{expected} is not in {pairs:?}");
    }
    let question = json!({ "client": "narrow", "resources": [ANOTHER] });
    let (_, told) = asked(&router, "localhost:9001", JSON, &question).await;
    assert_eq!(told["refused"]["error"], "invalid_target");
    assert_eq!(told["refused"]["reason"], "resource_not_open");
}

#[tokio::test]
async fn who_is_not_the_operator_is_not_answered() {
    let router = router().await;
    let question = json!({ "client": "shop" });
    for (host, kind, status) in [
        ("evil.example", JSON, 421),
        ("127.0.0.1.evil.example", JSON, 421),
        ("127.0.0.1", "text/plain", 415),
        ("[::1]:9001", JSON, 200),
    ] {
        let question = json!({ "client": "shop", "scope": "openid" });
        assert_eq!(asked(&router, host, kind, &question).await.0, status, "{host} {kind}");
    }
    for bad in [
        json!({ "client": "nobody" }),
        json!({ "client": "shop", "user": "nobody" }),
        json!({ "client": "shop", "scope": "a\"b" }),
        json!({ "client": "shop", "issuer": "https://other.example" }),
        json!({ "client": "shop", "token": "x" }),
    ] {
        let (status, told) = asked(&router, "localhost", JSON, &bad).await;
        assert_eq!(status, 400, "{bad}");
        assert!(told["error"].is_string());
    }
    assert_eq!(asked(&router, "localhost", JSON, &question).await.0, 200, "refused is an answer");
}
