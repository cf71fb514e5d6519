//! A key of the issuer to which clients encrypt, as it is kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Kind, Record, Stored};

/// A private key for decrypting; never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDecryptionKey {
    /// Its thumbprint.
    pub kid: String,
    /// The key as a JWK, with its private members and its one `alg`.
    pub jwk: String,
    /// When it was made.
    pub made_at: i64,
}

impl fmt::Debug for StoredDecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredDecryptionKey({}, [redacted])", self.kid)
    }
}

impl Stored for StoredDecryptionKey {
    const KIND: Kind = Kind::DecryptionKey;
    fn key(&self) -> String {
        self.kid.clone()
    }
    fn into_record(self) -> Record {
        Record::DecryptionKey(Box::new(self))
    }
}
