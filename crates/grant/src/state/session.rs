//! A login of a user in one browser.

use bailiwick_oauth::Subject;
use bailiwick_oauth::secret::Digest;
use serde::{Deserialize, Serialize};

use crate::{Kind, Record, Stored};

/// A login: made anew at each sign-in, so that nobody can plant one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The digest of the cookie.
    pub digest: Digest,
    /// Who signed in.
    pub subject: Subject,
    /// When.
    pub auth_time: i64,
    /// Its name for clients, kept when the same user signs in anew (OpenID Connect Back-Channel
    /// Logout §2.1).
    #[serde(default)]
    pub sid: Option<String>,
    /// How strongly (OpenID Connect Core §2, `acr`).
    #[serde(default)]
    pub acr: Option<String>,
    /// By what means (RFC 8176).
    #[serde(default)]
    pub amr: Vec<String>,
    /// Until when it holds.
    pub expires_at: i64,
}

impl Stored for Session {
    const KIND: Kind = Kind::Session;
    fn key(&self) -> String {
        self.digest.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }
    fn into_record(self) -> Record {
        Record::Session(Box::new(self))
    }
}
