//! The connections that read: as many as read at once, kept for the next.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bailiwick_store::StoreError;
use rusqlite::Connection;

use crate::failure::store_error;
use crate::open;

/// So many idle connections are kept.
const IDLE: usize = 32;

/// A pool of connections that can only read.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    /// Reads on a connection of its own, on the calling thread.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let connection = idle.map_or_else(|| open::reading(&self.path), Ok)?;
        // A connection that failed is closed, not kept.
        let answer = read(&connection).map_err(|error| store_error(doing, error))?;
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(connection);
        }
        Ok(answer)
    }

    /// Closes the idle connections.
    pub(crate) fn close(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
