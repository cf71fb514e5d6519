//! The token that a request presents: one, in the header alone (RFC 6750 §2.1, RFC 9449 §7.1).

use std::fmt;
use std::sync::OnceLock;

use bailiwick_jose::digest;
use bailiwick_oauth::form;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::refusal::{Reason, Refusal};

/// How a token was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// By whoever has it (RFC 6750 §2.1).
    Bearer,
    /// With a proof of the key that it is bound to (RFC 9449 §7.1).
    Dpop,
}

/// A token that was presented, where it stands in the request; nothing about it has been checked
/// but its characters.
pub struct Presented<'t> {
    scheme: Scheme,
    token: &'t str,
    /// How many dots are in it.
    dots: usize,
    digest: OnceLock<[u8; 32]>,
}

impl<'t> Presented<'t> {
    /// Takes the token of a request (RFC 6750 §2.1).
    ///
    /// A token in the query is refused even beside a header (RFC 6750 §2, §2.3). Bodies are not
    /// looked at: a token in a form is no credential here.
    ///
    /// # Errors
    /// [`Reason::NoCredentials`] without credentials, [`Reason::SchemeUnsupported`] for those of
    /// another scheme, and a malformed request's reason for two of them or anything unclear.
    pub fn from_request(headers: &'t HeaderMap, query: Option<&str>) -> Result<Self, Refusal> {
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
    pub fn from_headers(headers: &'t HeaderMap) -> Result<Self, Refusal> {
        Self::from_request(headers, None)
    }

    /// Takes a bearer token that is at hand without its header.
    ///
    /// # Errors
    /// [`Reason::CredentialsMalformed`], for what is no `b64token` (RFC 6750 §2.1).
    pub fn from_token(token: &'t str) -> Result<Self, Refusal> {
        Self::sent_as(Scheme::Bearer, token.as_bytes())
    }

    fn sent_as(scheme: Scheme, token: &'t [u8]) -> Result<Self, Refusal> {
        let found = dots_of(token).zip(std::str::from_utf8(token).ok());
        let Some((dots, token)) = found else {
            return Err(Refusal::new(
                Reason::CredentialsMalformed,
                "the token holds characters that no token has; send 'Authorization: Bearer <token>'",
            ));
        };
        Ok(Self { scheme, token, dots, digest: OnceLock::new() })
    }

    fn from_value(value: &'t HeaderValue) -> Result<Self, Refusal> {
        let value = value.as_bytes();
        let end = value.iter().position(|c| *c == b' ').unwrap_or(value.len());
        let (scheme, token) = value.split_at(end);
        if !is_scheme(scheme) {
            return Err(Refusal::new(
                Reason::CredentialsMalformed,
                "the Authorization header has no scheme",
            ));
        }
        let scheme = match scheme {
            bearer if bearer.eq_ignore_ascii_case(b"Bearer") => Scheme::Bearer,
            dpop if dpop.eq_ignore_ascii_case(b"DPoP") => Scheme::Dpop,
            _ => {
                return Err(Refusal::new(
                    Reason::SchemeUnsupported,
                    "only the schemes Bearer and DPoP are accepted",
                ));
            }
        };
        let spaces = token.iter().take_while(|c| **c == b' ').count();
        Self::sent_as(scheme, &token[spaces..])
    }

    /// How it was sent.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The token itself: a secret, not to be logged.
    pub fn expose(&self) -> &'t str {
        self.token
    }

    /// The SHA-256 digest of the whole token: a name for it that is no secret.
    pub fn digest(&self) -> &[u8; 32] {
        self.digest.get_or_init(|| digest::sha256(self.token.as_bytes()))
    }

    /// Whether it has the form of a JWT: three segments, or five when it is encrypted
    /// (RFC 7519 §3.1). Anything else can only be looked up.
    pub fn is_jwt(&self) -> bool {
        // A JOSE header begins with `{` and `"` or white space, which base64url writes so.
        (self.dots == 2 || self.is_encrypted())
            && ["ey", "ew"].iter().any(|start| self.token.starts_with(start))
    }

    /// Whether it has the five segments of an encrypted token (RFC 7516 §3.1).
    pub(crate) fn is_encrypted(&self) -> bool {
        self.dots == 4
    }
}

impl fmt::Debug for Presented<'_> {
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

/// How many dots are in a `b64token` (RFC 6750 §2.1); `None` when it is none.
fn dots_of(token: &[u8]) -> Option<usize> {
    let unpadded = token.iter().rposition(|c| *c != b'=')? + 1;
    let token = &token[..unpadded];
    // Without a branch, so that many characters are looked at together.
    let is_one = token.iter().fold(true, |is_one, c| is_one & is_in_token(*c));
    is_one.then(|| token.chunks(255).map(few_dots).map(usize::from).sum())
}

/// How many dots are in up to 255 characters: counted in octets, which is done for many at once.
fn few_dots(part: &[u8]) -> u8 {
    part.iter().fold(0, |dots, c| dots + u8::from(*c == b'.'))
}

/// Whether a `b64token` may hold a character other than as padding.
fn is_in_token(c: u8) -> bool {
    // `-` to `9`: '.', '/' and the digits are between.
    c.is_ascii_alphabetic() || (b'-'..=b'9').contains(&c) || c == b'_' || c == b'~' || c == b'+'
}

/// `auth-scheme`, a `token` (RFC 9110 §5.6.2).
fn is_scheme(scheme: &[u8]) -> bool {
    !scheme.is_empty()
        && scheme.iter().all(|c| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(c))
}
