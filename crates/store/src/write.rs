//! Changes as a store applies them: the records already as JSON.

use bailiwick_grant::{Change, Kind, Record, Version};

use crate::StoreError;

/// One change, ready to be applied.
#[derive(Debug, Clone)]
pub enum Write {
    /// Writes a row that must not be there yet.
    Insert(Row),
    /// Replaces a row that must still have the version that was seen.
    Update(Row, Version),
    /// Writes a row, whether it is there or not.
    Put(Row),
    /// Removes a row, whether it is there or not.
    Delete(Kind, String),
}

/// A record as a store keeps it, but for its version.
#[derive(Clone)]
pub struct Row {
    /// The kind of the record.
    pub kind: Kind,
    /// Its key.
    pub key: String,
    /// From when on it may be swept.
    pub expires_at: Option<i64>,
    /// The record as JSON; may hold secrets.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({}, {} bytes)", self.kind.name(), self.body.len())
    }
}

impl Write {
    /// Makes the changes of a commit ready.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] for a record that JSON cannot hold.
    pub fn all(changes: Vec<Change>) -> Result<Vec<Self>, StoreError> {
        changes.into_iter().map(Self::of).collect()
    }

    fn of(change: Change) -> Result<Self, StoreError> {
        Ok(match change {
            Change::Insert(record) => Self::Insert(row(&record)?),
            Change::Update { record, seen } => Self::Update(row(&record)?, seen),
            Change::Put(record) => Self::Put(row(&record)?),
            Change::Delete { kind, key } => Self::Delete(kind, key),
        })
    }
}

fn row(record: &Record) -> Result<Row, StoreError> {
    let (kind, key) = (record.kind(), record.key());
    let Ok(body) = record.body() else { return Err(StoreError::Unwritable { kind, key }) };
    Ok(Row { kind, key, expires_at: record.expires_at(), body })
}
