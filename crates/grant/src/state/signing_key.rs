//! A signing key of the issuer, as it is kept.

use std::fmt;

use bailiwick_jose::Algorithm;
use serde::{Deserialize, Serialize};

use crate::{Kind, Record, Stored};

/// A private key; never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// Its thumbprint.
    pub kid: String,
    /// Its one algorithm.
    pub algorithm: Algorithm,
    /// PKCS #8, base64url.
    pub pkcs8: String,
    /// When it was made.
    pub made_at: i64,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredKey({}, {}, [redacted])", self.kid, self.algorithm)
    }
}

impl Stored for StoredKey {
    const KIND: Kind = Kind::SigningKey;
    fn key(&self) -> String {
        self.kid.clone()
    }
    fn into_record(self) -> Record {
        Record::SigningKey(Box::new(self))
    }
}
