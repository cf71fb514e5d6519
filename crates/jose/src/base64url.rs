//! base64url without padding (RFC 7515 §2, RFC 4648 §5): one spelling for each value.

use base64::Engine;

use engine::ENGINE;

/// Encodes `bytes` without padding (RFC 7515 §2).
pub fn encode(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

/// Decodes the one canonical spelling of some bytes (RFC 7515 §2).
///
/// # Errors
///
/// Padding, line breaks, white space, the standard alphabet's `+` and `/`, and trailing bits that
/// are not zero are refused, so that a value has no second spelling.
pub fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
    ENGINE.decode(text).map_err(|_| Malformed)
}

/// The text is not canonical base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not canonical base64url without padding")]
pub struct Malformed;

/// The library's reader and writer with the widest instructions of the machine.
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
mod engine {
    use std::sync::LazyLock;

    use base64::engine::{Simd, general_purpose::NO_PAD};

    pub(super) static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));
}

/// The library's reader and writer for every machine.
#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))))]
mod engine {
    pub(super) use base64::engine::general_purpose::URL_SAFE_NO_PAD as ENGINE;
}
