//! The client identifier (RFC 6749 §2.2).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// The longest identifier that is taken, in octets.
pub const LONGEST: usize = 512;

/// A client's identifier: printable ASCII without spaces at its ends (RFC 6749 Appendix A.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientId(Arc<str>);

/// What makes a text no client identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a client identifier is 1 to {LONGEST} printable ASCII characters without spaces")]
pub struct MalformedClientId;

impl ClientId {
    /// Parses a client identifier.
    ///
    /// # Errors
    /// When it is empty, too long, or holds a space or anything that is not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, MalformedClientId> {
        let well_formed =
            !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|c| c.is_ascii_graphic());
        if well_formed { Ok(Self(text.into())) } else { Err(MalformedClientId) }
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientId({})", self.0)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
