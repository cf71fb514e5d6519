//! An address that a client's metadata names, to be fetched from (RFC 7591 §2 `jwks_uri`, OpenID
//! Connect Registration §2 `request_uris`).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::uri;
pub use crate::uri::UriError as MalformedUrl;

/// The longest address that is taken, in octets (OpenID Connect Core §6.2).
pub const LONGEST: usize = 512;

/// An `https` URL, or `http` on loopback, without userinfo; kept as it was written.
///
/// Its fragment never goes out, so it does not count: it is taken off.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct WebUrl(Arc<str>);

impl WebUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn parse(text: &str) -> Result<Self, MalformedUrl> {
        if text.len() > LONGEST {
            return Err(MalformedUrl::TooLong(LONGEST));
        }
        let text = text.split_once('#').map_or(text, |(before, _)| before);
        let parts = uri::split(text, LONGEST)?;
        let (host, _) = uri::authority(parts.authority.ok_or(MalformedUrl::Host)?)?;
        match parts.scheme {
            "https" => Ok(Self(text.into())),
            "http" if uri::is_loopback(&host.to_ascii_lowercase()) => Ok(Self(text.into())),
            "http" => Err(MalformedUrl::PlainHttp),
            _ => Err(MalformedUrl::Scheme),
        }
    }

    /// The host in lower case, brackets kept.
    pub fn host(&self) -> String {
        uri::host(&self.0).unwrap_or_default()
    }

    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebUrl({})", self.0)
    }
}

impl<'de> Deserialize<'de> for WebUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_taken() {
        let verdict = |text: &str| WebUrl::parse(text).map(|url| url.as_str().to_owned());
        let taken = ["https://a.example/jwks?v=1", "http://127.0.0.1:80/k", "http://[::1]/k"];
        for text in taken {
            assert_eq!(verdict(text).as_deref(), Ok(text));
        }
        assert_eq!(verdict("https://a.example/r#x").as_deref(), Ok("https://a.example/r"));
        let long = format!("https://a.example/{}", "x".repeat(LONGEST));
        let refused =
            ["http://a.example/k", "ftp://a.example", "javascript:x", "https://u@a", "/k", &long];
        for text in refused {
            assert!(verdict(text).is_err(), "{text}");
        }
    }
}
