//! The guide says what the library does: every reason, the answers that it shows, every page.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::handler::Handler;
use axum::routing::get;
use bailiwick_resource_server::denied::{Denial, Name};
use bailiwick_resource_server::testing::TestIssuer;
use bailiwick_resource_server::{
    Asked, Binding, Builder, ClientCertificate, DenyList, Issuer, KeySettings, LoginRule, Reason,
    Refusal, ResourceServer, Rule, Step,
};
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, Method, Request, Response, request};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

const GETTING_STARTED: &str = include_str!("../../../docs/resource-server/getting-started.md");
const TOKENS: &str = include_str!("../../../docs/resource-server/tokens.md");
const OPAQUE: &str = include_str!("../../../docs/resource-server/opaque-tokens.md");
const ISSUERS: &str = include_str!("../../../docs/resource-server/issuers.md");
const POSSESSION: &str = include_str!("../../../docs/resource-server/proof-of-possession.md");
const RULES: &str = include_str!("../../../docs/resource-server/rules.md");
const REVOCATION: &str = include_str!("../../../docs/resource-server/revocation.md");
const OPERATING: &str = include_str!("../../../docs/resource-server/operating.md");
const ENCRYPTED: &str = include_str!("../../../docs/resource-server/encrypted-tokens.md");

const ORDERS: &str = "https://api.example.com/orders";

#[test]
fn the_table_of_reasons_is_that_of_the_code() {
    let rows: Vec<_> = TOKENS
        .lines()
        .skip_while(|line| *line != "## Reasons")
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split(" | ").take(4).collect::<Vec<_>>().join(" | "))
        .collect();
    let expected: Vec<_> = Reason::ALL
        .iter()
        .map(|reason| {
            let status = Refusal::new(*reason, "").status().as_u16();
            let error = reason.error().map(|error| format!("`{}`", error.as_str()));
            let (error, step) = (error.as_deref().unwrap_or("–"), reason.step().as_str());
            format!("| `{reason}` | {status} | {error} | {step}")
        })
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn the_table_of_checks_is_that_of_the_code() {
    let rows: Vec<_> = TOKENS
        .lines()
        .skip_while(|line| *line != "| check | section | what |")
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split(" | ").take(2).collect::<Vec<_>>().join(" | "))
        .collect();
    let expected = Step::ALL.map(|step| format!("| {} | {}", step.as_str(), step.section()));
    assert_eq!(rows, expected);
}

#[test]
fn every_page_is_in_the_index_and_a_test_of_its_examples() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/resource-server");
    let index = include_str!("../../../docs/README.md");
    let guide = include_str!("../src/guide.rs");
    let mut pages = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let page = entry.unwrap().file_name().into_string().unwrap();
        assert!(index.contains(&format!("](resource-server/{page})")), "{page}");
        assert!(guide.contains(&format!("/docs/resource-server/{page}\")")), "{page}");
        pages += 1;
    }
    assert_eq!(pages, 10);
}

fn protect(issuer: &TestIssuer) -> Builder {
    issuer.builder(ORDERS).unwrap()
}

fn app(api: &ResourceServer, rule: Rule) -> Router {
    let write = (|| async { "" }).layer(api.require("write:orders").unwrap());
    let ruled = (|| async { "" }).layer(api.require_rule(rule));
    Router::new()
        .route("/orders", get(|| async { "" }).post(write))
        .route("/ruled", get(ruled))
        .layer(api.layer())
        .merge(api.metadata())
}

async fn send(api: &ResourceServer, rule: Rule, request: request::Builder) -> Response<Body> {
    app(api, rule).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

fn bearer(uri: &str, token: &str) -> request::Builder {
    Request::get(uri).header(AUTHORIZATION, format!("Bearer {token}"))
}

/// An answer as the pages print it: status and challenges, and a nonce whatever it is.
fn head(answer: &Response<Body>) -> String {
    let mut lines = vec![format!("HTTP/1.1 {}", answer.status())];
    let mut add = |name: HeaderName, title: &str, shown: Option<&str>| {
        for value in answer.headers().get_all(name) {
            lines.push(format!("{title}: {}", shown.unwrap_or(value.to_str().unwrap())));
        }
    };
    add(WWW_AUTHENTICATE, "WWW-Authenticate", None);
    add(RETRY_AFTER, "Retry-After", None);
    add(HeaderName::from_static("dpop-nonce"), "DPoP-Nonce", Some("…"));
    lines.join("\n")
}

/// Asserts that a page shows this very answer, with the body where it shows one.
async fn shown(page: &str, answer: Response<Body>) {
    let head = head(&answer);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let (bare, whole) =
        (format!("```http\n{head}\n```"), format!("```http\n{head}\n\n{body}\n```"));
    assert!(page.contains(&bare) || page.contains(&whole), "no page shows:\n{head}\n\n{body}");
}

#[tokio::test]
async fn the_answers_of_the_layer_are_as_shown() {
    let issuer = TestIssuer::new();
    let api = protect(&issuer).build().unwrap();
    let any = || Rule::ANY_TOKEN;
    shown(GETTING_STARTED, send(&api, any(), Request::get("/orders")).await).await;
    let narrow = issuer.token().scope("read:orders").mint(&api);
    let write = bearer("/orders", &narrow).method(Method::POST);
    shown(GETTING_STARTED, send(&api, any(), write).await).await;
    let foreign = issuer.token().mint("https://api.example.com/drive");
    shown(TOKENS, send(&api, any(), bearer("/orders", &foreign)).await).await;
    shown(TOKENS, send(&api, any(), Request::get("/orders?access_token=x")).await).await;
    let garbled = issuer.token().encrypted(&api).replace("..", ".AA.");
    shown(ENCRYPTED, send(&api, any(), bearer("/orders", &garbled)).await).await;
}

#[tokio::test]
async fn the_metadata_is_as_shown() {
    let api = ResourceServer::builder("https://id.example.com", ORDERS)
        .unwrap()
        .name("Orders")
        .scopes(["read:orders", "write:orders"])
        .build()
        .unwrap();
    let found: Value = serde_json::from_slice(api.metadata_document()).unwrap();
    assert_eq!(found, json_of(GETTING_STARTED));
}

#[tokio::test]
async fn the_explanation_is_as_shown() {
    let issuer = TestIssuer::new();
    let api = protect(&issuer).build().unwrap();
    let foreign = issuer.token().mint("https://api.example.com/drive");
    let request = bearer("/orders", &foreign).body(()).unwrap();
    let mut checks = api.explain(&Asked::from(&request), &Rule::ANY_TOKEN).await;
    checks.retain(|check| check.name == Step::Addressed);
    assert_eq!(serde_json::to_value(&checks[0]).unwrap(), json_of(OPERATING));
}

/// The JSON that a page shows.
fn json_of(page: &str) -> Value {
    let shown = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    serde_json::from_str(shown).unwrap()
}

#[tokio::test]
async fn the_answers_of_rules_are_as_shown() {
    let issuer = TestIssuer::new();
    let api = protect(&issuer).build().unwrap();
    let token = issuer.token().mint(&api);
    let login = LoginRule { acr_values: vec!["urn:example:mfa".into()], max_age: Some(300) };
    let login = Rule { login, ..Rule::ANY_TOKEN };
    shown(RULES, send(&api, login, bearer("/ruled", &token)).await).await;
    let roles = Rule { roles: vec!["clerk".into(), "manager".into()], ..Rule::ANY_TOKEN };
    shown(RULES, send(&api, roles, bearer("/ruled", &token)).await).await;
}

#[tokio::test]
async fn the_answers_to_bound_tokens_are_as_shown() {
    let issuer = TestIssuer::new();
    let api = protect(&issuer).build().unwrap();
    let client = issuer.client();
    let token = issuer.token().bound_to(&client).mint(&api);
    shown(POSSESSION, send(&api, Rule::ANY_TOKEN, bearer("/orders", &token)).await).await;
    let certificate = ClientCertificate::from_digest([7; 32]);
    let by_certificate = issuer.token().bound_to_certificate(&certificate).mint(&api);
    let request = bearer("/orders", &by_certificate);
    shown(POSSESSION, send(&api, Rule::ANY_TOKEN, request).await).await;

    let api = protect(&issuer).binding(Binding::Dpop).dpop(issuer.dpop()).build().unwrap();
    let request = Request::get("/orders")
        .header(AUTHORIZATION, format!("DPoP {token}"))
        .header("dpop", client.proof(&Method::GET, ORDERS, &token, None));
    shown(POSSESSION, send(&api, Rule::ANY_TOKEN, request).await).await;
}

#[tokio::test]
async fn the_answers_to_revoked_tokens_are_as_shown() {
    let issuer = TestIssuer::new();
    let denied = Arc::new(DenyList::default());
    let api = protect(&issuer).denials(denied.clone()).build().unwrap();
    let token = issuer.token().jti("4711").mint(&api);
    let (name, now) = (Issuer::parse(issuer.url()).unwrap(), issuer.clock().now());
    denied.add(&Denial::new(name, Name::Token("4711".into()), now), now).unwrap();
    shown(REVOCATION, send(&api, Rule::ANY_TOKEN, bearer("/orders", &token)).await).await;
}

#[tokio::test]
async fn the_answers_of_lookups_and_outages_are_as_shown() {
    let issuer = TestIssuer::serve().await;
    let api = protect(&issuer).build().unwrap();
    let token = issuer.token().opaque(&api);
    issuer.revoke(&token);
    shown(OPAQUE, send(&api, Rule::ANY_TOKEN, bearer("/orders", &token)).await).await;
    issuer.go_down();
    let other = issuer.token().opaque(&api);
    let outage = send(&api, Rule::ANY_TOKEN, bearer("/orders", &other)).await;
    let answer = format!("```http\n{}\n```", head(&outage));
    for page in [OPAQUE, ISSUERS, REVOCATION] {
        assert!(page.contains(&answer), "{answer}");
    }
}

#[test]
fn what_is_kept_is_kept_for_as_long_as_shown() {
    let settings = KeySettings::default();
    assert_eq!(settings.refresh, Duration::from_mins(5));
    assert_eq!(settings.refresh_least, Duration::from_secs(30));
    assert_eq!(settings.stale, Duration::from_hours(24));
    assert_eq!(
        (settings.retry, settings.retry_most),
        (Duration::from_secs(1), Duration::from_secs(15))
    );
    assert_eq!(settings.junk, Duration::from_secs(30));
    assert_eq!(DenyList::MOST, 100_000);
    assert_eq!(DenyList::LONGEST_LIFE, Duration::from_mins(24 * 60 + 5));
}
