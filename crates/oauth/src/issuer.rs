//! The issuer identifier of an authorization server (RFC 8414 §2).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::uri;
pub use crate::uri::UriError as MalformedIssuer;

/// An issuer: an `https` URL (or `http` on loopback) without query and fragment.
///
/// Kept and compared byte for byte as it was written (RFC 8414 §3.3, RFC 9207 §2.4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Issuer(Arc<str>);

impl Issuer {
    /// Parses an issuer identifier.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn parse(text: &str) -> Result<Self, MalformedIssuer> {
        let parts = uri::split(text, 512)?;
        let (host, _) = uri::authority(parts.authority.ok_or(MalformedIssuer::Host)?)?;
        let loopback = uri::is_loopback(&host.to_ascii_lowercase());
        match parts.scheme {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(MalformedIssuer::PlainHttp),
            _ => return Err(MalformedIssuer::Scheme),
        }
        if parts.query.is_some() {
            return Err(MalformedIssuer::Character);
        }
        Ok(Self(text.into()))
    }

    /// The identifier as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme and authority, without a slash behind.
    pub fn origin(&self) -> &str {
        let start = self.0.find("://").map_or(0, |at| at + 3);
        let end = self.0[start..].find('/').map_or(self.0.len(), |at| start + at);
        &self.0[..end]
    }

    /// The path, without a slash at its end; empty for an issuer at the root.
    pub fn path(&self) -> &str {
        self.0[self.origin().len()..].trim_end_matches('/')
    }

    /// An endpoint below the issuer: `endpoint("token")` is `https://issuer/token`.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{}/{path}", self.origin(), self.path())
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.0)
    }
}

impl<'de> Deserialize<'de> for Issuer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_kept_as_written() {
        let issuer = Issuer::parse("https://id.example.com/tenant/").unwrap();
        assert_eq!(issuer.as_str(), "https://id.example.com/tenant/");
        assert_eq!(issuer.origin(), "https://id.example.com");
        assert_eq!(issuer.path(), "/tenant");
        assert_eq!(issuer.endpoint("token"), "https://id.example.com/tenant/token");
    }

    //= https://www.rfc-editor.org/rfc/rfc8414#section-2
    //= type=test
    //# The authorization server's issuer identifier, which is
    //# a URL that uses the "https" scheme and has no query or fragment
    //# components.
    #[test]
    fn an_issuer_has_no_query_and_no_fragment() {
        for bad in ["https://a?x", "https://a#", "http://a.example", "ftp://a", "a", "https://u@a"]
        {
            assert!(Issuer::parse(bad).is_err(), "{bad}");
        }
        assert!(Issuer::parse("http://127.0.0.1:8080").is_ok());
    }
}
