//! GitHub Actions: a token for each job, which says what is being run rather than who may do what.

use bailiwick_jose::Algorithm;

use super::{
    Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, host, plain, segment, trust,
};
use crate::profile::Profile;

pub(super) const AT: &str = "its issuer: https://token.actions.githubusercontent.com, the same with \
                             /<enterprise>, or https://<host>/_services/token";
pub(super) const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// What the issuer of a server's own tokens ends with.
const SERVER: &str = "/_services/token";

const TRAPS: &[&str] = &[
    "every repository of the world gets tokens from this issuer: a rule on `repository` or \
     `repository_owner_id` is what lets in yours alone",
    "the form of `sub` can be changed by an organisation: write rules on `repository`, `ref`, \
     `environment` and `job_workflow_ref` instead",
    "a workflow that asks for no audience gets the owner's URL; ask for the API's own",
    "names can be given up and taken by others; `repository_id` and `repository_owner_id` cannot",
    "there are no scopes: routes must not want any",
];

impl Provider {
    /// GitHub Actions on github.com.
    ///
    /// # Errors
    /// [`ProviderError`]; there is no reason for one.
    pub fn github_actions() -> Result<Self, ProviderError> {
        make("GitHub Actions", ISSUER)
    }

    /// GitHub Actions on github.com, for an enterprise that has an issuer of its own.
    ///
    /// # Errors
    /// [`ProviderError`], when it is no enterprise's name.
    pub fn github_actions_enterprise(enterprise: &str) -> Result<Self, ProviderError> {
        make(
            "GitHub Actions, an enterprise's issuer",
            &format!("{ISSUER}/{}", segment(enterprise, AT)?),
        )
    }

    /// GitHub Actions on a GitHub Enterprise Server.
    ///
    /// # Errors
    /// [`ProviderError`], when it is no host.
    pub fn github_actions_server(server: &str) -> Result<Self, ProviderError> {
        make(
            "GitHub Actions on GitHub Enterprise Server",
            &format!("https://{}{SERVER}", host(server, AT)?),
        )
    }
}

/// Any of the three, by its issuer.
pub(super) fn at(issuer: &str) -> Result<Provider, ProviderError> {
    if issuer == ISSUER {
        return Provider::github_actions();
    }
    if let Some(enterprise) = issuer.strip_prefix(ISSUER).and_then(|rest| rest.strip_prefix('/')) {
        return Provider::github_actions_enterprise(enterprise);
    }
    let server = issuer.strip_prefix("https://").and_then(|rest| rest.strip_suffix(SERVER));
    Provider::github_actions_server(server.ok_or(ProviderError::Form { expected: AT })?)
}

fn make(name: &'static str, issuer: &str) -> Result<Provider, ProviderError> {
    let required = ["sub", "aud", "iat", "jti", "repository", "repository_owner", "workflow"];
    let profile = Profile { scopes: Vec::new(), ..plain(&required, &[]) };
    Ok(Provider {
        name,
        trust: trust(issuer, &[Algorithm::Rs256], profile)?,
        metadata_url: None,
        metadata_issuer: None,
        opaque: OpaqueTokens::Never,
        resource_parameter: ResourceParameter::Audience,
        evidence: Evidence::Documentation("docs.github.com, Actions, OpenID Connect reference"),
        traps: TRAPS,
    })
}
