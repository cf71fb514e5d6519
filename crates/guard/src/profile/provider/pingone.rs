//! `PingOne`: an environment's tokens for custom resources.

use bailiwick_jose::Algorithm;

use super::{Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, plain, trust};

pub(super) const AT: &str = "the environment's issuer, https://auth.pingone.<region>/<environment>/as or https://<domain>/as";

const TRAPS: &[&str] = &[
    "`aud` is the custom resource's audience, or where it has none its name: give it one",
    "scopes of PingOne's own API and of a custom resource cannot be asked for together",
    "from March 2, 2027 each access token is marked `at+jwt`; from then on use `Provider::marked`",
    "tokens of clients have no `sub`: the subject is the client",
];

impl Provider {
    /// `PingOne`, an environment by its issuer: the region decides about the host.
    ///
    /// # Errors
    /// [`ProviderError`], when it is no environment's issuer.
    pub fn pingone(issuer: &str) -> Result<Self, ProviderError> {
        if !issuer.ends_with("/as") {
            return Err(ProviderError::Form { expected: AT });
        }
        // ID tokens have no `client_id`.
        let profile = plain(&["aud", "client_id", "iat"], &["client_id"]);
        Ok(Self {
            name: "PingOne",
            trust: trust(issuer, &[Algorithm::Rs256], profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::ScopePrefix,
            evidence: Evidence::Documentation("developer.pingidentity.com, token claims"),
            traps: TRAPS,
        })
    }
}
