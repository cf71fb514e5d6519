//! Sweeping: what expired goes, bit by bit; nothing else does.

use std::sync::Arc;

use bailiwick_grant::Change;
use bailiwick_grant::state::{Name, RevokedToken, Session};

use super::samples::{name, revoked, session};
use crate::{Store, StoreExt};

type Dyn = Arc<dyn Store>;

pub async fn only_what_expired_is_swept(store: Dyn) {
    let changes = vec![
        Change::insert(revoked("long ago", 1)),
        Change::insert(revoked("just now", 1_000)),
        Change::insert(revoked("soon", 1_001)),
        Change::insert(session("old", 999)),
        Change::insert(session("young", 2_000)),
        Change::insert(name("for ever", 0)),
    ];
    store.commit(changes).await.unwrap();
    assert_eq!(store.sweep(1_000, 100).await.unwrap(), 3);
    assert_eq!(store.sweep(1_000, 100).await.unwrap(), 0);
    let tokens = store.all::<RevokedToken>().await.unwrap();
    assert_eq!(tokens.iter().map(|it| it.value.jti.as_str()).collect::<Vec<_>>(), ["soon"]);
    let (old, young) = store.load_pair::<Session, Session>("old", "young").await.unwrap();
    assert!(old.is_none() && young.is_some());
    assert!(store.load::<Name>("for ever").await.unwrap().is_some());
}

pub async fn a_sweep_is_bounded(store: Dyn) {
    let tokens = (0..10).map(|number| Change::insert(revoked(&format!("token {number}"), number)));
    let sessions = (0..10).map(|number| Change::insert(session(&format!("{number}"), number)));
    store.commit(tokens.chain(sessions).collect()).await.unwrap();
    assert_eq!(store.sweep(100, 0).await.unwrap(), 0);
    assert_eq!(store.sweep(100, 7).await.unwrap(), 7);
    assert_eq!(store.sweep(100, 7).await.unwrap(), 7);
    let left = store.all::<RevokedToken>().await.unwrap().len()
        + store.all::<Session>().await.unwrap().len();
    assert_eq!(left, 6);
    assert_eq!(store.sweep(100, usize::MAX).await.unwrap(), 6);
}

pub async fn a_new_expiry_counts(store: Dyn) {
    store
        .commit(vec![Change::insert(session("key", 10)), Change::insert(session("put", 10))])
        .await
        .unwrap();
    let loaded = store.load::<Session>("key").await.unwrap().unwrap();
    let changes = vec![loaded.update(session("key", 20)), Change::put(session("put", 20))];
    store.commit(changes).await.unwrap();
    assert_eq!(store.sweep(19, 10).await.unwrap(), 0);
    assert_eq!(store.sweep(20, 10).await.unwrap(), 2);
}
