//! Opaque tokens: looked up at their issuer, and the answers kept for a moment (RFC 7662 §2.2, §4).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bailiwick_fetch::{FetchError, Introspector, Tokeninfo};
use bailiwick_guard::{Authentic, Presented, Profile, Provider, Refusal, Trust, opaque};
use bailiwick_oauth::introspect::Received;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How many lookups may be under way at a time: no flood of rubbish becomes one at the issuer.
const AT_ONCE: usize = 64;

/// How many may wait for their turn; whoever comes then is told to come back.
const MOST_WAITING: usize = 1000;

/// How long nothing is asked after an outage, and how long a token is not asked about again whose
/// lookup failed in another way.
const REST: Duration = Duration::from_secs(1);

/// How tokens that are no JWT are looked up at their issuer.
///
/// ```no_run
/// use bailiwick_resource_server::{
///     ClientAuthentication, ClientId, Fetcher, Introspector, Issuer, Lookup, ResourceServer, Secret,
/// };
///
/// let issuer = Issuer::parse("https://id.example.com")?;
/// let me = ClientAuthentication::SecretBasic {
///     client_id: ClientId::parse("orders-api")?,
///     secret: Secret::new("the API's own secret"),
/// };
/// let introspector = Introspector::new(issuer, me, Fetcher::builder().build()?);
/// let api = ResourceServer::builder("https://id.example.com", "https://api.example.com")?
///     .look_up(Lookup::introspection(introspector))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Lookup {
    pub(crate) trust: Trust,
    by: By,
    which: Which,
    keep: Duration,
    keep_inactive: Duration,
    most: usize,
}

enum By {
    Introspection(Box<Introspector>),
    Tokeninfo(Tokeninfo),
}

/// Which tokens are looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    NoJwt,
    Every,
}

impl Lookup {
    /// Looks tokens up at an introspection endpoint (RFC 7662).
    pub fn introspection(introspector: Introspector) -> Self {
        let trust = Trust {
            profile: Profile::introspection(),
            ..Trust::new(introspector.issuer().clone())
        };
        Self::new(trust, By::Introspection(Box::new(introspector)))
    }

    /// Looks tokens up as Google has it; the trust says what the answers look like.
    pub fn tokeninfo(trust: Trust, tokeninfo: Tokeninfo) -> Self {
        Self::new(trust, By::Tokeninfo(tokeninfo))
    }

    /// Looks tokens up at an identity provider's introspection endpoint, and reads the answers as its
    /// profile has them.
    pub fn of_provider(provider: Provider, introspector: Introspector) -> Self {
        Self::new(provider.trust, By::Introspection(Box::new(introspector)))
    }

    fn new(trust: Trust, by: By) -> Self {
        Self {
            trust,
            by,
            which: Which::NoJwt,
            keep: Duration::from_secs(15),
            keep_inactive: Duration::from_secs(3),
            most: 10_000,
        }
    }

    /// What the answers look like.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.trust.profile = profile;
        self
    }

    /// How many answers are kept at most; 10,000 unless said otherwise.
    #[must_use]
    pub fn most(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Looks JWTs up too, so that each revocation is known as soon as an answer is not kept any more.
    #[must_use]
    pub fn every_token(mut self) -> Self {
        self.which = Which::Every;
        self
    }

    /// How long an answer is kept, and with it how late a revocation may be known: 15 seconds unless
    /// said otherwise, never beyond the token's expiry; "inactive" for at most 3 seconds.
    #[must_use]
    pub fn keep(mut self, longest: Duration) -> Self {
        self.keep = longest;
        self.keep_inactive = self.keep_inactive.min(longest);
        self
    }

    pub(crate) fn begin(self) -> Lookups {
        Lookups {
            answers: Cache::new(self.most),
            refused: Cache::new(self.most),
            places: Semaphore::new(AT_ONCE + MOST_WAITING),
            permits: Semaphore::new(AT_ONCE),
            answered: AtomicU64::new(0),
            epoch: Instant::now(),
            resting: AtomicU64::new(0),
            failing: AtomicU64::new(0),
            settings: self,
        }
    }
}

/// Lookups, and their answers for a moment. The keys are digests of whole tokens.
pub(crate) struct Lookups {
    settings: Lookup,
    answers: Cache<[u8; 32], Kept<Authentic>>,
    /// Apart, so that rubbish drives out no good token.
    refused: Cache<[u8; 32], Kept<Refusal>>,
    /// Of those who wait for a permit and those who have one.
    places: Semaphore,
    permits: Semaphore,
    /// How many lookups got an answer.
    answered: AtomicU64,
    epoch: Instant,
    /// Until when nothing is asked, in milliseconds since `epoch`.
    resting: AtomicU64,
    /// Until when the last failure counts, for health.
    failing: AtomicU64,
}

#[derive(Clone)]
struct Kept<T> {
    what: T,
    until: Instant,
}

impl<T> Kept<T> {
    fn new(what: T, keep: Duration) -> Self {
        let now = Instant::now();
        Self { what, until: now.checked_add(keep).unwrap_or(now) }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

impl Lookups {
    pub(crate) fn takes(&self, presented: &Presented<'_>) -> bool {
        self.settings.which == Which::Every || !presented.is_jwt()
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.settings.trust
    }

    /// Whether the last lookup failed, a moment ago.
    pub(crate) fn is_failing(&self) -> bool {
        self.millis() < self.failing.load(Ordering::Relaxed)
    }

    fn is_resting(&self) -> bool {
        self.millis() < self.resting.load(Ordering::Relaxed)
    }

    /// Finds out whether a token is genuine. All who ask about the same token share one lookup.
    pub(crate) async fn authentic(
        &self,
        presented: &Presented<'_>,
        now: i64,
    ) -> Result<Authentic, Refusal> {
        if self.settings.keep.is_zero() {
            return self.ask(presented, now).await; // each gets an answer of its own
        }
        let name = presented.digest();
        loop {
            if let Some(kept) = self.refused.get(name).filter(|kept| !kept.is_over()) {
                return Err(kept.what);
            }
            // Holds the place while it asks; whoever comes meanwhile waits here.
            let place = match self.answers.get_value_or_guard_async(name).await {
                Ok(kept) if kept.is_over() => {
                    self.answers.remove_if(name, Kept::is_over);
                    continue;
                }
                Ok(kept) => return Ok(kept.what),
                Err(place) => place,
            };
            // Whoever had the place before may have learned that the token is refused.
            if let Some(kept) = self.refused.get(name).filter(|kept| !kept.is_over()) {
                return Err(kept.what);
            }
            let authentic = self.ask(presented, now).await?;
            let left = authentic.expires().map_or(0, |expires| expires.saturating_sub(now));
            let left = Duration::from_secs(u64::try_from(left).unwrap_or(0));
            // One that has expired is refused at each request, without a lookup for each.
            let keep = self.settings.keep.min(left.max(self.settings.keep_inactive));
            // A place that was given up meanwhile keeps nothing, which is no fault.
            let _ = place.insert(Kept::new(authentic.clone(), keep));
            return Ok(authentic);
        }
    }

    async fn ask(&self, presented: &Presented<'_>, now: i64) -> Result<Authentic, Refusal> {
        if self.is_resting() {
            return Err(opaque::unavailable());
        }
        let Ok(_place) = self.places.try_acquire() else { return Err(opaque::unavailable()) };
        let Ok(_permit) = self.permits.acquire().await else { return Err(opaque::unavailable()) };
        if self.is_resting() {
            return Err(opaque::unavailable()); // it failed while we waited
        }
        let answered = self.answered.load(Ordering::Relaxed);
        let answer = match self.answer(presented, now).await {
            Ok(answer) => answer,
            Err(error) => {
                let others_answered = self.answered.load(Ordering::Relaxed) != answered;
                return Err(self.failed(presented, &error, others_answered));
            }
        };
        self.answered.fetch_add(1, Ordering::Relaxed);
        for until in [&self.failing, &self.resting] {
            until.store(0, Ordering::Relaxed);
        }
        opaque::looked_up(presented, self.trust(), answer).inspect_err(|refusal| {
            let kept = Kept::new(refusal.clone(), self.settings.keep_inactive);
            self.refused.insert(*presented.digest(), kept);
        })
    }

    /// Takes note of a failure. While it went on, others may have been answered: then it is no outage.
    fn failed(
        &self,
        presented: &Presented<'_>,
        error: &FetchError,
        others_answered: bool,
    ) -> Refusal {
        tracing::warn!(issuer = self.trust().issuer.as_str(), %error, "no verdict: no answer");
        let later = self.millis() + u64::try_from(REST.as_millis()).unwrap_or(0);
        self.failing.store(later, Ordering::Relaxed);
        if is_outage(error) && !others_answered {
            self.resting.store(later, Ordering::Relaxed);
        } else {
            let kept = Kept::new(opaque::unavailable(), REST);
            self.refused.insert(*presented.digest(), kept);
        }
        opaque::unavailable()
    }

    async fn answer(&self, presented: &Presented<'_>, now: i64) -> Result<Received, FetchError> {
        match &self.settings.by {
            By::Introspection(introspector) => {
                introspector.introspect(presented.expose(), now).await
            }
            By::Tokeninfo(tokeninfo) => tokeninfo.look_up(presented.expose()).await,
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Whether nobody answers. Any other failure may be due to the one token that was asked about: some
/// endpoints, and firewalls before them, stumble over what they never issued. Were nobody else
/// looked up after that, one stranger could shut everybody out.
fn is_outage(error: &FetchError) -> bool {
    match error {
        FetchError::Status { status, .. } => matches!(status, 429 | 502..=504),
        FetchError::Connect { .. }
        | FetchError::Timeout { .. }
        | FetchError::Resolve { .. }
        | FetchError::NotPublished { .. } => true,
        _ => false,
    }
}
