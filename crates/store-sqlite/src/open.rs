//! Opening the file: where it is, who may read it, and how SQLite treats it.

use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bailiwick_store::StoreError;
use rusqlite::{Connection, OpenFlags};

use crate::failure::store_error;

/// How long a connection waits for the locks of other processes.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(5);

/// So many statements stay prepared on a connection: more than there are.
const PREPARED: usize = 128;

/// Makes sure that the file is there, and says where: a path that does not depend on the folder
/// that the process stands in.
pub(crate) fn place(path: &Path) -> Result<PathBuf, StoreError> {
    let failed = |error| StoreError::unavailable("make the database file", error);
    let path = std::path::absolute(path).map_err(failed)?;
    if let Some(folder) = path.parent() {
        private_folder().recursive(true).create(folder).map_err(failed)?;
    }
    // Only a new file is opened here: closing one would drop the locks of other connections to it.
    match private_file().write(true).create_new(true).open(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(path),
        Err(error) => Err(failed(error)),
    }
}

/// Opens the connection that writes.
pub(crate) fn writing(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error| store_error("open the database", error);
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    // SQLite opens a file that it may not write all the same.
    if connection.is_readonly("main").map_err(failed)? {
        return Err(StoreError::unavailable("open the database", "the file is read-only"));
    }
    Ok(connection)
}

/// Opens a connection that can only read.
pub(crate) fn reading(path: &Path) -> Result<Connection, StoreError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| store_error("open the database for reading", error))
}

fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // No shared mutex: a connection is used by one thread at a time. No URIs: a path is a path.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Makes each commit durable before it returns, and lets readers read beside it.
pub(crate) fn make_durable(connection: &Connection) -> Result<(), StoreError> {
    let failed = |error| store_error("switch on write-ahead logging", error);
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(failed)?;
    if mode != "wal" {
        let reason = format!("this file system only allows the journal mode {mode}");
        return Err(StoreError::unavailable("switch on write-ahead logging", reason));
    }
    connection.pragma_update(None, "synchronous", "full").map_err(failed)?;
    // On macOS alone: without it, the disk may keep a synced write in its own memory.
    connection.pragma_update(None, "fullfsync", true).map_err(failed)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true).map_err(failed)?;
    // A burst does not leave a large log behind for ever.
    connection.pragma_update(None, "journal_size_limit", 64 << 20).map_err(failed)
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(unix)]
fn private_folder() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(not(unix))]
fn private_folder() -> DirBuilder {
    DirBuilder::new()
}

#[cfg(test)]
mod tests {
    use super::{make_durable, place, reading, writing};

    #[test]
    fn a_commit_is_synced_before_it_returns() {
        let folder = tempfile::tempdir().unwrap();
        let connection = writing(&place(&folder.path().join("store.db")).unwrap()).unwrap();
        make_durable(&connection).unwrap();
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        assert_eq!(pragma("synchronous").unwrap(), 2, "2 is full");
        assert_eq!(pragma("fullfsync").unwrap(), 1);
        let mode: String =
            connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[test]
    fn a_reading_connection_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = place(&folder.path().join("store.db")).unwrap();
        make_durable(&writing(&path).unwrap()).unwrap();
        let answer = reading(&path).unwrap().execute_batch("create table mine (key text)");
        assert!(answer.unwrap_err().to_string().contains("readonly"));
    }
}
