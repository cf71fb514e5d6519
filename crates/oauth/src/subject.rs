//! The subject: whom a token speaks of (RFC 7519 §4.1.2, OpenID Connect Core §2).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::ClientId;

/// A subject identifier: 1 to 255 ASCII characters (OpenID Connect Core §2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Subject(Arc<str>);

/// What makes a text no subject identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subject is 1 to 255 printable ASCII characters")]
pub struct MalformedSubject;

impl Subject {
    /// Parses a subject identifier.
    ///
    /// # Errors
    /// When it is empty, longer than 255 octets, or not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, MalformedSubject> {
        let well_formed =
            !text.is_empty() && text.len() <= 255 && text.bytes().all(|c| c.is_ascii_graphic());
        if well_formed { Ok(Self(text.into())) } else { Err(MalformedSubject) }
    }

    /// The subject of a token that a client holds on its own behalf (RFC 9068 §2.2).
    pub fn of_client(client: &ClientId) -> Self {
        Self(client.as_str().into())
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({})", self.0)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
