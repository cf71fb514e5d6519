//! Which grants were given in a session: who is told when it ends (OpenID Connect Back-Channel
//! Logout §2.5).

use bailiwick_oauth::ClientId;
use serde::{Deserialize, Serialize};

use super::grant::GrantId;
use crate::{Kind, Record, Stored};

/// A grant that was given in a session.
///
/// Its key begins with the session's name, so that all of a session stand together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionGrant {
    /// The session's name for clients.
    pub sid: String,
    /// The grant.
    pub grant: GrantId,
    /// The client that it was given to.
    pub client: ClientId,
    /// Until when it is remembered.
    pub expires_at: i64,
}

impl SessionGrant {
    /// What the keys of a session's grants begin with.
    pub fn prefix(sid: &str) -> String {
        format!("{sid} ")
    }
}

impl Stored for SessionGrant {
    const KIND: Kind = Kind::SessionGrant;
    fn key(&self) -> String {
        format!("{}{}", Self::prefix(&self.sid), self.grant)
    }
    fn expires_at(&self) -> Option<i64> {
        Some(self.expires_at)
    }
    fn into_record(self) -> Record {
        Record::SessionGrant(Box::new(self))
    }
}
