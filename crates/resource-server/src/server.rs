//! One protected resource: who issues tokens for it, and the verdict on a request (RFC 9068 §4).

use std::fmt;
use std::sync::Arc;

use bailiwick_fetch::IssuerKeys;
use bailiwick_guard::{
    Audience, Authentic, Check, Facts, Missing, Outcome, Permit, Presented, Proof, Refusal,
    ScopeRule, Stop, Trust, Trusted, Want, explain,
};
use bailiwick_jose::Jwks;
use bailiwick_oauth::{Issuer, Resource, Scopes};
use bytes::Bytes;
use http::HeaderMap;

use crate::config::{Clock, parse_scopes};
use crate::seen::Seen;
use crate::{Builder, ConfigError, Refused, Require, metadata};

/// A protected resource and the issuer that it trusts. Cloning is cheap and shares everything.
#[derive(Clone)]
pub struct ResourceServer(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    trust: Trust,
    audience: Audience,
    skew: i64,
    clock: Clock,
    keys: Arc<IssuerKeys>,
    seen: Seen,
    pub(crate) allows_preflight: bool,
    pub(crate) document: Bytes,
}

pub(crate) struct Settings {
    pub(crate) trust: Trust,
    pub(crate) audience: Audience,
    pub(crate) name: Option<String>,
    pub(crate) scopes: Scopes,
    pub(crate) skew: i64,
    pub(crate) clock: Clock,
    pub(crate) keys: Arc<IssuerKeys>,
    pub(crate) cached_tokens: usize,
    pub(crate) allows_preflight: bool,
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

    pub(crate) fn from_settings(settings: Settings) -> Self {
        let document = metadata::document(&settings);
        Self(Arc::new(Inner {
            trust: settings.trust,
            audience: settings.audience,
            skew: settings.skew,
            clock: settings.clock,
            keys: settings.keys,
            seen: Seen::new(settings.cached_tokens),
            allows_preflight: settings.allows_preflight,
            document,
        }))
    }

    /// The layer that lets in whoever has a token for this resource, whatever its scope.
    pub fn layer(&self) -> Require {
        self.require_rule(ScopeRule::NONE)
    }

    /// The layer that asks for a scope; for each of them when there are several, with spaces
    /// between. Inside [`ResourceServer::layer`] it looks at the scope only, alone at all.
    ///
    /// # Errors
    /// When a scope is malformed.
    pub fn require(&self, scopes: &str) -> Result<Require, ConfigError> {
        Ok(self.require_rule(ScopeRule::AllOf(parse_scopes(scopes)?)))
    }

    /// The layer that asks for at least one of these scopes, with spaces between. Clients are told
    /// of the first: put the least there.
    ///
    /// # Errors
    /// When a scope is malformed, or there is none.
    pub fn require_any(&self, scopes: &str) -> Result<Require, ConfigError> {
        let scopes = parse_scopes(scopes)?;
        if scopes.is_empty() {
            return Err(ConfigError::NoScope);
        }
        Ok(self.require_rule(ScopeRule::AnyOf(scopes)))
    }

    /// The layer that asks for what a rule says.
    pub fn require_rule(&self, rule: ScopeRule) -> Require {
        Require::new(self.clone(), rule)
    }

    /// Decides about a request, by its headers and its query: everything that the layer decides,
    /// for proxies and servers that have no tower stack.
    ///
    /// Logs the verdict; fetches the issuer's keys when they are not at hand.
    ///
    /// # Errors
    /// The answer for whoever sent the request.
    pub async fn admit(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        rule: &ScopeRule,
    ) -> Result<Permit, Refused> {
        match self.verdict(headers, query, rule).await {
            Ok(permit) => {
                tracing::debug!(
                    resource = %self.resource(),
                    client = permit.client_id().map(tracing::field::display),
                    "admitted"
                );
                Ok(permit)
            }
            Err(refusal) => Err(self.refuse(refusal, rule)),
        }
    }

    /// Explains the verdict on a request: every check in its order, with its outcome, for operators.
    ///
    /// The very stages of [`admit`](Self::admit) decide; nothing is logged, and no token is kept.
    pub async fn explain(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        rule: &ScopeRule,
    ) -> Vec<Check> {
        let presented = Presented::from_request(headers, query);
        let want = Want { audience: &self.0.audience, scope: rule };
        let mut keys = self.0.keys.current();
        loop {
            let trusted = [Trusted { trust: &self.0.trust, keys: keys.as_deref() }];
            let (now, skew) = ((self.0.clock)(), self.0.skew);
            let facts = Facts { issuers: &trusted, now, skew, proof: Proof::None };
            let checks = explain(&presented, &facts, &want);
            let is_missing =
                checks.iter().any(|check| matches!(check.outcome, Outcome::Missing { .. }));
            if keys.is_some() || !is_missing {
                return checks;
            }
            match self.0.keys.keys().await {
                Ok(fetched) => keys = Some(fetched),
                Err(_) => return checks,
            }
        }
    }

    async fn verdict(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        rule: &ScopeRule,
    ) -> Result<Permit, Refusal> {
        let presented = Presented::from_request(headers, query)?; // RFC 6750 §2
        let authentic = self.authentic(&presented).await?; // RFC 9068 §4
        let (now, skew) = ((self.0.clock)(), self.0.skew); // after all waiting
        let facts = Facts { issuers: &[], now, skew, proof: Proof::None };
        authentic.verdict(&facts, &Want { audience: &self.0.audience, scope: rule })
    }

    /// Finds out whether a token is genuine; a key that is missing is fetched once.
    async fn authentic(&self, presented: &Presented) -> Result<Authentic, Refusal> {
        let missing = match self.authentic_by(presented, self.0.keys.current()) {
            Ok(authentic) => return Ok(authentic),
            Err(Stop::Refused(refusal)) => return Err(refusal),
            Err(Stop::Missing(missing)) => missing,
        };
        let Missing::Key { kid, .. } = &missing;
        let kid = kid.as_deref().unwrap_or_default();
        let keys = self.0.keys.refresh_for_unknown_kid(kid).await.map_err(|error| {
            tracing::warn!(issuer = %self.issuer(), %error, "no verdict without keys");
            missing.cannot_be_had()
        })?;
        match self.authentic_by(presented, Some(keys)) {
            Ok(authentic) => Ok(authentic),
            Err(Stop::Refused(refusal)) => Err(refusal),
            Err(Stop::Missing(missing)) => Err(missing.does_not_exist()),
        }
    }

    fn authentic_by(
        &self,
        presented: &Presented,
        keys: Option<Arc<Jwks>>,
    ) -> Result<Authentic, Stop> {
        let seen = keys.as_ref().and_then(|keys| self.0.seen.find(presented, keys));
        if let Some(authentic) = seen {
            return Ok(authentic);
        }
        let trusted = Trusted { trust: &self.0.trust, keys: keys.as_deref() };
        let authentic = presented.authentic(&[trusted])?;
        if let Some(keys) = keys {
            self.0.seen.keep(presented, &authentic, keys);
        }
        Ok(authentic)
    }

    /// Logs a refusal and makes the answer of it.
    pub(crate) fn refuse(&self, refusal: Refusal, rule: &ScopeRule) -> Refused {
        tracing::info!(
            resource = %self.resource(),
            reason = %refusal.reason(),
            status = refusal.status().as_u16(),
            "refused"
        );
        Refused::new(refusal, self.resource(), &rule.enough())
    }

    /// The resource.
    pub fn resource(&self) -> &Resource {
        &self.0.audience.resource
    }

    /// The issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.0.trust.issuer
    }

    /// The issuer's keys: how they are, for health checks.
    pub fn keys(&self) -> &Arc<IssuerKeys> {
        &self.0.keys
    }

    /// Whether both are the same one, not merely alike.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for ResourceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceServer")
            .field("issuer", self.issuer())
            .field("resource", self.resource())
            .finish_non_exhaustive()
    }
}
