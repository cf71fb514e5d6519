//! Traefik's `ForwardAuth`, Caddy's `forward_auth`, HAProxy with Lua: they pass on a refusal whole.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};

use super::question::Original;
use super::verdict::Verdict;
use crate::answer::Fault;

/// The request that a question is about.
pub(super) fn request(headers: HeaderMap) -> Result<Request<()>, Fault> {
    Original {
        method: HeaderName::from_static("x-forwarded-method"),
        host: HeaderName::from_static("x-forwarded-host"),
        target: HeaderName::from_static("x-forwarded-uri"),
    }
    .request(headers)
}

/// The answer to it.
pub(super) fn answer(verdict: Verdict) -> Response<Bytes> {
    match verdict {
        Verdict::Passes(told) => {
            let mut answer = Response::new(Bytes::new());
            *answer.headers_mut() = told;
            answer
        }
        Verdict::Refused(answer) => answer,
    }
}
