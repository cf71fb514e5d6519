//! Kanidm: RFC 9068, with an issuer and keys for each client.

use bailiwick_jose::Algorithm;

use super::{Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, owned, trust};
use crate::profile::Profile;

pub(super) const AT: &str =
    "its issuer for the client, https://<host>/oauth2/openid/<client>, without a slash at the end";

const TRAPS: &[&str] = &[
    "each client has an issuer and keys of its own: an API with three clients trusts three issuers",
    "`aud` is the client's name; `resource` is accepted and ignored",
    "tokens live for 15 minutes, and there are no roles but the scopes that groups are mapped to",
];

impl Provider {
    /// Kanidm, as one of its clients knows it.
    ///
    /// # Errors
    /// [`ProviderError`], when it is no issuer of a client.
    pub fn kanidm(issuer: &str) -> Result<Self, ProviderError> {
        let client = issuer.split_once("/oauth2/openid/").map(|(_, client)| client);
        if client.is_none_or(|client| client.is_empty() || client.contains('/')) {
            return Err(ProviderError::Form { expected: AT });
        }
        let profile = Profile {
            // Earlier versions have no `jti`.
            required: owned(&["sub", "aud", "client_id", "iat"]),
            roles: Vec::new(),
            ..Profile::rfc9068()
        };
        Ok(Self {
            name: "Kanidm",
            // RS256 for clients with the legacy setting.
            trust: trust(issuer, &[Algorithm::Es256, Algorithm::Rs256], profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::Ignored,
            evidence: Evidence::Source("kanidm/kanidm, proto/src/oauth2.rs; others' notes"),
            traps: TRAPS,
        })
    }
}
