//! Public keys (RFC 7517, RFC 7518 §6, RFC 8037): parsed once, one algorithm each.

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;
use serde_json::{Map, Value};

use crate::{Algorithm, material::Material};

/// A public key that verifies signatures of exactly one algorithm (RFC 8725 §3.1).
#[derive(Clone)]
pub struct VerifyingKey {
    kid: Option<String>,
    issuer: Option<String>,
    algorithm: Algorithm,
    thumbprint: String,
    material: Material,
    parsed: ParsedPublicKey,
}

impl VerifyingKey {
    /// Reads a public key meant for signatures (RFC 7517 §4).
    ///
    /// A key without `alg` gets the usual one of its type: RS256, ES256, ES384 or EdDSA. Members
    /// that are not understood are ignored (§4); `x5c` and its kin are not looked at.
    ///
    /// # Errors
    ///
    /// Refused are keys for anything else than verifying (`use`, `key_ops`), private and symmetric
    /// keys, other types, curves and algorithms, RSA keys outside 2048–8192 bits, and numbers that
    /// make no key.
    pub fn from_jwk(jwk: &Value) -> Result<Self, JwkError> {
        let jwk = jwk.as_object().ok_or(JwkError::NotObject)?;
        let (material, stated) = read(jwk)?;
        let algorithm = stated.unwrap_or_else(|| material.usual_algorithm());
        let mut key = Self::new(material, algorithm)?;
        key.kid = optional(jwk, "kid")?.map(ToOwned::to_owned);
        key.issuer = optional(jwk, "issuer")?.map(ToOwned::to_owned);
        Ok(key)
    }

    /// Reads the public key that a DPoP proof carries in its header, to verify `algorithm` only
    /// (RFC 9449 §4.2).
    ///
    /// Whoever made the token chose the key: it proves possession of itself, and nothing else. It
    /// has no `kid`; what it is called by is its thumbprint.
    ///
    /// # Errors
    ///
    /// As for [`VerifyingKey::from_jwk`], so a private or symmetric key is refused (§4.3), and
    /// [`JwkError::OtherAlgorithm`] when `algorithm` does not fit its type or its own `alg`.
    pub fn from_embedded(jwk: &Value, algorithm: Algorithm) -> Result<Self, JwkError> {
        let (material, stated) = read(jwk.as_object().ok_or(JwkError::NotObject)?)?;
        if stated.is_some_and(|stated| stated != algorithm) {
            return Err(JwkError::OtherAlgorithm);
        }
        Self::new(material, algorithm)
    }

    /// A key without `kid`.
    pub(crate) fn new(material: Material, algorithm: Algorithm) -> Result<Self, JwkError> {
        let parsed = material.parse(algorithm)?;
        let thumbprint = material.thumbprint();
        Ok(Self { kid: None, issuer: None, algorithm, thumbprint, material, parsed })
    }

    /// The same key, called by its thumbprint.
    pub(crate) fn named_by_thumbprint(mut self) -> Self {
        self.kid = Some(self.thumbprint.clone());
        self
    }

    /// The key's name within its set (RFC 7517 §4.5).
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The only algorithm this key verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The SHA-256 thumbprint in base64url (RFC 7638).
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The issuer whose tokens this key may sign, which Microsoft's key sets say key by key.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Verifies a signature in the form JWS gives it (RFC 7518 §3.3–§3.5, RFC 8037 §3.1).
    ///
    /// # Errors
    ///
    /// [`BadSignature`] whatever is wrong with it.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.parsed.verify_sig(message, signature).map_err(|_| BadSignature)
    }

    /// Only the members that make the key, as a DPoP proof carries it (RFC 9449 §4.2, RFC 7638
    /// §3.2).
    pub fn to_bare_jwk(&self) -> Value {
        self.material.members()
    }

    /// The key as it is published: its public members, `alg`, `use` and `kid` (RFC 7517 §4).
    pub fn to_jwk(&self) -> Value {
        let mut jwk = self.material.members();
        jwk["alg"] = self.algorithm.name().into();
        jwk["use"] = "sig".into();
        if let Some(kid) = &self.kid {
            jwk["kid"] = kid.as_str().into();
        }
        jwk
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

/// The signature is not this key's signature of this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not match")]
pub struct BadSignature;

/// Why a JWK is not a key to verify with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// It is no JSON object.
    #[error("a key is a JSON object")]
    NotObject,
    /// A required member is missing.
    #[error("the key has no \"{0}\"")]
    Missing(&'static str),
    /// A member has the wrong JSON type.
    #[error("the key's \"{0}\" has the wrong type")]
    Mistyped(&'static str),
    /// A member is not canonical base64url.
    #[error("the key's \"{0}\" is not base64url without padding")]
    Encoding(&'static str),
    /// It holds private or symmetric members.
    #[error("the key holds private members")]
    Private,
    /// Its `use` is not `sig`.
    #[error("the key is not for signatures (\"use\")")]
    OtherUse,
    /// Its `key_ops` does not contain `verify`.
    #[error("the key is not for verifying (\"key_ops\")")]
    OtherOperations,
    /// Its `kty` is none of RSA, EC and OKP.
    #[error("unsupported key type; supported are RSA, EC and OKP")]
    UnsupportedType,
    /// Its `crv` is none of P-256, P-384 and Ed25519.
    #[error("unsupported curve; supported are P-256, P-384 and Ed25519")]
    UnsupportedCurve,
    /// Its `alg` is none of [`Algorithm::ALL`].
    #[error("the key's algorithm is not supported")]
    UnsupportedAlgorithm,
    /// Its `alg` belongs to another type of key.
    #[error("the key's algorithm does not fit its type")]
    OtherAlgorithm,
    /// Its modulus is even, or outside 2048–8192 bits.
    #[error("the RSA modulus is not an odd number of 2048 to 8192 bits")]
    Modulus,
    /// Its exponent is even, 1, or too large.
    #[error("the RSA exponent is not an odd number from 3 to 2^33")]
    Exponent,
    /// A coordinate has the wrong length for the curve.
    #[error("a coordinate is not as long as the curve demands")]
    Coordinate,
    /// The cryptographic library does not take it, as with a point off the curve.
    #[error("the numbers do not make a key")]
    Rejected,
}

/// The numbers of a public key meant for signatures, and the algorithm it names.
fn read(jwk: &Map<String, Value>) -> Result<(Material, Option<Algorithm>), JwkError> {
    refuse_private(jwk)?;
    check_use(jwk)?; // RFC 7517 §4.2
    check_key_ops(jwk)?; // RFC 7517 §4.3
    let material = Material::from_jwk(jwk)?;
    let stated = optional(jwk, "alg")?.map(str::parse).transpose();
    Ok((material, stated.map_err(|_| JwkError::UnsupportedAlgorithm)?))
}

/// Refuses what must never stand in a published key (RFC 7518 §6.2.2, §6.3.2, §6.4).
pub(crate) fn refuse_private(jwk: &Map<String, Value>) -> Result<(), JwkError> {
    if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
        return Err(JwkError::Private);
    }
    Ok(())
}

fn check_use(jwk: &Map<String, Value>) -> Result<(), JwkError> {
    match optional(jwk, "use")? {
        None | Some("sig") => Ok(()),
        Some(_) => Err(JwkError::OtherUse),
    }
}

fn check_key_ops(jwk: &Map<String, Value>) -> Result<(), JwkError> {
    let Some(operations) = jwk.get("key_ops") else { return Ok(()) };
    let operations = operations.as_array().ok_or(JwkError::Mistyped("key_ops"))?;
    if !operations.iter().all(Value::is_string) {
        return Err(JwkError::Mistyped("key_ops"));
    }
    if !operations.iter().any(|operation| operation == "verify") {
        return Err(JwkError::OtherOperations);
    }
    Ok(())
}

/// A member that is text, when it is there.
pub(crate) fn optional<'a>(
    jwk: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, JwkError> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(JwkError::Mistyped(name)),
    }
}

/// The private members of RSA, EC and OKP keys, and the secret of symmetric ones.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
