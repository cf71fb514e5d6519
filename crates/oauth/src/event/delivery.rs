//! The answer to a security event token that was not taken (RFC 8935 §2.3, §2.4).

use serde::{Deserialize, Serialize};

/// Why a security event token was not taken (RFC 8935 §2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryError {
    /// It is no security event token, or an event in it is malformed.
    InvalidRequest,
    /// A key that it was signed or encrypted with is unknown or not accepted.
    InvalidKey,
    /// Its issuer is not one whose events are taken here.
    InvalidIssuer,
    /// It is meant for somebody else.
    InvalidAudience,
    /// Its transmitter did not authenticate.
    AuthenticationFailed,
    /// Its transmitter may not send it here.
    AccessDenied,
}

impl DeliveryError {
    /// The code as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidKey => "invalid_key",
            Self::InvalidIssuer => "invalid_issuer",
            Self::InvalidAudience => "invalid_audience",
            Self::AuthenticationFailed => "authentication_failed",
            Self::AccessDenied => "access_denied",
        }
    }
}

/// The body of the answer, which goes with status 400 (RFC 8935 §2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryFailure {
    /// The code.
    pub err: DeliveryError,
    /// What to do about it, for a developer.
    pub description: String,
}
