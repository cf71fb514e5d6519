//! The contract of the store, on SQLite.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use bailiwick_store::{Store, contract_suite};
use bailiwick_store_sqlite::SqliteStore;

contract_suite!(async || {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(folder.path().join("store.db")).unwrap());
    (store, folder)
});
