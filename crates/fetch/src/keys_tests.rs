//! Keys over time: refresh, outage, rotation, floods; on a clock of their own.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use bailiwick_jose::{Algorithm, SigningKey};

use super::*;

/// An issuer that takes 100 ms to answer.
#[derive(Default)]
struct Fake {
    fetches: AtomicUsize,
    keys: Mutex<Vec<bailiwick_jose::VerifyingKey>>,
    is_down: Mutex<bool>,
    max_age: Option<Duration>,
}

#[async_trait]
impl Publish for Arc<Fake> {
    async fn publish(&self) -> Result<Published, FetchError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        // What is published when the answer is made, not when it arrives.
        let (keys, is_down) = (lock(&self.keys).clone(), *lock(&self.is_down));
        // How long an answer takes, on the paused clock of each test: nothing really waits.
        tokio::time::sleep(Duration::from_millis(100)).await;
        if is_down {
            Err(down())
        } else {
            Ok(Published { keys: Jwks::from_keys(keys), max_age: self.max_age })
        }
    }
}

impl Fake {
    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Publishes one new key in place of all others and gives its name.
    fn rotate(&self) -> String {
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap().verifying_key().clone();
        let kid = key.kid().unwrap().to_owned();
        *lock(&self.keys) = vec![key];
        kid
    }

    fn set_down(&self, is_down: bool) {
        *lock(&self.is_down) = is_down;
    }
}

fn down() -> FetchError {
    FetchError::Status { url: "https://id.example/jwks".to_owned(), status: 500 }
}

fn issuer(fake: Fake) -> (Arc<Fake>, Arc<IssuerKeys>, String) {
    let fake = Arc::new(fake);
    let kid = fake.rotate();
    let publisher = Box::new(Arc::clone(&fake));
    let source = Source { issuer: "https://id.example".to_owned(), publisher };
    (fake, IssuerKeys::from_source(Some(source), KeySettings::default(), None), kid)
}

/// Lets time pass on the paused clock of a test: nothing really waits.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_load_is_one_fetch_for_all() {
    let (fake, keys, kid) = issuer(Fake::default());
    assert!(keys.current().is_none());
    let all: Vec<_> = (0..100)
        .map(|_| {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.keys().await })
        })
        .collect();
    for one in all {
        assert!(names(&one.await.unwrap().unwrap(), &kid));
    }
    assert_eq!(fake.fetches(), 1);
    assert!(names(&keys.current().unwrap(), &kid));
}

#[tokio::test(start_paused = true)]
async fn a_dead_issuer_is_not_hammered_and_is_found_again() {
    let (fake, keys, _) = issuer(Fake::default());
    fake.set_down(true);
    for _ in 0..1000 {
        assert_eq!(keys.keys().await.unwrap_err(), down());
    }
    assert_eq!(fake.fetches(), 1);
    pass(60).await;
    assert_eq!(fake.fetches(), 1); // nobody asked
    fake.set_down(false);
    assert_eq!(keys.keys().await.unwrap().keys().len(), 1);
    assert_eq!(keys.status().last_error, None);
}

#[tokio::test(start_paused = true)]
async fn waits_between_failures_grow_to_a_bound() {
    let (fake, keys, _) = issuer(Fake::default());
    fake.set_down(true);
    for _ in 0..600 {
        assert!(keys.keys().await.is_err());
        pass(1).await;
    }
    // 1, 2, 4, 8, then every 15 seconds: some 43 in ten minutes, and a bit longer for the fetches.
    assert!((35..=45).contains(&fake.fetches()), "{}", fake.fetches());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_does_not_break_off_the_fetch() {
    let (fake, keys, _) = issuer(Fake::default());
    let early = tokio::time::timeout(Duration::from_millis(10), keys.keys()).await;
    assert!(early.is_err());
    assert!(keys.keys().await.is_ok());
    assert_eq!(fake.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_set_is_refreshed_in_the_background_while_the_old_one_serves() {
    let (fake, keys, old) = issuer(Fake::default());
    keys.keys().await.unwrap();
    pass(299).await;
    keys.current().unwrap();
    pass(1).await;
    assert_eq!(fake.fetches(), 1);
    let new = fake.rotate();
    for _ in 0..100 {
        assert!(names(&keys.current().unwrap(), &old)); // does not wait
    }
    pass(1).await;
    assert!(names(&keys.current().unwrap(), &new));
    assert_eq!(fake.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_short_max_age_is_honoured_within_reason() {
    for (max_age, due) in [(0, 30), (60, 60), (86_400, 300)] {
        let max_age = Some(Duration::from_secs(max_age));
        let (fake, keys, _) = issuer(Fake { max_age, ..Fake::default() });
        keys.keys().await.unwrap();
        pass(due - 1).await;
        keys.current().unwrap();
        pass(1).await;
        assert_eq!(fake.fetches(), 1, "{max_age:?}");
        keys.current().unwrap();
        pass(1).await;
        assert_eq!(fake.fetches(), 2, "{max_age:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn known_keys_outlive_an_outage_until_they_are_stale() {
    let (fake, keys, kid) = issuer(Fake::default());
    keys.keys().await.unwrap();
    fake.set_down(true);
    for _ in 0..23 {
        pass(3600).await;
        assert!(names(&keys.keys().await.unwrap(), &kid));
    }
    assert_eq!(keys.status().keys, 1);
    assert!(keys.status().age.unwrap() > Duration::from_hours(22));
    assert_eq!(keys.status().last_error, Some(down()));
    assert!(!keys.status().is_stale);
    pass(3600).await;
    assert!(keys.status().is_stale);
    assert!(keys.current().is_none());
    assert!(matches!(keys.keys().await, Err(FetchError::Stale { .. })));
    assert_eq!(keys.status().keys, 0);
    let counts = keys.status().scheduled;
    assert_eq!((counts.begun, counts.failed), (fake.fetches() as u64, fake.fetches() as u64 - 1));
    fake.set_down(false);
    pass(15).await;
    assert!(names(&keys.keys().await.unwrap(), &kid));
}

#[tokio::test(start_paused = true)]
async fn kept_keys_heal_with_nobody_asking() {
    let (fake, keys, kid) = issuer(Fake::default());
    fake.set_down(true);
    let keeper = tokio::spawn(keys.keep_fresh());
    pass(60).await;
    assert!(keys.current().is_none());
    fake.set_down(false);
    pass(16).await;
    assert!(names(&keys.current().unwrap(), &kid));
    let fetches = fake.fetches();
    let new = fake.rotate();
    pass(301).await;
    assert_eq!(fake.fetches(), fetches + 1);
    assert!(names(&keys.loaded.load_full().unwrap().keys, &new));
    drop(keys);
    keeper.await.unwrap(); // it ends with the last holder
}

#[tokio::test(start_paused = true)]
async fn an_unknown_kid_is_found_with_one_fetch() {
    let (fake, keys, _) = issuer(Fake::default());
    keys.keys().await.unwrap();
    pass(10).await;
    let new = fake.rotate();
    let began = Instant::now();
    assert!(names(&keys.refresh_for_unknown_kid(&new).await.unwrap(), &new));
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(names(&keys.refresh_for_unknown_kid(&new).await.unwrap(), &new));
    assert_eq!(fake.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_junk_kid_is_answered_at_once_until_the_keys_change() {
    let (fake, keys, _) = issuer(Fake::default());
    keys.keys().await.unwrap();
    keys.refresh_for_unknown_kid("junk").await.unwrap();
    assert_eq!(fake.fetches(), 2);
    let began = Instant::now();
    for _ in 0..1000 {
        assert!(!names(&keys.refresh_for_unknown_kid("junk").await.unwrap(), "junk"));
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    // Looked for again in the background, once for all.
    pass(5).await;
    assert_eq!(fake.fetches(), 3);
    // A change of the set ends all junk.
    fake.rotate();
    keys.refresh_for_unknown_kid("other").await.unwrap();
    assert_eq!(fake.fetches(), 4);
    keys.refresh_for_unknown_kid("junk").await.unwrap();
    assert_eq!(fake.fetches(), 5);
    pass(31).await;
    keys.refresh_for_unknown_kid("junk").await.unwrap();
    assert_eq!(fake.fetches(), 6);
}

#[tokio::test(start_paused = true)]
async fn while_the_issuer_cannot_be_asked_no_kid_is_called_junk() {
    let (fake, keys, _) = issuer(Fake::default());
    keys.keys().await.unwrap();
    assert!(keys.refresh_for_unknown_kid("junk").await.is_ok());
    fake.set_down(true);
    assert!(keys.refresh_for_unknown_kid("junk").await.is_ok()); // it is looked for again
    pass(2).await;
    let began = Instant::now();
    assert_eq!(keys.refresh_for_unknown_kid("junk").await.unwrap_err(), down());
    assert_eq!(began.elapsed(), Duration::ZERO);
    fake.set_down(false);
    pass(2).await;
    assert!(keys.refresh_for_unknown_kid("junk").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_guessed_kid_is_found_soon_after_its_publication_even_if_asked_for_just_once_more() {
    let (fake, keys, _) = issuer(Fake::default());
    keys.keys().await.unwrap();
    let next = SigningKey::generate(Algorithm::EdDsa).unwrap().verifying_key().clone();
    let guessed = next.kid().unwrap().to_owned();
    keys.refresh_for_unknown_kid(&guessed).await.unwrap();
    keys.refresh_for_unknown_kid(&guessed).await.unwrap(); // the reserved lane waits for its time
    tokio::time::sleep(Duration::from_millis(950)).await; // on the paused clock: in the middle of its fetch
    assert_eq!(keys.status().reserved.begun, 1);
    lock(&fake.keys).push(next);
    assert!(!names(&keys.refresh_for_unknown_kid(&guessed).await.unwrap(), &guessed));
    pass(2).await;
    assert!(names(&keys.current().unwrap(), &guessed));
    assert_eq!(keys.status().reserved.begun, 2);
}

/// `threats.md`: the permits are apart, so that a fetch that hangs in one lane delays no other.
#[tokio::test(start_paused = true)]
async fn a_guessed_kid_is_found_while_the_other_lanes_hang() {
    let (fake, keys, _) = issuer(Fake::default());
    keys.keys().await.unwrap();
    let next = SigningKey::generate(Algorithm::EdDsa).unwrap().verifying_key().clone();
    let guessed = next.kid().unwrap().to_owned();
    keys.refresh_for_unknown_kid(&guessed).await.unwrap();
    let hanging = (keys.scheduled.permit().await, keys.unknown.permit().await);
    lock(&fake.keys).push(next);
    keys.refresh_for_unknown_kid(&guessed).await.unwrap();
    pass(2).await;
    assert!(names(&keys.current().unwrap(), &guessed));
    drop(hanging);
}

/// A flood in which every kid is new, and the next key's kid has been guessed.
#[tokio::test(start_paused = true)]
async fn a_flood_costs_fetches_by_the_second_and_hides_no_guessed_kid() {
    let (fake, keys, _) = issuer(Fake::default());
    keys.keys().await.unwrap();
    let next = SigningKey::generate(Algorithm::EdDsa).unwrap().verifying_key().clone();
    let guessed = next.kid().unwrap().to_owned();
    for tick in 0..100 {
        for junk in 0..100 {
            let (keys, kid) = (Arc::clone(&keys), format!("{tick}.{junk}"));
            tokio::spawn(async move { keys.refresh_for_unknown_kid(&kid).await });
        }
        let (keys, kid) = (Arc::clone(&keys), guessed.clone());
        tokio::spawn(async move { keys.refresh_for_unknown_kid(&kid).await });
        tokio::time::sleep(Duration::from_millis(100)).await; // on the paused clock
    }
    let status = keys.status();
    assert!((5..=11).contains(&status.unknown_kid.begun), "{status:?}");
    assert!((5..=11).contains(&status.reserved.begun), "{status:?}");
    lock(&fake.keys).push(next);
    let published = Instant::now();
    while !names(&keys.refresh_for_unknown_kid(&guessed).await.unwrap(), &guessed) {
        assert!(published.elapsed() < Duration::from_secs(2), "{:?}", keys.status());
        tokio::time::sleep(Duration::from_millis(10)).await; // on the paused clock
    }
    pass(60).await;
    let after = keys.status();
    pass(60).await;
    assert_eq!(keys.status().reserved, after.reserved); // nobody asks any more
    assert_eq!(keys.status().unknown_kid, after.unknown_kid);
}

/// `threats.md`: a flood of junk kids neither multiplies fetches nor delays a genuine rotation.
#[tokio::test(start_paused = true)]
async fn a_flood_of_junk_kids_delays_no_rotation() {
    let (fake, keys, _) = issuer(Fake::default());
    keys.keys().await.unwrap();
    let flood = |from: usize| {
        for junk in from..from + 10_000 {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.refresh_for_unknown_kid(&junk.to_string()).await });
        }
    };
    flood(0);
    tokio::time::sleep(Duration::from_millis(50)).await; // on the paused clock: in the middle of a fetch
    let new = fake.rotate();
    flood(10_000);
    let began = Instant::now();
    let found = keys.refresh_for_unknown_kid(&new).await.unwrap();
    assert!(names(&found, &new));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(fake.fetches() <= 4, "{}", fake.fetches());
    pass(10).await;
    assert!(fake.fetches() <= 4, "{}", fake.fetches());
}

#[tokio::test(start_paused = true)]
async fn a_slow_scheduled_refresh_delays_no_rotation() {
    let (fake, keys, _) = issuer(Fake::default());
    keys.keys().await.unwrap();
    let permit = keys.scheduled.permit().await; // a scheduled fetch that hangs
    pass(301).await;
    let new = fake.rotate();
    assert!(names(&keys.refresh_for_unknown_kid(&new).await.unwrap(), &new));
    drop(permit);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_taken_for_an_unknown_kid() {
    let (fake, keys, kid) = issuer(Fake::default());
    keys.keys().await.unwrap();
    pass(10).await;
    fake.set_down(true);
    for _ in 0..1000 {
        assert_eq!(keys.refresh_for_unknown_kid("new").await.unwrap_err(), down());
        assert!(names(&keys.refresh_for_unknown_kid(&kid).await.unwrap(), &kid));
    }
    assert_eq!(fake.fetches(), 2);
    fake.set_down(false);
    let new = fake.rotate();
    pass(1).await;
    assert!(names(&keys.refresh_for_unknown_kid(&new).await.unwrap(), &new));
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_does_not_replace_a_newer_one() {
    let (fake, keys, _) = issuer(Fake::default());
    keys.keys().await.unwrap();
    let late = Instant::now();
    pass(1).await;
    let new = fake.rotate();
    keys.refresh_for_unknown_kid(&new).await.unwrap();
    let old = Published { keys: Jwks::default(), max_age: None };
    keys.succeeded(keys.source.as_ref().unwrap(), old, late);
    assert!(names(&keys.current().unwrap(), &new));
}

#[tokio::test]
async fn fixed_keys_stay() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap().verifying_key().clone();
    let keys = IssuerKeys::fixed(Jwks::from_keys(vec![key]));
    assert_eq!(keys.current().unwrap().keys().len(), 1);
    assert_eq!(keys.refresh_for_unknown_kid("x").await.unwrap().keys().len(), 1);
    assert_eq!((keys.status().age, keys.status().is_stale), (None, false));
    assert!(!keys.has_source());
    keys.keep_fresh().await; // nothing to do
}
