//! Races: single use is a precondition of the commit, so one of many wins.

use std::future::Future;
use std::sync::Arc;

use bailiwick_grant::state::{Code, GrantRecord, Name, RefreshToken, Rotation, Standing};
use bailiwick_grant::{Change, Version};
use tokio::sync::Barrier;

use super::samples::{code, count, grant, name, refresh_token};
use crate::{CommitError, Store, StoreExt};

type Dyn = Arc<dyn Store>;

/// How many run at once.
const RIVALS: usize = 64;

/// Runs the rivals, all begun at the same moment, and collects their answers.
async fn race<F, T>(rivals: usize, rival: impl Fn(usize, Arc<Barrier>) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let start = Arc::new(Barrier::new(rivals));
    let running: Vec<_> =
        (0..rivals).map(|number| tokio::spawn(rival(number, Arc::clone(&start)))).collect();
    let mut answers = Vec::new();
    for task in running {
        answers.push(task.await.unwrap());
    }
    answers
}

/// Redeems the code as the token endpoint does: load, decide, commit; on conflict again.
async fn redeem(store: Dyn, key: String, number: usize, start: Arc<Barrier>) -> bool {
    // All have loaded the live code before the first commits.
    let mut loaded = store.load::<Code>(&key).await.unwrap().unwrap();
    start.wait().await;
    loop {
        if loaded.value.standing == Standing::Spent {
            return false;
        }
        let token = Change::insert(refresh_token(&format!("{key}: token {number}"), 0));
        match store.commit(vec![token, loaded.update(loaded.value.clone().spend())]).await {
            Ok(()) => return true,
            Err(CommitError::Conflict) => {
                loaded = store.load::<Code>(&key).await.unwrap().unwrap();
            }
            Err(CommitError::Store(error)) => panic!("{error}"),
        }
    }
}

pub async fn one_of_many_redemptions_wins(store: Dyn) {
    for rivals in [2, RIVALS] {
        let key = format!("code for {rivals}");
        store.commit(vec![Change::insert(code(&key))]).await.unwrap();
        let answers =
            race(rivals, |number, start| redeem(Arc::clone(&store), key.clone(), number, start))
                .await;
        assert_eq!(answers.iter().filter(|won| **won).count(), 1);
        assert_eq!(store.load::<Code>(&key).await.unwrap().unwrap().version, Version(2));
        for (number, won) in answers.into_iter().enumerate() {
            let token = format!("{key}: token {number}");
            let issued = store.load::<RefreshToken>(&token).await.unwrap().is_some();
            assert_eq!(issued, won, "who loses gets no token");
        }
    }
}

pub async fn one_of_two_refreshes_wins(store: Dyn) {
    for round in 0..50 {
        let key = format!("grant {round}");
        store.commit(vec![Change::insert(grant(&key))]).await.unwrap();
        let answers = race(2, |number, start| {
            let (store, key) = (Arc::clone(&store), key.clone());
            async move {
                let loaded = store.load::<GrantRecord>(&key).await.unwrap().unwrap();
                start.wait().await;
                let rotation = Rotation { generation: 1, rotated_at: 2_000, ..Rotation::default() };
                let rotated = GrantRecord { rotation, ..loaded.value.clone() };
                let token = refresh_token(&format!("{key}: token {number}"), 1);
                store.commit(vec![loaded.update(rotated), Change::insert(token)]).await
            }
        })
        .await;
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        let lost = answers.iter().filter(|it| matches!(it, Err(CommitError::Conflict))).count();
        assert_eq!((won, lost), (1, 1));
        let record = store.load::<GrantRecord>(&key).await.unwrap().unwrap();
        assert_eq!((record.version, record.value.rotation.generation), (Version(2), 1));
    }
}

pub async fn one_of_many_inserts_wins(store: Dyn) {
    let answers = race(RIVALS, |number, start| {
        let store = Arc::clone(&store);
        async move {
            start.wait().await;
            store.commit(vec![Change::insert(name("key", number as u64))]).await.is_ok()
        }
    })
    .await;
    let winners: Vec<usize> =
        answers.iter().enumerate().filter(|(_, won)| **won).map(|(number, _)| number).collect();
    let kept = store.load::<Name>("key").await.unwrap().unwrap();
    assert_eq!(winners, [usize::try_from(count(&kept.value)).unwrap()]);
}

pub async fn no_update_is_lost(store: Dyn) {
    store.commit(vec![Change::insert(name("counter", 0))]).await.unwrap();
    race(16, |_, start| {
        let store = Arc::clone(&store);
        async move {
            start.wait().await;
            for _ in 0..10 {
                loop {
                    let loaded = store.load::<Name>("counter").await.unwrap().unwrap();
                    let more = name("counter", count(&loaded.value) + 1);
                    match store.commit(vec![loaded.update(more)]).await {
                        Ok(()) => break,
                        Err(CommitError::Conflict) => {}
                        Err(CommitError::Store(error)) => panic!("{error}"),
                    }
                }
            }
        }
    })
    .await;
    let counter = store.load::<Name>("counter").await.unwrap().unwrap();
    assert_eq!((counter.version, count(&counter.value)), (Version(161), 160));
}

pub async fn readers_see_all_of_a_commit_or_nothing(store: Dyn) {
    store.commit(vec![Change::put(name("a", 0)), Change::put(name("b", 0))]).await.unwrap();
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for round in 1..=200 {
                let both = vec![Change::put(name("a", round)), Change::put(name("b", round))];
                store.commit(both).await.unwrap();
            }
        }
    });
    let mut last = 0;
    loop {
        let ended = writer.is_finished();
        let (a, b) = store.load_pair::<Name, Name>("a", "b").await.unwrap();
        let (a, b) = (count(&a.unwrap().value), count(&b.unwrap().value));
        assert_eq!(a, b, "half a commit was seen");
        assert!(a >= last, "what was seen is gone again");
        last = a;
        if ended {
            break;
        }
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
    assert_eq!(last, 200, "the last commit is not seen");
}
