//! What a served issuer answers: metadata, keys, introspection (RFC 8414 §2, RFC 7517 §5, RFC 7662 §2).

use std::collections::HashMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use bailiwick_oauth::credentials::basic_header;
use bailiwick_oauth::{ClientId, Secret};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;

use crate::testing::TestIssuer;

/// Serves an issuer until the runtime ends.
pub(super) fn serve(issuer: TestIssuer, listener: TcpListener) {
    let router = Router::new()
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/jwks", get(jwks))
        .route("/introspect", post(introspect))
        .with_state(issuer);
    tokio::spawn(async move { axum::serve(listener, router).await });
}

async fn metadata(State(issuer): State<TestIssuer>) -> Response {
    let url = issuer.url();
    issuer.answer(json!({
        "issuer": url,
        "jwks_uri": format!("{url}/jwks"),
        "introspection_endpoint": format!("{url}/introspect"),
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        "response_types_supported": ["code"],
    }))
}

async fn jwks(State(issuer): State<TestIssuer>) -> Response {
    let jwks = issuer.jwks();
    issuer.answer(jwks)
}

async fn introspect(
    State(issuer): State<TestIssuer>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let expected = basic_header(&lookup_client(), &lookup_secret());
    if headers.get(AUTHORIZATION).is_none_or(|sent| *sent != *expected) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let claims = form.get("token").and_then(|token| issuer.recall(token));
    let now = issuer.clock().now();
    let is_live = |exp: Option<i64>| exp.is_none_or(|exp| exp > now);
    let answer = match claims {
        Some(mut claims) if is_live(claims.get("exp").and_then(serde_json::Value::as_i64)) => {
            claims.insert("active".to_owned(), true.into());
            claims.into()
        }
        _ => json!({ "active": false }),
    };
    issuer.answer(answer)
}

impl TestIssuer {
    fn answer(&self, answer: serde_json::Value) -> Response {
        if self.is_down() {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        Json(answer).into_response()
    }
}

pub(super) fn lookup_client() -> ClientId {
    ClientId::parse(TestIssuer::LOOKUP_CLIENT).expect("a plain word")
}

pub(super) fn lookup_secret() -> Secret {
    Secret::new(TestIssuer::LOOKUP_SECRET)
}
