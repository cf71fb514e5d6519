//! Committing a decision; a conflict means: load and decide again.

use bailiwick_grant::Change;
use bailiwick_store::{CommitError, Store};

use crate::answer::Failure;

/// How often one request is decided before it gives up.
const MOST: u8 = 8;

/// The attempts of one request.
pub(crate) struct Attempts {
    left: u8,
}

/// What became of the changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    /// They are durable: answer.
    Done,
    /// Nothing was changed, because somebody else was first: load and decide again.
    Again,
}

impl Attempts {
    pub(crate) fn new() -> Self {
        Self { left: MOST }
    }

    /// Commits the changes of one decision.
    ///
    /// # Errors
    /// When the store fails, or the last attempt conflicts too.
    pub(crate) async fn commit(
        &mut self,
        store: &dyn Store,
        changes: Vec<Change>,
    ) -> Result<Committed, Failure> {
        if changes.is_empty() {
            return Ok(Committed::Done);
        }
        match store.commit(changes).await {
            Ok(()) => Ok(Committed::Done),
            Err(CommitError::Conflict) if self.left > 1 => {
                self.left -= 1;
                Ok(Committed::Again)
            }
            Err(CommitError::Conflict) => Err(Failure::Contended),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}
