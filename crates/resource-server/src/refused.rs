//! The answer for a request that is not let in (RFC 6750 §3).

use axum::response::IntoResponse;
use bailiwick_guard::{Offer, Refusal, challenges};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderName, HeaderValue, Response};

/// Where a client finds the nonce for its next proof (RFC 9449 §8.1).
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// For how many seconds a client is told to wait while there can be no verdict.
const WAIT: HeaderValue = HeaderValue::from_static("5");

/// A request that is not let in: the refusal, for logs, and the answer, for the client.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{refusal}")]
pub struct Refused {
    refusal: Refusal,
    challenges: Vec<HeaderValue>,
    nonce: Option<HeaderValue>,
}

impl Refused {
    /// Makes the answer of a refusal.
    pub fn new(refusal: Refusal, offer: &Offer<'_>) -> Self {
        Self { challenges: challenges(&refusal, offer), refusal, nonce: None }
    }

    /// The same, with other things on offer.
    pub(crate) fn offering(self, offer: &Offer<'_>) -> Self {
        Self { challenges: challenges(&self.refusal, offer), ..self }
    }

    /// The same, with a nonce for the client's next DPoP proof (RFC 9449 §9).
    pub(crate) fn with_nonce(self, nonce: Option<String>) -> Self {
        Self { nonce: nonce.and_then(|nonce| HeaderValue::from_str(&nonce).ok()), ..self }
    }

    /// Why the request is not let in.
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// The answer: status, challenge, and what was wrong as JSON (RFC 6750 §3.1).
    ///
    /// Without credentials the body is empty: the client has made no mistake yet.
    pub fn response(&self) -> Response<Bytes> {
        let body = self.refusal.answer().and_then(|answer| serde_json::to_vec(&answer).ok());
        let has_body = body.is_some();
        let mut response = Response::new(Bytes::from(body.unwrap_or_default()));
        *response.status_mut() = self.refusal.status();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for challenge in &self.challenges {
            headers.append(WWW_AUTHENTICATE, challenge.clone());
        }
        if let Some(nonce) = &self.nonce {
            headers.insert(DPOP_NONCE, nonce.clone());
        }
        if !self.challenges.is_empty() {
            // A browser shows them to scripts of another origin only when told to.
            let exposed = HeaderValue::from_static("WWW-Authenticate, DPoP-Nonce");
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        if self.refusal.status().is_server_error() {
            headers.insert(RETRY_AFTER, WAIT);
        }
        response
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> axum::response::Response {
        self.response().map(Into::into)
    }
}
