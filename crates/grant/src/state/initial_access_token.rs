//! A permission to register clients (RFC 7591 §1.2: initial access token).

use bailiwick_oauth::secret::Digest;
use serde::{Deserialize, Serialize};

use crate::{Kind, Record, Stored};

/// A permission to register so many clients until some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitialAccessToken {
    /// The digest of the token itself.
    pub digest: Digest,
    /// What the operator calls it.
    pub label: String,
    /// How many clients may still be registered with it.
    pub left: u32,
    /// Until when.
    pub expires_at: i64,
}

impl Stored for InitialAccessToken {
    const KIND: Kind = Kind::InitialAccessToken;
    fn key(&self) -> String {
        self.digest.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }
    fn into_record(self) -> Record {
        Record::InitialAccessToken(Box::new(self))
    }
}
