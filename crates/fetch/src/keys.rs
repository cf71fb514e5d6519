//! One issuer's keys, kept fresh (RFC 7517 §5, RFC 8414 §2 `jwks_uri`).
//!
//! Reading is without a lock and never waits once a set is there. Three lanes fetch, each one fetch
//! at a time, and none waits for another:
//!
//! - the *scheduled* one brings the first set, and every next one ahead of expiry;
//! - the one for *unknown kids*, at most once a second: all who ask for kids that nobody has asked
//!   for before wait for one fetch that begins after they asked. A kid that is not in it is *junk*
//!   for a while: whoever asks for it again is answered from memory at once;
//! - the *reserved* one looks for junk again, in the background, at most once a second for all junk
//!   together: so a kid that a stranger guessed before it was published is found as soon as it is.
//!   Each change of the set ends all junk.
//!
//! So a flood of junk kids costs two fetches a second, however many kids there are, and neither it
//! nor a fetch that hangs in another lane delays a rotation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bailiwick_jose::Jwks;
use bailiwick_oauth::Issuer;
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::junk::Junk;
use crate::lane::{Lane, Purpose};
use crate::publish::{Document, Place, Publish, Published, Remote, lock};
use crate::{FetchError, Fetcher};

mod settings;

pub use settings::{KeySettings, Status};

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
    scheduled: Lane,
    unknown: Lane,
    reserved: Lane,
    past: Mutex<Past>,
    junk: Mutex<Junk>,
    /// When junk was last asked for again, until the reserved lane has taken it up.
    again: Mutex<Option<Instant>>,
}

struct Source {
    /// Whose keys, for messages: an issuer, or a template of issuers.
    issuer: String,
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
    /// When, and with what, the last fetch for an unknown kid failed.
    unknown_failed: Option<(Instant, FetchError)>,
}

impl IssuerKeys {
    /// Keys whose place the issuer's metadata says. Nothing is fetched yet.
    pub fn new(issuer: Issuer, fetcher: Fetcher, settings: KeySettings) -> Arc<Self> {
        let name = issuer.to_string();
        Self::remote(name, Place::discovered(Document::WellKnown(issuer)), fetcher, settings)
    }

    /// Keys whose place the operator says. Nothing is fetched yet.
    #[expect(clippy::needless_pass_by_value, reason = "like the other ways to get keys")]
    pub fn with_jwks_uri(
        issuer: Issuer,
        jwks_uri: impl Into<String>,
        fetcher: Fetcher,
        settings: KeySettings,
    ) -> Arc<Self> {
        Self::remote(issuer.to_string(), Place::Given(jwks_uri.into()), fetcher, settings)
    }

    /// Keys that somebody else than an issuer publishes, such as a client (RFC 7591 §2 `jwks_uri`).
    /// Nothing is fetched yet.
    pub fn at(jwks_uri: &str, fetcher: Fetcher, settings: KeySettings) -> Arc<Self> {
        let place = Place::Given(jwks_uri.to_owned());
        Self::remote(jwks_uri.to_owned(), place, fetcher, settings)
    }

    /// Keys that many issuers share, whose place one document of metadata says: such as Microsoft's,
    /// with the issuer `https://login.microsoftonline.com/{tenantid}/v2.0`. Nothing is fetched yet.
    ///
    /// The document's `issuer` must be equal to `issuer_as_published`, byte for byte. Which of the
    /// issuers may use which key is not checked.
    pub fn with_metadata(
        issuer_as_published: String,
        metadata_url: String,
        fetcher: Fetcher,
        settings: KeySettings,
    ) -> Arc<Self> {
        let name = issuer_as_published.clone();
        let document = Document::At { url: metadata_url, issuer: issuer_as_published };
        Self::remote(name, Place::discovered(document), fetcher, settings)
    }

    fn remote(issuer: String, place: Place, fetcher: Fetcher, settings: KeySettings) -> Arc<Self> {
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
            scheduled: Lane::default(),
            unknown: Lane::default(),
            reserved: Lane::default(),
            past: Mutex::default(),
            junk: Mutex::default(),
            again: Mutex::default(),
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
        let permit = self.scheduled.permit().await;
        let now = Instant::now();
        if let Some(loaded) = self.usable(now) {
            return Ok(Arc::clone(&loaded.keys)); // somebody else has fetched it meanwhile
        }
        if !self.is_due(now)
            && let Some(error) = lock(&self.past).error.clone()
        {
            return Err(self.unavailable(error, now));
        }
        match self.fetch(Purpose::Scheduled, permit).await {
            Ok(keys) => Ok(keys),
            Err(error) => Err(self.unavailable(error, Instant::now())),
        }
    }

    /// The keys, after what could be done to find `kid` among them; it may still not be there.
    ///
    /// All who ask at the same time share one fetch, which begins after they asked; fetches are
    /// [`KeySettings::unknown_kid`] apart. Kids that were asked for in vain are remembered, answered
    /// at once, and looked for again in the background. For a token without `kid`, ask for the empty
    /// one.
    ///
    /// # Errors
    /// When the keys cannot be fetched: whether the kid is known cannot be said then.
    pub async fn refresh_for_unknown_kid(&self, kid: &str) -> Result<Arc<Jwks>, FetchError> {
        let arrived = Instant::now();
        let keys = self.keys().await?;
        if self.source.is_none() || names(&keys, kid) {
            return Ok(keys);
        }
        if lock(&self.junk).contains(kid, arrived, self.settings.junk) {
            self.look_again(arrived);
            // While the issuer cannot be asked, it may well have published the kid.
            return lock(&self.past).error.clone().map_or(Ok(keys), Err);
        }
        let permit = self.unknown.permit().await;
        if let Some(settled) = self.settled(kid, arrived) {
            return settled;
        }
        // Waits with the permit in hand: the others queue behind, and share what it brings.
        if let Some(last) = self.unknown.last() {
            tokio::time::sleep_until(last + self.settings.unknown_kid).await;
            if let Some(settled) = self.settled(kid, arrived) {
                return settled; // by another lane
            }
        }
        let keys = self.fetch(Purpose::UnknownKid, permit).await?;
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
                let permit = keys.scheduled.permit().await;
                if keys.is_due(Instant::now()) {
                    // Its failure is remembered and logged there.
                    let _ = keys.fetch(Purpose::Scheduled, permit).await;
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
        let (loaded, usable) = (self.loaded.load_full(), self.usable(now));
        let age = |loaded: &Arc<Loaded>| now.duration_since(loaded.began);
        Status {
            keys: usable.as_ref().map_or(0, |loaded| loaded.keys.keys().len()),
            age: self.source.as_ref().and_then(|_| loaded.as_ref().map(age)),
            is_stale: loaded.is_some() && usable.is_none(),
            last_error: lock(&self.past).error.clone(),
            scheduled: self.scheduled.fetches(),
            unknown_kid: self.unknown.fetches(),
            reserved: self.reserved.fetches(),
        }
    }

    /// Whether the keys are fetched from somewhere; fixed ones are not, and never change.
    pub fn has_source(&self) -> bool {
        self.source.is_some()
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
                issuer: source.issuer.clone(),
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
        let Some(permit) = self.scheduled.free_permit() else { return }; // somebody is at it
        let Some(me) = self.me.upgrade() else { return };
        runtime.spawn(async move {
            if me.is_due(Instant::now()) {
                // Its failure is remembered and logged there.
                let _ = me.attempt(Purpose::Scheduled).await;
            }
            drop(permit);
        });
    }

    /// Looks for junk again, in the background: with a fetch that begins after it was asked for.
    fn look_again(&self, asked: Instant) {
        *lock(&self.again) = Some(asked);
        let Ok(runtime) = Handle::try_current() else { return };
        let Some(permit) = self.reserved.free_permit() else { return }; // it takes this up, too
        let Some(me) = self.me.upgrade() else { return };
        runtime.spawn(async move {
            while let Some(asked) = me.again_in_time().await {
                if me.usable(Instant::now()).is_none_or(|loaded| loaded.began < asked) {
                    // Its failure is remembered and logged there.
                    let _ = me.attempt(Purpose::Reserved).await;
                }
            }
            drop(permit);
            // Asked while the permit was taken, though nobody took it up any more.
            let late = *lock(&me.again);
            if let Some(late) = late {
                me.look_again(late);
            }
        });
    }

    /// When junk was last asked for again, if it was: taken up as soon as a fetch may begin.
    async fn again_in_time(&self) -> Option<Instant> {
        (*lock(&self.again))?;
        let last = self.reserved.last().max(self.loaded.load_full().map(|loaded| loaded.began));
        if let Some(last) = last {
            tokio::time::sleep_until(last + self.settings.unknown_kid).await;
        }
        lock(&self.again).take()
    }

    /// Fetches in a task of its own: a caller that goes away does not break off what others wait for.
    async fn fetch(
        &self,
        purpose: Purpose,
        permit: OwnedMutexGuard<()>,
    ) -> Result<Arc<Jwks>, FetchError> {
        let me = self.me.upgrade().ok_or_else(|| self.interrupted())?;
        let task = tokio::spawn(async move {
            let outcome = me.attempt(purpose).await;
            drop(permit);
            outcome
        });
        task.await.unwrap_or_else(|_| Err(self.interrupted()))
    }

    fn interrupted(&self) -> FetchError {
        let issuer = self.source.as_ref().map(|source| source.issuer.clone());
        FetchError::Interrupted { subject: issuer.unwrap_or_else(|| "fixed keys".to_owned()) }
    }

    fn lane(&self, purpose: Purpose) -> &Lane {
        match purpose {
            Purpose::Scheduled => &self.scheduled,
            Purpose::UnknownKid => &self.unknown,
            Purpose::Reserved => &self.reserved,
        }
    }

    async fn attempt(&self, purpose: Purpose) -> Result<Arc<Jwks>, FetchError> {
        let source = self.source.as_ref().ok_or_else(|| self.interrupted())?;
        let began = Instant::now();
        self.lane(purpose).begin(began);
        match source.publisher.publish().await {
            Ok(published) => Ok(self.succeeded(source, published, began)),
            Err(error) => {
                tracing::warn!(issuer = %source.issuer, %error, "keys cannot be fetched");
                self.failed(purpose, error.clone());
                Err(error)
            }
        }
    }

    fn succeeded(&self, source: &Source, published: Published, began: Instant) -> Arc<Jwks> {
        let mut past = lock(&self.past); // one writer at a time
        *past = Past::default();
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

    fn failed(&self, purpose: Purpose, error: FetchError) {
        self.lane(purpose).fail();
        let now = Instant::now();
        let mut past = lock(&self.past);
        match purpose {
            Purpose::Scheduled => {
                let doubled = self.settings.retry.saturating_mul(1 << past.failures.min(16));
                let next = now + doubled.min(self.settings.retry_most);
                past.failures += 1;
                self.next.store(self.micros(next), Ordering::Relaxed);
            }
            Purpose::UnknownKid => past.unknown_failed = Some((now, error.clone())),
            Purpose::Reserved => {}
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
