//! The admin listener: explanations, for the operator alone.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bailiwick_grant::Tenant;
use bailiwick_store::Store;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::answer;
use crate::explain::{ExplainError, Question, explain_grant};

/// One issuer, as the admin listener sees it.
#[derive(Clone)]
pub struct Administered {
    /// Its settings.
    pub tenant: Tenant,
    /// Its store.
    pub store: Arc<dyn Store>,
}

/// What answers the operator: `POST /explain/grant` and `GET /healthz`.
///
/// Nobody has to sign in there: it is for a listener on loopback. `clock` gives the time in seconds
/// since 1970.
pub fn admin(issuers: Vec<Administered>, clock: fn() -> i64) -> Router {
    Router::new()
        .route("/explain/grant", post(explain))
        .route("/healthz", get(async || answer::json(StatusCode::OK, &json!({ "live": true }))))
        .method_not_allowed_fallback(answer::method_not_allowed)
        .fallback(async || refused(StatusCode::NOT_FOUND, "there are /explain/grant and /healthz"))
        .layer(DefaultBodyLimit::max(LONGEST))
        .with_state((Arc::new(issuers), clock))
}

type Issuers = (Arc<Vec<Administered>>, fn() -> i64);

async fn explain(
    State((issuers, clock)): State<Issuers>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // A page in a browser on this machine reaches loopback too, by a name of its own; and pages of
    // other origins cannot send JSON without asking first.
    if !names_this_machine(&headers) {
        let why = "the Host is no address and not localhost";
        return refused(StatusCode::MISDIRECTED_REQUEST, why);
    }
    if headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes) != Some(b"application/json") {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json");
    }
    let question: Question = match serde_json::from_slice(&body) {
        Ok(question) => question,
        Err(why) => return refused(StatusCode::BAD_REQUEST, &why.to_string()),
    };
    let is_meant = |one: &&Administered| {
        question.issuer.as_ref().is_none_or(|issuer| one.tenant.issuer.as_str() == issuer)
    };
    let Some(one) = issuers.iter().find(is_meant) else {
        return refused(StatusCode::BAD_REQUEST, "no such issuer is served here");
    };
    match explain_grant(&one.tenant, &*one.store, clock(), &question).await {
        Ok(explained) => answer::json(StatusCode::OK, &explained),
        Err(ExplainError::Question(why)) => refused(StatusCode::BAD_REQUEST, &why),
        Err(error @ ExplainError::Store(_)) => {
            refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
        }
    }
}

/// Whether a request is for an address, or for `localhost`: no name that a stranger's DNS has.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

fn refused(status: StatusCode, why: &str) -> Response {
    answer::json(status, &json!({ "error": why })).into_response()
}

/// The longest question, in octets.
const LONGEST: usize = 64 * 1024;
