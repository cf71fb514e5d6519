//! Every hostile request against an API, by each way that leads to one; and good ones beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod good;
mod served;

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::handler::Handler;
use axum::routing::any;
use bailiwick_guard::Refusal;
use bailiwick_resource_server::testing::{Aim, Hostile, TestIssuer, hostile};
use bailiwick_resource_server::{Algorithm, Asked, ResourceServer, Rule, ScopeRule, Scopes};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{ServiceBuilder, ServiceExt, service_fn};

const API: &str = "https://api.example.com/v1";
const ORDERS: &str = "https://api.example.com/v1/orders";
const SCOPE: &str = "read:orders";

fn aim() -> Aim {
    Aim::at(API).path("/v1/orders").scope(SCOPE)
}

/// An API with a route that asks for a scope, and one that takes any token.
fn app(api: &ResourceServer) -> Router {
    let orders = (|| async { "orders" }).layer(api.require(SCOPE).unwrap());
    Router::new()
        .route("/v1/orders", any(orders))
        .route("/v1/any", any(|| async { "any" }))
        .layer(api.layer())
        .merge(api.metadata())
}

fn rule() -> Rule {
    ScopeRule::AllOf(Scopes::parse(SCOPE).unwrap()).into()
}

/// Judges a hostile request by the library's own verdict, and its answer's status by the layer.
async fn judge(api: &ResourceServer, app: &Router, hostile: &Hostile) {
    let request = hostile.request::<Body>();
    let refused = match api.admit(&Asked::from(&request), &rule()).await {
        Ok(_) => panic!("{hostile} gets in"),
        Err(refused) => refused.refusal().reason(),
    };
    assert_eq!(refused, hostile.expected[0], "{hostile}");
    let answer = app.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), hostile.status(), "{hostile}");
    assert!(answer.status().is_client_error(), "{hostile}");
    assert!(answer.headers().contains_key("www-authenticate"), "{hostile}");
}

#[test]
fn the_list_is_long_and_says_what_is_on_it() {
    let hostile = TestIssuer::new().hostile(aim());
    assert!(hostile.len() >= 150, "{}", hostile.len());
    let names: HashSet<_> = hostile.iter().map(|hostile| &*hostile.name).collect();
    assert_eq!(names.len(), hostile.len());
    for hostile in &hostile {
        assert!(!hostile.why.is_empty() && !hostile.expected.is_empty(), "{hostile}");
        let same = |reason| Refusal::new(reason, "").status() == hostile.status();
        assert!(hostile.expected.iter().copied().all(same), "{hostile}");
    }
}

#[tokio::test]
async fn nothing_hostile_passes_the_layer_whatever_the_issuer_signs_with() {
    for algorithm in Algorithm::ALL {
        let issuer = TestIssuer::signing_with(algorithm);
        let api = issuer.protect(API).unwrap();
        let app = app(&api);
        for hostile in issuer.hostile(aim()) {
            judge(&api, &app, &hostile).await;
        }
    }
}

#[tokio::test]
async fn nothing_hostile_passes_an_api_that_asks_for_nonces() {
    let issuer = TestIssuer::new();
    let api = issuer.builder(API).unwrap().dpop(issuer.dpop()).build().unwrap();
    let app = app(&api);
    let mut nonces = hostile::nonces(&issuer, aim());
    assert!(nonces.len() >= 5);
    nonces.extend(issuer.hostile(aim()));
    for hostile in nonces {
        judge(&api, &app, &hostile).await;
    }
}

#[tokio::test]
async fn nothing_hostile_passes_where_any_token_of_the_resource_would() {
    let issuer = TestIssuer::new();
    let api = issuer.protect(API).unwrap();
    let app = app(&api);
    for hostile in issuer.hostile(Aim::at(API).path("/v1/any")) {
        let answer = app.clone().oneshot(hostile.request::<Body>()).await.unwrap();
        assert_eq!(answer.status(), hostile.status(), "{hostile}");
    }
}

#[tokio::test]
async fn nothing_hostile_passes_after_good_tokens_were_kept() {
    let issuer = TestIssuer::new();
    let api = issuer.protect(API).unwrap();
    let app = app(&api);
    let good = issuer.token().scope(SCOPE).mint(&api);
    for hostile in issuer.hostile(aim()) {
        let request = Request::get("/v1/orders").header("authorization", format!("Bearer {good}"));
        let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200, "before {hostile}");
        judge(&api, &app, &hostile).await;
        judge(&api, &app, &hostile).await; // nor is it let in the second time
    }
}

#[tokio::test]
async fn nothing_hostile_reaches_a_plain_tower_service() {
    let issuer = TestIssuer::new();
    let api = issuer.protect(API).unwrap();
    let service = ServiceBuilder::new().layer(api.require(SCOPE).unwrap()).service(service_fn(
        |_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("orders")))
        },
    ));
    for hostile in issuer.hostile(aim()) {
        let request = hostile.request::<Full<Bytes>>();
        let answer = service.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), hostile.status(), "{hostile}");
    }
}

#[tokio::test]
async fn no_hostile_request_of_another_moment_is_better() {
    // The list is made for a present; later on it is no less hostile.
    let issuer = TestIssuer::new();
    let api = issuer.protect(API).unwrap();
    let app = app(&api);
    let hostile = issuer.hostile(aim());
    issuer.clock().advance(Duration::from_secs(40));
    for hostile in hostile {
        let answer = app.clone().oneshot(hostile.request::<Body>()).await.unwrap();
        assert!(answer.status().is_client_error(), "{hostile}");
    }
}
