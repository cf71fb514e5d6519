//! A request that its client polls for, because no browser can bring it the answer (RFC 8628 §3.4).

use bailiwick_oauth::device::UserCode;
use bailiwick_oauth::secret::Digest;
use serde::{Deserialize, Serialize};

use super::code::Standing;
use super::grant::GrantId;
use super::interaction::Checked;
use crate::{Kind, Record, Stored};

/// How long a pending request is remembered after its time, in seconds: polls that come late are
/// told that it expired, not that it never was.
const REMEMBERED: i64 = 3600;

/// A request that its client polls for.
///
/// What the user answers stands in a record of its own, [`PollAnswer`], so that polls and the answer
/// never wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The digest of what the client polls with.
    pub digest: Digest,
    /// The checked request.
    pub request: Checked,
    /// How many seconds must lie between two polls.
    pub interval: i64,
    /// When the client polled last.
    pub polled_at: Option<i64>,
    /// When it began.
    pub begun_at: i64,
    /// Until when it can be answered and redeemed.
    pub expires_at: i64,
}

/// By which code the user finds a pending request (RFC 8628 §3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCodeRecord {
    /// The digest of the code that the device shows.
    pub digest: Digest,
    /// The request.
    pub pending: Digest,
    /// Until when it can be typed in.
    pub expires_at: i64,
}

/// What the user answered to a pending request: written once, redeemed once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollAnswer {
    /// The digest of what the client polls with.
    pub pending: Digest,
    /// The answer.
    pub said: Said,
    /// Until when it can be fetched.
    pub expires_at: i64,
}

/// A user's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    /// No.
    No,
    /// Yes: a grant.
    Yes {
        /// What was given.
        grant: GrantId,
        /// Whether the client can still fetch it.
        standing: Standing,
    },
}

/// That a request is answered to whoever polls for it, and not through the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Polled {
    /// The digest of what the client polls with.
    pub pending: Digest,
    /// Until when the answer counts.
    pub expires_at: i64,
    /// The code that the user typed in or followed a link with, to be compared with the one on the
    /// device (RFC 8628 §3.3.1).
    #[serde(default)]
    pub user_code: Option<UserCode>,
    /// Whether the user said that the two are the same.
    pub confirmed: bool,
}

impl Pending {
    /// The request after a poll, with the time that must lie between it and the next.
    pub fn polled(self, now: i64, interval: i64) -> Self {
        Self { interval, polled_at: Some(now), ..self }
    }
}

impl PollAnswer {
    /// The grant that was given, if one was.
    pub fn grant(&self) -> Option<&str> {
        match &self.said {
            Said::Yes { grant, .. } => Some(grant.as_str()),
            Said::No => None,
        }
    }

    /// The answer after its one redemption.
    pub fn spend(self) -> Self {
        self.with(|_| Standing::Spent)
    }

    /// The answer after one more refused resource: the last one spends it.
    pub fn refuse(self) -> Self {
        self.with(Standing::refuse)
    }

    fn with(self, change: impl FnOnce(Standing) -> Standing) -> Self {
        let said = match self.said {
            Said::Yes { grant, standing } => Said::Yes { grant, standing: change(standing) },
            Said::No => Said::No,
        };
        Self { said, ..self }
    }
}

impl Stored for Pending {
    const KIND: Kind = Kind::Pending;
    fn key(&self) -> String {
        self.digest.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at + REMEMBERED)
    }
    fn into_record(self) -> Record {
        Record::Pending(Box::new(self))
    }
}

impl Stored for UserCodeRecord {
    const KIND: Kind = Kind::UserCode;
    fn key(&self) -> String {
        self.digest.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }
    fn into_record(self) -> Record {
        Record::UserCode(Box::new(self))
    }
}

impl Stored for PollAnswer {
    const KIND: Kind = Kind::PollAnswer;
    fn key(&self) -> String {
        self.pending.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        // As long as the request, so that no second answer finds its place free.
        Some(self.expires_at + REMEMBERED)
    }
    fn into_record(self) -> Record {
        Record::PollAnswer(Box::new(self))
    }
}
