//! Answers: the upstream's, those that the gateway gives itself, as JSON (RFC 6749 §5.2's form),
//! and those to other proxies that ask what to do with a request.

mod auth_request;
mod ext_authz;
mod forward_auth;
mod question;
mod questions;
mod verdict;

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use serde::Serialize;

use crate::forward::{BrokenOff, Download};
pub(crate) use questions::Questions;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// What the upstream sends, as it comes.
    Upstream(Box<Download>),
    /// What the gateway says itself.
    Own(Full<Bytes>),
    /// The same, over gRPC.
    Rpc(tonic::body::Body),
}

/// A request that is answered here because of a fault of the request or of the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    /// A stable code, for the client and for logs.
    pub(crate) error: &'static str,
    /// What is wrong, in words.
    pub(crate) description: String,
    /// The methods that would do, with 405.
    pub(crate) allowed: Vec<Method>,
    /// When it may be tried again, in seconds.
    pub(crate) retry_after: Option<u64>,
}

impl Fault {
    pub(crate) fn new(
        status: StatusCode,
        error: &'static str,
        description: impl Into<String>,
    ) -> Self {
        Self {
            status,
            error,
            description: description.into(),
            allowed: Vec::new(),
            retry_after: None,
        }
    }

    pub(crate) fn bad_request(error: &'static str, description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, description)
    }

    /// No resource is where the request looked for one.
    pub(crate) fn nothing_here() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "no resource has this host and path")
    }

    /// The answer, as the body of one that goes out.
    pub(crate) fn answer(&self) -> Response<Answer> {
        whole(self.response())
    }

    /// The answer.
    pub(crate) fn response(&self) -> Response<Bytes> {
        #[derive(Serialize)]
        struct Body<'b> {
            error: &'b str,
            error_description: &'b str,
        }
        let body = Body { error: self.error, error_description: &self.description };
        let mut answer = json(self.status, serde_json::to_vec(&body).unwrap_or_default());
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        let names: Vec<&str> = self.allowed.iter().map(Method::as_str).collect();
        if !names.is_empty()
            && let Ok(value) = HeaderValue::from_str(&names.join(", "))
        {
            answer.headers_mut().insert(ALLOW, value);
        }
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        answer
    }
}

/// An answer that is there as a whole.
pub(crate) fn whole(answer: Response<Bytes>) -> Response<Answer> {
    answer.map(|body| Answer::Own(Full::new(body)))
}

/// A JSON answer that nobody keeps.
fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let headers: &mut HeaderMap = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Upstream(body) => Pin::new(&mut **body).poll_frame(context),
            Self::Own(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Rpc(body) => Pin::new(body).poll_frame(context).map_err(|_| BrokenOff::Rpc),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Upstream(body) => body.is_end_stream(),
            Self::Own(body) => body.is_end_stream(),
            Self::Rpc(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Upstream(body) => body.size_hint(),
            Self::Own(body) => body.size_hint(),
            Self::Rpc(body) => body.size_hint(),
        }
    }
}
