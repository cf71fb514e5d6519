//! Killed hard, at any moment: what was acknowledged is there, and nothing is half done.
//!
//! Each test runs in two roles. The parent starts its own executable again for the same test; the
//! child finds the path of the store in its environment, works until it is killed, and prints what
//! was acknowledged, one line each.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::env;
use std::future::Future;
use std::io::{BufRead, BufReader, Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bailiwick_grant::Change;
use bailiwick_grant::state::{Code, Name, RefreshToken, Standing};
use bailiwick_store::contract::samples::{code, name, refresh_token};
use bailiwick_store::{CommitError, Store, StoreExt};
use bailiwick_store_sqlite::SqliteStore;

/// Names the store to the child.
const PATH: &str = "BAILIWICK_CRASH_TEST_STORE";

/// How often a child is killed, each time after another number of acknowledgements.
const KILLS: u32 = 10;

/// How many tasks of a child write at once, so that groups are killed too.
const TASKS: usize = 8;

/// The path of the store, in a child.
fn childs_path() -> Option<PathBuf> {
    env::var_os(PATH).map(PathBuf::from)
}

fn acknowledge(key: &str) {
    // One write for each line, so that no line is cut; not captured by the test runner.
    stdout().lock().write_all(format!("\nacknowledged {key}\n").as_bytes()).unwrap();
}

/// Runs the same test as a child, kills it after so many acknowledgements, and returns all of them.
fn killed_after(acknowledgements: usize, test: &str, path: &Path) -> Vec<String> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(PATH, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines {
        if let Some(key) = line.unwrap().strip_prefix("acknowledged ") {
            acknowledged.push(key.to_owned());
            if acknowledged.len() == acknowledgements {
                child.kill().unwrap(); // SIGKILL; what was printed before can still be read
            }
        }
    }
    let status = child.wait().unwrap();
    assert!(!status.success(), "the child ended by itself");
    assert!(acknowledged.len() >= acknowledgements, "the child failed: {status}");
    acknowledged
}

/// Works in several tasks until killed.
fn work<F>(path: &Path, task: impl Fn(Arc<SqliteStore>, usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Arc::new(SqliteStore::open(path).unwrap());
        let tasks: Vec<_> =
            (0..TASKS).map(|number| tokio::spawn(task(Arc::clone(&store), number))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    if let Some(path) = childs_path() {
        return write_pairs(&path);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    for round in 0..KILLS {
        let acknowledged =
            killed_after(3_usize.pow(round % 6), "what_was_acknowledged_survives_a_kill", &path);
        block_on(async {
            let store = SqliteStore::open(&path).unwrap();
            store.verify().await.unwrap();
            for key in acknowledged {
                assert!(store.load::<Name>(&key).await.unwrap().is_some(), "{key} was lost");
            }
            let names = store.all::<Name>().await.unwrap();
            let codes = store.all::<Code>().await.unwrap();
            let names: Vec<_> = names.iter().map(|it| it.value.name.as_str()).collect();
            let codes: Vec<_> = codes.iter().map(|it| it.value.digest.as_str()).collect();
            assert!(names == codes, "half a commit is there");
        });
    }
}

/// Commits pairs of records without end.
fn write_pairs(path: &Path) {
    let process = std::process::id();
    let next = Arc::new(AtomicU64::new(0));
    work(path, |store, _| {
        let next = Arc::clone(&next);
        async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let key = format!("{process}-{number}");
                let pair = vec![Change::insert(name(&key, number)), Change::insert(code(&key))];
                store.commit(pair).await.unwrap();
                acknowledge(&key);
            }
        }
    });
}

#[test]
fn no_code_is_redeemed_twice_across_kills() {
    if let Some(path) = childs_path() {
        return redeem_all(&path);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut redeemed = BTreeSet::new();
    for round in 0..KILLS {
        block_on(async {
            let store = SqliteStore::open(&path).unwrap();
            let fresh = (0..5_000).map(|number| Change::insert(code(&format!("{round}-{number}"))));
            store.commit(fresh.collect()).await.unwrap();
        });
        let test = "no_code_is_redeemed_twice_across_kills";
        for key in killed_after(3_usize.pow(round % 6), test, &path) {
            assert!(redeemed.insert(key.clone()), "{key} was redeemed twice");
        }
        block_on(check_redemptions(&path, &redeemed));
    }
}

async fn check_redemptions(path: &Path, redeemed: &BTreeSet<String>) {
    let store = SqliteStore::open(path).unwrap();
    store.verify().await.unwrap();
    let tokens = store.all::<RefreshToken>().await.unwrap();
    let tokens: BTreeSet<_> = tokens.iter().map(|it| it.value.digest.as_str()).collect();
    let codes = store.all::<Code>().await.unwrap();
    let spent = codes.iter().filter(|it| it.value.standing == Standing::Spent);
    let spent: BTreeSet<_> = spent.map(|it| it.value.digest.as_str()).collect();
    assert!(spent == tokens, "a code was spent without its token, or the other way round");
    for key in redeemed {
        assert!(spent.contains(key.as_str()), "{key} was redeemed and is live again");
    }
}

/// Redeems the codes that are live, in several tasks that race for each of them.
fn redeem_all(path: &Path) {
    work(path, |store, _| async move {
        for loaded in store.all::<Code>().await.unwrap() {
            let key = loaded.value.digest.as_str();
            if loaded.value.standing == Standing::Spent {
                continue;
            }
            let token = Change::insert(refresh_token(key, 0));
            match store.commit(vec![loaded.update(loaded.value.clone().spend()), token]).await {
                Ok(()) => acknowledge(key),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => panic!("{error}"),
            }
        }
    });
}
