//! Encrypted tokens in compact form (RFC 7516 §7.1, RFC 8725).
//!
//! [`Jwe`] is a token that is well formed; [`Jwe::decrypt`] gives its content to the holder of the
//! key. That a token could be decrypted says nothing about who made it: public keys are public. What
//! comes out is therefore only ever another token to verify (RFC 7519 §5.2, RFC 8725 §3.3).

mod agreement;
mod alg;
mod content;
mod encrypt;
mod key;
mod rsa;

use std::fmt;

use aws_lc_rs::{error::Unspecified, rand};
use serde_json::Value;
use zeroize::Zeroizing;

use self::content::Encrypted;
pub use self::{
    alg::{
        ContentEncryption, KeyManagement, UnsupportedContentEncryption, UnsupportedKeyManagement,
    },
    encrypt::{EncryptError, EncryptionKey},
    key::{DecryptionKey, UnfitKey},
};
use crate::{base64url, json, json::Object, jws::LONGEST, media_type};

/// A well-formed encrypted token, still closed.
pub struct Jwe<'t> {
    header: Header,
    aad: &'t str,
    encrypted_key: Vec<u8>,
    encrypted: Encrypted,
}

impl<'t> Jwe<'t> {
    /// Takes a compact token apart (RFC 7516 §5.2, steps 1 to 5).
    ///
    /// # Errors
    ///
    /// [`Malformed`] for any deviation from the form, and for the extensions `crit`, `zip` and
    /// `b64`, none of which this project understands.
    pub fn parse(token: &'t str) -> Result<Self, Malformed> {
        if token.len() > LONGEST {
            return Err(Malformed::TooLong);
        }
        let mut segments = token.split('.');
        let mut segment = || segments.next().ok_or(Malformed::Segments);
        let (aad, encrypted_key, iv, ciphertext, tag) =
            (segment()?, segment()?, segment()?, segment()?, segment()?);
        if segments.next().is_some() {
            return Err(Malformed::Segments);
        }
        Ok(Self {
            header: Header::parse(base64url::decode(aad)?)?,
            aad,
            encrypted_key: base64url::decode(encrypted_key)?,
            encrypted: Encrypted {
                iv: base64url::decode(iv)?,
                ciphertext: base64url::decode(ciphertext)?,
                tag: base64url::decode(tag)?,
            },
        })
    }

    /// The header, as the token states it.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Decrypts the content with one of `keys` (RFC 7516 §5.2, steps 6 to 19).
    ///
    /// Only keys of the token's `alg` are tried, and only those of its `kid` when it names one.
    /// What the content is, and who made it, is not checked.
    ///
    /// # Errors
    ///
    /// [`JweError`]; whatever is wrong with a token under a key that fits is
    /// [`JweError::Undecryptable`], so that nobody can ask this key about its padding (§11.5).
    pub fn decrypt(&self, keys: &[DecryptionKey]) -> Result<Zeroizing<Vec<u8>>, JweError> {
        let alg = self.header.alg.parse::<KeyManagement>()?;
        let enc = self.header.enc.parse::<ContentEncryption>()?;
        let kid = self.header.kid.as_deref();

        let mut found = false;
        for key in keys {
            if !key.serves(alg) || kid.is_some_and(|kid| key.kid() != Some(kid)) {
                continue;
            }
            found = true;
            if let Some(content) = self.open(key, alg, enc) {
                return Ok(content);
            }
        }
        Err(if found { JweError::Undecryptable } else { JweError::NoKey })
    }

    fn open(
        &self,
        key: &DecryptionKey,
        alg: KeyManagement,
        enc: ContentEncryption,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let key = key.content_key(alg, enc, &self.header, &self.encrypted_key)?;
        content::open(enc, &key, self.aad.as_bytes(), &self.encrypted).ok()
    }
}

impl fmt::Debug for Jwe<'_> {
    /// Without the encrypted parts: who reads a log is not to learn a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwe").field("header", &self.header).finish_non_exhaustive()
    }
}

/// An encrypted token's JOSE header (RFC 7516 §4).
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The name of the key management algorithm as written (§4.1.1).
    pub alg: String,
    /// The name of the content encryption algorithm as written (§4.1.2).
    pub enc: String,
    /// The name of the key (§4.1.6).
    pub kid: Option<String>,
    /// The token's media type (§4.1.11); compare with [`Header::is_type`].
    pub typ: Option<String>,
    /// The content's media type (§4.1.12); compare with [`Header::is_content`].
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
            enc: text(&members, "enc")?.ok_or(Malformed::NoEncryption)?,
            kid: text(&members, "kid")?,
            typ: text(&members, "typ")?,
            cty: text(&members, "cty")?,
            members,
        })
    }

    /// Any member by name, as the token states it.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// Whether `typ` is this media type, with or without `application/`, in any case
    /// (RFC 7516 §4.1.11).
    pub fn is_type(&self, short: &str) -> bool {
        self.typ.as_deref().is_some_and(|typ| media_type::is(typ, short))
    }

    /// Whether `cty` is this media type, as [`Header::is_type`] compares it: `JWT` around a token
    /// (RFC 7519 §5.2).
    pub fn is_content(&self, short: &str) -> bool {
        self.cty.as_deref().is_some_and(|cty| media_type::is(cty, short))
    }
}

/// Why a text is not an encrypted token in the form this project takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is longer than [`LONGEST`].
    #[error("the token is longer than {LONGEST} bytes")]
    TooLong,
    /// It does not have five segments.
    #[error("an encrypted token has five segments")]
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
    /// The header has no `enc`.
    #[error("the token's header has no \"enc\"")]
    NoEncryption,
    /// A member of the header is no string.
    #[error("the token's header member \"{0}\" is not a string")]
    Mistyped(&'static str),
    /// The header has `crit` (RFC 7516 §4.1.13).
    #[error("the token has critical header members, none of which is supported")]
    Crit,
    /// The header has `zip` (RFC 8725 §3.6).
    #[error("the token is compressed, which is not supported")]
    Zip,
    /// The header has `b64` (RFC 7797), which belongs to signed tokens.
    #[error("the token has an unencoded payload, which is not supported")]
    B64,
}

/// Why a well-formed token is not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JweError {
    /// The header's `alg` is none of [`KeyManagement::ALL`].
    #[error("the token's key management algorithm is refused")]
    UnsupportedKeyManagement(#[from] UnsupportedKeyManagement),
    /// The header's `enc` is none of [`ContentEncryption::ALL`].
    #[error("the token's content encryption is refused")]
    UnsupportedContentEncryption(#[from] UnsupportedContentEncryption),
    /// No key has this `kid` and serves this `alg`.
    #[error("no key to decrypt the token with")]
    NoKey,
    /// The key does not open the token; why is not said (RFC 7516 §11.5).
    #[error("the token cannot be decrypted")]
    Undecryptable,
}

/// Moves a member that has a field of its own out of the rest.
fn text(members: &Object, name: &'static str) -> Result<Option<String>, Malformed> {
    members.optional_text(name).map_err(|_| Malformed::Mistyped(name))
}

/// Fresh random octets that leave memory with their owner.
fn random(size: usize) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let mut octets = Zeroizing::new(vec![0; size]);
    rand::fill(&mut octets)?;
    Ok(octets)
}

/// Extensions refused in any form. For `crit` the RFC demands it, as nothing critical is understood.
const REFUSED: [(&str, Malformed); 3] =
    [("crit", Malformed::Crit), ("zip", Malformed::Zip), ("b64", Malformed::B64)];
