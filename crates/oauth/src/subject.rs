//! The subject: whom a token speaks of (RFC 7519 §4.1.2, OpenID Connect Core §2).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::ClientId;

/// A subject identifier: 1 to 255 ASCII characters (OpenID Connect Core §2).
///
/// Spaces may stand inside, as in the subjects of GitHub Actions, but not at the ends.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Subject(Arc<str>);

/// What makes a text no subject identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subject is 1 to 255 printable ASCII characters without spaces at its ends")]
pub struct MalformedSubject;

impl Subject {
    /// Parses a subject identifier.
    ///
    /// # Errors
    /// When it is empty, longer than 255 octets, not printable ASCII, or has a space at either end.
    pub fn parse(text: &str) -> Result<Self, MalformedSubject> {
        let well_formed = (1..=255).contains(&text.len())
            && text.bytes().all(|c| matches!(c, b' '..=b'~'))
            && !text.starts_with(' ')
            && !text.ends_with(' ');
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_stand_inside_only() {
        let longest = "a".repeat(255);
        for good in ["alice", "repo:o/r:environment:Production env", "a  b", "!", &longest] {
            assert_eq!(Subject::parse(good).unwrap().as_str(), good);
        }
        let too_long = "a".repeat(256);
        for bad in ["", " ", " a", "a ", "a\tb", "a\nb", "a\0b", "\u{7f}", "é", &too_long] {
            assert_eq!(Subject::parse(bad), Err(MalformedSubject), "{bad:?}");
        }
    }
}
