//! Google: opaque access tokens, which an endpoint of its own kind tells about.

use super::{Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, owned, trust};
use crate::profile::Profile;

pub(super) const AT: &str = "https://accounts.google.com, nothing else";
pub(super) const ISSUER: &str = "https://accounts.google.com";

const TRAPS: &[&str] = &[
    "a JWT of Google is an ID token, never an access token: no JWT passes",
    "`aud` is the client that the token was issued to; a token of anybody else's client is as live, \
     and the client ids that you list are all that keeps it out",
    "a token without the scope `openid` has no `sub` and is refused: nobody could say whose it is",
    "scopes are Google's; an API of your own has none there",
];

impl Provider {
    /// Google. An API's audiences are the client ids of its own clients.
    ///
    /// # Errors
    /// [`ProviderError`]; there is no reason for one.
    pub fn google() -> Result<Self, ProviderError> {
        let profile = Profile {
            required: owned(&["sub", "aud", "azp", "scope"]),
            client_id: owned(&["azp"]),
            roles: Vec::new(),
            ..Profile::rfc9068()
        };
        Ok(Self {
            name: "Google",
            trust: trust(ISSUER, &[], profile)?, // no algorithm: no JWT
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Tokeninfo("https://oauth2.googleapis.com/tokeninfo"),
            resource_parameter: ResourceParameter::Ignored,
            evidence: Evidence::Documentation("developers.google.com; others' use of tokeninfo"),
            traps: TRAPS,
        })
    }
}

/// The only one there is.
pub(super) fn at(issuer: &str) -> Result<Provider, ProviderError> {
    if issuer != ISSUER {
        return Err(ProviderError::Form { expected: AT });
    }
    Provider::google()
}
