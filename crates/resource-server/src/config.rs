//! What a resource server is made of; mistakes are the operator's and come to light at start.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bailiwick_fetch::{BuildError, Fetcher, IssuerKeys, KeySettings};
use bailiwick_guard::{Audience, Profile, Trust, current};
use bailiwick_jose::Algorithm;
use bailiwick_oauth::issuer::MalformedIssuer;
use bailiwick_oauth::resource::MalformedResource;
use bailiwick_oauth::scope::MalformedScope;
use bailiwick_oauth::{Issuer, Resource, Scopes};
use tokio::runtime::Handle;

use crate::ResourceServer;
use crate::server::Settings;

/// Tells the time, in seconds since 1970.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Clocks that differ by more than this are broken; a larger tolerance is a mistake.
const MOST_SKEW: Duration = Duration::from_mins(5);

/// Why there is no resource server: the operator's mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The issuer is malformed.
    #[error("'{0}' is no issuer identifier: {1}")]
    Issuer(String, MalformedIssuer),
    /// The resource is malformed.
    #[error("'{0}' is no resource identifier: {1}")]
    Resource(String, MalformedResource),
    /// A scope is malformed.
    #[error("'{0}' is no scope: {1}")]
    Scope(String, MalformedScope),
    /// A route asks for any of no scopes.
    #[error("a route that asks for any of no scopes would let nobody in")]
    NoScope,
    /// A further audience is empty.
    #[error("an empty audience would let tokens of other APIs in")]
    Audience,
    /// No signature algorithm is accepted.
    #[error("no signature algorithm is accepted, so no token would be")]
    Algorithms,
    /// Clocks may differ by too much.
    #[error("clocks may differ by {} s; more than {} s is not accepted", .0.as_secs(), MOST_SKEW.as_secs())]
    ClockSkew(Duration),
    /// Outgoing HTTP cannot be set up.
    #[error("keys could not be fetched: {0}")]
    Fetcher(#[from] BuildError),
}

/// Collects what a [`ResourceServer`] is made of.
///
/// ```
/// use bailiwick_resource_server::{Algorithm, ResourceServer};
///
/// let api = ResourceServer::builder("https://id.example.com", "https://api.example.com")?
///     .name("Orders")
///     .scopes(["read:orders", "write:orders"])
///     .algorithms([Algorithm::Es256])
///     .build()?;
/// assert_eq!(api.resource().as_str(), "https://api.example.com");
/// # Ok::<(), bailiwick_resource_server::ConfigError>(())
/// ```
#[must_use]
pub struct Builder {
    trust: Trust,
    audience: Audience,
    name: Option<String>,
    scopes: Vec<String>,
    skew: Duration,
    clock: Clock,
    fetcher: Option<Fetcher>,
    keys: Option<Arc<IssuerKeys>>,
    cached_tokens: usize,
    allows_preflight: bool,
}

impl Builder {
    /// Begins with an issuer and a resource that are parsed already.
    pub fn new(issuer: Issuer, resource: Resource) -> Self {
        Self {
            trust: Trust::new(issuer),
            audience: Audience::new(resource),
            name: None,
            scopes: Vec::new(),
            skew: Duration::from_secs(current::SKEW.unsigned_abs()),
            clock: Arc::new(system_clock),
            fetcher: None,
            keys: None,
            cached_tokens: 1024,
            allows_preflight: false,
        }
    }

    /// Parses both.
    pub(crate) fn parse(issuer: &str, resource: &str) -> Result<Self, ConfigError> {
        let parsed_issuer =
            Issuer::parse(issuer).map_err(|why| ConfigError::Issuer(issuer.to_owned(), why))?;
        let parsed_resource = Resource::parse(resource)
            .map_err(|why| ConfigError::Resource(resource.to_owned(), why))?;
        Ok(Self::new(parsed_issuer, parsed_resource))
    }

    /// Accepts a further spelling in `aud`, for issuers that do not put the identifier there.
    ///
    /// Whoever gets tokens with it gets in: it must mean this API alone.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience.also.push(audience.into());
        self
    }

    /// The API's name, for people (RFC 9728 §2 `resource_name`).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The scopes that clients are told of (RFC 9728 §2 `scopes_supported`).
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The signature algorithms that are accepted; all of [`Algorithm::ALL`] unless said otherwise.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.trust.algorithms = algorithms.into_iter().collect();
        self
    }

    /// What the issuer's tokens look like; RFC 9068 unless said otherwise.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.trust.profile = profile;
        self
    }

    /// How far clocks may differ, in whole seconds: 10 unless said otherwise, 300 at most.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Tells the time in another way, in seconds since 1970; for tests.
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Fetches metadata and keys with this, for private addresses and certificate authorities.
    pub fn fetcher(mut self, fetcher: Fetcher) -> Self {
        self.fetcher = Some(fetcher);
        self
    }

    /// Uses these keys, shared with other resource servers of the same issuer or at hand. Whoever
    /// made them keeps them fresh.
    pub fn keys(mut self, keys: Arc<IssuerKeys>) -> Self {
        self.keys = Some(keys);
        self
    }

    /// For how many genuine tokens it is remembered that they are; 1024 unless said otherwise.
    pub fn cached_tokens(mut self, most: usize) -> Self {
        self.cached_tokens = most;
        self
    }

    /// Lets CORS preflights through without a token, for a CORS layer that stands further in.
    pub fn allow_preflight(mut self) -> Self {
        self.allows_preflight = true;
        self
    }

    /// Makes the resource server. Nothing is waited for: inside a tokio runtime its keys begin to
    /// load in the background, elsewhere with the first request.
    ///
    /// # Errors
    /// The operator's first mistake.
    pub fn build(self) -> Result<ResourceServer, ConfigError> {
        if self.trust.algorithms.is_empty() {
            return Err(ConfigError::Algorithms);
        }
        if self.skew > MOST_SKEW {
            return Err(ConfigError::ClockSkew(self.skew));
        }
        if self.audience.also.iter().any(String::is_empty) {
            return Err(ConfigError::Audience);
        }
        let mut scopes = Scopes::new();
        for scope in &self.scopes {
            scopes.extend(parse_scopes(scope)?);
        }
        let keys = match self.keys {
            Some(keys) => keys,
            None => keep_keys(&self.trust.issuer, self.fetcher)?,
        };
        Ok(ResourceServer::from_settings(Settings {
            trust: self.trust,
            audience: self.audience,
            name: self.name,
            scopes,
            skew: i64::try_from(self.skew.as_secs()).unwrap_or(current::SKEW),
            clock: self.clock,
            keys,
            cached_tokens: self.cached_tokens,
            allows_preflight: self.allows_preflight,
        }))
    }
}

pub(crate) fn parse_scopes(text: &str) -> Result<Scopes, ConfigError> {
    Scopes::parse(text).map_err(|why| ConfigError::Scope(text.to_owned(), why))
}

fn keep_keys(issuer: &Issuer, fetcher: Option<Fetcher>) -> Result<Arc<IssuerKeys>, ConfigError> {
    let fetcher = fetcher.map_or_else(|| Fetcher::builder().build(), Ok)?;
    let keys = IssuerKeys::new(issuer.clone(), fetcher, KeySettings::default());
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(keys.keep_fresh()); // ends with the last holder of the keys
    }
    Ok(keys)
}

fn system_clock() -> i64 {
    // Before 1970 no token is valid yet: the clock is broken, and 0 says so.
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
