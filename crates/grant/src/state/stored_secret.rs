//! A secret of the issuer that is no signing key, as it is kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Kind, Record, Stored};

/// A secret of 256 bits; never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSecret {
    /// What it is for.
    pub name: String,
    /// The octets, base64url.
    pub secret: String,
    /// When it was made.
    pub made_at: i64,
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredSecret({}, [redacted])", self.name)
    }
}

impl Stored for StoredSecret {
    const KIND: Kind = Kind::StoredSecret;
    fn key(&self) -> String {
        self.name.clone()
    }
    fn into_record(self) -> Record {
        Record::StoredSecret(Box::new(self))
    }
}
