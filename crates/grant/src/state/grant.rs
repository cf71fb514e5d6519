//! What was given, and the refresh tokens that speak for it (RFC 6749 §1.3, §6).

mod openid;

use std::fmt;

use bailiwick_jose::{base64url, digest};
use bailiwick_oauth::{ClientId, Grant, Resource, Subject};
use serde::{Deserialize, Serialize};

pub use openid::GrantedLogin;

use crate::{Entropy, Kind, Record, Stored};

/// The identifier of a grant; the first part of the `jti` of its access tokens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantId(String);

impl GrantId {
    /// A fresh identifier.
    pub fn draw(entropy: &mut dyn Entropy) -> Self {
        Self(crate::entropy::identifier(entropy))
    }

    /// A fresh `jti` for an access token of this grant.
    pub fn token_id(&self, entropy: &mut dyn Entropy) -> String {
        format!("{}.{}", self.0, crate::entropy::identifier(entropy))
    }

    /// A fresh `jti` for a token that was exchanged for one of this grant (RFC 8693): what it is for
    /// need not be in the grant, so the token says by which resource it came of it.
    pub fn exchanged_id(&self, by: &Origin, entropy: &mut dyn Entropy) -> String {
        format!("{}.{}", self.token_id(entropy), by.0)
    }

    /// The grant that a `jti` belongs to; `None` for a token of a client on its own behalf.
    pub fn of_token(jti: &str) -> Option<Self> {
        jti.split_once('.').map(|(grant, _)| Self(grant.to_owned()))
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// By which resource of a grant an exchanged token came of it: a short digest of its identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin of a token that was exchanged for this one, of a resource server's.
    pub fn of(jti: &str, resource: &Resource) -> Self {
        Self::of_exchanged(jti).unwrap_or_else(|| Self::tag(resource))
    }

    /// Where an exchanged token came of; `None` for one that was not exchanged.
    fn of_exchanged(jti: &str) -> Option<Self> {
        jti.split('.').nth(2).map(|tag| Self(tag.to_owned()))
    }

    fn tag(resource: &Resource) -> Self {
        Self(base64url::encode(&digest::sha256(resource.as_str().as_bytes())[..9]))
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A grant as it is remembered: all tokens that came of one answer of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// The identifier.
    pub id: GrantId,
    /// The client that it was given to.
    pub client: ClientId,
    /// The user who gave it.
    pub subject: Subject,
    /// What was given.
    pub grant: Grant,
    /// When the user signed in.
    pub auth_time: i64,
    /// What else ID tokens and userinfo say.
    #[serde(default)]
    pub openid: GrantedLogin,
    /// Whether it still holds.
    pub status: Status,
    /// Where the rotation of its refresh tokens stands.
    pub rotation: Rotation,
    /// When it was given.
    pub given_at: i64,
    /// From when on nothing of it is valid any more.
    pub expires_at: i64,
    /// Until when it is listed among those of its user.
    #[serde(default)]
    pub listed_until: i64,
}

/// Whether a grant still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It holds.
    Live,
    /// It was revoked: none of its tokens is valid.
    Revoked,
}

/// Where the rotation of a grant's refresh tokens stands (rules §6.4).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rotation {
    /// The generation whose refresh tokens are live.
    pub generation: u64,
    /// When the generation before it was retired; its one replay window begins here.
    pub rotated_at: i64,
    /// The thumbprint of the key whose proof retired it, if one came with it: siblings have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
}

impl GrantRecord {
    /// The grant after it was revoked as a whole.
    pub fn revoke(self) -> Self {
        Self { status: Status::Revoked, ..self }
    }

    /// The grant without one of its resources: tokens for it are no longer valid.
    pub fn without(mut self, resource: &Resource) -> Self {
        self.grant.resources.remove(resource);
        self.grant.details.remove(resource);
        self
    }

    /// Whether it still holds what a token of it is for; of an exchanged one, what that came of.
    pub fn covers(&self, jti: &str, resource: &Resource) -> bool {
        match Origin::of_exchanged(jti) {
            None => self.grant.resources.contains_key(resource),
            Some(origin) => self.grant.resources.keys().any(|one| Origin::tag(one) == origin),
        }
    }

    /// The same grant, revoked if nothing is left in it.
    pub fn or_nothing(self) -> Self {
        if self.grant.is_empty() { self.revoke() } else { self }
    }

    /// Whether it holds at this time.
    pub fn is_live(&self, now: i64) -> bool {
        self.status == Status::Live && now < self.expires_at
    }
}

impl Stored for GrantRecord {
    const KIND: Kind = Kind::Grant;
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }
    fn into_record(self) -> Record {
        Record::Grant(Box::new(self))
    }
}
