//! Ory Hydra: opaque access tokens, or JWTs by configuration.

use bailiwick_jose::Algorithm;

use super::{
    Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, owned, plain, trust,
};
use crate::profile::{Profile, ScopeSource};

const TRAPS: &[&str] = &[
    "the introspection endpoint is part of the admin API, which is not for the public, and it tells \
     of refresh tokens too, which are refused here by their `token_use`",
    "`aud` is empty unless the client asks with `audience`, for one that it is allowed",
];

const JWT_TRAPS: &[&str] = &[
    "tokens are JWTs only with `strategies.access_token: jwt`, for the server or the client",
    "scopes are in `scp`, a list; with `strategies.jwt.scope_claim` in `scope`, or in both",
    "what the consent app adds is below `ext`, unless it is among the allowed top-level claims",
    "`aud` is empty unless the client asks with `audience`, for one that it is allowed",
];

const EVIDENCE: Evidence =
    Evidence::Documentation("ory.sh/docs/hydra; the answers of its introspection endpoint");

impl Provider {
    /// Ory Hydra with its default, opaque tokens. No JWT passes.
    ///
    /// # Errors
    /// [`ProviderError`], when it is no issuer.
    pub fn hydra(issuer: &str) -> Result<Self, ProviderError> {
        let profile = Profile {
            required: owned(&["sub", "client_id", "iat", "token_use"]),
            fixed: vec![("token_use".to_owned(), vec!["access_token".into()])],
            roles: Vec::new(),
            ..Profile::rfc9068()
        };
        Ok(Self {
            name: "Ory Hydra, opaque tokens",
            trust: trust(issuer, &[], profile)?, // no algorithm: no JWT
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Introspection,
            resource_parameter: ResourceParameter::Audience,
            evidence: EVIDENCE,
            traps: TRAPS,
        })
    }

    /// Ory Hydra with JWT access tokens.
    ///
    /// # Errors
    /// [`ProviderError`], when it is no issuer.
    pub fn hydra_jwt(issuer: &str) -> Result<Self, ProviderError> {
        let profile = Profile {
            scopes: vec![ScopeSource::list("scp"), ScopeSource::text("scope")],
            ..plain(&["sub", "aud", "client_id", "iat", "jti"], &["client_id"])
        };
        Ok(Self {
            name: "Ory Hydra, JWTs",
            trust: trust(issuer, &Algorithm::ALL, profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::Audience,
            evidence: EVIDENCE,
            traps: JWT_TRAPS,
        })
    }
}
