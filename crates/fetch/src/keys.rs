//! One issuer's keys, kept fresh (RFC 7517 §5, RFC 8414 §2 `jwks_uri`).
//!
//! Reading is without a lock and never waits once a set is there. Two lanes fetch, each one fetch
//! at a time: the *scheduled* one ahead of a set's expiry, and the one for *unknown kids*, at most
//! once a second. So neither a flood of junk kids nor a slow scheduled fetch delays a rotation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bailiwick_jose::Jwks;
use bailiwick_oauth::Issuer;
use tokio::runtime::Handle;
use tokio::sync::{Mutex as Permit, OwnedMutexGuard};
use tokio::time::Instant;

use crate::junk::Junk;
use crate::publish::{Place, Publish, Published, Remote, lock};
use crate::{FetchError, Fetcher};

/// How keys are kept.
#[derive(Debug, Clone)]
pub struct KeySettings {
    /// The age at which a set is refreshed in the background; a shorter `max-age` of its publisher
    /// is honoured.
    pub refresh: Duration,
    /// The least time between two scheduled fetches, however short `max-age` is.
    pub refresh_least: Duration,
    /// The age from which a set is not used any more.
    pub stale: Duration,
    /// The wait after a first failed fetch; doubled with each further failure.
    pub retry: Duration,
    /// The longest such wait.
    pub retry_most: Duration,
    /// The least time between two fetches for unknown kids.
    pub unknown_kid: Duration,
    /// How long a kid that was asked for in vain is answered from memory, unless the keys change:
    /// also the longest time for which a kid that a stranger guessed before it was published is
    /// taken for unknown.
    pub junk: Duration,
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            refresh: Duration::from_mins(5),
            refresh_least: Duration::from_secs(30),
            stale: Duration::from_hours(24),
            retry: Duration::from_secs(1),
            retry_most: Duration::from_secs(15),
            unknown_kid: Duration::from_secs(1),
            junk: Duration::from_secs(30),
        }
    }
}

/// How an issuer's keys are, for health checks and metrics.
#[derive(Debug, Clone)]
pub struct Status {
    /// How many usable keys there are; 0 when the set is stale.
    pub keys: usize,
    /// The age of the set; `None` before the first one, and for fixed keys.
    pub age: Option<Duration>,
    /// What the last fetch failed with, if it failed.
    pub last_error: Option<FetchError>,
}

/// The keys of one issuer.
pub struct IssuerKeys {
    me: Weak<Self>,
    /// `None` for fixed keys.
    source: Option<Source>,
    settings: KeySettings,
    loaded: ArcSwapOption<Loaded>,
    /// When the scheduled lane may fetch, in microseconds since `epoch`.
    next: AtomicU64,
    epoch: Instant,
    scheduled: Arc<Permit<()>>,
    unknown: Arc<Permit<()>>,
    past: Mutex<Past>,
    junk: Mutex<Junk>,
}

struct Source {
    issuer: Issuer,
    publisher: Box<dyn Publish>,
}

struct Loaded {
    keys: Arc<Jwks>,
    /// When its fetch began: what was published before then is in it.
    began: Instant,
}

/// What earlier fetches came to.
#[derive(Default)]
struct Past {
    failures: u32,
    error: Option<FetchError>,
    /// When the last fetch for an unknown kid began.
    unknown_began: Option<Instant>,
    /// When, and with what, the last fetch for an unknown kid failed.
    unknown_failed: Option<(Instant, FetchError)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    Scheduled,
    UnknownKid,
}

impl IssuerKeys {
    /// Keys whose place the issuer's metadata says. Nothing is fetched yet.
    pub fn new(issuer: Issuer, fetcher: Fetcher, settings: KeySettings) -> Arc<Self> {
        let place = Place::Discovered(Mutex::new(None));
        let publisher = Box::new(Remote { issuer: issuer.clone(), fetcher, place });
        Self::from_source(Some(Source { issuer, publisher }), settings, None)
    }

    /// Keys whose place the operator says. Nothing is fetched yet.
    pub fn with_jwks_uri(
        issuer: Issuer,
        jwks_uri: impl Into<String>,
        fetcher: Fetcher,
        settings: KeySettings,
    ) -> Arc<Self> {
        let place = Place::Given(jwks_uri.into());
        let publisher = Box::new(Remote { issuer: issuer.clone(), fetcher, place });
        Self::from_source(Some(Source { issuer, publisher }), settings, None)
    }

    /// Keys at hand, which never change and never expire.
    pub fn fixed(keys: Jwks) -> Arc<Self> {
        let loaded = Loaded { keys: Arc::new(keys), began: Instant::now() };
        Self::from_source(None, KeySettings::default(), Some(Arc::new(loaded)))
    }

    fn from_source(
        source: Option<Source>,
        settings: KeySettings,
        loaded: Option<Arc<Loaded>>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            source,
            settings,
            loaded: ArcSwapOption::new(loaded),
            next: AtomicU64::new(0),
            epoch: Instant::now(),
            scheduled: Arc::default(),
            unknown: Arc::default(),
            past: Mutex::default(),
            junk: Mutex::default(),
        })
    }

    /// The keys, if there are usable ones: without a lock and without waiting.
    ///
    /// When the set is due for a refresh, that begins in the background, inside a tokio runtime.
    pub fn current(&self) -> Option<Arc<Jwks>> {
        let now = Instant::now();
        let loaded = self.usable(now)?;
        if self.is_due(now) {
            self.refresh_in_background();
        }
        Some(Arc::clone(&loaded.keys))
    }

    /// The keys; the first time they are fetched, by one caller for all.
    ///
    /// # Errors
    /// When there are none and they cannot be fetched. The failure is remembered for a moment, so
    /// that callers do not queue up before a dead issuer; the next call after that tries again.
    pub async fn keys(&self) -> Result<Arc<Jwks>, FetchError> {
        if let Some(keys) = self.current() {
            return Ok(keys);
        }
        let permit = Arc::clone(&self.scheduled).lock_owned().await;
        let now = Instant::now();
        if let Some(loaded) = self.usable(now) {
            return Ok(Arc::clone(&loaded.keys)); // somebody else has fetched it meanwhile
        }
        if !self.is_due(now)
            && let Some(error) = lock(&self.past).error.clone()
        {
            return Err(self.unavailable(error, now));
        }
        match self.fetch(Lane::Scheduled, permit).await {
            Ok(keys) => Ok(keys),
            Err(error) => Err(self.unavailable(error, Instant::now())),
        }
    }

    /// The keys, after what could be done to find `kid` among them; it may still not be there.
    ///
    /// All who ask at the same time share one fetch, which begins after they asked; fetches are
    /// [`KeySettings::unknown_kid`] apart, and kids that were asked for in vain are remembered. For
    /// a token without `kid`, ask for the empty one.
    ///
    /// # Errors
    /// When the keys cannot be fetched: whether the kid is known cannot be said then.
    pub async fn refresh_for_unknown_kid(&self, kid: &str) -> Result<Arc<Jwks>, FetchError> {
        let arrived = Instant::now();
        let keys = self.keys().await?;
        let is_junk = || lock(&self.junk).contains(kid, arrived, self.settings.junk);
        if self.source.is_none() || names(&keys, kid) || is_junk() {
            return Ok(keys);
        }
        let permit = Arc::clone(&self.unknown).lock_owned().await;
        if let Some(settled) = self.settled(kid, arrived) {
            return settled;
        }
        // Waits with the permit in hand: the others queue behind, and share what it brings.
        let last = lock(&self.past).unknown_began;
        if let Some(last) = last {
            tokio::time::sleep_until(last + self.settings.unknown_kid).await;
            if let Some(settled) = self.settled(kid, arrived) {
                return settled; // by a scheduled fetch
            }
        }
        let keys = self.fetch(Lane::UnknownKid, permit).await?;
        if !names(&keys, kid) {
            lock(&self.junk).insert(kid, Instant::now());
        }
        Ok(keys)
    }

    /// Loads the keys and refreshes them ahead of expiry whether or not anybody asks, so that a
    /// process that was started while its issuer was down heals by itself. To be spawned; ends when
    /// the last holder of the keys drops them.
    pub fn keep_fresh(&self) -> impl Future<Output = ()> + Send + 'static {
        let me = self.me.clone();
        async move {
            while let Some(keys) = me.upgrade().filter(|keys| keys.source.is_some()) {
                let permit = Arc::clone(&keys.scheduled).lock_owned().await;
                if keys.is_due(Instant::now()) {
                    // Its failure is remembered and logged there.
                    let _ = keys.fetch(Lane::Scheduled, permit).await;
                } else {
                    drop(permit);
                }
                let next = keys.epoch + Duration::from_micros(keys.next.load(Ordering::Relaxed));
                let soonest = Instant::now() + keys.settings.retry;
                drop(keys);
                tokio::time::sleep_until(next.max(soonest)).await;
            }
        }
    }

    /// How the keys are.
    pub fn status(&self) -> Status {
        let now = Instant::now();
        let age = |loaded: Arc<Loaded>| now.duration_since(loaded.began);
        Status {
            keys: self.usable(now).map_or(0, |loaded| loaded.keys.keys().len()),
            age: self.source.as_ref().and_then(|_| self.loaded.load_full().map(age)),
            last_error: lock(&self.past).error.clone(),
        }
    }

    /// The set, unless there is none or it is stale.
    fn usable(&self, now: Instant) -> Option<Arc<Loaded>> {
        let is_fresh = |loaded: &Arc<Loaded>| {
            self.source.is_none() || now.duration_since(loaded.began) < self.settings.stale
        };
        self.loaded.load_full().filter(is_fresh)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.source.is_some() && self.micros(now) >= self.next.load(Ordering::Relaxed)
    }

    fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.epoch).as_micros()).unwrap_or(u64::MAX)
    }

    fn unavailable(&self, error: FetchError, now: Instant) -> FetchError {
        match (&self.source, self.loaded.load_full()) {
            (Some(source), Some(loaded)) => FetchError::Stale {
                issuer: source.issuer.to_string(),
                age: now.duration_since(loaded.began),
                why: Box::new(error),
            },
            _ => error,
        }
    }

    /// What is known about `kid` from fetches that began after it was asked for, if any did.
    fn settled(&self, kid: &str, arrived: Instant) -> Option<Result<Arc<Jwks>, FetchError>> {
        let now = Instant::now();
        let loaded = self.usable(now)?;
        if names(&loaded.keys, kid) {
            return Some(Ok(Arc::clone(&loaded.keys)));
        }
        if loaded.began >= arrived {
            lock(&self.junk).insert(kid, now);
            return Some(Ok(Arc::clone(&loaded.keys)));
        }
        let (failed, error) = lock(&self.past).unknown_failed.clone()?;
        (now < failed + self.settings.unknown_kid).then_some(Err(error))
    }

    fn refresh_in_background(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        // Taken permit: somebody is at it.
        let Ok(permit) = Arc::clone(&self.scheduled).try_lock_owned() else { return };
        let Some(me) = self.me.upgrade() else { return };
        runtime.spawn(async move {
            if me.is_due(Instant::now()) {
                // Its failure is remembered and logged there.
                let _ = me.attempt(Lane::Scheduled).await;
            }
            drop(permit);
        });
    }

    /// Fetches in a task of its own: a caller that goes away does not break off what others wait for.
    async fn fetch(
        &self,
        lane: Lane,
        permit: OwnedMutexGuard<()>,
    ) -> Result<Arc<Jwks>, FetchError> {
        let me = self.me.upgrade().ok_or_else(|| self.interrupted())?;
        let task = tokio::spawn(async move {
            let outcome = me.attempt(lane).await;
            drop(permit);
            outcome
        });
        task.await.unwrap_or_else(|_| Err(self.interrupted()))
    }

    fn interrupted(&self) -> FetchError {
        let issuer = self.source.as_ref().map(|source| source.issuer.to_string());
        FetchError::Interrupted { subject: issuer.unwrap_or_else(|| "fixed keys".to_owned()) }
    }

    async fn attempt(&self, lane: Lane) -> Result<Arc<Jwks>, FetchError> {
        let source = self.source.as_ref().ok_or_else(|| self.interrupted())?;
        let began = Instant::now();
        if lane == Lane::UnknownKid {
            lock(&self.past).unknown_began = Some(began);
        }
        match source.publisher.publish().await {
            Ok(published) => Ok(self.succeeded(source, published, began)),
            Err(error) => {
                tracing::warn!(issuer = %source.issuer, %error, "keys cannot be fetched");
                self.failed(lane, error.clone());
                Err(error)
            }
        }
    }

    fn succeeded(&self, source: &Source, published: Published, began: Instant) -> Arc<Jwks> {
        let mut past = lock(&self.past); // one writer at a time
        *past = Past { unknown_began: past.unknown_began, ..Past::default() };
        let before = self.loaded.load_full();
        if let Some(before) = &before
            && before.began > began
        {
            return Arc::clone(&before.keys); // the other lane was quicker, with a newer set
        }
        let least = self.settings.refresh_least.min(self.settings.refresh);
        let keep = published.max_age.unwrap_or(self.settings.refresh);
        let next = began + keep.clamp(least, self.settings.refresh);
        let keys = Arc::new(published.keys);
        if before.is_none_or(|before| !same(&before.keys, &keys)) {
            let (keys, skipped) = (keys.keys().len(), keys.skipped().len());
            tracing::info!(issuer = %source.issuer, keys, skipped, "keys are new");
            lock(&self.junk).clear();
        }
        self.loaded.store(Some(Arc::new(Loaded { keys: Arc::clone(&keys), began })));
        self.next.store(self.micros(next), Ordering::Relaxed);
        keys
    }

    fn failed(&self, lane: Lane, error: FetchError) {
        let now = Instant::now();
        let mut past = lock(&self.past);
        if lane == Lane::UnknownKid {
            past.unknown_failed = Some((now, error.clone()));
        } else {
            let doubled = self.settings.retry.saturating_mul(1 << past.failures.min(16));
            let next = now + doubled.min(self.settings.retry_most);
            past.failures += 1;
            self.next.store(self.micros(next), Ordering::Relaxed);
        }
        past.error = Some(error);
    }
}

fn names(keys: &Jwks, kid: &str) -> bool {
    keys.keys().iter().any(|key| key.kid() == Some(kid))
}

fn same(one: &Jwks, other: &Jwks) -> bool {
    let names = |keys: &Jwks| -> Vec<_> {
        let name = |key: &Arc<bailiwick_jose::VerifyingKey>| {
            (key.kid().map(str::to_owned), key.thumbprint().to_owned(), key.algorithm())
        };
        keys.keys().iter().map(name).collect()
    };
    names(one) == names(other)
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
