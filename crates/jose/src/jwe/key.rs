//! Private and shared keys that decrypt (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    ContentEncryption, EncryptionKey, Header, KeyManagement,
    agreement::{self, Agreeing, Curve},
    encrypt::Public,
    random,
    rsa::{RsaPrivate, RsaPublic},
};
use crate::{
    JwkError, KeyError, base64url,
    jwk::{optional, refuse_private},
    material::{number, text},
};

/// A key that decrypts tokens of exactly one `alg`, or of the one ECDH-ES family (RFC 8725 §3.1).
pub struct DecryptionKey {
    kid: Option<String>,
    alg: Option<KeyManagement>,
    secret: Secret,
}

enum Secret {
    Rsa(RsaPrivate),
    Agreement(Agreeing),
    Shared(Shared),
}

/// A key that both sides know.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) key: Zeroizing<Vec<u8>>,
    /// The one content encryption it is for, when its `alg` names that.
    pub(super) only: Option<ContentEncryption>,
}

impl Shared {
    pub(super) fn serves(&self, enc: ContentEncryption) -> bool {
        self.key.len() == enc.key_size() && self.only.is_none_or(|only| only == enc)
    }
}

impl DecryptionKey {
    /// Makes a new key, called by its thumbprint, or by a random name when it is shared: RSA with
    /// 2048 bits, P-256, or 256 bits for `dir`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Generate`], when the system has no randomness to give.
    pub fn generate(alg: KeyManagement) -> Result<Self, KeyError> {
        let (kid, secret) = match alg {
            KeyManagement::RsaOaep256 => {
                RsaPrivate::generate().map(|pair| (pair.material.thumbprint(), Secret::Rsa(pair)))
            }
            KeyManagement::EcdhEs | KeyManagement::EcdhEsA128Kw | KeyManagement::EcdhEsA256Kw => {
                Agreeing::generate(Curve::P256)
                    .map(|own| (own.point.thumbprint(), Secret::Agreement(own)))
            }
            // a thumbprint would be a hash of the secret itself (RFC 7638 §7)
            KeyManagement::Dir => random(16).and_then(|name| {
                let shared = Shared { key: random(32)?, only: None };
                Ok((base64url::encode(&name), Secret::Shared(shared)))
            }),
        }
        .map_err(|_| KeyError::Generate)?;
        Ok(Self { kid: Some(kid), alg: Some(alg), secret })
    }

    /// Reads a private or shared key (RFC 7517 §4, RFC 7518 §6).
    ///
    /// An RSA key without `alg` is for RSA-OAEP-256; a key to agree with (P-256, P-384, P-521,
    /// X25519) without one serves the three of ECDH-ES. A shared key (`oct`) needs its `alg`: `dir`,
    /// for each content encryption of its length, or the name of the one it is for.
    ///
    /// # Errors
    ///
    /// [`UnfitKey`]: keys for anything else than decrypting (`use`, `key_ops`), without their
    /// private half, whose halves do not belong together, of other types, curves, algorithms and
    /// lengths.
    pub fn from_jwk(jwk: &Value) -> Result<Self, UnfitKey> {
        let jwk = jwk.as_object().ok_or(JwkError::NotObject)?;
        check_purpose(jwk, &["decrypt", "unwrapKey", "deriveKey", "deriveBits"])?;
        let (alg, secret) = match text(jwk, "kty")? {
            "RSA" => (rsa_algorithm(jwk)?, Secret::Rsa(RsaPrivate::from_jwk(jwk)?)),
            "EC" | "OKP" => {
                (agreement_algorithm(jwk)?, Secret::Agreement(Agreeing::from_jwk(jwk)?))
            }
            "oct" => (Some(KeyManagement::Dir), Secret::Shared(shared(jwk)?)),
            _ => return Err(UnfitKey::UnsupportedType),
        };
        Ok(Self { kid: optional(jwk, "kid")?.map(ToOwned::to_owned), alg, secret })
    }

    /// The key's name, which a token may call it by (RFC 7517 §4.5).
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether the key decrypts tokens of this `alg`.
    pub fn serves(&self, alg: KeyManagement) -> bool {
        match self.alg {
            Some(own) => own == alg,
            None => alg.agrees(),
        }
    }

    /// The key that others encrypt with; for `dir` that is this same secret once more.
    ///
    /// # Errors
    ///
    /// [`UnfitKey`], only when the cryptographic library fails.
    pub fn encryption_key(&self) -> Result<EncryptionKey, UnfitKey> {
        let public = match &self.secret {
            Secret::Rsa(pair) => Public::Rsa(RsaPublic::new(pair.material.clone())?),
            Secret::Agreement(own) => Public::Agreement(own.point.clone()),
            Secret::Shared(shared) => Public::Shared(shared.clone()),
        };
        Ok(EncryptionKey::new(self.kid.clone(), self.alg, public))
    }

    /// The whole key as a JWK, to be stored where secrets are (RFC 7517 §4, RFC 7518 §6).
    ///
    /// # Errors
    ///
    /// [`UnfitKey`], only when the cryptographic library does not give the numbers out.
    pub fn to_jwk(&self) -> Result<Zeroizing<String>, UnfitKey> {
        // written by hand, into room enough: a value, or a text that grows, leaves copies behind
        let mut written = Zeroizing::new(String::with_capacity(8 * 1024));
        let mut member = |name: &str, value: &str| {
            let separator = if written.is_empty() { '{' } else { ',' };
            written.push(separator);
            for part in ["\"", name, "\":\"", value, "\""] {
                written.push_str(part);
            }
        };
        let mut public = |members: &Value| {
            for (name, value) in members.as_object().into_iter().flatten() {
                member(name, value.as_str().unwrap_or_default());
            }
        };
        let mut alg = self.alg.map(KeyManagement::name);
        match &self.secret {
            Secret::Rsa(pair) => {
                public(&pair.material.members());
                for (name, value) in pair.secrets().ok_or(JwkError::Rejected)? {
                    member(name, &value);
                }
            }
            Secret::Agreement(own) => {
                public(&own.point.members());
                member("d", &own.d().map_err(|_| JwkError::Rejected)?);
            }
            Secret::Shared(shared) => {
                member("kty", "oct");
                member("k", &Zeroizing::new(base64url::encode(&shared.key)));
                alg = shared.only.map(ContentEncryption::name).or(alg);
            }
        }
        member("use", "enc");
        if let Some(alg) = alg {
            member("alg", alg);
        }
        if let Some(kid) = &self.kid {
            // the one text with characters that need escapes
            written.push_str(",\"kid\":");
            written.push_str(&Value::from(kid.as_str()).to_string());
        }
        written.push('}');
        Ok(written)
    }

    /// The content encryption key of a token (RFC 7516 §5.2, steps 6 to 13).
    pub(super) fn content_key(
        &self,
        alg: KeyManagement,
        enc: ContentEncryption,
        header: &Header,
        encrypted_key: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        match &self.secret {
            Secret::Rsa(pair) => pair.receive(enc, encrypted_key),
            Secret::Agreement(own) => agreement::receive(own, alg, enc, header, encrypted_key),
            Secret::Shared(shared) => {
                // §5.2, step 10: there is no key inside
                (shared.serves(enc) && encrypted_key.is_empty()).then(|| shared.key.clone())
            }
        }
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptionKey")
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .field("secret", &"[redacted]")
            .finish()
    }
}

/// Why a JWK is not a key to encrypt or decrypt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitKey {
    /// Its members are missing, mistyped or out of range.
    #[error(transparent)]
    Jwk(#[from] JwkError),
    /// Its `use` is not `enc`.
    #[error("the key is not for encryption (\"use\")")]
    OtherUse,
    /// Its `key_ops` names no operation of encryption.
    #[error("the key is not for encryption (\"key_ops\")")]
    OtherOperations,
    /// Its `kty` is none of RSA, EC, OKP and oct.
    #[error("unsupported key type; supported are RSA, EC, OKP and oct")]
    UnsupportedType,
    /// Its `crv` is none of P-256, P-384, P-521 and X25519.
    #[error("unsupported curve; supported are P-256, P-384, P-521 and X25519")]
    UnsupportedCurve,
    /// Its `alg` is not one that this type of key may have, or is missing from a shared key.
    #[error("the key's algorithm is not one for encryption with its type")]
    UnsupportedAlgorithm,
    /// It is a shared key whose length is no content encryption's.
    #[error("the shared key is not as long as a content encryption demands")]
    Length,
    /// Its public and private members do not belong together.
    #[error("the key's members do not belong together")]
    Mismatch,
}

/// Reads a key that others encrypt with: here beside the reading of its other half.
pub(super) fn public(jwk: &Map<String, Value>) -> Result<EncryptionKey, UnfitKey> {
    check_purpose(jwk, &["encrypt", "wrapKey", "deriveKey", "deriveBits"])?;
    let (alg, public) = match text(jwk, "kty")? {
        "oct" => (Some(KeyManagement::Dir), Public::Shared(shared(jwk)?)),
        "RSA" => {
            refuse_private(jwk)?;
            let material = crate::material::Material::from_jwk(jwk)?;
            (rsa_algorithm(jwk)?, Public::Rsa(RsaPublic::new(material)?))
        }
        "EC" | "OKP" => {
            refuse_private(jwk)?;
            let point = agreement::Point::from_jwk(jwk)?;
            (agreement_algorithm(jwk)?, Public::Agreement(point))
        }
        _ => return Err(UnfitKey::UnsupportedType),
    };
    Ok(EncryptionKey::new(optional(jwk, "kid")?.map(ToOwned::to_owned), alg, public))
}

/// RFC 7517 §4.2, §4.3: `use` and `key_ops`, where stated, are for this.
fn check_purpose(jwk: &Map<String, Value>, operations: &[&str]) -> Result<(), UnfitKey> {
    if optional(jwk, "use")?.is_some_and(|purpose| purpose != "enc") {
        return Err(UnfitKey::OtherUse);
    }
    let Some(stated) = jwk.get("key_ops") else { return Ok(()) };
    let stated = stated.as_array().ok_or(JwkError::Mistyped("key_ops"))?;
    if !stated.iter().all(Value::is_string) {
        return Err(JwkError::Mistyped("key_ops").into());
    }
    if !stated.iter().filter_map(Value::as_str).any(|one| operations.contains(&one)) {
        return Err(UnfitKey::OtherOperations);
    }
    Ok(())
}

fn rsa_algorithm(jwk: &Map<String, Value>) -> Result<Option<KeyManagement>, UnfitKey> {
    match optional(jwk, "alg")?.map(str::parse) {
        None | Some(Ok(KeyManagement::RsaOaep256)) => Ok(Some(KeyManagement::RsaOaep256)),
        Some(_) => Err(UnfitKey::UnsupportedAlgorithm),
    }
}

fn agreement_algorithm(jwk: &Map<String, Value>) -> Result<Option<KeyManagement>, UnfitKey> {
    match optional(jwk, "alg")?.map(str::parse::<KeyManagement>) {
        None => Ok(None),
        Some(Ok(alg)) if alg.agrees() => Ok(Some(alg)),
        Some(_) => Err(UnfitKey::UnsupportedAlgorithm),
    }
}

fn shared(jwk: &Map<String, Value>) -> Result<Shared, UnfitKey> {
    let only = match optional(jwk, "alg")? {
        Some("dir") => None,
        Some(name) => Some(name.parse().map_err(|_| UnfitKey::UnsupportedAlgorithm)?),
        None => return Err(UnfitKey::UnsupportedAlgorithm),
    };
    let shared = Shared { key: Zeroizing::new(number(jwk, "k")?), only };
    if !ContentEncryption::ALL.into_iter().any(|enc| shared.serves(enc)) {
        return Err(UnfitKey::Length);
    }
    Ok(shared)
}
