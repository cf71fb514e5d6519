//! Secrets on their way: codes, tokens, client secrets, never printed (RFC 6749 §10.3).

use std::fmt;

use bailiwick_jose::digest;
use serde::{Deserialize, Serialize};

/// A text that must not be seen: a code, a token, a secret.
///
/// Prints as `[redacted]` and compares in constant time.
pub struct Secret(String);

impl Secret {
    /// Takes the text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Shows the text, where it must be sent or checked.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The digest under which it is stored and found again.
    pub fn digest(&self) -> Digest {
        Digest(bailiwick_jose::base64url::encode(&digest::sha256(self.0.as_bytes())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The SHA-256 digest of a secret of at least 128 bits, base64url: what is stored in its place.
///
/// Not for passwords: what a person makes up is found by guessing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Reads a digest that was written by [`Digest::as_str`].
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The digest in base64url.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the secret has this digest, in constant time.
    pub fn matches(&self, secret: &Secret) -> bool {
        digest::equal(self.0.as_bytes(), secret.digest().0.as_bytes())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
