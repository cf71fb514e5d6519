//! Sets of public keys (RFC 7517 §5): what cannot be used is skipped, key by key.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value, json};

use crate::{Algorithm, JwkError, VerifyingKey, json as strict};

/// The keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct Jwks {
    keys: Vec<Arc<VerifyingKey>>,
    by_kid: HashMap<String, Vec<Arc<VerifyingKey>>>,
    skipped: Vec<Skipped>,
}

impl Jwks {
    /// A set has at most this many keys.
    pub const MOST: usize = 256;

    /// Reads a set; keys of unknown kinds and broken keys are remembered and left out (RFC 7517 §5).
    ///
    /// # Errors
    ///
    /// Only what is no key set at all: not a JSON object with an array `keys`, a duplicate member
    /// anywhere, more than [`Jwks::MOST`] keys.
    pub fn parse(bytes: &[u8]) -> Result<Self, JwksError> {
        Self::from_object(&strict::parse_object(bytes)?)
    }

    /// Reads a set that stands inside another document, such as a client's metadata.
    ///
    /// # Errors
    ///
    /// As for [`Jwks::parse`].
    pub fn from_json(set: &Value) -> Result<Self, JwksError> {
        Self::from_object(set.as_object().ok_or(strict::Malformed::NotObject)?)
    }

    fn from_object(set: &Map<String, Value>) -> Result<Self, JwksError> {
        let entries = set.get("keys").and_then(Value::as_array).ok_or(JwksError::NoKeys)?;
        if entries.len() > Self::MOST {
            return Err(JwksError::TooMany);
        }
        let mut keys = Vec::with_capacity(entries.len());
        let mut skipped = Vec::new();
        for (index, jwk) in entries.iter().enumerate() {
            match VerifyingKey::from_jwk(jwk) {
                Ok(key) => keys.push(key),
                Err(why) => {
                    let kid = jwk.get("kid").and_then(Value::as_str).map(ToOwned::to_owned);
                    skipped.push(Skipped { index, kid, why });
                }
            }
        }
        Ok(Self { skipped, ..Self::from_keys(keys) })
    }

    /// Makes a set of keys already at hand.
    pub fn from_keys(keys: Vec<VerifyingKey>) -> Self {
        let keys: Vec<_> = keys.into_iter().map(Arc::new).collect();
        let mut by_kid: HashMap<_, Vec<_>> = HashMap::new();
        for key in &keys {
            if let Some(kid) = key.kid() {
                by_kid.entry(kid.to_owned()).or_default().push(Arc::clone(key));
            }
        }
        Self { keys, by_kid, skipped: Vec::new() }
    }

    /// Finds the one key that may have signed a token with this `kid` and `alg`.
    ///
    /// A key of another algorithm under the same `kid` does not stand in the way. A token without
    /// `kid` needs a set with a single key of its algorithm; a key without `kid` serves tokens with
    /// one only when it is alone in its set.
    ///
    /// # Errors
    ///
    /// [`NoKey`] says whether fetching the set again could help.
    pub fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<&Arc<VerifyingKey>, NoKey> {
        let Some(kid) = kid else {
            return single(&self.keys, algorithm)?.ok_or(NoKey::UnknownKid);
        };
        if let Some(namesakes) = self.by_kid.get(kid) {
            return single(namesakes, algorithm)?.ok_or(NoKey::OtherAlgorithm);
        }
        match self.keys.as_slice() {
            [only] if only.kid().is_none() && only.algorithm() == algorithm => Ok(only),
            _ => Err(NoKey::UnknownKid),
        }
    }

    /// The usable keys, in the set's order.
    pub fn keys(&self) -> &[Arc<VerifyingKey>] {
        &self.keys
    }

    /// The keys that were left out, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Whether no key is usable.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The set as it is published (RFC 7517 §5).
    pub fn to_json(&self) -> Value {
        json!({ "keys": self.keys.iter().map(|key| key.to_jwk()).collect::<Vec<_>>() })
    }
}

/// A key of a set that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its place in the array, from 0.
    pub index: usize,
    /// Its `kid`, when that much could be read.
    pub kid: Option<String>,
    /// What is wrong with it.
    pub why: JwkError,
}

/// Why a set has no key for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// The set has no such key; a newer one may.
    #[error("no key has this kid")]
    UnknownKid,
    /// Several keys fit, and the token does not say which.
    #[error("several keys fit")]
    Ambiguous,
    /// The key exists, for another algorithm.
    #[error("the key with this kid is for another algorithm")]
    OtherAlgorithm,
}

/// Why a document is not a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// It is not a strict JSON object.
    #[error("a key set is a JSON object")]
    Json(#[from] strict::Malformed),
    /// It has no array `keys`.
    #[error("a key set has an array \"keys\"")]
    NoKeys,
    /// It has too many keys.
    #[error("more than {} keys in one set", Jwks::MOST)]
    TooMany,
}

/// The one key for `algorithm`; the same key listed twice counts once.
fn single(
    keys: &[Arc<VerifyingKey>],
    algorithm: Algorithm,
) -> Result<Option<&Arc<VerifyingKey>>, NoKey> {
    let mut fitting = keys.iter().filter(|key| key.algorithm() == algorithm);
    let Some(first) = fitting.next() else { return Ok(None) };
    if fitting.any(|other| other.thumbprint() != first.thumbprint()) {
        return Err(NoKey::Ambiguous);
    }
    Ok(Some(first))
}
