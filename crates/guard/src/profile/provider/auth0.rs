//! Auth0: an API's tokens are of one of two dialects, and opaque without `audience`.

use bailiwick_jose::Algorithm;

use super::{
    Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, host, plain, trust,
};
use crate::claim::ClaimPath;
use crate::profile::{Profile, TypeRule};

pub(super) const AT: &str = "the tenant's domain, such as tenant.eu.auth0.com";

const TRAPS: &[&str] = &[
    "without `audience` in the authorization request the access token is opaque, and good for \
     /userinfo alone",
    "`aud` is a list with /userinfo in it when `openid` was asked for; that one names no API of yours",
    "the issuer ends with a slash; a custom domain is another issuer than the tenant's own domain",
    "`permissions` is there when the API has RBAC on and one of the `*_authz` dialects; `scope` \
     alone is what the client was given, not what the user may do",
    "tokens of clients have `sub` = client id + `@clients`",
];

impl Provider {
    /// Auth0, with an API of the dialect `access_token` or `access_token_authz`, the default.
    ///
    /// # Errors
    /// [`ProviderError`], when it is no domain.
    pub fn auth0(domain: &str) -> Result<Self, ProviderError> {
        // ID tokens have no `azp`: it is what tells them apart.
        let profile = plain(&["sub", "aud", "azp", "iat"], &["azp"]);
        make("Auth0, its own dialect", domain, profile)
    }

    /// Auth0, with an API of the dialect `rfc9068_profile` or `rfc9068_profile_authz`.
    ///
    /// # Errors
    /// [`ProviderError`], when it is no domain.
    pub fn auth0_rfc9068(domain: &str) -> Result<Self, ProviderError> {
        let profile = plain(&["sub", "aud", "client_id", "iat", "jti"], &["client_id"]);
        let profile = Profile { typ: TypeRule::AccessToken, ..profile };
        make("Auth0, RFC 9068 dialect", domain, profile)
    }
}

fn make(name: &'static str, domain: &str, profile: Profile) -> Result<Provider, ProviderError> {
    let profile = Profile { roles: vec![ClaimPath::member("permissions")], ..profile };
    let issuer = format!("https://{}/", host(domain, AT)?);
    Ok(Provider {
        name,
        trust: trust(&issuer, &[Algorithm::Rs256, Algorithm::Ps256], profile)?,
        metadata_url: None,
        metadata_issuer: None,
        opaque: OpaqueTokens::Never,
        resource_parameter: ResourceParameter::Audience,
        evidence: Evidence::Documentation("auth0.com/docs, access token profiles"),
        traps: TRAPS,
    })
}
