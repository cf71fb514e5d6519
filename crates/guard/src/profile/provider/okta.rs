//! Okta: a custom authorization server, whose tokens are known by `cid`.

use bailiwick_jose::Algorithm;

use super::{
    Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, host, owned, plain,
    segment, trust,
};
use crate::claim::ClaimPath;
use crate::profile::{Profile, ScopeSource};

pub(super) const AT: &str = "its issuer, https://<domain>/oauth2/<authorization server id>";

const TRAPS: &[&str] = &[
    "tokens of the org authorization server (the issuer without /oauth2/…) are opaque to everybody \
     but Okta, whatever they look like",
    "`aud` is one for the whole authorization server: an API of its own wants one of its own",
    "`sub` is the user's login, which changes with the person's name; the subject here is `uid`, and \
     `sub` only for tokens of clients",
];

impl Provider {
    /// Okta, a custom authorization server of a domain; the built-in one is called `default`.
    ///
    /// # Errors
    /// [`ProviderError`], when the two make no issuer.
    pub fn okta(domain: &str, authorization_server_id: &str) -> Result<Self, ProviderError> {
        let (domain, id) = (host(domain, AT)?, segment(authorization_server_id, AT)?);
        let profile = Profile {
            fixed: vec![("ver".to_owned(), vec![1.into()])],
            subject: owned(&["uid", "sub"]),
            scopes: vec![ScopeSource::list("scp")],
            roles: vec![ClaimPath::member("groups")],
            // ID tokens have no `cid`.
            ..plain(&["sub", "aud", "cid", "iat", "jti", "ver"], &["cid"])
        };
        Ok(Self {
            name: "Okta, a custom authorization server",
            trust: trust(&format!("https://{domain}/oauth2/{id}"), &[Algorithm::Rs256], profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::Ignored,
            evidence: Evidence::Documentation("developer.okta.com, support.okta.com"),
            traps: TRAPS,
        })
    }
}

/// An authorization server by its issuer.
pub(super) fn at(issuer: &str) -> Result<Provider, ProviderError> {
    let parts = issuer.strip_prefix("https://").and_then(|rest| rest.split_once("/oauth2/"));
    let (domain, id) = parts.ok_or(ProviderError::Form { expected: AT })?;
    Provider::okta(domain, id)
}
