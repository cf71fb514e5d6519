//! SQLite's errors in the words of the store.

use bailiwick_store::StoreError;
use rusqlite::{Error, ErrorCode};

/// What an error of SQLite says about the store.
pub(crate) fn store_error(doing: &'static str, error: Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { report: error.to_string() },
        _ => StoreError::unavailable(doing, error),
    }
}
