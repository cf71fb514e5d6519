//! Logto: RFC 9068 and RFC 8707, opaque without `resource`.

use bailiwick_jose::Algorithm;

use super::{Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, trust};
use crate::profile::Profile;

pub(super) const AT: &str = "its endpoint, https://<tenant>.logto.app or a domain of your own";

const TRAPS: &[&str] = &[
    "without `resource` the access token is opaque, and good for userinfo alone",
    "tokens of an organisation have `aud` = `urn:logto:organization:<id>`; those for an API within \
     one have the API's `aud` and `organization_id`, which a route must look at itself",
];

impl Provider {
    /// Logto, by its endpoint, without a slash at the end.
    ///
    /// # Errors
    /// [`ProviderError`], when it is no such URL.
    pub fn logto(endpoint: &str) -> Result<Self, ProviderError> {
        if endpoint.ends_with('/') || endpoint.ends_with("/oidc") {
            return Err(ProviderError::Form { expected: AT });
        }
        let profile = Profile { roles: Vec::new(), ..Profile::rfc9068() };
        let algorithms = [Algorithm::Es384, Algorithm::Rs256];
        Ok(Self {
            name: "Logto",
            trust: trust(&format!("{endpoint}/oidc"), &algorithms, profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::Resource,
            evidence: Evidence::Source(
                "panva/node-oidc-provider, which it is built on; docs.logto.io",
            ),
            traps: TRAPS,
        })
    }
}
