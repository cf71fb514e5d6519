//! A refresh token (RFC 6749 §1.5): which grant it speaks for, and of which generation it is.
//!
//! It is written once and never changed: whether it is live is the grant's to say.

use bailiwick_oauth::secret::Digest;
use bailiwick_oauth::{ClientId, Confirmation};
use serde::{Deserialize, Serialize};

use super::grant::GrantId;
use crate::{Kind, Record, Stored};

/// A refresh token as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    /// The digest of the token itself.
    pub digest: Digest,
    /// The client that it was issued to.
    pub client: ClientId,
    /// The grant that it speaks for.
    pub grant: GrantId,
    /// The generation that it belongs to, with its siblings.
    pub generation: u64,
    /// What its sender must prove: always for a public client that showed a key when it got it
    /// (RFC 9449 §5, RFC 8705 §4). That of a confidential one is bound by its authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Until when it can be used.
    pub expires_at: i64,
}

impl Stored for RefreshToken {
    const KIND: Kind = Kind::RefreshToken;
    fn key(&self) -> String {
        self.digest.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }
    fn into_record(self) -> Record {
        Record::RefreshToken(Box::new(self))
    }
}
