//! Private keys and signing (RFC 7515 §5.1, RFC 7518 §3, RFC 8037 §3.1).

use std::fmt;

use aws_lc_rs::{
    encoding::AsDer,
    error::Unspecified,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    },
};
use serde::Serialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{
    Algorithm, JwkError, VerifyingKey, base64url,
    material::{Curve, Material},
    pem,
};

/// A private key that signs with exactly one algorithm; its `kid` is its thumbprint.
///
/// Any number of threads may sign with it at once.
pub struct SigningKey {
    pair: Pair,
    verifying: VerifyingKey,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl SigningKey {
    /// Makes a new key; RSA keys have 2048 bits.
    ///
    /// # Errors
    ///
    /// [`KeyError::Generate`], when the system has no randomness to give.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let pair = Pair::generate(algorithm).map_err(|_| KeyError::Generate)?;
        Self::new(pair, algorithm)
    }

    /// Reads an unencrypted PKCS#8 private key (RFC 5208), to sign with `algorithm` only.
    ///
    /// # Errors
    ///
    /// [`KeyError`] for broken DER, a key of another type or curve, and RSA keys outside 2048–8192
    /// bits.
    pub fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        Self::new(Pair::from_pkcs8(algorithm, der)?, algorithm)
    }

    /// Reads an unencrypted PKCS#8 private key as text (RFC 7468 §10), to sign with `algorithm` only.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`] for anything but one `PRIVATE KEY` with white space around it, else as for
    /// [`SigningKey::from_pkcs8`].
    pub fn from_pem(algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        Self::from_pkcs8(algorithm, &pem::private_key(text).ok_or(KeyError::Pem)?)
    }

    fn new(pair: Pair, algorithm: Algorithm) -> Result<Self, KeyError> {
        let verifying = VerifyingKey::new(pair.public()?, algorithm)?.named_by_thumbprint();
        let pkcs8 = pair.to_pkcs8().map_err(|_| KeyError::Rejected)?;
        Ok(Self { pair, verifying, pkcs8 })
    }

    /// The private key as PKCS#8 (RFC 5208), to be stored where secrets are.
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.pkcs8.clone()
    }

    /// The key's name in headers and key sets: its thumbprint (RFC 7638).
    pub fn kid(&self) -> &str {
        self.verifying.thumbprint()
    }

    /// The algorithm this key signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// The public half, as others need it.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// Signs `payload` as a compact token with the header `alg`, `typ`, `kid` (RFC 7515 §5.1).
    ///
    /// # Errors
    ///
    /// [`SignError::Refused`], when the cryptographic library fails.
    pub fn sign(&self, typ: &str, payload: &[u8]) -> Result<String, SignError> {
        self.compact(
            &Stated { alg: self.algorithm(), typ, kid: Some(self.kid()), extra: None },
            payload,
        )
    }

    /// Signs `payload` as a compact token with the header `alg`, `typ` and `extra`, without `kid`
    /// (RFC 7515 §5.1).
    ///
    /// For tokens whose recipient finds the key in the header itself, as in a DPoP proof's `jwk`
    /// (RFC 9449 §4.2; [`VerifyingKey::to_bare_jwk`]).
    ///
    /// # Errors
    ///
    /// [`SignError::Reserved`] when `extra` names `alg`, `typ` or `kid`, else as for
    /// [`SigningKey::sign`].
    pub fn sign_with(
        &self,
        typ: &str,
        extra: &Map<String, Value>,
        payload: &[u8],
    ) -> Result<String, SignError> {
        if RESERVED.iter().any(|name| extra.contains_key(*name)) {
            return Err(SignError::Reserved);
        }
        let header = Stated { alg: self.algorithm(), typ, kid: None, extra: Some(extra) };
        self.compact(&header, payload)
    }

    fn compact(&self, header: &Stated<'_>, payload: &[u8]) -> Result<String, SignError> {
        let mut token = base64url::encode(&serde_json::to_vec(header)?);
        token.push('.');
        token.push_str(&base64url::encode(payload));
        let signature = self.pair.sign(token.as_bytes()).map_err(|_| SignError::Refused)?;
        token.push('.');
        token.push_str(&base64url::encode(&signature));
        Ok(token)
    }

    /// Signs `payload` as JSON, as [`SigningKey::sign`] does.
    ///
    /// # Errors
    ///
    /// As for [`SigningKey::sign`], and [`SignError::Json`] for what JSON cannot express.
    pub fn sign_json<T: Serialize + ?Sized>(
        &self,
        typ: &str,
        payload: &T,
    ) -> Result<String, SignError> {
        self.sign(typ, &serde_json::to_vec(payload)?)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

/// Why there is no signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key could be made.
    #[error("cannot generate a key")]
    Generate,
    /// It is no text of one unencrypted PKCS#8 private key.
    #[error("not the PEM text of one unencrypted \"PRIVATE KEY\"")]
    Pem,
    /// It is no PKCS#8 private key for the algorithm.
    #[error("not a PKCS#8 private key for this algorithm")]
    Rejected,
    /// Its public half is not one to verify with.
    #[error("the key is not fit for signatures")]
    Unfit(#[from] JwkError),
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The payload cannot be written as JSON.
    #[error("the payload is not JSON")]
    Json(#[from] serde_json::Error),
    /// An extra header member has the name of one that the key states itself.
    #[error("the header's \"alg\", \"typ\" and \"kid\" are not for the caller to state")]
    Reserved,
    /// The cryptographic library failed.
    #[error("cannot sign")]
    Refused,
}

#[derive(Serialize)]
struct Stated<'a> {
    alg: Algorithm,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(flatten)]
    extra: Option<&'a Map<String, Value>>,
}

/// A key pair of the library, bound to what it signs with.
enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair, Curve),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    fn generate(algorithm: Algorithm) -> Result<Self, Unspecified> {
        Ok(match algorithm {
            Algorithm::Rs256 => {
                Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?, &RSA_PKCS1_SHA256)
            }
            Algorithm::Ps256 => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?, &RSA_PSS_SHA256),
            Algorithm::Es256 => {
                Self::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?, Curve::P256)
            }
            Algorithm::Es384 => {
                Self::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)?, Curve::P384)
            }
            Algorithm::EdDsa => Self::Ed25519(Ed25519KeyPair::generate()?),
        })
    }

    fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let pair = match algorithm {
            Algorithm::Rs256 => {
                RsaKeyPair::from_pkcs8(der).map(|pair| Self::Rsa(pair, &RSA_PKCS1_SHA256))
            }
            Algorithm::Ps256 => {
                RsaKeyPair::from_pkcs8(der).map(|pair| Self::Rsa(pair, &RSA_PSS_SHA256))
            }
            Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
                .map(|pair| Self::Ecdsa(pair, Curve::P256)),
            Algorithm::Es384 => EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der)
                .map(|pair| Self::Ecdsa(pair, Curve::P384)),
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(der).map(Self::Ed25519),
        };
        pair.map_err(|_| KeyError::Rejected)
    }

    fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        Ok(Zeroizing::new(match self {
            Self::Rsa(pair, _) => pair.as_der()?.as_ref().to_vec(),
            Self::Ecdsa(pair, _) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            Self::Ed25519(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
        }))
    }

    fn public(&self) -> Result<Material, JwkError> {
        match self {
            Self::Rsa(pair, _) => Material::rsa(
                pair.public_key().modulus().big_endian_without_leading_zero(),
                pair.public_key().exponent().big_endian_without_leading_zero(),
            ),
            Self::Ecdsa(pair, curve) => Material::point(*curve, pair.public_key().as_ref()),
            Self::Ed25519(pair) => Material::ed25519(pair.public_key().as_ref().to_vec()),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)?;
                Ok(signature)
            }
            Self::Ecdsa(pair, _) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
        }
    }
}

/// What a key states of itself: another's word would stand beside it, or in its place.
const RESERVED: [&str; 3] = ["alg", "typ", "kid"];
