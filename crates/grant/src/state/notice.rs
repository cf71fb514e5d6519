//! A revocation that an API is still to be told of (RFC 8935), written in the commit that revokes.

use std::fmt;

use bailiwick_jose::{base64url, digest};
use bailiwick_oauth::{ClientId, Resource, Subject};
use serde::{Deserialize, Serialize};

use super::grant::GrantId;
use crate::{Kind, Record, Stored};

/// Where an API takes revocations.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    /// The URL that they are posted to.
    pub url: String,
    /// The secret that is shown there; it is sent, so it cannot be kept as a digest.
    pub authorization: Option<String>,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A revocation that one API is still to be told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The identifier of the token that tells it; the same revocation always has the same.
    pub id: String,
    /// The API.
    pub resource: Resource,
    /// What was revoked.
    pub revoked: Revoked,
    /// When it was revoked.
    pub at: i64,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is to be sent, or sent again.
    pub due_at: i64,
    /// From when on nobody holds a token that it is about.
    pub expires_at: i64,
}

/// What was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revoked {
    /// One access token, by its `jti`.
    Token(String),
    /// All access tokens of a grant.
    Grant(GrantId),
    /// All access tokens of a client.
    Client(ClientId),
    /// All access tokens of a user whose account was disabled.
    Account(Subject),
}

impl Notice {
    /// How long it is tried at least, in seconds, however short-lived the tokens are.
    const TRIED: i64 = 24 * 3600;

    /// A notice to be sent at once; `lifetime` is how long the API's tokens live.
    pub fn new(resource: Resource, revoked: Revoked, lifetime: i64, at: i64) -> Self {
        let (what, name, moment) = match &revoked {
            Revoked::Token(jti) => ("token", jti.as_str(), 0),
            Revoked::Grant(id) => ("grant", id.as_str(), 0),
            // Clients and users go on: they may be revoked again.
            Revoked::Client(id) => ("client", id.as_str(), at),
            Revoked::Account(subject) => ("account", subject.as_str(), at),
        };
        let text = format!("{what}\n{name}\n{moment}\n{resource}");
        Self {
            id: base64url::encode(&digest::sha256(text.as_bytes())[..16]),
            resource,
            revoked,
            at,
            attempts: 0,
            due_at: at,
            expires_at: at + lifetime.max(Self::TRIED),
        }
    }

    /// The notice once more, after one attempt that begins now: whoever writes this makes it.
    pub fn attempt(self, now: i64) -> Self {
        let pause = Self::FIRST_PAUSE << self.attempts.min(6);
        Self { attempts: self.attempts + 1, due_at: now + pause, ..self }
    }

    /// The pause after the first attempt, in seconds; each one after it is twice as long, up to some
    /// ten minutes. Longer than an attempt may take.
    const FIRST_PAUSE: i64 = 10;
}

impl Stored for Notice {
    const KIND: Kind = Kind::Notice;
    fn key(&self) -> String {
        self.id.clone()
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }
    fn into_record(self) -> Record {
        Record::Notice(Box::new(self))
    }
}
