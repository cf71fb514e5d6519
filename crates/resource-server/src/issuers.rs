//! The issuers whose JWTs pass, each with its keys (RFC 9068 §4, RFC 8414).

use std::sync::Arc;

use bailiwick_fetch::{Fetcher, IssuerKeys, KeySettings, StatusLists, StatusSettings};
use bailiwick_guard::{IssuerRule, Missing, Presented, Profile, Provider, Reason, Stop, Trust};
use bailiwick_jose::{Algorithm, Jwks, Jws, json};
use bailiwick_oauth::Issuer;
use tokio::runtime::Handle;

use crate::ConfigError;

/// An issuer whose JWTs pass, what they look like, and where its keys are.
///
/// ```
/// use bailiwick_resource_server::{ResourceServer, TrustedIssuer};
///
/// // While an API moves from one issuer to another, it takes tokens of both.
/// let old = TrustedIssuer::new("https://old.example.com")?;
/// let api = ResourceServer::builder("https://id.example.com", "https://api.example.com")?
///     .also_trust(old)
///     .build()?;
/// # let _ = api;
/// # Ok::<(), bailiwick_resource_server::ConfigError>(())
/// ```
pub struct TrustedIssuer {
    pub(crate) trust: Trust,
    place: Place,
    settings: KeySettings,
}

impl From<Provider> for TrustedIssuer {
    /// The provider's trust, with its metadata where the provider puts it.
    fn from(provider: Provider) -> Self {
        let trusted = Self::of(provider.trust);
        match (provider.metadata_issuer, provider.metadata_url) {
            (Some(issuer), Some(url)) => trusted.metadata(issuer, url),
            _ => trusted,
        }
    }
}

/// Where an issuer's keys are.
enum Place {
    /// Its metadata says it, at its well-known place.
    WellKnown,
    /// Metadata at another place says it, which must name this issuer or template.
    Metadata { issuer: String, url: String },
    /// The operator says it.
    JwksUri(String),
    /// Somebody keeps them already.
    Kept(Arc<IssuerKeys>),
}

impl TrustedIssuer {
    /// An issuer of RFC 9068 tokens.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn new(issuer: &str) -> Result<Self, ConfigError> {
        let parsed =
            Issuer::parse(issuer).map_err(|why| ConfigError::Issuer(issuer.to_owned(), why))?;
        Ok(Self::of(Trust::new(parsed)))
    }

    /// An issuer of which everything is said.
    pub fn of(trust: Trust) -> Self {
        Self { trust, place: Place::WellKnown, settings: KeySettings::default() }
    }

    /// What its tokens look like; RFC 9068 unless said otherwise.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.trust.profile = profile;
        self
    }

    /// The signature algorithms that are accepted; all of [`Algorithm::ALL`] unless said otherwise.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.trust.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Its keys are there, whatever its metadata says.
    #[must_use]
    pub fn jwks_uri(mut self, url: impl Into<String>) -> Self {
        self.place = Place::JwksUri(url.into());
        self
    }

    /// Its metadata is there, and names this issuer or template: for providers whose well-known place
    /// is not their issuer's.
    #[must_use]
    pub fn metadata(mut self, issuer: impl Into<String>, url: impl Into<String>) -> Self {
        self.place = Place::Metadata { issuer: issuer.into(), url: url.into() };
        self
    }

    /// Its keys are kept already, by whoever made these.
    #[must_use]
    pub fn keys(mut self, keys: Arc<IssuerKeys>) -> Self {
        self.place = Place::Kept(keys);
        self
    }

    /// How its keys are kept: refresh, staleness, waits.
    #[must_use]
    pub fn key_settings(mut self, settings: KeySettings) -> Self {
        self.settings = settings;
        self
    }

    /// Begins to keep the keys: inside a tokio runtime at once, elsewhere with the first request.
    pub(crate) fn source(self, fetcher: &Fetcher) -> Result<Source, ConfigError> {
        let trust = self.trust;
        if trust.algorithms.is_empty() {
            return Err(ConfigError::Algorithms);
        }
        let (fetcher, lists) = (fetcher.clone(), fetcher.clone());
        let settings = self.settings;
        let keys = match (self.place, &trust.issuer) {
            (Place::Kept(keys), _) => return Ok(Source::new(trust, keys, fetcher)),
            (Place::WellKnown, IssuerRule::Exactly(issuer)) => {
                IssuerKeys::new(issuer.clone(), fetcher, settings)
            }
            (Place::WellKnown | Place::JwksUri(_), IssuerRule::Template(template)) => {
                return Err(ConfigError::MetadataPlace(template.as_str().to_owned()));
            }
            (Place::Metadata { issuer, url }, _) => {
                IssuerKeys::with_metadata(issuer, url, fetcher, settings)
            }
            (Place::JwksUri(url), IssuerRule::Exactly(issuer)) => {
                IssuerKeys::with_jwks_uri(issuer.clone(), url, fetcher, settings)
            }
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(keys.keep_fresh()); // ends with the last holder of the keys
        }
        Ok(Source::new(trust, keys, lists))
    }
}

/// An issuer, its keys and its status lists.
pub(crate) struct Source {
    pub(crate) trust: Trust,
    pub(crate) keys: Arc<IssuerKeys>,
    /// `None` for a template: nobody says which of its tenants signs a list.
    pub(crate) statuses: Option<Arc<StatusLists>>,
}

impl Source {
    fn new(trust: Trust, keys: Arc<IssuerKeys>, fetcher: Fetcher) -> Self {
        let statuses = match &trust.issuer {
            IssuerRule::Exactly(issuer) => {
                let (issuer, keys) = (issuer.clone(), keys.clone());
                Some(StatusLists::new(issuer, keys, fetcher, StatusSettings::default()))
            }
            IssuerRule::Template(_) => None,
        };
        Self { trust, keys, statuses }
    }

    /// Whether this is the source of an issuer's tokens.
    pub(crate) fn is(&self, issuer: &Issuer) -> bool {
        self.trust.issuer.find(issuer.as_str()).is_some()
    }

    pub(crate) fn current(&self) -> Option<Arc<Jwks>> {
        self.keys.current()
    }
}

/// Takes a bad signature for a missing key where no name tells which key was meant: an issuer may put
/// one without `kid` in the place of another one, and its tokens are good from then on.
pub(crate) fn perhaps_replaced(stop: Stop, presented: &Presented<'_>, sources: &[Source]) -> Stop {
    match &stop {
        Stop::Refused(refusal) if refusal.reason() == Reason::SignatureInvalid => {
            nameless_key(presented, sources).map_or(stop, Stop::Missing)
        }
        _ => stop,
    }
}

/// The key that a token asks for, unless the set at hand has one of that name.
fn nameless_key(presented: &Presented<'_>, sources: &[Source]) -> Option<Missing> {
    let jws = Jws::parse(presented.expose()).ok()?;
    let kid = jws.header().kid.clone();
    let claims = json::parse_object(jws.unverified_payload()).ok()?;
    let iss = claims.get("iss")?.as_str()?;
    let source = sources.iter().find(|source| source.trust.issuer.find(iss).is_some())?;
    let keys = source.current()?;
    if kid.is_some() && keys.keys().iter().any(|key| key.kid() == kid.as_deref()) {
        return None;
    }
    let issuer = source.trust.issuer.as_str().to_owned();
    Some(Missing::Key { issuer, kid, algorithm: jws.algorithm().ok()? })
}
