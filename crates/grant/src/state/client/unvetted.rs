//! A client that describes itself: nobody at this server looked at what it says (RFC 7591 §5).

use bailiwick_oauth::register::Metadata;
use bailiwick_oauth::secret::Digest;
use serde::{Deserialize, Serialize};

/// What a client says of itself, and how it came here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unvetted {
    /// What it says, as far as it was taken.
    pub metadata: Metadata,
    /// How it came here.
    pub by: Introduction,
}

/// How a client came here without the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Introduction {
    /// It publishes a document at the address that is its identifier; such a client is not stored.
    Document,
    /// It registered itself (RFC 7591).
    Registration(Registration),
}

/// A registration that a client made (RFC 7591 §3.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The digest of the token with which it manages the registration (RFC 7592 §3).
    pub access_token: Digest,
    /// When it registered.
    pub issued_at: i64,
    /// When it is forgotten, unless it is used before.
    pub expires_at: i64,
}

impl Unvetted {
    /// The registration, where there is one.
    pub fn registration(&self) -> Option<&Registration> {
        match &self.by {
            Introduction::Registration(registration) => Some(registration),
            Introduction::Document => None,
        }
    }
}
