//! Calls from web pages of other origins (Fetch Standard, "CORS protocol").
//!
//! The gateway never takes cookies for credentials, so a page can do no more than whoever holds the
//! token that it sends: which headers it sends makes no difference, and all of them are allowed.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, HeaderValue,
    ORIGIN, VARY,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::config::Cors;

/// The method that a preflight asks about; `None` for any other request. One with credentials is
/// none: browsers send none.
pub(crate) fn preflight_for<B>(request: &Request<B>) -> Option<Method> {
    let headers = request.headers();
    if request.method() != Method::OPTIONS
        || !headers.contains_key(ORIGIN)
        || headers.contains_key(AUTHORIZATION)
    {
        return None;
    }
    let mut methods = headers.get_all(ACCESS_CONTROL_REQUEST_METHOD).iter();
    let method = methods.next().filter(|_| methods.next().is_none())?;
    Method::from_bytes(method.as_bytes()).ok()
}

impl Cors {
    /// The answer to a preflight, still to be [opened](Self::open); one from another origin is told
    /// of nothing that is allowed.
    pub(crate) fn preflight(&self, asked: &HeaderMap, method: &Method) -> Response<Bytes> {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        headers.insert(VARY, VARIES);
        if asked.get(ORIGIN).and_then(|origin| self.allowed(origin)).is_none() {
            return answer;
        }
        if let Ok(method) = HeaderValue::from_str(method.as_str()) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method);
        }
        for wanted in asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.append(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, TEN_MINUTES);
        answer
    }

    /// Lets pages of allowed origins read an answer, whoever gave it.
    pub(crate) fn open(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        answer.remove(ACCESS_CONTROL_ALLOW_ORIGIN);
        answer.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
        answer.append(VARY, HeaderValue::from_name(ORIGIN));
        if let Some(origin) = origin.and_then(|origin| self.allowed(origin)) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            // Beside what the answer exposes itself.
            answer.append(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    /// What an origin is answered when it is allowed.
    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        match self {
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::Origins(listed) => {
                listed.iter().any(|one| one.as_bytes() == origin.as_bytes()).then(|| origin.clone())
            }
        }
    }
}

const VARIES: HeaderValue =
    HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers");
const TEN_MINUTES: HeaderValue = HeaderValue::from_static("600");

/// What clients need to read: challenges, nonces, and the session of the Model Context Protocol.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("WWW-Authenticate, DPoP-Nonce, Mcp-Session-Id");
