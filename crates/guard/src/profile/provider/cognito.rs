//! Amazon Cognito: access tokens without `aud`, told from ID tokens by `token_use`.

use bailiwick_jose::Algorithm;

use super::{
    Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, plain, segment, trust,
};
use crate::claim::ClaimPath;
use crate::profile::{AudienceRule, Profile};

pub(super) const AT: &str = "the user pool's id, such as eu-west-1_Ab12Cd34E";

const TRAPS: &[&str] = &[
    "access tokens have no `aud`: list the clients that are the API's own, or any client of the pool \
     would do; a token that has one must name the API in it",
    "scopes are `<resource server identifier>/<name>`; a resource server is no audience",
    "`aws.cognito.signin.user.admin` is the scope of tokens for Cognito's own API, got without any \
     authorization request",
];

impl Provider {
    /// Amazon Cognito, a user pool in a region.
    ///
    /// # Errors
    /// [`ProviderError`], when the pool's id is not one of that region.
    pub fn cognito(region: &str, pool: &str) -> Result<Self, ProviderError> {
        let form = || ProviderError::Form { expected: AT };
        let rest = pool.strip_prefix(region).and_then(|rest| rest.strip_prefix('_'));
        segment(rest.ok_or_else(form)?, AT)?;
        segment(region, AT)?;
        let profile = Profile {
            fixed: vec![("token_use".to_owned(), vec!["access".into()])],
            roles: vec![ClaimPath::member("cognito:groups")],
            audience: AudienceRule::ClaimOrOwnClient,
            ..plain(&["sub", "client_id", "token_use", "iat", "jti"], &["client_id"])
        };
        let issuer = format!("https://cognito-idp.{region}.amazonaws.com/{pool}");
        Ok(Self {
            name: "Amazon Cognito",
            trust: trust(&issuer, &[Algorithm::Rs256], profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::ScopePrefix,
            evidence: Evidence::Documentation(
                "docs.aws.amazon.com, Cognito developer guide, user pool tokens",
            ),
            traps: TRAPS,
        })
    }
}

/// A pool by its id, which begins with its region.
pub(super) fn at(pool: &str) -> Result<Provider, ProviderError> {
    let (region, _) = pool.split_once('_').ok_or(ProviderError::Form { expected: AT })?;
    Provider::cognito(region, pool)
}
