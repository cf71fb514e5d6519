//! An authorization code (RFC 6749 §4.1.2).

use bailiwick_oauth::secret::Digest;
use bailiwick_oauth::{ClientId, CodeChallenge};
use serde::{Deserialize, Serialize};

use super::grant::GrantId;
use crate::{Kind, Record, Stored};

/// How many refused resources a code survives (rules §5.6).
const MOST_REFUSALS: u8 = 5;

/// An authorization code: what it was bound to when it was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// The digest of the code itself.
    pub digest: Digest,
    /// The client that it was issued to.
    pub client: ClientId,
    /// What it stands for.
    pub grant: GrantId,
    /// The redirect URI as the authorization request had it; absent when it had none.
    pub redirect_uri: Option<String>,
    /// The PKCE challenge.
    pub challenge: Option<CodeChallenge>,
    /// The nonce for the ID token.
    pub nonce: Option<String>,
    /// The thumbprint of the key that must redeem it (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// Whether it can still be redeemed.
    pub standing: Standing,
    /// When it was issued.
    pub issued_at: i64,
    /// Until when it can be redeemed.
    pub expires_at: i64,
}

/// Whether a code, or the answer to a poll, can still be redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It can; so many refused resources were counted.
    Live {
        /// Refused resources so far.
        refusals: u8,
    },
    /// It was redeemed, or refused too often.
    Spent,
}

impl Code {
    /// The code after its one redemption.
    pub fn spend(self) -> Self {
        Self { standing: Standing::Spent, ..self }
    }

    /// The code after one more refused resource: the last one spends it.
    pub fn refuse(self) -> Self {
        Self { standing: self.standing.refuse(), ..self }
    }
}

impl Standing {
    /// After one more refused resource: the last one spends it (rules §5.6).
    pub(super) fn refuse(self) -> Self {
        match self {
            Self::Live { refusals } if refusals + 1 < MOST_REFUSALS => {
                Self::Live { refusals: refusals + 1 }
            }
            _ => Self::Spent,
        }
    }
}

impl Stored for Code {
    const KIND: Kind = Kind::Code;
    fn key(&self) -> String {
        self.digest.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        // Kept a while longer, so that a replay is seen as one (RFC 6749 §4.1.2).
        Some(self.expires_at + 3600)
    }
    fn into_record(self) -> Record {
        Record::Code(Box::new(self))
    }
}
