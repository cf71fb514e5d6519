//! The resource indicator: the absolute URI that names a protected API (RFC 8707 §2).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::uri;
pub use crate::uri::UriError as MalformedResource;

/// The longest identifier that is taken, in octets.
pub const LONGEST: usize = 512;

/// The identifier of a resource server, in canonical form.
///
/// Two values are equal exactly when they name the same resource server: comparison is of whole
/// canonical strings, never by prefix or origin.
///
/// ```
/// use bailiwick_oauth::Resource;
/// let sent = Resource::parse("HTTPS://API.example.com:443/")?;
/// assert_eq!(sent.as_str(), "https://api.example.com");
/// assert!(Resource::parse("https://api.example.com/#part").is_err());
/// # Ok::<(), bailiwick_oauth::resource::MalformedResource>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Resource(Arc<str>);

/// Where `http` identifiers are accepted; `https` always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// On this machine only: `localhost`, `127.0.0.0/8`, `[::1]`.
    #[default]
    Loopback,
    /// On any host, because the operator says so.
    Anywhere,
}

impl Resource {
    /// Parses an identifier into its canonical form; plain `http` on loopback only.
    ///
    /// # Errors
    /// What is wrong with it; nothing malformed is repaired.
    pub fn parse(text: &str) -> Result<Self, MalformedResource> {
        Self::parse_with(text, PlainHttp::Loopback)
    }

    /// Parses an identifier into its canonical form, with the operator's word on plain `http`.
    ///
    /// # Errors
    /// What is wrong with it; nothing malformed is repaired.
    pub fn parse_with(text: &str, plain_http: PlainHttp) -> Result<Self, MalformedResource> {
        let parts = uri::split(text, LONGEST)?;
        let scheme = parts.scheme.to_ascii_lowercase();
        let is_web = match scheme.as_str() {
            "https" | "http" => true,
            "api" | "urn" => false,
            _ => return Err(MalformedResource::Scheme),
        };
        let mut out = format!("{scheme}:");
        match parts.authority {
            None if is_web => return Err(MalformedResource::Host),
            None if parts.path.is_empty() => return Err(MalformedResource::Empty),
            None => {}
            Some(_) if scheme == "urn" => return Err(MalformedResource::Host),
            Some(authority) => {
                let (host, port) = uri::authority(authority)?;
                let host = host.to_ascii_lowercase();
                if scheme == "http" && plain_http == PlainHttp::Loopback && !uri::is_loopback(&host)
                {
                    return Err(MalformedResource::PlainHttp);
                }
                out.push_str("//");
                out.push_str(&host);
                if let Some(port) = port.filter(|port| Some(*port) != default_port(&scheme)) {
                    out.push(':');
                    out.push_str(&port.to_string());
                }
            }
        }
        let path = uri::normalize_encoding(parts.path);
        let path = if is_web { uri::remove_dot_segments(&path) } else { path };
        if !(is_web && path == "/") {
            out.push_str(&path);
        }
        if let Some(query) = parts.query {
            out.push('?');
            out.push_str(&uri::normalize_encoding(query));
        }
        Ok(Self(out.into()))
    }

    /// The canonical spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the identifier has a query: allowed, but seldom what an operator wants (RFC 8707 §2).
    pub fn has_query(&self) -> bool {
        self.0.contains('?')
    }

    /// The path of an `https` or `http` identifier, without a query, empty for the root; `None` for other schemes.
    pub fn web_path(&self) -> Option<&str> {
        let (origin, rest) = self.split_origin()?;
        debug_assert!(!origin.is_empty());
        Some(rest.split('?').next().unwrap_or(rest))
    }

    /// The origin of an `https` or `http` identifier; `None` for other schemes.
    pub fn origin(&self) -> Option<&str> {
        self.split_origin().map(|(origin, _)| origin)
    }

    fn split_origin(&self) -> Option<(&str, &str)> {
        let start = if self.0.starts_with("https://") {
            8
        } else if self.0.starts_with("http://") {
            7
        } else {
            return None;
        };
        let end = self.0[start..].find(['/', '?']).map_or(self.0.len(), |at| start + at);
        Some(self.0.split_at(end))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resource({})", self.0)
    }
}

impl<'de> Deserialize<'de> for Resource {
    /// Reads what was registered before, so plain `http` is not asked about again.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_with(&text, PlainHttp::Anywhere).map_err(serde::de::Error::custom)
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

#[cfg(test)]
#[path = "resource_tests.rs"]
mod tests;
