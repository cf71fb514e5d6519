//! Keycloak: the kind of a token is in the claim `typ`, the audience in a mapper.

use bailiwick_jose::Algorithm;

use super::{
    Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, owned, plain, trust,
};
use crate::claim::ClaimPath;
use crate::profile::Profile;

pub(super) const AT: &str = "the realm's URL, https://<host>/realms/<realm>";

const TRAPS: &[&str] = &[
    "without an audience mapper there is no `aud` for the API; the `account` in it comes from roles, \
     and is no API of yours",
    "`resource` is ignored: give each API a client scope with its audience mapper",
    "`realm_access` holds roles of the whole realm; those of one API are client roles",
    "lightweight access tokens leave `sub` and roles out, and are refused",
    "the key set holds a key for encryption too, which is never used to verify",
];

impl Provider {
    /// Keycloak, a realm. Its realm roles are roles; see also [`Provider::with_client_roles`].
    ///
    /// # Errors
    /// [`ProviderError`], when it is no realm's URL.
    pub fn keycloak(realm_url: &str) -> Result<Self, ProviderError> {
        let realm = realm_url.split_once("/realms/").map(|(_, realm)| realm);
        if realm.is_none_or(|realm| realm.is_empty() || realm.contains('/')) {
            return Err(ProviderError::Form { expected: AT });
        }
        let profile = Profile {
            fixed: vec![("typ".to_owned(), vec!["Bearer".into(), "DPoP".into()])],
            // A mapper for older clients puts `nonce` into access tokens; `typ` is sure enough.
            foreign: owned(&["at_hash", "c_hash", "s_hash", "events"]),
            roles: vec![ClaimPath::parse("/realm_access/roles")],
            ..plain(&["sub", "aud", "azp", "iat", "jti", "typ"], &["azp"])
        };
        Ok(Self {
            name: "Keycloak",
            trust: trust(realm_url, &Algorithm::ALL, profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::Ignored,
            evidence: Evidence::Documentation("keycloak.org/documentation; others' notes on 26.8"),
            traps: TRAPS,
        })
    }

    /// Keycloak with the roles of a client besides: those of the API itself.
    ///
    /// Roles are names; the same one in the realm and in the client is one role.
    #[must_use]
    pub fn with_client_roles(mut self, client_id: &str) -> Self {
        let name = client_id.replace('~', "~0").replace('/', "~1"); // RFC 6901 §3
        let path = ClaimPath::parse(&format!("/resource_access/{name}/roles"));
        self.trust.profile.roles.push(path);
        self
    }
}
