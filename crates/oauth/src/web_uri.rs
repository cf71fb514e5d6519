//! A place on the web that a client registered: a document that is fetched, an address that is told
//! (OpenID Connect Dynamic Client Registration §2).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::uri;
pub use crate::uri::UriError as MalformedWebUri;

/// The longest one that is taken, in octets.
pub const LONGEST: usize = 2048;

/// An `https` URL, or `http` on loopback, without a fragment; kept byte for byte.
///
/// Whether its host may be asked at all is for whoever asks it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct WebUri(String);

impl WebUri {
    /// Parses a URL.
    ///
    /// # Errors
    /// When it is relative, has a fragment or userinfo, or another scheme.
    pub fn parse(text: &str) -> Result<Self, MalformedWebUri> {
        let parts = uri::split(text, LONGEST)?;
        let (host, _) = uri::authority(parts.authority.ok_or(MalformedWebUri::Host)?)?;
        match parts.scheme.to_ascii_lowercase().as_str() {
            "https" => {}
            "http" if uri::is_loopback(&host.to_ascii_lowercase()) => {}
            "http" => return Err(MalformedWebUri::PlainHttp),
            _ => return Err(MalformedWebUri::Scheme),
        }
        Ok(Self(text.to_owned()))
    }

    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host in lower case, brackets kept.
    pub fn host(&self) -> String {
        uri::host(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for WebUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WebUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebUri({})", self.0)
    }
}

impl<'de> Deserialize<'de> for WebUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_is_taken() {
        for (good, host) in [
            ("https://Shop.example:8443/logout?x=1", "shop.example"),
            ("http://127.0.0.1:5000/logout", "127.0.0.1"),
            ("https://[2001:db8::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(WebUri::parse(good).unwrap().host(), host);
        }
        for bad in [
            "",
            "/logout",
            "http://shop.example/logout",
            "https://user@shop.example/",
            "https://shop.example/#x",
            "javascript:alert(1)",
            "com.example.app:/x",
            "file:///etc/passwd",
        ] {
            assert!(WebUri::parse(bad).is_err(), "{bad}");
        }
    }
}
