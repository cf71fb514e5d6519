//! One protected resource: who issues tokens for it, and the verdict on a request (RFC 9068 §4).

use std::fmt;
use std::sync::Arc;

use bailiwick_fetch::IssuerKeys;
use bailiwick_guard::current::Denials;
use bailiwick_guard::explain::Path;
use bailiwick_guard::{
    Admission, Audience, Authentic, Binding, Check, Facts, Implied, IssuerRule, Keys, Missing,
    Moment, Offer, Permit, Presented, Provider, Refusal, Request, Rule, Scheme, ScopeRule, Sender,
    Stop, Trusted, Want, dpop, explain,
};
use bailiwick_jose::{DecryptionKey, Jwks};
use bailiwick_oauth::{Issuer, Resource};
use bytes::Bytes;
use http::{HeaderValue, Method, Uri};

use crate::certificate::{self, FromProxy};
use crate::config::{Clock, needed_scopes};
use crate::issuers::{self, Source};
use crate::lookup::Lookups;
use crate::metrics::Counters;
use crate::seen::Seen;
use crate::statuses::AtHand;
use crate::{Asked, Builder, ConfigError, Dpop, Refused, Require};

/// A protected resource and the issuers that it trusts. Cloning is cheap and shares everything.
#[derive(Clone)]
pub struct ResourceServer(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) sources: Vec<Source>,
    pub(crate) lookup: Option<Lookups>,
    pub(crate) decryption: Vec<DecryptionKey>,
    pub(crate) audience: Audience,
    pub(crate) binding: Binding,
    pub(crate) dpop: Dpop,
    /// What clients call this server by; `None` where nobody said.
    pub(crate) origin: Option<String>,
    pub(crate) from_proxy: Option<FromProxy>,
    pub(crate) denials: Arc<dyn Denials>,
    pub(crate) checks_status: bool,
    pub(crate) implied: Implied,
    pub(crate) skew: i64,
    pub(crate) clock: Clock,
    pub(crate) seen: Seen,
    pub(crate) metrics: Counters,
    pub(crate) allows_preflight: bool,
    pub(crate) at_root_too: bool,
    pub(crate) document: Bytes,
}

/// How far a verdict came: what its answer and its explanation need beside the outcome.
struct Course {
    path: Path,
    sent: Option<Scheme>,
    /// Of the key that a token which was sent with a DPoP proof is bound to.
    thumbprint: Option<String>,
}

impl Default for Course {
    fn default() -> Self {
        Self { path: Path::Verified, sent: None, thumbprint: None }
    }
}

impl Course {
    fn found(&mut self, authentic: &Authentic) {
        if self.sent == Some(Scheme::Dpop) {
            self.thumbprint = authentic.confirmation().and_then(|cnf| cnf.jkt.clone());
        }
    }
}

impl ResourceServer {
    /// Protects a resource with the tokens of an issuer; both are identifiers, byte for byte as the
    /// issuer's operator registered them.
    ///
    /// # Errors
    /// When one of them is malformed.
    pub fn new(issuer: &str, resource: &str) -> Result<Self, ConfigError> {
        Builder::parse(issuer, resource)?.build()
    }

    /// Begins with an issuer and a resource identifier, for all the rest that can be said.
    ///
    /// # Errors
    /// When one of them is malformed.
    pub fn builder(issuer: &str, resource: &str) -> Result<Builder, ConfigError> {
        Builder::parse(issuer, resource)
    }

    /// Begins with an identity provider whose tokens differ from RFC 9068 in their own way.
    ///
    /// ```
    /// use bailiwick_resource_server::{Provider, ResourceServer};
    ///
    /// let provider = Provider::keycloak("https://id.example.com/realms/shop")?;
    /// let api = ResourceServer::for_provider(provider, "https://api.example.com")?
    ///     .audience("orders-api") // what Keycloak's audience mapper puts into `aud`
    ///     .build()?;
    /// # let _ = api;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the resource is malformed, or the provider's tokens can only be looked up with
    /// credentials: see [`Lookup::of_provider`](crate::Lookup::of_provider).
    pub fn for_provider(provider: Provider, resource: &str) -> Result<Builder, ConfigError> {
        Builder::of_provider(provider, resource)
    }

    /// The layer that lets in whoever has a token for this resource, whatever its scope.
    pub fn layer(&self) -> Require {
        self.require_rule(Rule::ANY_TOKEN)
    }

    /// The layer that asks for a scope; for each of them when there are several, with spaces
    /// between. Inside [`ResourceServer::layer`] it looks at the scope only, alone at all.
    ///
    /// # Errors
    /// When a scope is malformed, or there is none: that would let any token in.
    pub fn require(&self, scopes: &str) -> Result<Require, ConfigError> {
        Ok(self.require_rule(ScopeRule::AllOf(needed_scopes(scopes)?)))
    }

    /// The layer that asks for at least one of these scopes, with spaces between. Clients are told
    /// of the first: put the least there.
    ///
    /// # Errors
    /// When a scope is malformed, or there is none.
    pub fn require_any(&self, scopes: &str) -> Result<Require, ConfigError> {
        Ok(self.require_rule(ScopeRule::AnyOf(needed_scopes(scopes)?)))
    }

    /// The layer that asks for all that a rule says: scopes, roles, claims, logins, and more.
    pub fn require_rule(&self, rule: impl Into<Rule>) -> Require {
        Require::new(self.clone(), rule.into())
    }

    /// Decides about a request by its head: everything that the layer decides, for proxies and
    /// servers that have no tower stack.
    ///
    /// Logs the verdict; fetches the issuer's keys when they are not at hand. A DPoP proof is used up
    /// by it: decide once about each request.
    ///
    /// # Errors
    /// The answer for whoever sent the request.
    pub async fn admit(&self, asked: &Asked<'_>, rule: &Rule) -> Result<Permit, Refused> {
        match self.admit_at_once(asked, rule) {
            Some(outcome) => outcome,
            // Boxed: whoever waits for nothing, as most do, has no room for it in its future.
            None => Box::pin(self.admit_later(asked, rule)).await,
        }
    }

    /// Decides with what is at hand; `None` when something has to be waited for. Most requests wait
    /// for nothing: their token, or its issuer's key, is known.
    pub(crate) fn admit_at_once(
        &self,
        asked: &Asked<'_>,
        rule: &Rule,
    ) -> Option<Result<Permit, Refused>> {
        let mut course = Course::default();
        let outcome = match self.decide_at_once(asked, rule, &mut course)? {
            Ok(Admission::Now(permit)) => Ok(permit),
            Ok(Admission::Once(_)) | Err(Stop::Missing(_)) => return None,
            Err(Stop::Refused(refusal)) => Err(refusal),
        };
        Some(self.tell(outcome, rule, &course))
    }

    /// Decides, waiting for whatever is not at hand.
    pub(crate) async fn admit_later(
        &self,
        asked: &Asked<'_>,
        rule: &Rule,
    ) -> Result<Permit, Refused> {
        let mut course = Course::default();
        let outcome = match self.decide(asked, rule, &mut course).await {
            Ok(Admission::Now(permit)) => Ok(permit),
            Ok(Admission::Once(once)) => self.0.dpop.settle(once, self.now()).await,
            Err(Stop::Refused(refusal)) => Err(refusal),
            Err(Stop::Missing(missing)) => Err(missing.cannot_be_had()),
        };
        self.tell(outcome, rule, &course)
    }

    /// Counts and logs a verdict, and makes the answer of a refusal.
    fn tell(
        &self,
        outcome: Result<Permit, Refusal>,
        rule: &Rule,
        course: &Course,
    ) -> Result<Permit, Refused> {
        match outcome {
            Ok(permit) => {
                self.0.metrics.admitted();
                tracing::debug!(
                    resource = %self.resource(),
                    client = permit.client_id().map(tracing::field::display),
                    "admitted"
                );
                Ok(permit)
            }
            Err(refusal) => {
                let thumbprint = course.thumbprint.as_deref();
                let nonce = thumbprint.and_then(|key| self.0.dpop.nonce(key, self.now()));
                Err(self.refuse(refusal, rule, course.sent).with_nonce(nonce))
            }
        }
    }

    /// Explains the verdict on a request: every check in its order, with its outcome, for operators.
    ///
    /// The very stages of [`admit`](Self::admit) decide. No verdict is logged or counted, and whether
    /// a DPoP proof was used before is not looked at.
    pub async fn explain(&self, asked: &Asked<'_>, rule: &Rule) -> Vec<Check> {
        let mut course = Course::default();
        let stop = self.decide(asked, rule, &mut course).await.err();
        explain(course.path, stop.as_ref())
    }

    /// All stages with what is at hand; `None` when the token has to be looked up, or its proof to be
    /// remembered.
    fn decide_at_once(
        &self,
        asked: &Asked<'_>,
        rule: &Rule,
        course: &mut Course,
    ) -> Option<Result<Admission, Stop>> {
        let presented = match Presented::from_request(asked.headers, asked.uri.query()) {
            Ok(presented) => presented,
            Err(refusal) => return Some(Err(refusal.into())),
        };
        course.sent = Some(presented.scheme());
        if presented.scheme() == Scheme::Dpop || self.lookup_of(&presented).is_some() {
            return None;
        }
        Some(self.verified_at_once(&presented).and_then(|authentic| {
            course.found(&authentic);
            self.judge(&presented, authentic, asked, rule)
        }))
    }

    /// All stages but the memory of used proofs.
    async fn decide(
        &self,
        asked: &Asked<'_>,
        rule: &Rule,
        course: &mut Course,
    ) -> Result<Admission, Stop> {
        let presented = Presented::from_request(asked.headers, asked.uri.query())?; // RFC 6750 §2
        course.sent = Some(presented.scheme());
        let authentic = if let Some(lookup) = self.lookup_of(&presented) {
            course.path = Path::LookedUp;
            lookup.authentic(&presented, self.now()).await? // RFC 7662 §2
        } else {
            self.verified(&presented).await? // RFC 9068 §4
        };
        course.found(&authentic);
        let missing = match self.judge(&presented, authentic.clone(), asked, rule) {
            Err(Stop::Missing(missing)) => missing,
            settled => return settled,
        };
        // The one way back: a fact was missing; it is fetched once.
        self.fetch(&missing).await?;
        // Still missing, it ended meanwhile, or others drove it out: that says nothing of the token.
        self.judge(&presented, authentic, asked, rule)
    }

    fn lookup_of(&self, presented: &Presented<'_>) -> Option<&Lookups> {
        self.0.lookup.as_ref().filter(|lookup| lookup.takes(presented))
    }

    /// Everything that is decided anew for each request, at this moment.
    fn judge(
        &self,
        presented: &Presented<'_>,
        authentic: Authentic,
        asked: &Asked<'_>,
        rule: &Rule,
    ) -> Result<Admission, Stop> {
        let inner = &*self.0;
        let now = self.now(); // after all waiting
        let full_uri = match (presented.scheme(), &inner.origin) {
            (Scheme::Dpop, Some(origin)) => Some(asked.full_uri(origin)),
            _ => None,
        };
        let shown = full_uri.as_deref().map(|uri| dpop::Shown {
            headers: asked.headers,
            method: asked.method,
            uri,
            lifetime: inner.dpop.lifetime,
            nonces: inner.dpop.accepted_nonces(),
        });
        let facts = Facts {
            moment: Moment {
                now,
                skew: inner.skew,
                denials: &*inner.denials,
                statuses: &AtHand {
                    sources: &inner.sources,
                    are_checked: inner.checks_status,
                    now,
                },
            },
            sender: Sender {
                scheme: presented.scheme(),
                dpop: shown,
                certificate: certificate::of(
                    asked.extensions,
                    asked.headers,
                    inner.from_proxy.as_ref(),
                ),
            },
            request: Request { method: asked.method, path: asked.uri.path() },
        };
        authentic.verdict(&facts, &self.want(rule))
    }

    fn want<'w>(&'w self, rule: &'w Rule) -> Want<'w> {
        let Inner { audience, binding, implied, .. } = &*self.0;
        Want { audience, binding: *binding, implied, rule }
    }

    /// Finds out whether a JWT is genuine; a key that is missing is looked for once.
    async fn verified(&self, presented: &Presented<'_>) -> Result<Authentic, Stop> {
        let missing = match self.verified_at_once(presented) {
            Err(Stop::Missing(missing)) => missing,
            settled => return settled,
        };
        self.fetch(&missing).await?;
        match self.seen_or_verified(presented) {
            Err(Stop::Missing(missing)) => Err(missing.does_not_exist().into()),
            settled => settled,
        }
    }

    /// Finds out whether a JWT is genuine, with the keys at hand.
    fn verified_at_once(&self, presented: &Presented<'_>) -> Result<Authentic, Stop> {
        self.seen_or_verified(presented)
            .map_err(|stop| issuers::perhaps_replaced(stop, presented, &self.0.sources))
    }

    fn seen_or_verified(&self, presented: &Presented<'_>) -> Result<Authentic, Stop> {
        if let Some(authentic) = self.0.seen.find(presented, &self.0.sources) {
            self.0.metrics.seen();
            return Ok(authentic);
        }
        let outcome = self.verify(presented);
        if !matches!(outcome, Err(Stop::Missing(_))) {
            self.0.metrics.unseen();
        }
        outcome
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Authentic, Stop> {
        let inner = &*self.0;
        let sets: Vec<Option<Arc<Jwks>>> = inner.sources.iter().map(Source::current).collect();
        let issuers: Vec<Trusted<'_>> = inner
            .sources
            .iter()
            .zip(&sets)
            .map(|(source, keys)| Trusted { trust: &source.trust, keys: keys.as_deref() })
            .collect();
        let keys = Keys { issuers: &issuers, decryption: &inner.decryption };
        let authentic = presented.authentic(&keys)?;
        let source = inner.sources.iter().position(|source| source.is(authentic.issuer()));
        if let Some(number) = source
            && let Some(Some(keys)) = sets.into_iter().nth(number)
        {
            inner.seen.keep(presented, &authentic, number, keys);
        }
        Ok(authentic)
    }

    /// Fetches a missing fact; after that it is there, or it does not exist.
    async fn fetch(&self, missing: &Missing) -> Result<(), Stop> {
        let outcome = match missing {
            Missing::Key { issuer, kid, .. } => match self.source(issuer) {
                Some(source) => {
                    let kid = kid.as_deref().unwrap_or_default();
                    source.keys.refresh_for_unknown_kid(kid).await.map(drop)
                }
                None => return Err(missing.does_not_exist().into()),
            },
            Missing::Status { issuer, reference } => {
                let source = self.0.sources.iter().find(|source| source.is(issuer));
                match source.and_then(|source| source.statuses.as_ref()) {
                    Some(lists) => lists.load(&reference.uri, self.now()).await.map(drop),
                    None => return Err(missing.does_not_exist().into()),
                }
            }
        };
        outcome.map_err(|error| {
            // Who fetches warns, once for each fetch; this is once for each request.
            tracing::debug!(resource = %self.resource(), %error, "no verdict: a fact is missing");
            Stop::Missing(missing.clone())
        })
    }

    fn source(&self, name: &str) -> Option<&Source> {
        self.0.sources.iter().find(|source| source.trust.issuer.as_str() == name)
    }

    /// Decides about a permit once more, for a further rule.
    pub(crate) fn also(
        &self,
        permit: &Permit,
        rule: &Rule,
        method: &Method,
        uri: &Uri,
    ) -> Result<(), Refused> {
        let now = self.now();
        let question = bailiwick_guard::policy::Question { permit, method, path: uri.path(), now };
        rule.check(&self.0.implied, &question, self.0.skew).map_err(|refusal| {
            let is_by_dpop = permit.confirmation().is_some_and(|cnf| cnf.jkt.is_some());
            let sent = if is_by_dpop { Scheme::Dpop } else { Scheme::Bearer };
            self.refuse(refusal, rule, Some(sent))
        })
    }

    /// Logs a refusal and makes the answer of it.
    fn refuse(&self, refusal: Refusal, rule: &Rule, sent: Option<Scheme>) -> Refused {
        self.0.metrics.refused(refusal.reason());
        tracing::info!(
            resource = %self.resource(),
            reason = %refusal.reason(),
            status = refusal.status().as_u16(),
            note = refusal.note(),
            "refused"
        );
        let offer = Offer {
            resource: self.resource(),
            needed: &rule.scope.enough(),
            binding: self.0.binding,
            offers_dpop: self.0.dpop.is_offered,
            sent,
        };
        Refused::new(refusal, &offer)
    }

    /// A nonce for the next proof of whoever holds this permit, to be sent in the answer's header
    /// `DPoP-Nonce` (RFC 9449 §8.2); `None` where none is asked for. The layer sends it by itself.
    pub fn next_nonce(&self, permit: &Permit) -> Option<HeaderValue> {
        let thumbprint = permit.confirmation()?.jkt.as_ref()?;
        let nonce = self.0.dpop.nonce(thumbprint, self.now())?;
        HeaderValue::from_str(&nonce).ok()
    }

    fn now(&self) -> i64 {
        (self.0.clock)()
    }

    /// The resource.
    pub fn resource(&self) -> &Resource {
        &self.0.audience.resource
    }

    /// The issuers that are trusted by name; a template names none.
    pub fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        self.0.sources.iter().filter_map(|source| match &source.trust.issuer {
            IssuerRule::Exactly(issuer) => Some(issuer),
            IssuerRule::Template(_) => None,
        })
    }

    /// The keys of each issuer, in the order in which they are trusted.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<IssuerKeys>> {
        self.0.sources.iter().map(|source| &source.keys)
    }

    /// Whether both are the same one, not merely alike.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for ResourceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceServer").field("resource", self.resource()).finish_non_exhaustive()
    }
}
