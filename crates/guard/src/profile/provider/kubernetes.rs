//! Kubernetes: the projected tokens of service accounts.

use bailiwick_jose::Algorithm;

use super::{Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, plain, trust};
use crate::profile::Profile;

const TRAPS: &[&str] = &[
    "the key set mostly needs credentials and is behind the cluster's own CA: let \
     `system:service-account-issuer-discovery` read it, or publish it elsewhere",
    "a projected volume without `audience` gets the API server's audience: such a token opens the \
     cluster itself and must not be accepted elsewhere",
    "tokens of secrets never expire and have no audience; they are from another issuer and are refused",
    "there are no scopes: write rules on the subject, `system:serviceaccount:<namespace>:<name>`",
    "two clusters may both call themselves https://kubernetes.default.svc: give each its own issuer",
];

impl Provider {
    /// Kubernetes, the service accounts of a cluster (`--service-account-issuer`).
    ///
    /// # Errors
    /// [`ProviderError`], when it is no issuer.
    pub fn kubernetes(issuer: &str) -> Result<Self, ProviderError> {
        let profile =
            Profile { scopes: Vec::new(), ..plain(&["sub", "aud", "iat", "kubernetes.io"], &[]) };
        let algorithms = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384];
        Ok(Self {
            name: "Kubernetes service accounts",
            trust: trust(issuer, &algorithms, profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::None,
            evidence: Evidence::Documentation("KEP-1205; kubernetes.io, managing service accounts"),
            traps: TRAPS,
        })
    }
}
