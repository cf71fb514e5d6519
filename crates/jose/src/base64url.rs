//! base64url without padding (RFC 7515 §2, RFC 4648 §5): one spelling for each value.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Encodes `bytes` without padding (RFC 7515 §2).
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes the one canonical spelling of some bytes (RFC 7515 §2).
///
/// # Errors
///
/// Padding, line breaks, white space, the standard alphabet's `+` and `/`, and trailing bits that
/// are not zero are refused, so that a value has no second spelling.
pub fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Malformed)
}

/// The text is not canonical base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not canonical base64url without padding")]
pub struct Malformed;
