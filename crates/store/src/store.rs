//! What a store does, and what it promises.

use async_trait::async_trait;
use bailiwick_grant::{Change, Kind, Version};

use crate::{CommitError, StoreError};

/// Keeps the records of the authorization server: the one truth.
///
/// What every store promises, and `contract` proves:
///
/// - A commit is applied as a whole or not at all, and readers see all of it or nothing.
/// - Commits happen one after the other: of two that rest on the same version, one conflicts. No
///   caller ever needs a lock.
/// - When `commit` returns `Ok`, the changes survive a crash of the process and of the machine (but
///   for the memory store), and every later read, on any connection, sees them.
/// - An insert gives version 1, each write after it the next one. A record that was removed and
///   inserted again is a new one and starts over.
/// - Keys are any text and are ordered by their UTF-8 bytes.
///
/// Not promised: that expired records are gone. Who reads a record looks at its time.
///
/// Callers read with [`StoreExt`](crate::StoreExt), which knows the records' types.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads the records with these keys, all as of one moment; `None` where there is none.
    async fn load_raw(&self, keys: &[(Kind, &str)]) -> Result<Vec<Option<Raw>>, StoreError>;

    /// Reads up to `limit` records of a kind in the order of their keys, beginning after `after`.
    async fn list_raw(
        &self,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError>;

    /// Applies the changes in their order, all or none; they are durable when it returns.
    ///
    /// Each precondition is checked against what the changes before it left. A commit whose future
    /// is dropped may still be applied.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when a precondition does not hold: nothing was changed.
    /// [`CommitError::Store`] when the world failed: whether anything was changed is not known.
    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError>;

    /// Removes up to `most` records that expired at `now` or before, and says how many.
    async fn sweep(&self, now: i64, most: usize) -> Result<usize, StoreError>;

    /// Whether the store can read and commit at this moment.
    async fn check(&self) -> Result<(), StoreError>;
}

/// A record as it stands in the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw {
    /// How often it was written.
    pub version: Version,
    /// The record as JSON; may hold secrets.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Raw({:?}, {} bytes)", self.version, self.body.len())
    }
}

/// A record of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// The record.
    pub raw: Raw,
}
