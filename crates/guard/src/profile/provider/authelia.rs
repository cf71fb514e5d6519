//! Authelia: JWT access tokens by configuration, with `scp` as a list.

use bailiwick_jose::Algorithm;

use super::{Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, owned, trust};
use crate::profile::{Profile, ScopeSource};

pub(super) const AT: &str = "its issuer, https://<host>, without a slash at the end";

const TRAPS: &[&str] = &[
    "access tokens are opaque unless the client has `access_token_signed_response_alg`; opaque ones \
     are not looked up, since the answer does not tell an access token from a refresh token",
    "`aud` is what the client's `audience` lists and the request asks for with `audience`; it never \
     holds the client id",
    "scopes are in `scp`, a list; there is no `scope`",
];

impl Provider {
    /// Authelia 4.39 or later, with clients that have JWT access tokens.
    ///
    /// # Errors
    /// [`ProviderError`], when it is no issuer or ends with a slash.
    pub fn authelia(issuer: &str) -> Result<Self, ProviderError> {
        if issuer.ends_with('/') {
            return Err(ProviderError::Form { expected: AT });
        }
        let profile = Profile {
            required: owned(&["aud", "iat", "jti"]),
            scopes: vec![ScopeSource::list("scp")],
            roles: Vec::new(),
            ..Profile::rfc9068() // `at+jwt`
        };
        Ok(Self {
            name: "Authelia",
            trust: trust(issuer, &Algorithm::ALL, profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::Audience,
            evidence: Evidence::Documentation(
                "authelia.com, OpenID Connect integration; others' notes on 4.39",
            ),
            traps: TRAPS,
        })
    }
}
