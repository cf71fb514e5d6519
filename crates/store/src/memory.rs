//! The memory store: everything is gone when it is dropped.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bailiwick_grant::{Change, Kind, Version};

use crate::{CommitError, Listed, Raw, Row, Store, StoreError, Write};

/// Keeps the records in memory: for tests and for trying out.
///
/// Keeps the contract but for surviving a crash.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Nothing below panics half-way, so what a panic elsewhere left is whole.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load_raw(&self, keys: &[(Kind, &str)]) -> Result<Vec<Option<Raw>>, StoreError> {
        let tables = self.tables();
        Ok(keys
            .iter()
            .map(|(kind, key)| tables.row(*kind, key).map(|kept| kept.raw.clone()))
            .collect())
    }

    async fn list_raw(
        &self,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        let tables = self.tables();
        let Some(table) = tables.0.get(&kind) else { return Ok(Vec::new()) };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = table.range::<str, _>((start, Bound::Unbounded)).take(limit);
        Ok(rows.map(|(key, kept)| Listed { key: key.clone(), raw: kept.raw.clone() }).collect())
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let writes = Write::all(changes)?;
        self.tables().apply_all(writes)
    }

    async fn sweep(&self, now: i64, most: usize) -> Result<usize, StoreError> {
        Ok(self.tables().sweep(now, most))
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Tables(BTreeMap<Kind, BTreeMap<String, Kept>>);

#[derive(Debug, Clone)]
struct Kept {
    raw: Raw,
    expires_at: Option<i64>,
}

/// What stood where a change was made.
struct Undo {
    kind: Kind,
    key: String,
    before: Option<Kept>,
}

impl Tables {
    fn row(&self, kind: Kind, key: &str) -> Option<&Kept> {
        self.0.get(&kind)?.get(key)
    }

    /// Applies all writes; at the first conflict, takes back what was done.
    fn apply_all(&mut self, writes: Vec<Write>) -> Result<(), CommitError> {
        let mut done = Vec::with_capacity(writes.len());
        for write in writes {
            match self.apply(write) {
                Ok(undo) => done.push(undo),
                Err(conflict) => {
                    for Undo { kind, key, before } in done.into_iter().rev() {
                        self.set(kind, key, before);
                    }
                    return Err(conflict);
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, write: Write) -> Result<Undo, CommitError> {
        match write {
            Write::Insert(row) => match self.version(&row) {
                None => Ok(self.write(row, Version(1))),
                Some(_) => Err(CommitError::Conflict),
            },
            Write::Update(row, seen) => match self.version(&row) {
                Some(version) if version == seen => Ok(self.write(row, next(version))),
                _ => Err(CommitError::Conflict),
            },
            Write::Put(row) => {
                let version = self.version(&row).map_or(Version(1), next);
                Ok(self.write(row, version))
            }
            Write::Delete(kind, key) => Ok(self.set(kind, key, None)),
        }
    }

    fn version(&self, row: &Row) -> Option<Version> {
        self.row(row.kind, &row.key).map(|kept| kept.raw.version)
    }

    fn write(&mut self, row: Row, version: Version) -> Undo {
        let Row { kind, key, expires_at, body } = row;
        self.set(kind, key, Some(Kept { raw: Raw { version, body }, expires_at }))
    }

    fn set(&mut self, kind: Kind, key: String, kept: Option<Kept>) -> Undo {
        let table = self.0.entry(kind).or_default();
        let before = match kept {
            Some(kept) => table.insert(key.clone(), kept),
            None => table.remove(&key),
        };
        Undo { kind, key, before }
    }

    fn sweep(&mut self, now: i64, most: usize) -> usize {
        let mut removed = 0;
        for table in self.0.values_mut() {
            table.retain(|_, kept| {
                let keep = removed >= most || kept.expires_at.is_none_or(|at| now < at);
                removed += usize::from(!keep);
                keep
            });
        }
        removed
    }
}

fn next(version: Version) -> Version {
    Version(version.0 + 1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryStore;
    use crate::Store;

    crate::contract_suite!(async || (Arc::new(MemoryStore::new()) as Arc<dyn Store>, ()));
}
