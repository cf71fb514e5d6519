//! Status lists over time: one fetch for all, refresh, outage; on a clock of their own.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bailiwick_jose::{Algorithm, Jwks, SigningKey};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::json;

use super::*;

const URI: &str = "https://id.example/statuslists/1";
const NOW: i64 = 1_800_000_000;

/// A place that takes 100 ms to answer.
struct Fake {
    key: SigningKey,
    fetches: AtomicUsize,
    /// The first byte of the list; `None` while the place is down.
    statuses: Mutex<Option<u8>>,
    ttl: Option<i64>,
    exp: Option<i64>,
    max_age: Option<u64>,
}

#[async_trait]
impl Source for Arc<Fake> {
    async fn get(&self, uri: &str) -> Result<Fetched, FetchError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let statuses = *lock(&self.statuses);
        // How long an answer takes, on the paused clock of each test: nothing really waits.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let statuses = statuses.ok_or_else(down)?;
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&[statuses]).unwrap();
        let lst = base64url::encode(&zlib.finish().unwrap());
        let mut claims =
            json!({ "sub": uri, "iat": NOW, "status_list": { "bits": 1, "lst": lst } });
        if let Some(ttl) = self.ttl {
            claims["ttl"] = ttl.into();
        }
        if let Some(exp) = self.exp {
            claims["exp"] = exp.into();
        }
        let token = self.key.sign_json(TYPE, &claims).unwrap();
        Ok(Fetched { bytes: token.into(), max_age: self.max_age })
    }
}

impl Fake {
    fn new() -> Self {
        Self {
            key: SigningKey::generate(Algorithm::EdDsa).unwrap(),
            fetches: AtomicUsize::new(0),
            statuses: Mutex::new(Some(0)),
            ttl: Some(100),
            exp: None,
            max_age: None,
        }
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    fn set(&self, statuses: Option<u8>) {
        *lock(&self.statuses) = statuses;
    }
}

fn down() -> FetchError {
    FetchError::Status { url: URI.to_owned(), status: 503 }
}

fn lists(fake: Fake, settings: StatusSettings) -> (Arc<Fake>, Arc<StatusLists>) {
    let keys = IssuerKeys::fixed(Jwks::from_keys(vec![fake.key.verifying_key().clone()]));
    let fake = Arc::new(fake);
    let issuer = Issuer::parse("https://id.example").unwrap();
    let source = Box::new(Arc::clone(&fake));
    (fake, StatusLists::from_source(issuer, keys, source, settings))
}

/// Lets time pass on the paused clock of a test: nothing really waits.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn first(list: &Arc<StatusList>) -> u8 {
    list.status(0).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_list_is_fetched_once_for_all() {
    let (fake, lists) = lists(Fake::new(), StatusSettings::default());
    assert!(lists.current(URI, NOW).is_none());
    let all: Vec<_> = (0..100)
        .map(|_| {
            let lists = Arc::clone(&lists);
            tokio::spawn(async move { lists.load(URI, NOW).await })
        })
        .collect();
    for one in all {
        assert_eq!(first(&one.await.unwrap().unwrap()), 0);
    }
    assert_eq!(first(&lists.current(URI, NOW).unwrap()), 0);
    assert_eq!(fake.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_does_not_break_off_the_fetch() {
    let (fake, lists) = lists(Fake::new(), StatusSettings::default());
    let early = tokio::time::timeout(Duration::from_millis(10), lists.load(URI, NOW)).await;
    assert!(early.is_err());
    assert!(lists.load(URI, NOW).await.is_ok());
    assert_eq!(fake.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_is_refreshed_in_the_background_ahead_of_its_time() {
    let (fake, lists) = lists(Fake::new(), StatusSettings::default());
    lists.load(URI, NOW).await.unwrap();
    pass(74).await;
    lists.current(URI, NOW).unwrap();
    pass(1).await;
    assert_eq!(fake.fetches(), 1);
    fake.set(Some(1));
    for _ in 0..100 {
        assert_eq!(first(&lists.current(URI, NOW).unwrap()), 0); // does not wait
    }
    pass(1).await;
    assert_eq!(first(&lists.current(URI, NOW).unwrap()), 1);
    assert_eq!(fake.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_nobody_asked_for_is_not_used_beyond_its_time() {
    let (fake, lists) = lists(Fake::new(), StatusSettings::default());
    lists.load(URI, NOW).await.unwrap();
    fake.set(Some(1));
    pass(101).await;
    assert!(lists.current(URI, NOW).is_none());
    assert_eq!(first(&lists.load(URI, NOW).await.unwrap()), 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_list_outlives_an_outage_until_it_is_stale() {
    let (fake, lists) = lists(Fake::new(), StatusSettings::default());
    lists.load(URI, NOW).await.unwrap();
    fake.set(None);
    for _ in 0..36 {
        pass(100).await;
        assert_eq!(first(&lists.load(URI, NOW).await.unwrap()), 0);
    }
    pass(200).await;
    assert!(lists.current(URI, NOW).is_none());
    assert_eq!(lists.load(URI, NOW).await.unwrap_err(), down());
    fake.set(Some(1));
    pass(2).await;
    assert_eq!(first(&lists.load(URI, NOW).await.unwrap()), 1);
}

#[tokio::test(start_paused = true)]
async fn an_expired_list_is_not_used_even_in_an_outage() {
    let fake = Fake { exp: Some(NOW + 300), ..Fake::new() };
    let (fake, lists) = lists(fake, StatusSettings::default());
    lists.load(URI, NOW).await.unwrap();
    fake.set(None);
    pass(299).await;
    assert!(lists.load(URI, NOW + 299).await.is_ok());
    assert!(lists.current(URI, NOW + 300).is_none());
    assert!(lists.load(URI, NOW + 300).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_dead_place_is_not_hammered() {
    let (fake, lists) = lists(Fake::new(), StatusSettings::default());
    fake.set(None);
    for _ in 0..1000 {
        assert_eq!(lists.load(URI, NOW).await.unwrap_err(), down());
    }
    assert_eq!(fake.fetches(), 1);
    fake.set(Some(0));
    pass(2).await;
    lists.load(URI, NOW).await.unwrap();
    fake.set(None);
    pass(110).await;
    for _ in 0..1000 {
        lists.load(URI, NOW).await.unwrap(); // the last one
    }
    assert_eq!(fake.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_the_issuer_says_about_keeping_is_honoured_within_reason() {
    let cases = [
        (Some(100), None, None, 100),
        (Some(1), None, None, 10),
        (Some(1_000_000), None, None, 43_200),
        (Some(100), None, Some(20), 100), // ttl counts first
        (None, None, Some(20), 20),
        (None, None, Some(0), 10),
        (None, None, None, 300),
        (Some(100), Some(NOW + 50), None, 50),
    ];
    for (ttl, exp, max_age, expected) in cases {
        let fake = Fake { ttl, exp, max_age, ..Fake::new() };
        let (_, lists) = lists(fake, StatusSettings::default());
        lists.load(URI, NOW).await.unwrap();
        let kept = lists.shelf.find(URI).unwrap().loaded.load_full().unwrap().keep;
        assert_eq!(kept, Duration::from_secs(expected), "{ttl:?} {exp:?} {max_age:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn there_are_no_more_lists_than_said() {
    let settings = StatusSettings { most: 10, ..StatusSettings::default() };
    let (fake, lists) = lists(Fake::new(), settings);
    for list in 0..100 {
        lists.load(&format!("https://id.example/statuslists/{list}"), NOW).await.unwrap();
    }
    assert_eq!((fake.fetches(), lists.shelf.len()), (100, 10));
    assert!(lists.current("https://id.example/statuslists/99", NOW).is_some());
    assert!(lists.current("https://id.example/statuslists/89", NOW).is_none());
}
