//! authentik: an access token is an ID token with two claims more.

use bailiwick_jose::Algorithm;

use super::{
    Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, owned, plain, trust,
};
use crate::claim::ClaimPath;
use crate::profile::Profile;

pub(super) const AT: &str = "its issuer, https://<host>/application/o/<application>/";

const TRAPS: &[&str] = &[
    "access and ID tokens have the same `aud`, the client id; only `uid` and `azp` tell them apart, \
     so no property mapping may add both to ID tokens",
    "`aud` names the client, so each client of an API is an audience of it",
    "a provider without a signing key signs with HS256 and the client's secret: refused here",
    "the issuer is the application's, with a slash at its end; the global issuer mode is not supported",
];

impl Provider {
    /// authentik, with an application's own issuer ("each provider has a different issuer").
    ///
    /// # Errors
    /// [`ProviderError`], when it is no issuer of an application.
    pub fn authentik(issuer: &str) -> Result<Self, ProviderError> {
        let slug =
            issuer.split_once("/application/o/").and_then(|(_, rest)| rest.strip_suffix('/'));
        if slug.is_none_or(|slug| slug.is_empty() || slug.contains('/')) {
            return Err(ProviderError::Form { expected: AT });
        }
        let profile = Profile {
            // Access tokens carry the `nonce` of the request too.
            foreign: owned(&["at_hash", "c_hash", "s_hash", "events"]),
            roles: ["groups", "roles", "entitlements"].map(ClaimPath::member).to_vec(),
            ..plain(&["sub", "aud", "iat", "azp", "uid"], &["azp"])
        };
        Ok(Self {
            name: "authentik",
            trust: trust(issuer, &Algorithm::ALL, profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::Ignored,
            evidence: Evidence::Source(
                "goauthentik/authentik, providers/oauth2/id_token.py; others' notes",
            ),
            traps: TRAPS,
        })
    }
}
