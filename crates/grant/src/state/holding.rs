//! Which grants a user has given: so that they can be listed without reading everybody's.

use bailiwick_jose::{base64url, digest};
use bailiwick_oauth::Subject;
use serde::{Deserialize, Serialize};

use super::grant::GrantId;
use crate::{Kind, Record, Stored};

/// One grant of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Who gave it.
    pub subject: Subject,
    /// What was given.
    pub grant: GrantId,
    /// When the grant is over, if it is not listed anew before.
    pub expires_at: i64,
}

impl Holding {
    /// What the keys of all holdings of a user begin with.
    pub fn prefix(subject: &Subject) -> String {
        // A digest, so that no subject is the beginning of another.
        let digest = digest::sha256(subject.as_str().as_bytes());
        format!("{}.", base64url::encode(&digest[..16]))
    }
}

impl Stored for Holding {
    const KIND: Kind = Kind::Holding;
    fn key(&self) -> String {
        format!("{}{}", Self::prefix(&self.subject), self.grant)
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }
    fn into_record(self) -> Record {
        Record::Holding(Box::new(self))
    }
}
