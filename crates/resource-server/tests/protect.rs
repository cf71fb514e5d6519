//! A protected API from outside: answers of the layer, the extractor and the metadata.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod issuer;

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::handler::Handler;
use axum::routing::get;
use bailiwick_jose::Algorithm;
use bailiwick_resource_server::{Asked, ConfigError, Reason, ResourceServer, Rule, VerifiedToken};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use issuer::{API, NOW, TestIssuer, clock};
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;

const METADATA: &str = "https://api.example.com/.well-known/oauth-protected-resource/orders";

fn app(api: &ResourceServer) -> Router {
    let who = |token: VerifiedToken| async move { token.subject().to_string() };
    let list = who.layer(api.require("read:orders").unwrap());
    let create = who.layer(api.require("write:orders").unwrap());
    let either = who.layer(api.require_any("write:orders admin").unwrap());
    Router::new()
        .route("/orders", get(list).post(create))
        .route("/either", get(either))
        .route("/anybody", get(who))
        .layer(api.layer())
        .merge(api.metadata())
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn challenge(&self) -> &str {
        self.headers.get("www-authenticate").map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn send(app: &Router, request: http::request::Builder) -> Answer {
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn call(app: &Router, method: &str, path: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    send(app, Request::builder().method(method).uri(path).header("authorization", authorization))
        .await
}

#[tokio::test]
async fn a_good_token_lets_in_and_the_handler_reads_it() {
    let issuer = TestIssuer::up().await;
    let app = app(&issuer.api());
    let token = issuer.token("read:orders");
    for _ in 0..2 {
        let answer = call(&app, "GET", "/orders", &token).await;
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"alice"[..]));
    }
    assert_eq!(call(&app, "GET", "/anybody", &token).await.status, StatusCode::OK);
}

//= https://www.rfc-editor.org/rfc/rfc6750#section-3
//= type=test
//# If the protected resource request does not include authentication
//# credentials or does not contain an access token that enables access
//# to the protected resource, the resource server MUST include the HTTP
//# "WWW-Authenticate" response header field
#[tokio::test]
async fn without_a_token_the_challenge_says_where_the_metadata_is_and_nothing_of_an_error() {
    let issuer = TestIssuer::up().await;
    let app = app(&issuer.api());
    for path in ["/orders", "/anybody"] {
        let answer = send(&app, Request::get(path)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.challenge(), format!("Bearer resource_metadata=\"{METADATA}\""));
        assert_eq!(answer.headers["access-control-expose-headers"], "WWW-Authenticate, DPoP-Nonce");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.body.is_empty());
    }
}

#[tokio::test]
async fn a_route_protected_alone_names_its_scope_to_clients_without_a_token() {
    let issuer = TestIssuer::up().await;
    let api = issuer.api();
    let list = || async { "" };
    let app = Router::new().route("/", get(list.layer(api.require("read:orders").unwrap())));
    let answer = send(&app, Request::get("/")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.challenge().contains("scope=\"read:orders\""), "{}", answer.challenge());
    assert_eq!(call(&app, "GET", "/", &issuer.token("read:orders")).await.status, StatusCode::OK);
    let refused = call(&app, "GET", "/", &issuer.token("other")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_without_the_scope_is_told_which_would_do() {
    let issuer = TestIssuer::up().await;
    let app = app(&issuer.api());
    let token = issuer.token("read:orders");
    for (method, path) in [("POST", "/orders"), ("GET", "/either")] {
        let answer = call(&app, method, path, &token).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.challenge().contains("error=\"insufficient_scope\""));
        assert!(answer.challenge().contains("scope=\"write:orders\""));
        assert!(answer.challenge().contains(METADATA));
        assert_eq!(answer.json()["error"], "insufficient_scope");
    }
    let answer = call(&app, "GET", "/either", &issuer.token("admin")).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_malformed_request_is_a_bad_request() {
    let issuer = TestIssuer::up().await;
    let app = app(&issuer.api());
    let token = format!("Bearer {}", issuer.token("read:orders"));
    let twice = Request::get("/orders").header("authorization", &token);
    let requests = [
        Request::get("/orders?access_token=x"),
        Request::get("/orders?access_token=x").header("authorization", &token),
        twice.header("authorization", &token),
        Request::get("/orders").header("authorization", "Bearer a b"),
    ];
    for request in requests {
        let answer = send(&app, request).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["error"], "invalid_request");
        assert!(answer.challenge().contains("error=\"invalid_request\""));
    }
}

#[tokio::test]
async fn tokens_that_are_not_for_this_api_are_refused() {
    let issuer = TestIssuer::up().await;
    let stranger = TestIssuer::up().await;
    let app = app(&issuer.api());
    let cases = [
        ("another API", issuer.token_with(json!({"aud": "https://api.example.com/invoices"}))),
        ("the whole host", issuer.token_with(json!({"aud": "https://api.example.com"}))),
        ("a path below", issuer.token_with(json!({"aud": format!("{API}/1")}))),
        ("nobody", issuer.token_with(json!({"aud": null}))),
        ("an ID token", issuer.sign("JWT", json!({"nonce": "n"}))),
        ("a logout token", issuer.sign("logout+jwt", json!({}))),
        ("expired", issuer.token_with(json!({"exp": NOW - 60}))),
        ("early", issuer.token_with(json!({"nbf": NOW + 60}))),
        ("bound to a key", issuer.token_with(json!({"cnf": {"jkt": "x"}}))),
        ("another issuer", stranger.token("read:orders")),
        ("signed by a stranger", stranger.token_with(json!({"iss": issuer.url}))),
        ("rubbish", "rubbish".to_owned()),
    ];
    for (case, token) in cases {
        let answer = call(&app, "GET", "/orders", &token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{case}");
        assert_eq!(answer.json()["error"], "invalid_token", "{case}");
        assert!(answer.challenge().contains("error=\"invalid_token\""), "{case}");
        assert!(answer.challenge().contains(METADATA), "{case}");
    }
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let issuer = TestIssuer::up().await;
    let (time, read) = clock();
    let app = app(&issuer.protect(API).clock(read).build().unwrap());
    let token = issuer.token("read:orders");
    assert_eq!(call(&app, "GET", "/orders", &token).await.status, StatusCode::OK);
    time.store(NOW + 309, Ordering::Relaxed); // within the 10 s by which clocks may differ
    assert_eq!(call(&app, "GET", "/orders", &token).await.status, StatusCode::OK);
    time.store(NOW + 310, Ordering::Relaxed);
    assert_eq!(call(&app, "GET", "/orders", &token).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_new_key_is_picked_up_and_the_old_one_is_gone_with_its_remembered_tokens() {
    let issuer = TestIssuer::up().await;
    let app = app(&issuer.api());
    let old = issuer.token("read:orders");
    assert_eq!(call(&app, "GET", "/orders", &old).await.status, StatusCode::OK);
    issuer.rotate();
    let new = issuer.token("read:orders");
    assert_eq!(call(&app, "GET", "/orders", &new).await.status, StatusCode::OK);
    assert_eq!(call(&app, "GET", "/orders", &old).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_nobodys_fault_and_is_found_when_it_is_up() {
    let issuer = TestIssuer::down().await;
    let app = app(&issuer.api());
    let token = issuer.token("read:orders");
    let answer = call(&app, "GET", "/orders", &token).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "5");
    assert_eq!(answer.challenge(), "");
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    // What needs no keys is decided as ever.
    assert_eq!(send(&app, Request::get("/orders")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(call(&app, "GET", "/orders", "rubbish").await.status, StatusCode::UNAUTHORIZED);
    issuer.rise().await;
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let status = call(&app, "GET", "/orders", &token).await.status;
        if status == StatusCode::OK {
            break;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(Instant::now() < deadline, "still {status}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn keys_load_by_themselves_before_anybody_asks() {
    let issuer = TestIssuer::up().await;
    let api = ResourceServer::new(&issuer.url, API).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while api.keys().next().unwrap().status().keys == 0 {
        assert!(Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_metadata_is_for_everybody() {
    let issuer = TestIssuer::up().await;
    let api = issuer.protect(API).name("Orders").scopes(["read:orders", "write:orders"]);
    let app = app(&api.build().unwrap());
    let path = "/.well-known/oauth-protected-resource/orders";
    let expected = json!({
        "resource": API,
        "authorization_servers": [issuer.url],
        "scopes_supported": ["read:orders", "write:orders"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Orders",
    });
    let got = send(&app, Request::get(path)).await;
    assert_eq!((got.status, got.json()), (StatusCode::OK, expected));
    assert_eq!(got.headers["content-type"], "application/json");
    assert_eq!(got.headers["access-control-allow-origin"], "*");
    let head = send(&app, Request::head(path)).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.headers["content-length"], got.body.len().to_string());
    let options = send(&app, Request::options(path)).await;
    assert_eq!(options.status, StatusCode::NO_CONTENT);
    assert_eq!(options.headers["access-control-allow-methods"], "GET, HEAD, OPTIONS");
    let post = send(&app, Request::post(path)).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(post.headers["allow"], "GET, HEAD, OPTIONS");
}

#[tokio::test]
async fn the_metadata_stands_where_its_identifier_says() {
    let issuer = TestIssuer::up().await;
    let cases = [
        ("https://a.example", Some("/.well-known/oauth-protected-resource")),
        ("https://a.example/t/1", Some("/.well-known/oauth-protected-resource/t/1")),
        ("https://a.example/:x/*y", Some("/.well-known/oauth-protected-resource/:x/*y")),
        ("https://a.example/o?x=1", Some("/.well-known/oauth-protected-resource/o?x=1")),
        ("urn:example:orders", None),
    ];
    for (resource, path) in cases {
        let api = issuer.protect(resource).build().unwrap();
        assert_eq!(api.metadata_path().as_deref(), path);
        let app: Router = Router::new().merge(api.metadata());
        if let Some(path) = path {
            let answer = send(&app, Request::get(path)).await;
            assert_eq!(answer.json()["resource"], resource);
        }
        for other in ["o", "x/y"] {
            let other = format!("/.well-known/oauth-protected-resource/{other}");
            assert_eq!(send(&app, Request::get(other)).await.status, StatusCode::NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn a_preflight_passes_only_where_it_is_allowed_and_is_one() {
    let issuer = TestIssuer::up().await;
    let preflight = || {
        let request = Request::options("/orders").header("origin", "https://shop.example");
        request.header("access-control-request-method", "GET")
    };
    for (builder, expected) in [
        (issuer.protect(API), StatusCode::UNAUTHORIZED),
        (issuer.protect(API).allow_preflight(), StatusCode::OK),
    ] {
        let api = builder.build().unwrap();
        let orders = Router::new().route("/orders", get(|| async {}));
        let app = orders.layer(CorsLayer::permissive()).layer(api.layer());
        assert_eq!(send(&app, preflight()).await.status, expected);
        for request in [Request::options("/orders"), preflight().method(Method::GET)] {
            assert_eq!(send(&app, request).await.status, StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn a_handler_without_the_layer_gives_nothing_away() {
    let who = |token: VerifiedToken| async move { token.subject().to_string() };
    let app = Router::new().route("/", get(who));
    let issuer = TestIssuer::up().await;
    let answer = call(&app, "GET", "/", &issuer.token("read:orders")).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn the_token_of_one_api_is_none_to_another_in_the_same_app() {
    let issuer = TestIssuer::up().await;
    let (outer, inner) = (issuer.api(), issuer.protect("https://other.example").build().unwrap());
    let app = Router::new().route("/", get(|| async {})).layer(inner.layer()).layer(outer.layer());
    let answer = call(&app, "GET", "/", &issuer.token("read:orders")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let both = issuer.token_with(json!({"aud": [API, "https://other.example"]}));
    assert_eq!(call(&app, "GET", "/", &both).await.status, StatusCode::OK);
}

#[tokio::test]
async fn any_tower_service_can_be_protected() {
    let issuer = TestIssuer::up().await;
    let api = issuer.api();
    let service = ServiceBuilder::new().layer(api.layer()).service(service_fn(
        |request: Request<Empty<Bytes>>| async move {
            let subject =
                request.extensions().get::<VerifiedToken>().unwrap().subject().to_string();
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(subject))))
        },
    ));
    let request = || Request::get("/");
    let token = format!("Bearer {}", issuer.token(""));
    let good = request().header("authorization", token).body(Empty::new()).unwrap();
    let response = service.clone().oneshot(good).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "alice");
    let response = service.oneshot(request().body(Empty::new()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_proxy_decides_without_the_layer() {
    let issuer = TestIssuer::up().await;
    let api = issuer.api();
    let mut request = Request::builder().uri("/orders?page=2").body(()).unwrap();
    let refused = api.admit(&Asked::from(&request), &Rule::ANY_TOKEN).await.unwrap_err();
    assert_eq!(refused.refusal().reason(), Reason::NoCredentials);
    assert_eq!(refused.response().status(), StatusCode::UNAUTHORIZED);
    let token = format!("Bearer {}", issuer.token("read:orders"));
    request.headers_mut().insert("authorization", token.parse().unwrap());
    let permit = api.admit(&Asked::from(&request), &Rule::ANY_TOKEN).await.unwrap();
    assert_eq!((permit.subject().as_str(), permit.resource().as_str()), ("alice", API));
}

#[tokio::test]
async fn settings_narrow_and_widen_what_they_say() {
    let issuer = TestIssuer::up().await;
    let with_alias = issuer.protect(API).audience("orders-api").build().unwrap();
    let token = issuer.token_with(json!({"aud": "orders-api"}));
    let other_algorithm = issuer.protect(API).algorithms([Algorithm::Rs256]).build().unwrap();
    let strict =
        issuer.protect(API).clock_skew(Duration::ZERO).clock(|| NOW + 300).build().unwrap();
    let unremembering = issuer.protect(API).cached_tokens(0).build().unwrap();
    let cases = [
        (&with_alias, &token, StatusCode::OK),
        (&unremembering, &token, StatusCode::UNAUTHORIZED),
        (&unremembering, &issuer.token("read:orders"), StatusCode::OK),
        (&other_algorithm, &issuer.token("read:orders"), StatusCode::UNAUTHORIZED),
        (&strict, &issuer.token("read:orders"), StatusCode::UNAUTHORIZED),
    ];
    for (at, (api, token, expected)) in cases.into_iter().enumerate() {
        let answer = call(&app(api), "GET", "/anybody", token).await;
        assert_eq!(answer.status, expected, "case {at}");
    }
}

#[test]
fn the_operators_mistakes_come_to_light_at_start() {
    let (issuer, api) = ("https://id.example.com", "https://api.example.com");
    let builder = || ResourceServer::builder(issuer, api).unwrap();
    assert!(matches!(ResourceServer::new("id", api), Err(ConfigError::Issuer(..))));
    assert!(matches!(ResourceServer::new(issuer, "/orders"), Err(ConfigError::Resource(..))));
    assert!(matches!(builder().scopes(["a\"b"]).build(), Err(ConfigError::Scope(..))));
    assert!(matches!(builder().algorithms([]).build(), Err(ConfigError::Algorithms)));
    assert!(matches!(builder().audience("").build(), Err(ConfigError::Audience)));
    let hour = builder().clock_skew(Duration::from_hours(1));
    assert!(matches!(hour.build(), Err(ConfigError::ClockSkew(_))));
    let made = builder().build().unwrap(); // without a runtime
    assert!(matches!(made.require("a\\b"), Err(ConfigError::Scope(..))));
    for none in ["", " "] {
        assert!(matches!(made.require(none), Err(ConfigError::NoScope)));
        assert!(matches!(made.require_any(none), Err(ConfigError::NoScope)));
    }
}
