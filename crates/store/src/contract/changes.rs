//! Changes: their preconditions, and that they are applied all or none.

use std::sync::Arc;

use bailiwick_grant::state::{Name, Username};
use bailiwick_grant::{Change, Loaded, Stored, Version};

use super::samples::{code, count, name, username};
use crate::{CommitError, Store, StoreExt};

type Dyn = Arc<dyn Store>;

async fn found<T: Stored>(store: &Dyn, key: &str) -> Loaded<T> {
    store.load(key).await.unwrap().unwrap()
}

async fn conflicts(store: &Dyn, changes: Vec<Change>) {
    let answer = store.commit(changes).await;
    assert!(matches!(answer, Err(CommitError::Conflict)), "{answer:?}");
}

pub async fn a_committed_record_is_seen_by_the_next_read(store: Dyn) {
    for round in 0..100 {
        let key = format!("key {round}");
        store.commit(vec![Change::insert(name(&key, round))]).await.unwrap();
        let loaded = found::<Name>(&store, &key).await;
        assert_eq!((loaded.version, count(&loaded.value)), (Version(1), round));
    }
}

pub async fn a_record_that_is_there_is_not_inserted_again(store: Dyn) {
    store.commit(vec![Change::insert(name("key", 1))]).await.unwrap();
    conflicts(&store, vec![Change::insert(name("key", 2))]).await;
    let loaded = found::<Name>(&store, "key").await;
    assert_eq!((loaded.version, count(&loaded.value)), (Version(1), 1));
}

pub async fn an_update_of_a_stale_version_conflicts(store: Dyn) {
    store.commit(vec![Change::insert(name("key", 1))]).await.unwrap();
    let stale = found::<Name>(&store, "key").await;
    store.commit(vec![stale.update(name("key", 2))]).await.unwrap();
    conflicts(&store, vec![stale.update(name("key", 3))]).await;
    assert_eq!(count(&found::<Name>(&store, "key").await.value), 2);
}

pub async fn an_update_of_what_is_not_there_conflicts(store: Dyn) {
    for version in [0, 1, u64::MAX] {
        let imagined = Loaded { version: Version(version), value: name("key", 1) };
        conflicts(&store, vec![imagined.update(name("key", 2))]).await;
    }
    assert!(store.load::<Name>("key").await.unwrap().is_none());
}

pub async fn an_update_after_a_removal_conflicts(store: Dyn) {
    store.commit(vec![Change::insert(name("key", 1))]).await.unwrap();
    let loaded = found::<Name>(&store, "key").await;
    store.commit(vec![Change::delete::<Name>("key")]).await.unwrap();
    conflicts(&store, vec![loaded.update(name("key", 2))]).await;
}

pub async fn versions_count_the_writes(store: Dyn) {
    store.commit(vec![Change::insert(name("key", 1))]).await.unwrap();
    for version in 1..20 {
        let loaded = found::<Name>(&store, "key").await;
        assert_eq!(loaded.version, Version(version));
        let change = if version % 2 == 0 {
            Change::put(name("key", version + 1))
        } else {
            loaded.update(name("key", version + 1))
        };
        store.commit(vec![change]).await.unwrap();
    }
    store.commit(vec![Change::delete::<Name>("key")]).await.unwrap();
    store.commit(vec![Change::insert(name("key", 1))]).await.unwrap();
    assert_eq!(found::<Name>(&store, "key").await.version, Version(1));
}

pub async fn a_put_writes_whether_it_is_there_or_not(store: Dyn) {
    store.commit(vec![Change::put(name("key", 1))]).await.unwrap();
    let first = found::<Name>(&store, "key").await;
    assert_eq!((first.version, count(&first.value)), (Version(1), 1));
    store.commit(vec![Change::put(name("key", 2))]).await.unwrap();
    let second = found::<Name>(&store, "key").await;
    assert_eq!((second.version, count(&second.value)), (Version(2), 2));
}

pub async fn a_delete_removes_and_may_find_nothing(store: Dyn) {
    store.commit(vec![Change::delete::<Name>("key")]).await.unwrap();
    store
        .commit(vec![Change::insert(name("key", 1)), Change::insert(name("other", 1))])
        .await
        .unwrap();
    store.commit(vec![Change::delete::<Name>("key")]).await.unwrap();
    assert!(store.load::<Name>("key").await.unwrap().is_none());
    assert!(store.load::<Name>("other").await.unwrap().is_some());
}

pub async fn a_commit_whose_last_change_conflicts_leaves_nothing(store: Dyn) {
    store.commit(vec![Change::insert(name("taken", 1))]).await.unwrap();
    let changes = vec![
        Change::insert(name("new", 1)),
        Change::put(username("put")),
        Change::insert(code("code")),
        Change::insert(name("taken", 2)),
    ];
    conflicts(&store, changes).await;
    assert!(store.load::<Name>("new").await.unwrap().is_none());
    assert!(store.load::<Username>("put").await.unwrap().is_none());
    assert!(store.load::<bailiwick_grant::state::Code>("code").await.unwrap().is_none());
}

pub async fn a_conflict_restores_what_was_overwritten_and_removed(store: Dyn) {
    let changes = ["taken", "updated", "put", "deleted"].map(|key| Change::insert(name(key, 1)));
    store.commit(changes.to_vec()).await.unwrap();
    let updated = found::<Name>(&store, "updated").await;
    let changes = vec![
        updated.update(name("updated", 2)),
        Change::put(name("put", 2)),
        Change::put(name("put", 3)),
        Change::delete::<Name>("deleted"),
        Change::insert(name("deleted", 2)),
        Change::insert(name("taken", 2)),
    ];
    conflicts(&store, changes).await;
    for key in ["taken", "updated", "put", "deleted"] {
        let loaded = found::<Name>(&store, key).await;
        assert_eq!((loaded.version, count(&loaded.value)), (Version(1), 1), "{key}");
    }
}

pub async fn changes_of_a_commit_see_those_before_them(store: Dyn) {
    let first = Loaded { version: Version(1), value: name("key", 1) };
    let changes = vec![
        Change::insert(name("key", 1)),
        first.update(name("key", 2)),
        Change::delete::<Name>("key"),
        Change::insert(name("key", 3)),
    ];
    store.commit(changes).await.unwrap();
    assert_eq!(count(&found::<Name>(&store, "key").await.value), 3);
    conflicts(&store, vec![Change::insert(name("twice", 1)), Change::insert(name("twice", 2))])
        .await;
    assert!(store.load::<Name>("twice").await.unwrap().is_none());
}

pub async fn a_commit_of_nothing_succeeds(store: Dyn) {
    store.commit(Vec::new()).await.unwrap();
}

pub async fn a_conflict_does_not_fail_the_commits_beside_it(store: Dyn) {
    store.commit(vec![Change::insert(name("taken", 0))]).await.unwrap();
    let mut running = Vec::new();
    for round in 0..100 {
        let store = Arc::clone(&store);
        running.push(tokio::spawn(async move {
            let mine = Change::insert(name(&format!("key {round}"), round));
            let taken = (round % 2 == 0).then(|| Change::insert(name("taken", round)));
            store.commit([Some(mine), taken].into_iter().flatten().collect()).await
        }));
    }
    for (round, task) in running.into_iter().enumerate() {
        let answer = task.await.unwrap();
        let kept = store.load::<Name>(&format!("key {round}")).await.unwrap().is_some();
        assert_eq!((answer.is_ok(), kept), (round % 2 == 1, round % 2 == 1), "{round}: {answer:?}");
    }
}
