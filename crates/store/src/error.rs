//! What can go wrong with a store: the world is to blame.

use std::error::Error;
use std::sync::Arc;

use bailiwick_grant::Kind;

/// The world failed: a disk, a lock, a database.
///
/// After a commit that failed so, nobody knows whether it was applied: load and decide again.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Too much waits to be written, or another process holds the store; later it may work.
    #[error("the store is busy")]
    Busy,
    /// The store cannot do its work: a full disk, a lost connection, a broken file.
    #[error("the store failed to {doing}")]
    Unavailable {
        /// What was tried.
        doing: &'static str,
        /// What the database said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The store was written by a newer release, which this one would damage.
    #[error(
        "the store has schema version {found}, this release knows {known}: use the newer release"
    )]
    Newer {
        /// The version of the schema that was found.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// What was found is no store of ours.
    #[error("{place} is not a bailiwick store")]
    Foreign {
        /// Where it was found.
        place: String,
    },
    /// The store is damaged: restore it from a copy.
    #[error("the store is damaged: {report}")]
    Damaged {
        /// What the database reported.
        report: String,
    },
    /// A record is not what its kind says.
    ///
    /// Tells the place in the record, never what stands there: it may be a secret.
    #[error("the {} record {key:?} cannot be read: byte {byte} is not as expected", kind.name())]
    Unreadable {
        /// The kind of the record.
        kind: Kind,
        /// Its key.
        key: String,
        /// Where reading stopped.
        byte: usize,
    },
    /// A record cannot be written as JSON: a bug.
    #[error("the {} record {key:?} cannot be written", kind.name())]
    Unwritable {
        /// The kind of the record.
        kind: Kind,
        /// Its key.
        key: String,
    },
}

impl StoreError {
    /// The store failed at something.
    pub fn unavailable(
        doing: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable { doing, source: Arc::from(source.into()) }
    }
}

/// Why a commit did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// A precondition does not hold any more: load and decide again.
    #[error("somebody else changed the record first")]
    Conflict,
    /// The world failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
