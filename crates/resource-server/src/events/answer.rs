//! What the sender of a security event token is told (RFC 8935 §2.2–§2.4).

use bailiwick_fetch::FetchError;
use bailiwick_oauth::Issuer;
use bailiwick_oauth::event::{DeliveryError, DeliveryFailure};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use crate::denied::DenyListFull;

/// Why a security event token is not taken.
pub(super) enum Untaken {
    /// It is refused, and will be each time.
    Refused(DeliveryFailure),
    /// The request says that it carries something else.
    ContentType,
    /// The request is too long.
    TooLong,
    /// The issuer's keys cannot be had just now.
    NoKeys(FetchError),
    /// The deny list is full.
    NoRoom(DenyListFull),
}

pub(super) fn refused(err: DeliveryError, why: impl Into<String>) -> Untaken {
    Untaken::Refused(DeliveryFailure { err, description: why.into() })
}

/// It is taken, and what it takes back is denied (RFC 8935 §2.2).
pub(super) fn taken() -> Response<Bytes> {
    status(StatusCode::ACCEPTED)
}

impl Untaken {
    /// Tells the operator; never what stands in the token.
    pub(super) fn log(&self, issuer: &Issuer) {
        match self {
            Self::Refused(failure) => {
                let (err, why) = (failure.err.as_str(), &failure.description);
                tracing::warn!(%issuer, err, %why, "security event refused");
            }
            Self::ContentType | Self::TooLong => {
                tracing::warn!(%issuer, "what was sent is no security event");
            }
            Self::NoKeys(error) => {
                tracing::warn!(%issuer, %error, "no security event is taken without keys");
            }
            Self::NoRoom(error) => {
                tracing::error!(%issuer, %error, "a revocation is not in force");
            }
        }
    }

    pub(super) fn response(&self) -> Response<Bytes> {
        match self {
            Self::Refused(failure) => refusal(failure),
            Self::ContentType => status(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::TooLong => status(StatusCode::PAYLOAD_TOO_LARGE),
            Self::NoKeys(_) => later(HeaderValue::from_static("5")),
            Self::NoRoom(_) => later(HeaderValue::from_static("60")),
        }
    }
}

/// RFC 8935 §2.3.
fn refusal(failure: &DeliveryFailure) -> Response<Bytes> {
    let mut response = status(StatusCode::BAD_REQUEST);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // INVARIANT: two texts are always JSON.
    *response.body_mut() = serde_json::to_vec(failure).unwrap_or_default().into();
    response
}

/// It shall be sent again, after so many seconds.
fn later(seconds: HeaderValue) -> Response<Bytes> {
    let mut response = status(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(RETRY_AFTER, seconds);
    response
}

fn status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
