//! What a resource server is made of; mistakes are the operator's and come to light at start.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bailiwick_fetch::{BuildError, Fetcher, IssuerKeys, Tokeninfo};
use bailiwick_guard::current::{self, Denials};
use bailiwick_guard::profile::OpaqueTokens;
use bailiwick_guard::{Audience, Binding, Implied, Profile, Provider, Trust};
use bailiwick_jose::{Algorithm, DecryptionKey, SigningKey};
use bailiwick_oauth::issuer::MalformedIssuer;
use bailiwick_oauth::resource::MalformedResource;
use bailiwick_oauth::scope::MalformedScope;
use bailiwick_oauth::{ClientId, Issuer, Resource, Scope, Scopes};

use crate::certificate::FromProxy;
use crate::issuers::{Source, TrustedIssuer};
use crate::metadata::Published;
use crate::server::Inner;
use crate::{Dpop, Lookup, ResourceServer, metadata, metrics, seen};

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
    /// A route asks for scopes and names none.
    #[error("a route asks for scopes and names none; where any token will do, use the layer")]
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
    /// A template of issuers has no metadata of its own.
    #[error("where the metadata of '{0}' is must be said")]
    MetadataPlace(String),
    /// A provider whose tokens can only be looked up, with credentials.
    #[error("tokens of {0} can only be looked up; begin with Lookup::of_provider")]
    OpaqueOnly(&'static str),
    /// What clients call this API by is no origin.
    #[error("'{0}' is no origin such as https://api.example.com")]
    Origin(String),
    /// Two trusted issuers are the same.
    #[error("the issuer '{0}' is trusted twice")]
    IssuerTwice(String),
    /// A client is malformed.
    #[error("'{0}' is no client identifier")]
    Client(String),
    /// The metadata cannot be signed.
    #[error("the metadata cannot be signed")]
    Metadata,
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
    issuers: Vec<TrustedIssuer>,
    lookup: Option<Lookup>,
    decryption: Vec<DecryptionKey>,
    audience: Audience,
    binding: Binding,
    dpop: Dpop,
    origin: Option<String>,
    from_proxy: Option<FromProxy>,
    denials: Arc<dyn Denials>,
    checks_status: bool,
    implied: Vec<(String, String)>,
    published: Published,
    scopes: Vec<String>,
    skew: Duration,
    clock: Clock,
    fetcher: Option<Fetcher>,
    cached_tokens: usize,
    allows_preflight: bool,
}

impl Builder {
    /// Begins with an issuer and a resource that are parsed already.
    pub fn new(issuer: Issuer, resource: Resource) -> Self {
        Self::trusting(TrustedIssuer::of(Trust::new(issuer)), resource)
    }

    /// Begins with an issuer of which everything is said, and a resource.
    pub fn trusting(issuer: TrustedIssuer, resource: Resource) -> Self {
        Self { issuers: vec![issuer], ..Self::of(resource) }
    }

    /// Begins with a resource whose tokens are all looked up: no JWT is verified here.
    pub fn looking_up(lookup: Lookup, resource: Resource) -> Self {
        Self { lookup: Some(lookup.every_token()), ..Self::of(resource) }
    }

    fn of(resource: Resource) -> Self {
        Self {
            issuers: Vec::new(),
            lookup: None,
            decryption: Vec::new(),
            audience: Audience::new(resource),
            binding: Binding::AsTheTokenSays,
            dpop: Dpop::new(),
            origin: None,
            from_proxy: None,
            denials: Arc::new(()),
            checks_status: true,
            implied: Vec::new(),
            published: Published::default(),
            scopes: Vec::new(),
            skew: Duration::from_secs(current::SKEW.unsigned_abs()),
            clock: Arc::new(system_clock),
            fetcher: None,
            cached_tokens: 1024,
            allows_preflight: false,
        }
    }

    /// Begins with an identity provider; see [`ResourceServer::for_provider`].
    pub(crate) fn of_provider(provider: Provider, resource: &str) -> Result<Self, ConfigError> {
        let parsed = Resource::parse(resource)
            .map_err(|why| ConfigError::Resource(resource.to_owned(), why))?;
        if let OpaqueTokens::Tokeninfo(url) = provider.opaque {
            let tokeninfo = Tokeninfo::new(url, Fetcher::builder().build()?);
            return Ok(Self::looking_up(Lookup::tokeninfo(provider.trust, tokeninfo), parsed));
        }
        if provider.trust.algorithms.is_empty() {
            return Err(ConfigError::OpaqueOnly(provider.name));
        }
        Ok(Self::trusting(provider.into(), parsed))
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

    /// Accepts tokens without `aud` that were issued to this client, for issuers that put none there
    /// (Amazon Cognito). The client must be this API's alone: whoever gets tokens for it gets in.
    ///
    /// # Errors
    /// When the identifier is malformed.
    pub fn own_client(mut self, client: &str) -> Result<Self, ConfigError> {
        let id = ClientId::parse(client).map_err(|_| ConfigError::Client(client.to_owned()))?;
        self.audience.own_clients.push(id);
        Ok(self)
    }

    /// Trusts a further issuer. Keys never cross: each token is verified with the keys of the issuer
    /// that it names.
    pub fn also_trust(mut self, issuer: TrustedIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Looks opaque tokens up at their issuer (RFC 7662). One issuer only: each gets to see every
    /// opaque token that arrives.
    pub fn look_up(mut self, lookup: Lookup) -> Self {
        self.lookup = Some(lookup);
        self
    }

    /// Reads tokens that are encrypted for this key (RFC 9068 §6). What is inside must be signed.
    pub fn decryption_key(mut self, key: DecryptionKey) -> Self {
        self.decryption.push(key);
        self
    }

    /// Which tokens must be bound to their sender; as the token says, unless said otherwise.
    pub fn binding(mut self, binding: Binding) -> Self {
        self.binding = binding;
        self
    }

    /// How DPoP proofs are checked (RFC 9449).
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.dpop = dpop;
        self
    }

    /// Scheme and authority by which clients call this API, such as `https://api.example.com`: what
    /// DPoP proofs must name. Those of the resource identifier unless said otherwise.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into().trim_end_matches('/').to_owned());
        self
    }

    /// Believes what a proxy that ends TLS says of client certificates (RFC 8705, RFC 9440).
    pub fn certificates_from(mut self, proxy: FromProxy) -> Self {
        self.from_proxy = Some(proxy);
        self
    }

    /// Denies what these deny: usually a [`DenyList`](crate::DenyList) that events of the issuer fill.
    pub fn denials(mut self, denials: Arc<dyn Denials>) -> Self {
        self.denials = denials;
        self
    }

    /// Lets tokens pass without looking at the status list that they name: revocations that their
    /// issuer publishes there are not noticed.
    pub fn ignore_status_lists(mut self) -> Self {
        self.checks_status = false;
        self
    }

    /// A scope holds others within it: whoever has `broad` may do what asks for any of `narrow`, with
    /// spaces between. At any distance.
    pub fn implies(mut self, broad: impl Into<String>, narrow: impl Into<String>) -> Self {
        self.implied.push((broad.into(), narrow.into()));
        self
    }

    /// The API's name, for people (RFC 9728 §2 `resource_name`).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.published.name = Some(name.into());
        self
    }

    /// The API's documentation, for developers (RFC 9728 §2 `resource_documentation`).
    pub fn documentation(mut self, url: impl Into<String>) -> Self {
        self.published.documentation = Some(url.into());
        self
    }

    /// Signs the metadata too (RFC 9728 §2.2 `signed_metadata`), and names the place of the key.
    pub fn signed_metadata(mut self, key: Arc<SigningKey>, jwks_uri: impl Into<String>) -> Self {
        self.published.signed = Some((key, jwks_uri.into()));
        self
    }

    /// Serves the metadata at the root of the host too, whatever path the resource has: some clients
    /// look nowhere else. Against RFC 9728 §3.3, which has them refuse it there.
    pub fn metadata_at_root_too(mut self) -> Self {
        self.published.at_root_too = true;
        self
    }

    /// The scopes that clients are told of (RFC 9728 §2 `scopes_supported`).
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The signature algorithms that the first issuer may use; all of [`Algorithm::ALL`] unless said otherwise.
    pub fn algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let algorithms: Vec<_> = algorithms.into_iter().collect();
        self.with_first(|issuer| issuer.algorithms(algorithms))
    }

    /// What the first issuer's tokens look like; RFC 9068 unless said otherwise.
    pub fn profile(self, profile: Profile) -> Self {
        self.with_first(|issuer| issuer.profile(profile))
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

    /// Uses these keys of the first issuer, shared with other resource servers of the same issuer or at hand. Whoever
    /// made them keeps them fresh.
    pub fn keys(self, keys: Arc<IssuerKeys>) -> Self {
        self.with_first(|issuer| issuer.keys(keys))
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

    fn with_first(mut self, change: impl FnOnce(TrustedIssuer) -> TrustedIssuer) -> Self {
        if !self.issuers.is_empty() {
            let first = self.issuers.remove(0);
            self.issuers.insert(0, change(first));
        }
        self
    }

    /// Makes the resource server. Nothing is waited for: inside a tokio runtime its keys begin to
    /// load in the background, elsewhere with the first request.
    ///
    /// # Errors
    /// The operator's first mistake.
    pub fn build(self) -> Result<ResourceServer, ConfigError> {
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
        let fetcher = self.fetcher.map_or_else(|| Fetcher::builder().build(), Ok)?;
        let sources = sources(self.issuers, &fetcher)?;
        let resource = &self.audience.resource;
        let origin = match self.origin {
            Some(origin) if is_origin(&origin) => Some(origin),
            Some(origin) => return Err(ConfigError::Origin(origin)),
            None => resource.origin().map(str::to_owned),
        };
        let lookup = self.lookup.map(Lookup::begin);
        let issuers: Vec<_> = sources
            .iter()
            .map(|source| &source.trust)
            .chain(lookup.as_ref().map(crate::lookup::Lookups::trust))
            .collect();
        let document = metadata::document(
            &self.published,
            resource,
            &issuers,
            &scopes,
            self.binding,
            &self.dpop,
        )?;
        Ok(ResourceServer(Arc::new(Inner {
            implied: implied(&self.implied)?,
            seen: seen::Seen::new(self.cached_tokens),
            checks_status: self.checks_status,
            metrics: metrics::Counters::default(),
            skew: i64::try_from(self.skew.as_secs()).unwrap_or(current::SKEW),
            at_root_too: self.published.at_root_too,
            decryption: self.decryption,
            audience: self.audience,
            binding: self.binding,
            dpop: self.dpop,
            from_proxy: self.from_proxy,
            denials: self.denials,
            clock: self.clock,
            allows_preflight: self.allows_preflight,
            sources,
            lookup,
            origin,
            document,
        })))
    }
}

fn sources(issuers: Vec<TrustedIssuer>, fetcher: &Fetcher) -> Result<Vec<Source>, ConfigError> {
    let mut sources: Vec<Source> = Vec::with_capacity(issuers.len());
    for issuer in issuers {
        let name = issuer.trust.issuer.as_str();
        if sources.iter().any(|source| source.trust.issuer.as_str() == name) {
            return Err(ConfigError::IssuerTwice(name.to_owned()));
        }
        sources.push(issuer.source(fetcher)?);
    }
    Ok(sources)
}

fn implied(pairs: &[(String, String)]) -> Result<Implied, ConfigError> {
    let mut hierarchy = Vec::with_capacity(pairs.len());
    for (broad, narrow) in pairs {
        let scope = Scope::parse(broad).map_err(|why| ConfigError::Scope(broad.clone(), why))?;
        hierarchy.push((scope, parse_scopes(narrow)?));
    }
    Ok(Implied::new(hierarchy))
}

pub(crate) fn parse_scopes(text: &str) -> Result<Scopes, ConfigError> {
    Scopes::parse(text).map_err(|why| ConfigError::Scope(text.to_owned(), why))
}

/// The scopes that a route asks for, of which there is one at least: from an empty setting, a route
/// would be open to any token.
pub(crate) fn needed_scopes(text: &str) -> Result<Scopes, ConfigError> {
    let scopes = parse_scopes(text)?;
    if scopes.is_empty() { Err(ConfigError::NoScope) } else { Ok(scopes) }
}

/// Whether it is scheme and authority alone: no DPoP proof could name anything else.
fn is_origin(text: &str) -> bool {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    authority.is_some_and(|authority| {
        !authority.contains('@') && authority.parse::<http::uri::Authority>().is_ok()
    })
}

fn system_clock() -> i64 {
    // Before 1970 no token is valid yet: the clock is broken, and 0 says so.
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
