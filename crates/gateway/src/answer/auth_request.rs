//! NGINX's `auth_request`: a subrequest, and 200, 401 or 403 for an answer.
//!
//! NGINX knows no other status and passes on neither body nor headers by itself, so the status
//! that the client should get stands in `X-Auth-Status`, the body in `X-Auth-Body`, and all
//! challenges in one line (RFC 9110 §11.6.1): its configuration puts them together again.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};

use super::question::Original;
use super::verdict::Verdict;
use crate::answer::Fault;

const STATUS: HeaderName = HeaderName::from_static("x-auth-status");
const BODY: HeaderName = HeaderName::from_static("x-auth-body");

/// The request that a question is about.
pub(super) fn request(headers: HeaderMap) -> Result<Request<()>, Fault> {
    Original {
        method: HeaderName::from_static("x-original-method"),
        host: HeaderName::from_static("x-original-host"),
        target: HeaderName::from_static("x-original-uri"),
    }
    .request(headers)
}

/// The answer to it.
pub(super) fn answer(verdict: Verdict) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    match verdict {
        Verdict::Passes(told) => *answer.headers_mut() = told,
        Verdict::Refused(refused) => {
            let (mut parts, body) = refused.into_parts();
            *answer.status_mut() = match parts.status {
                StatusCode::UNAUTHORIZED => StatusCode::UNAUTHORIZED,
                _ => StatusCode::FORBIDDEN,
            };
            parts.headers.remove(CONTENT_LENGTH);
            parts.headers.remove(CONTENT_TYPE);
            in_one_line(&mut parts.headers);
            parts.headers.insert(STATUS, HeaderValue::from(parts.status.as_u16()));
            if let Ok(body) = HeaderValue::from_maybe_shared(body) {
                parts.headers.insert(BODY, body);
            }
            *answer.headers_mut() = parts.headers;
        }
    }
    answer
}

/// NGINX before 1.23 passes on one line of a header alone.
fn in_one_line(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> =
        headers.get_all(WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1
        && let Ok(line) = HeaderValue::from_bytes(&lines.join(&b", "[..]))
    {
        headers.insert(WWW_AUTHENTICATE, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_challenges_stand_in_one_line() {
        let mut refused = Response::new(Bytes::new());
        *refused.status_mut() = StatusCode::UNAUTHORIZED;
        for challenge in ["Bearer error=\"invalid_token\"", "DPoP algs=\"ES256\""] {
            refused.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        let answer = answer(Verdict::Refused(refused));
        let lines: Vec<_> = answer.headers().get_all(WWW_AUTHENTICATE).iter().collect();
        assert_eq!(lines, ["Bearer error=\"invalid_token\", DPoP algs=\"ES256\""]);
    }
}
