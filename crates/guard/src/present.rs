//! The token that a request presents: one bearer token, in the header alone (RFC 6750 §2.1).

use std::fmt;

use bailiwick_oauth::form;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::refusal::{Reason, Refusal};

/// A bearer token that was presented; nothing about it has been checked but its characters.
pub struct Presented(Box<str>);

impl Presented {
    /// Takes the token of a request (RFC 6750 §2.1).
    ///
    /// A token in the query is refused even beside a header (RFC 6750 §2, §2.3). Bodies are not
    /// looked at: a token in a form is no credential here.
    ///
    /// # Errors
    /// [`Reason::NoCredentials`] without credentials, [`Reason::SchemeUnsupported`] for those of
    /// another scheme, and a malformed request's reason for two of them or anything unclear.
    pub fn from_request(headers: &HeaderMap, query: Option<&str>) -> Result<Self, Refusal> {
        let in_query = query.is_some_and(names_access_token);
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) if in_query => Err(Refusal::new(
                Reason::QueryToken,
                "a token in the query is not accepted; send it as 'Authorization: Bearer'",
            )),
            (None, _) => Err(Refusal::new(Reason::NoCredentials, "no access token was sent")),
            (Some(_), None) if in_query => Err(Refusal::new(
                Reason::SeveralCredentials,
                "a token is sent in the header and another in the query; send one, in the header",
            )),
            (Some(_), Some(_)) => Err(Refusal::new(
                Reason::SeveralCredentials,
                "more than one Authorization header; send one",
            )),
            (Some(one), None) => Self::from_value(one),
        }
    }

    /// Takes the token of a request whose query cannot hold one; see [`Presented::from_request`].
    ///
    /// # Errors
    /// As there.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, Refusal> {
        Self::from_request(headers, None)
    }

    /// Takes a token that is at hand without its header.
    ///
    /// # Errors
    /// [`Reason::CredentialsMalformed`], for what is no `b64token` (RFC 6750 §2.1).
    pub fn from_token(token: &str) -> Result<Self, Refusal> {
        if is_b64token(token.as_bytes()) {
            return Ok(Self(token.into()));
        }
        Err(Refusal::new(
            Reason::CredentialsMalformed,
            "the token holds characters that no token has; send 'Authorization: Bearer <token>'",
        ))
    }

    fn from_value(value: &HeaderValue) -> Result<Self, Refusal> {
        let malformed = |why| Err(Refusal::new(Reason::CredentialsMalformed, why));
        let Ok(value) = value.to_str() else {
            return malformed("the Authorization header is not ASCII");
        };
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if !is_scheme(scheme) {
            return malformed("the Authorization header has no scheme");
        }
        if scheme.eq_ignore_ascii_case("DPoP") {
            return Err(Refusal::new(
                Reason::SchemeUnsupported,
                "DPoP is not accepted here; send a bearer token",
            ));
        }
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(Refusal::new(
                Reason::SchemeUnsupported,
                "only the scheme Bearer is accepted",
            ));
        }
        Self::from_token(token.trim_start_matches(' '))
    }

    /// The token itself: a secret, not to be logged.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presented([redacted])")
    }
}

/// Whether a query has the parameter `access_token`, however it is encoded (RFC 6750 §2.3).
fn names_access_token(query: &str) -> bool {
    query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or(pair);
        form::decode(name).is_ok_and(|name| name == "access_token")
    })
}

/// `b64token` (RFC 6750 §2.1).
fn is_b64token(token: &[u8]) -> bool {
    let unpadded = token.iter().rposition(|c| *c != b'=').map_or(0, |last| last + 1);
    unpadded > 0
        && token[..unpadded].iter().all(|c| {
            c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
        })
}

/// `auth-scheme`, a `token` (RFC 9110 §5.6.2).
fn is_scheme(scheme: &str) -> bool {
    !scheme.is_empty()
        && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c))
}
