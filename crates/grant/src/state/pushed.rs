//! An authorization request that a client pushed (RFC 9126 §2.2).

use bailiwick_oauth::secret::Digest;
use bailiwick_oauth::{ClientId, Form};
use serde::{Deserialize, Serialize};

use crate::rule::way::Signature;
use crate::{Kind, Record, Stored};

/// A pushed request that waits for its browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedRequest {
    /// The digest of the random part of its `request_uri`.
    pub digest: Digest,
    /// The client that pushed it; nobody else may use it.
    pub client: ClientId,
    /// Its parameters: those of the request object, where there was one.
    pub form: Form,
    /// Whether they came in a signed request object.
    pub signature: Signature,
    /// Whether the authorization endpoint has taken it up.
    pub taken: Taken,
    /// From when on it cannot be taken up any more.
    pub expires_at: i64,
}

/// Whether a pushed request was taken up: it is good once (RFC 9126 §7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Taken {
    /// It still waits.
    No,
    /// It was.
    Yes,
}

impl PushedRequest {
    /// The request after it was taken up.
    pub fn take(self) -> Self {
        Self { taken: Taken::Yes, ..self }
    }
}

impl Stored for PushedRequest {
    const KIND: Kind = Kind::PushedRequest;
    fn key(&self) -> String {
        self.digest.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }
    fn into_record(self) -> Record {
        Record::PushedRequest(Box::new(self))
    }
}
