//! Access tokens that must be remembered: opaque ones, and JWTs revoked before their time.

use bailiwick_oauth::Resource;
use bailiwick_oauth::access_token::Claims;
use bailiwick_oauth::secret::Digest;
use serde::{Deserialize, Serialize};

use crate::{Kind, Record, Stored};

/// An access token that the issuer itself cannot read, be it random or encrypted for its resource
/// server: what introspection says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpaqueToken {
    /// The digest of the token itself.
    pub digest: Digest,
    /// The resource that it is for.
    pub resource: Resource,
    /// What it says.
    pub claims: Claims,
}

/// A JWT access token that was revoked before it expired (RFC 7009).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedToken {
    /// Its `jti`.
    pub jti: String,
    /// When it would have expired.
    pub expires_at: i64,
}

impl Stored for OpaqueToken {
    const KIND: Kind = Kind::OpaqueToken;
    fn key(&self) -> String {
        self.digest.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.claims.exp)
    }
    fn into_record(self) -> Record {
        Record::OpaqueToken(Box::new(self))
    }
}

impl Stored for RevokedToken {
    const KIND: Kind = Kind::RevokedToken;
    fn key(&self) -> String {
        self.jti.clone()
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }
    fn into_record(self) -> Record {
        Record::RevokedToken(Box::new(self))
    }
}
