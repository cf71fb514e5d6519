//! The URL of another server.

use super::read::{FromText, Reader, Wrong};

/// An `https` URL, or an `http` one on this machine.
#[derive(Debug, Clone)]
pub(super) struct Url(pub(super) String);

impl FromText for Url {
    const KIND: &'static str = "an `https` URL";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        let wrong = |why: &str| {
            let help = "write for example \"https://api.example.com/path\"; \
                        http is for this machine only";
            Wrong::new(format!("malformed URL: {why}"), help)
        };
        let url: http::Uri = text.parse().map_err(|_| wrong("it cannot be read"))?;
        let authority = url.authority().ok_or_else(|| wrong("it has no host"))?;
        if text.contains('#') || authority.as_str().contains('@') {
            return Err(wrong("it has a fragment or credentials"));
        }
        let is_here = matches!(authority.host(), "127.0.0.1" | "[::1]" | "localhost");
        match url.scheme_str() {
            Some("https") => Ok(Self(text.to_owned())),
            Some("http") if is_here => Ok(Self(text.to_owned())),
            _ => Err(wrong("it is not https")),
        }
    }
}
