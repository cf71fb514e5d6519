//! An API behind the layer, called in process; each answer is told with the reason for it.

use axum::Router;
use axum::body::Body;
use axum::handler::Handler;
use axum::routing::{any, get};
use bailiwick_resource_server::{Metrics, ResourceServer, Rule, VerifiedToken};
use bytes::Bytes;
use http::request::Builder;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::METADATA;

/// The API.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) api: ResourceServer,
    pub(crate) app: Router,
}

/// What a client gets, and what the operator's metrics say about it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) reasons: Vec<&'static str>,
}

impl Site {
    /// `/orders` for every token, `/write` for those with the scope `write:orders`.
    pub(crate) fn new(api: ResourceServer) -> Self {
        let who = |token: VerifiedToken| async move { token.subject().to_string() };
        let write = who.layer(api.require("write:orders").unwrap());
        let app = Router::new()
            .route("/orders", any(who))
            .route("/orders/{number}", any(who))
            .route("/write", get(write))
            .layer(api.layer())
            .merge(api.metadata());
        Self { api, app }
    }

    /// `/orders` with this rule.
    pub(crate) fn ruled(api: ResourceServer, rule: impl Into<Rule>) -> Self {
        let app = Router::new()
            .route("/orders", any(|| async { "alice" }))
            .route("/orders/{number}", any(|| async { "alice" }))
            .layer(api.require_rule(rule));
        Self { api, app }
    }

    /// Sends a request; no other may be under way.
    pub(crate) async fn send(&self, request: Builder) -> Answer {
        let before = self.api.metrics();
        let answer = self.send_beside_others(request).await;
        let reasons = difference(&before, &self.api.metrics());
        Answer { reasons, ..answer }
    }

    /// Sends a request while others are under way: the reason is not told.
    pub(crate) async fn send_beside_others(&self, request: Builder) -> Answer {
        let request = request.body(Body::empty()).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body, reasons: Vec::new() }
    }

    /// Calls `/orders` with a bearer token; no other request may be under way.
    pub(crate) async fn bearer(&self, token: &str) -> Answer {
        self.send(with_bearer("/orders", token)).await
    }

    /// The status for a bearer token, while others are under way.
    pub(crate) async fn status(&self, token: &str) -> u16 {
        self.send_beside_others(with_bearer("/orders", token)).await.status.as_u16()
    }

    /// Calls a path with a token and a proof of its key.
    pub(crate) async fn dpop(&self, method: &str, path: &str, token: &str, proof: &str) -> Answer {
        self.send(with_proof(method, path, token, proof)).await
    }
}

/// A request with a bearer token.
pub(crate) fn with_bearer(path: &str, token: &str) -> Builder {
    Request::get(path).header("authorization", format!("Bearer {token}"))
}

/// A request with a token and a proof of its key.
pub(crate) fn with_proof(method: &str, path: &str, token: &str, proof: &str) -> Builder {
    let request = Request::builder().method(method).uri(path);
    request.header("authorization", format!("DPoP {token}")).header("dpop", proof)
}

impl Answer {
    /// Asserts the status, the reason (`admitted` for none), and what belongs to each status.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, reason: &str) -> &Self {
        let expected: &[&str] = if reason == "admitted" { &[] } else { &[reason] };
        assert_eq!((self.status.as_u16(), &*self.reasons), (status, expected), "{self:?}");
        let challenges = self.challenges();
        match status {
            200 => assert_eq!(&self.body[..], b"alice"),
            401 => {
                assert!(!challenges.is_empty(), "{self:?}");
                assert!(challenges.iter().all(|one| one.contains(METADATA)), "{challenges:?}");
            }
            503 => {
                assert_eq!(self.headers["retry-after"], "5");
                assert_eq!(self.json()["error"], "temporarily_unavailable");
            }
            _ => {}
        }
        if status == 200 || status == 503 {
            assert!(challenges.is_empty(), "{challenges:?}");
        }
        self
    }

    /// The values of `WWW-Authenticate`, in their order.
    pub(crate) fn challenges(&self) -> Vec<&str> {
        let values = self.headers.get_all("www-authenticate");
        values.iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// Asserts that a challenge of this scheme names this error.
    #[track_caller]
    pub(crate) fn names(&self, scheme: &str, error: &str) -> &Self {
        let challenges = self.challenges();
        let start = format!("{scheme} error=\"{error}\"");
        assert!(challenges.iter().any(|one| one.starts_with(&start)), "{challenges:?}");
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The nonce for the client's next proof.
    pub(crate) fn nonce(&self) -> Option<String> {
        self.headers.get("dpop-nonce").map(|nonce| nonce.to_str().unwrap().to_owned())
    }
}

/// The reasons that were counted meanwhile.
fn difference(before: &Metrics, after: &Metrics) -> Vec<&'static str> {
    let count = |metrics: &Metrics, reason| {
        metrics.refused.iter().find(|(counted, _)| *counted == reason).map_or(0, |(_, n)| *n)
    };
    let times = |(reason, n): &(_, u64)| (*n - count(before, *reason), *reason);
    let grown = after.refused.iter().map(times);
    grown.flat_map(|(n, reason)| (0..n).map(move |_| reason.as_str())).collect()
}
