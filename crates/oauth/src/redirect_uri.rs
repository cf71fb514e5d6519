//! The redirection endpoint (RFC 6749 §3.1.2, RFC 8252 §7).

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize};

use crate::uri;
pub use crate::uri::UriError as MalformedRedirectUri;

/// The longest redirect URI that is taken, in octets.
pub const LONGEST: usize = 2048;

/// Characters that need no encoding in a form-encoded query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An absolute URI without fragment, kept byte for byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// What a redirect URI says about who answers there (RFC 8252 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `https`: whoever holds the domain.
    Web,
    /// `http` on this machine: any program that runs here (RFC 8252 §7.3).
    Loopback,
    /// A private-use scheme: any app that registered it (RFC 8252 §7.1).
    PrivateUse,
}

impl RedirectUri {
    /// Parses a redirect URI: `https`, `http` on loopback, or a private-use scheme with a dot in it.
    ///
    /// # Errors
    /// When it is relative, has a fragment, or has a scheme that can run script or open files.
    pub fn parse(text: &str) -> Result<Self, MalformedRedirectUri> {
        let parts = uri::split(text, LONGEST)?;
        match parts.scheme.to_ascii_lowercase().as_str() {
            web @ ("https" | "http") => {
                let (host, _) = uri::authority(parts.authority.ok_or(MalformedRedirectUri::Host)?)?;
                if web == "http" && !uri::is_loopback(&host.to_ascii_lowercase()) {
                    return Err(MalformedRedirectUri::PlainHttp);
                }
            }
            // RFC 8252 §7.1: a reverse domain name; excludes javascript, data, file and their kin.
            private if private.contains('.') => {}
            _ => return Err(MalformedRedirectUri::Scheme),
        }
        Ok(Self(text.to_owned()))
    }

    /// The URI as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its host in lower case, where it has one.
    pub fn host(&self) -> Option<String> {
        uri::host(&self.0).filter(|_| self.kind() != Kind::PrivateUse)
    }

    /// Who answers there.
    pub fn kind(&self) -> Kind {
        let scheme = self.0.split(':').next().unwrap_or_default();
        if scheme.eq_ignore_ascii_case("http") {
            Kind::Loopback
        } else if scheme.eq_ignore_ascii_case("https") {
            Kind::Web
        } else {
            Kind::PrivateUse
        }
    }

    /// The URI with its port taken out, for loopback URIs: what stays equal when a native app
    /// listens on another port (RFC 8252 §7.3). `None` for every other kind.
    pub fn without_loopback_port(&self) -> Option<String> {
        if self.kind() != Kind::Loopback {
            return None;
        }
        let start = "http://".len();
        let end = self.0[start..].find(['/', '?']).map_or(self.0.len(), |at| start + at);
        let authority = &self.0[start..end];
        let host = match authority.rfind(']') {
            Some(bracket) => &authority[..=bracket],
            None => authority.split(':').next().unwrap_or(authority),
        };
        Some(format!("http://{host}{}", &self.0[end..]))
    }

    /// The URI with parameters added to its query (RFC 6749 §4.1.2).
    pub fn with_query(&self, parameters: &[(&str, &str)]) -> String {
        self.with(if self.0.contains('?') { '&' } else { '?' }, parameters)
    }

    /// The URI with parameters as its fragment (OAuth 2.0 Multiple Response Types §2.1).
    pub fn with_fragment(&self, parameters: &[(&str, &str)]) -> String {
        self.with('#', parameters)
    }

    fn with(&self, mut separator: char, parameters: &[(&str, &str)]) -> String {
        let mut out = self.0.clone();
        for (name, value) in parameters {
            out.push(separator);
            out.extend(utf8_percent_encode(name, PLAIN));
            out.push('=');
            out.extend(utf8_percent_encode(value, PLAIN));
            separator = '&';
        }
        out
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedirectUri({})", self.0)
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_schemes_are_refused() {
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "blob:https://a",
            "/callback",
            "http://app.example/cb",
            "https://user@app.example/cb",
            "https://app.example/cb#x",
            "https://app.example/cb#",
            "https:///cb",
            "https://app.example/c b",
        ] {
            assert!(RedirectUri::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(RedirectUri::parse("com.example.app:/cb").unwrap().kind(), Kind::PrivateUse);
        assert_eq!(RedirectUri::parse("https://a/cb").unwrap().kind(), Kind::Web);
    }

    #[test]
    fn the_loopback_port_is_taken_out() {
        let cases = [
            ("http://127.0.0.1:5000/cb?x=1", Some("http://127.0.0.1/cb?x=1")),
            ("http://[::1]:5000/cb", Some("http://[::1]/cb")),
            ("http://localhost", Some("http://localhost")),
            ("https://a:444/cb", None),
        ];
        for (input, expected) in cases {
            let out = RedirectUri::parse(input).unwrap().without_loopback_port();
            assert_eq!(out.as_deref(), expected);
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2
    //= type=test
    //# which MUST be retained when adding additional query parameters.
    #[test]
    fn a_query_is_retained() {
        let uri = RedirectUri::parse("https://a/cb?x=1").unwrap();
        assert_eq!(uri.with_query(&[("code", "a b&c")]), "https://a/cb?x=1&code=a%20b%26c");
        let fragment = uri.with_fragment(&[("code", "a#b"), ("state", "s")]);
        assert_eq!(fragment, "https://a/cb?x=1#code=a%23b&state=s");
    }
}
