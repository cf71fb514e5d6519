//! ZITADEL: opaque or JWT access tokens, for projects rather than APIs.

use bailiwick_jose::Algorithm;

use super::{
    Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, host, plain, trust,
};
use crate::claim::ClaimPath;
use crate::profile::{Profile, ScopeShape, ScopeSource};

pub(super) const AT: &str = "its domain, such as tenant-a1b2c3.zitadel.cloud";

const TRAPS: &[&str] = &[
    "`aud` holds the project's id and those of all its applications, in ID tokens too: the project's \
     id is the API's audience, and `jti` is what ID tokens lack",
    "another project's client asks for the scope `urn:zitadel:iam:org:project:id:<id>:aud`",
    "`urn:zitadel:iam:org:project:roles` holds the roles of the client's own project; those of the \
     API's are in a claim with its id",
    "JWTs name no scopes: write rules on roles, or look tokens up",
    "personal access tokens are looked up too, and the answer adds whoever asks to their `aud`: let \
     no client id be an audience of the API",
    "introspection wants private_key_jwt, or Basic with form-encoded credentials",
];

impl Provider {
    /// ZITADEL, an instance by its domain. See also [`Provider::with_project_roles`].
    ///
    /// # Errors
    /// [`ProviderError`], when it is no domain.
    pub fn zitadel(domain: &str) -> Result<Self, ProviderError> {
        let issuer = format!("https://{}", host(domain, AT)?);
        let profile = Profile {
            scopes: vec![ScopeSource {
                claim: ClaimPath::member("scope"),
                shape: ScopeShape::Either,
            }],
            roles: vec![ClaimPath::member("urn:zitadel:iam:org:project:roles")],
            // JWTs of earlier versions name no client.
            ..plain(&["sub", "aud", "iat", "jti"], &["client_id", "azp"])
        };
        let algorithms = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa];
        Ok(Self {
            name: "ZITADEL",
            trust: trust(&issuer, &algorithms, profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Introspection,
            resource_parameter: ResourceParameter::ScopePrefix,
            evidence: Evidence::Documentation(
                "zitadel.com/docs, claims; zitadel/zitadel and zitadel/oidc for what those leave open",
            ),
            traps: TRAPS,
        })
    }

    /// ZITADEL with the roles of a project instead: those of the API's own.
    #[must_use]
    pub fn with_project_roles(mut self, project_id: &str) -> Self {
        let claim = format!("urn:zitadel:iam:org:project:{project_id}:roles");
        self.trust.profile.roles = vec![ClaimPath::member(&claim)];
        self
    }
}
