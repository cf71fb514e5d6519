//! The keys of the issuers whose assertions are taken as grants (RFC 7523 §3).

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_fetch::{FetchError, Fetcher, IssuerKeys, KeySettings};
use bailiwick_grant::{Tenant, TrustedIssuer};
use bailiwick_jose::jwks::NoKey;
use bailiwick_jose::{Jwks, Jws};
use bailiwick_oauth::{Issuer, Secret};

/// The keys of each trusted issuer, fetched when the first assertion of it comes.
pub(crate) struct TrustedKeys(BTreeMap<Issuer, Arc<IssuerKeys>>);

impl TrustedKeys {
    pub(crate) fn new(tenant: &Tenant, fetcher: &Fetcher) -> Self {
        let keys = |trusted: &TrustedIssuer| {
            let (issuer, fetcher) = (trusted.issuer.clone(), fetcher.clone());
            let settings = KeySettings::default();
            match &trusted.jwks_uri {
                Some(uri) => IssuerKeys::with_jwks_uri(issuer, uri.clone(), fetcher, settings),
                None => IssuerKeys::new(issuer, fetcher, settings),
            }
        };
        let all = tenant.trusted_issuers.iter();
        Self(all.map(|trusted| (trusted.issuer.clone(), keys(trusted))).collect())
    }

    /// The keys that may have signed an assertion; `None` when it is none, and nothing is fetched.
    ///
    /// # Errors
    /// When what the issuer publishes cannot be fetched.
    pub(crate) async fn of(
        &self,
        trusted: &TrustedIssuer,
        assertion: &Secret,
    ) -> Result<Option<Arc<Jwks>>, FetchError> {
        let Some(published) = self.0.get(&trusted.issuer) else { return Ok(None) };
        let Ok(jws) = Jws::parse(assertion.expose()) else { return Ok(None) };
        let Ok(algorithm) = jws.algorithm() else { return Ok(None) };
        let kid = jws.header().kid.as_deref();
        let keys = published.keys().await?;
        if matches!(keys.find(kid, algorithm), Err(NoKey::UnknownKid)) {
            return published.refresh_for_unknown_kid(kid.unwrap_or_default()).await.map(Some);
        }
        Ok(Some(keys))
    }
}
