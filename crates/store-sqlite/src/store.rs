//! The store itself: reads on the readers, commits on the writer.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_grant::{Change, Kind, Version};
use bailiwick_store::statements::{Statement, sql};
use bailiwick_store::{CommitError, Listed, Raw, Store, StoreError, Write};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::readers::Readers;
use crate::writer::{Limits, Task, Writer};
use crate::{open, schema};

/// Keeps the records in an SQLite file; the guarantees stand in the crate's documentation.
///
/// Dropping it waits for what is being written, then closes the file.
pub struct SqliteStore {
    writer: Writer,
    readers: Arc<Readers>,
}

impl SqliteStore {
    /// Opens the file, makes it and its folder if they are not there, and migrates its schema.
    ///
    /// Blocks while it does: for the start of a process. A new file can be read by its owner alone;
    /// the permissions of one that is there are left as they are.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("bailiwick.db");
    /// let store = bailiwick_store_sqlite::SqliteStore::open(path)?;
    /// # Ok::<(), bailiwick_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::Foreign`] for a file of another program, [`StoreError::Newer`] for one of a
    /// newer release: both stay as they are. [`StoreError::Unavailable`] when the file cannot be
    /// made, read or written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = open::place(path.as_ref())?;
        let writer = Writer::start(schema::open(&path)?, Limits::default())?;
        Ok(Self { writer, readers: Arc::new(Readers::new(path)) })
    }

    /// Looks for damage in the whole file: takes long for a large one, and disturbs nobody.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with what SQLite reports.
    pub async fn verify(&self) -> Result<(), StoreError> {
        let readers = Arc::clone(&self.readers);
        let report = tokio::task::spawn_blocking(move || readers.read("verify", quick_check))
            .await
            .map_err(|error| StoreError::unavailable("verify", error))??;
        if report == ["ok"] {
            return Ok(());
        }
        Err(StoreError::Damaged { report: report.join("; ") })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load_raw(&self, keys: &[(Kind, &str)]) -> Result<Vec<Option<Raw>>, StoreError> {
        self.readers.read("load records", |connection| {
            // One statement is a snapshot by itself.
            let snapshot = (keys.len() > 1).then(|| connection.unchecked_transaction());
            let snapshot = snapshot.transpose()?;
            let raws = keys.iter().map(|(kind, key)| load(connection, *kind, key)).collect();
            snapshot.map_or(Ok(()), rusqlite::Transaction::finish)?;
            raws
        })
    }

    async fn list_raw(
        &self,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.readers.read("list records", |connection| list(connection, kind, after, limit))
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.writer.run(Task::Commit(Write::all(changes)?)).await.map(|_| ())
    }

    async fn sweep(&self, now: i64, most: usize) -> Result<usize, StoreError> {
        self.writer.run(Task::Sweep { now, most }).await.map_err(without_conflict)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.readers.read("read", |connection| {
            connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()))
        })?;
        // Nothing is written, but the writer lives and gets the lock.
        self.writer.run(Task::Commit(Vec::new())).await.map(|_| ()).map_err(without_conflict)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The writer, dropped next, is then the last: it alone can bring in and remove the log.
        self.readers.close();
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

fn load(connection: &Connection, kind: Kind, key: &str) -> rusqlite::Result<Option<Raw>> {
    let mut statement = connection.prepare_cached(&sql(Statement::Load, kind))?;
    statement.query_row([key], |row| raw(row, 0)).optional()
}

fn list(
    connection: &Connection,
    kind: Kind,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<Listed>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let listed = |row: &Row<'_>| Ok(Listed { key: row.get(0)?, raw: raw(row, 1)? });
    match after {
        None => {
            let mut statement = connection.prepare_cached(&sql(Statement::First, kind))?;
            statement.query_map([limit], listed)?.collect()
        }
        Some(after) => {
            let mut statement = connection.prepare_cached(&sql(Statement::Next, kind))?;
            statement.query_map(params![after, limit], listed)?.collect()
        }
    }
}

/// Reads `version, body`, beginning at a column.
fn raw(row: &Row<'_>, column: usize) -> rusqlite::Result<Raw> {
    let version: i64 = row.get(column)?;
    let version = u64::try_from(version).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, Box::new(error))
    })?;
    Ok(Raw { version: Version(version), body: row.get(column + 1)? })
}

fn quick_check(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare("pragma quick_check")?.query_map([], |row| row.get(0))?.collect()
}

fn without_conflict(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        // Neither sweeping nor writing nothing has preconditions.
        CommitError::Conflict => StoreError::unavailable("write", "a conflict without a cause"),
    }
}
