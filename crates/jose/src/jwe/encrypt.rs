//! Keys that encrypt, and encryption (RFC 7516 §5.1).

use std::fmt;

use aws_lc_rs::error::Unspecified;
use serde_json::{Map, Value};

use super::{
    ContentEncryption, KeyManagement, UnfitKey,
    agreement::{self, Point},
    content::{self, Encrypted},
    key::{self, Shared},
    random,
    rsa::RsaPublic,
};
use crate::{JwkError, base64url};

/// A recipient's key, to encrypt tokens with by exactly one `alg`.
pub struct EncryptionKey {
    kid: Option<String>,
    /// None for a key to agree with that does not say how.
    alg: Option<KeyManagement>,
    public: Public,
}

pub(super) enum Public {
    Rsa(RsaPublic),
    Agreement(Point),
    Shared(Shared),
}

impl EncryptionKey {
    /// Reads a recipient's public key, or a shared one (RFC 7517 §4, RFC 7518 §6).
    ///
    /// Without `alg` an RSA key is for RSA-OAEP-256 and a key to agree with for ECDH-ES; a shared
    /// key needs it, as [`DecryptionKey::from_jwk`](super::DecryptionKey::from_jwk) says.
    ///
    /// # Errors
    ///
    /// [`UnfitKey`]: keys for anything else than encrypting (`use`, `key_ops`), private keys, other
    /// types, curves, algorithms and lengths.
    pub fn from_jwk(jwk: &Value) -> Result<Self, UnfitKey> {
        key::public(jwk.as_object().ok_or(JwkError::NotObject)?)
    }

    pub(super) fn new(kid: Option<String>, alg: Option<KeyManagement>, public: Public) -> Self {
        Self { kid, alg, public }
    }

    /// The key's name (RFC 7517 §4.5).
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The `alg` that this key encrypts with.
    pub fn algorithm(&self) -> KeyManagement {
        self.alg.unwrap_or(KeyManagement::EcdhEs)
    }

    /// The key as it is published (RFC 7517 §4); a shared key never is.
    pub fn to_jwk(&self) -> Option<Value> {
        let mut jwk = match &self.public {
            Public::Rsa(key) => key.material.members(),
            Public::Agreement(point) => point.members(),
            Public::Shared(_) => return None,
        };
        jwk["use"] = "enc".into();
        if let Some(alg) = self.alg {
            jwk["alg"] = alg.name().into();
        }
        if let Some(kid) = &self.kid {
            jwk["kid"] = kid.as_str().into();
        }
        Some(jwk)
    }

    /// Encrypts `payload` as a compact token (RFC 7516 §5.1); `cty` is `JWT` around another token
    /// (RFC 7519 §5.2).
    ///
    /// A shared key encrypts at most 2³² tokens by GCM, whose vectors are random (RFC 7518 §8.4).
    ///
    /// # Errors
    ///
    /// [`EncryptError::OtherEncryption`] when this is a shared key for another `enc`,
    /// [`EncryptError::Refused`] when the cryptographic library fails.
    pub fn encrypt(
        &self,
        enc: ContentEncryption,
        cty: Option<&str>,
        payload: &[u8],
    ) -> Result<String, EncryptError> {
        let mut header = Map::new();
        header.insert("alg".to_owned(), self.algorithm().name().into());
        header.insert("enc".to_owned(), enc.name().into());
        for (name, value) in [("kid", self.kid()), ("cty", cty)] {
            if let Some(value) = value {
                header.insert(name.to_owned(), value.into());
            }
        }
        let (content_key, encrypted_key) = match &self.public {
            Public::Rsa(key) => {
                let content_key = random(enc.key_size())?;
                let encrypted_key = key.send(&content_key)?;
                (content_key, encrypted_key)
            }
            Public::Agreement(point) => {
                let sent = agreement::send(point, self.algorithm(), enc)?;
                header.insert("epk".to_owned(), sent.epk);
                (sent.key, sent.encrypted_key)
            }
            Public::Shared(shared) if shared.serves(enc) => (shared.key.clone(), Vec::new()),
            Public::Shared(_) => return Err(EncryptError::OtherEncryption),
        };
        let header = base64url::encode(Value::Object(header).to_string().as_bytes());
        let Encrypted { iv, ciphertext, tag } =
            content::seal(enc, &content_key, header.as_bytes(), payload)?;
        let [encrypted_key, iv, ciphertext, tag] =
            [encrypted_key, iv, ciphertext, tag].map(|part| base64url::encode(&part));
        Ok([header, encrypted_key, iv, ciphertext, tag].join("."))
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptionKey")
            .field("kid", &self.kid)
            .field("alg", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// Why nothing was encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// The shared key is for another content encryption.
    #[error("the shared key is for another content encryption")]
    OtherEncryption,
    /// The cryptographic library failed.
    #[error("cannot encrypt")]
    Refused,
}

impl From<Unspecified> for EncryptError {
    fn from(_: Unspecified) -> Self {
        Self::Refused
    }
}
