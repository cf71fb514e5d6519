//! Security events that an issuer posts: the body, and the library's answer (RFC 8935 §2).

use std::time::{Duration, SystemTime};

use bailiwick_resource_server::EventReceiver;
use bytes::Bytes;
use http::header::{ALLOW, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

/// Takes one event.
pub(crate) async fn receive(
    receiver: &EventReceiver,
    request: Request<Incoming>,
) -> Response<Bytes> {
    if request.method() != Method::POST {
        let mut answer = bare(StatusCode::METHOD_NOT_ALLOWED);
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return answer;
    }
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, EventReceiver::LONGEST).collect();
    match timeout(LONGEST_BODY, body).await {
        Ok(Ok(body)) => receiver.receive(&parts.headers, body.to_bytes(), now()).await,
        Ok(Err(error)) if error.is::<LengthLimitError>() => bare(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => bare(StatusCode::BAD_REQUEST),
        Err(_) => bare(StatusCode::REQUEST_TIMEOUT),
    }
}

fn bare(status: StatusCode) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    answer
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

const LONGEST_BODY: Duration = Duration::from_secs(10);
