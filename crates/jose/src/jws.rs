//! Signed tokens in compact form (RFC 7515 §7.1, RFC 8725).
//!
//! [`Jws`] is a token that is well formed, [`Verified`] one whose signature was checked.

use std::fmt;

use serde_json::Value;

use crate::{
    Algorithm, BadSignature, UnsupportedAlgorithm, VerifyingKey, base64url, json, json::Object,
    media_type,
};

/// A token longer than this is refused unread, in bytes.
pub const LONGEST: usize = 64 * 1024;

/// A well-formed token of which nothing has been verified, with its payload as bytes or, after
/// [`Jws::read_claims`], as an object.
pub struct Jws<'t, P = Vec<u8>> {
    header: Header,
    payload: P,
    signing_input: &'t str,
    signature: Vec<u8>,
}

impl<'t> Jws<'t> {
    /// Takes a compact token apart (RFC 7515 §5.2, steps 1 to 7).
    ///
    /// Keys and certificates that the token brings along (`jwk`, `jku`, `x5u`, `x5c`) are never
    /// used; see [`Header::member`].
    ///
    /// # Errors
    ///
    /// [`Malformed`] for any deviation from the form, and for the extensions `crit`, `zip` and
    /// `b64`, none of which this project understands.
    pub fn parse(token: &'t str) -> Result<Self, Malformed> {
        if token.len() > LONGEST {
            return Err(Malformed::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Malformed::Segments)?;
        let (header, payload) = signing_input.split_once('.').ok_or(Malformed::Segments)?;
        if payload.contains('.') {
            return Err(Malformed::Segments);
        }
        Ok(Self {
            header: Header::parse(base64url::decode(header)?)?,
            payload: base64url::decode(payload)?,
            signing_input,
            signature: base64url::decode(signature)?,
        })
    }

    /// Reads the payload as a set of claims (RFC 7519 §7.2, step 10).
    ///
    /// # Errors
    ///
    /// When it is no strict JSON object.
    pub fn read_claims(self) -> Result<Jws<'t, Object>, json::Malformed> {
        let Self { header, payload, signing_input, signature } = self;
        let payload = Object::parse(payload)?;
        Ok(Jws { header, payload, signing_input, signature })
    }
}

impl<P> Jws<'_, P> {
    /// The header, as the token states it.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The algorithm that the header names.
    ///
    /// # Errors
    ///
    /// Any other than [`Algorithm::ALL`], so `none` and the HMAC family too.
    pub fn algorithm(&self) -> Result<Algorithm, UnsupportedAlgorithm> {
        self.header.alg.parse()
    }

    /// The payload, before anybody vouches for it: fit for choosing an issuer, nothing else.
    pub fn unverified_payload(&self) -> &P {
        &self.payload
    }

    /// Verifies the signature with the one algorithm of `key` (RFC 7515 §5.2, RFC 8725 §3.1).
    ///
    /// Does not compare `kid`, `typ` or any claim.
    ///
    /// # Errors
    ///
    /// [`VerifyError`]; the header's `alg` must be the key's.
    pub fn verify(self, key: &VerifyingKey) -> Result<Verified<P>, VerifyError> {
        if self.algorithm()? != key.algorithm() {
            return Err(VerifyError::OtherAlgorithm);
        }
        key.verify(self.signing_input.as_bytes(), &self.signature)?;
        Ok(Verified { header: self.header, payload: self.payload })
    }
}

impl<P> fmt::Debug for Jws<'_, P> {
    /// Without the payload and the signature: who reads a log is not to learn a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws").field("header", &self.header).finish_non_exhaustive()
    }
}

/// A token whose signature was verified; only [`Jws::verify`] makes one.
#[non_exhaustive]
pub struct Verified<P = Vec<u8>> {
    /// The header, now under the key's signature.
    pub header: Header,
    /// The payload: its bytes, or the claims that were read from them.
    pub payload: P,
}

impl<P> fmt::Debug for Verified<P> {
    /// Without the payload, whose claims are nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("header", &self.header).finish_non_exhaustive()
    }
}

/// A token's JOSE header (RFC 7515 §4).
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The algorithm's name as written (§4.1.1); [`Jws::algorithm`] reads it.
    pub alg: String,
    /// The token's media type (§4.1.9); compare with [`Header::is_type`].
    pub typ: Option<String>,
    /// The name of the key (§4.1.4).
    pub kid: Option<String>,
    /// The payload's media type (§4.1.10).
    pub cty: Option<String>,
    members: Object,
}

impl Header {
    fn parse(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let members = Object::parse(bytes)?;
        // before the rest: an extension may change what the rest means
        for (name, refusal) in REFUSED {
            if members.contains_key(name) {
                return Err(refusal);
            }
        }
        Ok(Self {
            alg: text(&members, "alg")?.ok_or(Malformed::NoAlgorithm)?,
            typ: text(&members, "typ")?,
            kid: text(&members, "kid")?,
            cty: text(&members, "cty")?,
            members,
        })
    }

    /// Any member by name, as the token states it.
    ///
    /// A key found here (`jwk`, `x5c`, …) proves nothing: whoever made the token chose it.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// Whether `typ` is this media type, with or without `application/`, in any case
    /// (RFC 7515 §4.1.9).
    pub fn is_type(&self, short: &str) -> bool {
        self.typ.as_deref().is_some_and(|typ| media_type::is(typ, short))
    }
}

/// Why a text is not a token in the form this project takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is longer than [`LONGEST`].
    #[error("the token is longer than {LONGEST} bytes")]
    TooLong,
    /// It does not have three segments.
    #[error("a signed token has three segments")]
    Segments,
    /// A segment is not canonical base64url.
    #[error("a segment of the token is malformed")]
    Encoding(#[from] base64url::Malformed),
    /// The header is not a strict JSON object.
    #[error("the token's header is malformed")]
    Header(#[from] json::Malformed),
    /// The header has no `alg`.
    #[error("the token's header has no \"alg\"")]
    NoAlgorithm,
    /// A member of the header is no string.
    #[error("the token's header member \"{0}\" is not a string")]
    Mistyped(&'static str),
    /// The header has `crit` (RFC 7515 §4.1.11).
    #[error("the token has critical header members, none of which is supported")]
    Crit,
    /// The header has `zip` (RFC 8725 §3.6).
    #[error("the token is compressed, which is not supported")]
    Zip,
    /// The header has `b64` (RFC 7797).
    #[error("the token has an unencoded payload, which is not supported")]
    B64,
}

/// Why a well-formed token is not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The header names an algorithm outside [`Algorithm::ALL`].
    #[error("the token's algorithm is refused")]
    UnsupportedAlgorithm(#[from] UnsupportedAlgorithm),
    /// The header names another algorithm than the key's.
    #[error("the key is for another algorithm than the token's")]
    OtherAlgorithm,
    /// The signature is wrong.
    #[error("the token is not signed by this key")]
    BadSignature(#[from] BadSignature),
}

/// Moves a member that has a field of its own out of the rest.
fn text(members: &Object, name: &'static str) -> Result<Option<String>, Malformed> {
    members.optional_text(name).map_err(|_| Malformed::Mistyped(name))
}

/// Extensions refused in any form. For `crit` the RFC demands it, as nothing critical is understood.
const REFUSED: [(&str, Malformed); 3] =
    [("crit", Malformed::Crit), ("zip", Malformed::Zip), ("b64", Malformed::B64)];
