//! Opening and closing the file, alone and beside others.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bailiwick_grant::Change;
use bailiwick_grant::state::{Name, Username};
use bailiwick_store::contract::samples::{count, name};
use bailiwick_store::{CommitError, Store, StoreError, StoreExt};
use bailiwick_store_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::tempdir;

/// The error and what caused it, as a log prints them.
fn chain(error: &dyn Error) -> String {
    let source = error.source().map(|source| format!(": {}", chain(source)));
    format!("{error}{}", source.unwrap_or_default())
}

fn refused(path: &Path) -> StoreError {
    SqliteStore::open(path).unwrap_err()
}

#[tokio::test]
async fn records_outlive_the_store() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    store.commit(vec![Change::insert(name("key", 7))]).await.unwrap();
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(count(&store.load::<Name>("key").await.unwrap().unwrap().value), 7);
    store.verify().await.unwrap();
}

#[tokio::test]
async fn a_closed_store_is_one_file() {
    let folder = tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
    store.commit(vec![Change::insert(name("key", 7))]).await.unwrap();
    assert!(store.load::<Name>("key").await.unwrap().is_some());
    drop(store);
    let left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["store.db"], "the log was brought in and removed");
}

#[test]
fn missing_folders_are_made() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("deep/down/store.db");
    SqliteStore::open(&path).unwrap();
    assert!(path.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_a_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    let path = folder.path().join("private/store.db");
    let store = SqliteStore::open(&path).unwrap();
    store.commit(vec![Change::insert(name("key", 7))]).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = entry.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn odd_paths_are_only_paths() {
    let folder = tempdir().unwrap();
    for odd in ["file:store.db?mode=memory", ":memory:", "a 'b' \"c\" é.db"] {
        let path = folder.path().join(odd);
        let store = SqliteStore::open(&path).unwrap();
        store.commit(vec![Change::insert(name("key", 1))]).await.unwrap();
        assert!(store.load::<Name>("key").await.unwrap().is_some());
        drop(store);
        assert!(path.exists(), "{odd}");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "not a database at all\n".repeat(500);
    fs::write(&path, &notes).unwrap();
    let error = refused(&path);
    assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    assert!(error.to_string().ends_with("notes.txt is not a bailiwick store"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), notes);
}

#[test]
fn the_database_of_another_program_is_refused_and_left_as_it_is() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("orders.db");
    Connection::open(&path).unwrap().execute_batch("create table orders (id integer)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(refused(&path), StoreError::Foreign { .. }));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn the_file_of_a_newer_release_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(SqliteStore::open(&path).unwrap());
    let newer = "insert into refinery_schema_history (version, name, applied_on, checksum)
        values (9999, 'future', '2040-01-01T00:00:00Z', '1')";
    Connection::open(&path).unwrap().execute_batch(newer).unwrap();
    let error = refused(&path);
    assert!(matches!(error, StoreError::Newer { found: 9999, known: 12 }), "{error:?}");
    let text = "the store has schema version 9999, this release knows 12: use the newer release";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_migration_that_was_edited_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(SqliteStore::open(&path).unwrap());
    let edited = "update refinery_schema_history set checksum = '1'";
    Connection::open(&path).unwrap().execute_batch(edited).unwrap();
    let text = chain(&refused(&path));
    assert!(text.starts_with("the store failed to check the schema: "), "{text}");
}

#[test]
fn a_file_that_cannot_be_written_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(SqliteStore::open(&path).unwrap());
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    // The superuser may write all the same.
    let writable = fs::OpenOptions::new().write(true).open(&path).is_ok();
    let answer = SqliteStore::open(&path).map_err(|error| chain(&error));
    match answer {
        Ok(_) => assert!(writable),
        Err(text) => {
            assert!(!writable);
            assert_eq!(text, "the store failed to open the database: the file is read-only");
        }
    }
}

#[test]
fn a_folder_in_the_place_of_the_file_is_refused() {
    let folder = tempdir().unwrap();
    let text = chain(&refused(folder.path()));
    assert!(text.starts_with("the store failed to open the database: "), "{text}");
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let text = chain(&refused(&folder.path().join("file/store.db")));
    assert!(text.starts_with("the store failed to make the database file: "), "{text}");
}

#[tokio::test]
async fn damage_is_found_and_reported() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let changes = (0..500).map(|number| Change::insert(name(&format!("{number:050}"), number)));
    store.commit(changes.collect()).await.unwrap();
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len() - 3 * 4096;
    bytes[end..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let error = store.verify().await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named_but_not_shown() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let body = r#"{"username":"ada","subject":["secret"]}"#;
    Connection::open(&path)
        .unwrap()
        .execute("insert into username values ('ada', 1, null, ?1)", [body.as_bytes()])
        .unwrap();
    let text = chain(&store.load::<Username>("ada").await.unwrap_err());
    assert_eq!(text, "the username record \"ada\" cannot be read: byte 28 is not as expected");
}

#[test]
fn many_may_open_a_new_file_at_once() {
    let folder = tempdir().unwrap();
    for round in 0..5 {
        let path = folder.path().join(format!("store {round}.db"));
        std::thread::scope(|scope| {
            let opening: Vec<_> =
                (0..8).map(|_| scope.spawn(|| SqliteStore::open(&path))).collect();
            for opened in opening {
                opened.join().unwrap().unwrap();
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_stores_on_one_file_lose_nothing() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("store.db");
    let stores = [(); 2].map(|()| Arc::new(SqliteStore::open(&path).unwrap()));
    stores[0].commit(vec![Change::insert(name("counter", 0))]).await.unwrap();
    let mut running = Vec::new();
    for number in 0..8 {
        let store = Arc::clone(&stores[number % 2]);
        running.push(tokio::spawn(async move {
            for _ in 0..20 {
                add_one(&*store).await;
            }
        }));
    }
    for task in running {
        task.await.unwrap();
    }
    for store in stores {
        let counter = store.load::<Name>("counter").await.unwrap().unwrap();
        assert_eq!(count(&counter.value), 160);
    }
}

async fn add_one(store: &dyn Store) {
    loop {
        let loaded = store.load::<Name>("counter").await.unwrap().unwrap();
        let more = name("counter", count(&loaded.value) + 1);
        match store.commit(vec![loaded.update(more)]).await {
            Ok(()) => return,
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => panic!("{}", chain(&error)),
        }
    }
}
