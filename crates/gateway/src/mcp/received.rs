//! The body of a request, received whole before the request is let in (RFC 9110 §8.6, §15.5.14).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

use crate::answer::Fault;

/// Receives a body of at most so many octets. Trailers stay behind.
///
/// # Errors
/// 413 for one that is longer, as soon as that is known; 408 for one that takes too long.
pub(crate) async fn receive(body: Incoming, limit: usize) -> Result<Bytes, Fault> {
    match timeout(LONGEST, received(body, limit)).await {
        Ok(received) => received,
        Err(_) => Err(Fault::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "the request's body took too long",
        )),
    }
}

async fn received(mut body: Incoming, limit: usize) -> Result<Bytes, Fault> {
    let too_large = || {
        Fault::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "message_too_large",
            format!("messages here have at most {limit} octets"),
        )
    };
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if expected > limit {
        return Err(too_large());
    }
    // Copied together: a frame of one octet would keep the whole buffer that it came in.
    let mut whole = BytesMut::with_capacity(expected);
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|_| Fault::bad_request("invalid_request", "the request's body ended early"))?;
        let Some(part) = frame.data_ref() else { continue };
        if part.len() > limit - whole.len() {
            return Err(too_large());
        }
        whole.extend_from_slice(part);
    }
    Ok(whole.freeze())
}

/// Long enough for the longest message that is usual, over the slowest line that is.
const LONGEST: Duration = Duration::from_secs(30);
