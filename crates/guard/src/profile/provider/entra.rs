//! Microsoft Entra ID: two versions of tokens, and keys that are shared by all tenants.

use bailiwick_jose::Algorithm;

use super::{Evidence, OpaqueTokens, Provider, ProviderError, ResourceParameter, plain, trust};
use crate::claim::ClaimPath;
use crate::profile::{Profile, ScopeSource};
use crate::trust::{IssuerRule, IssuerTemplate, Tenants, Trust};

pub(super) const TENANT: &str = "the tenant's id, a GUID";
pub(super) const TENANTS: &str = "the tenants' ids, GUIDs with commas between";
pub(super) const EVERY: &str = "`common`, nothing else";
pub(super) const EXAMPLE: &str = "5ff3a1c2-8d41-4f0e-9a83-27c1f10b9d11";
pub(super) const TWO: &str =
    "5ff3a1c2-8d41-4f0e-9a83-27c1f10b9d11,0b2d6a58-7a3c-4ac5-8a0a-6c4f6b0e4f22";

const V2: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

const EVIDENCE: Evidence =
    Evidence::Documentation("MicrosoftDocs/entra-docs, access tokens and their claims");

const V1_TRAPS: &[&str] = &[
    "the version of a token is chosen by the API's registration (`requestedAccessTokenVersion`), not \
     by the endpoint that the client uses",
    "`aud` is the App ID URI or the client id of the API, as the client asked: list both",
    SUBJECT,
    GROUPS,
    ROLES,
    KEYS,
];

const V2_TRAPS: &[&str] = &[
    "a request with `resource` is refused with AADSTS9010010: leave it out, the scopes name the API \
     (`api://…/name`)",
    "`aud` is always the API's client id, a GUID; an ID token for the same registration has the same \
     `aud` and lacks `azp`",
    "tokens for Microsoft Graph cannot be validated by anyone else",
    SUBJECT,
    GROUPS,
    ROLES,
    KEYS,
];

const TENANTS_TRAPS: &[&str] = &[
    "with every tenant trusted, anybody can make a tenant and sign in, and personal accounts come \
     from the tenant 9188040d-6c67-4c5b-b112-36a304b66dad: decide by `tid` who is a customer",
    "people of the same name, mail address or `sub` in two tenants are two people: know them by \
     `tid` and `sub` together",
    "a request with `resource` is refused with AADSTS9010010: leave it out, the scopes name the API",
    GROUPS,
    ROLES,
    KEYS,
];

const SUBJECT: &str = "`sub` is another one for each API; `oid` is the same for all of the tenant";
const GROUPS: &str = "more than 200 groups are left out of the token, which then says only where to \
                      ask (`_claim_names`): an absent group proves nothing";
const ROLES: &str = "`scp` is what the user let the client do; `roles` is what the user may do, or \
                     without `scp` what the client may do by itself: a route wants one or the other";
const KEYS: &str = "keys change without notice, and tokens for continuous access evaluation live \
                    for up to 28 hours";

impl Provider {
    /// Microsoft Entra ID, v1 tokens of one tenant.
    ///
    /// # Errors
    /// [`ProviderError`], when the tenant's id is no GUID.
    pub fn entra_v1(tenant: &str) -> Result<Self, ProviderError> {
        let tenant = guid(tenant, TENANT)?;
        let issuer = format!("https://sts.windows.net/{tenant}/");
        let metadata =
            format!("https://login.microsoftonline.com/{tenant}/.well-known/openid-configuration");
        let profile = of_tenant(&tenant, profile("1.0", "appid"));
        Ok(Self {
            name: "Microsoft Entra ID, v1 tokens",
            trust: trust(&issuer, &[Algorithm::Rs256], profile)?,
            metadata_url: Some(metadata),
            metadata_issuer: Some(issuer),
            opaque: OpaqueTokens::Never,
            // An older parameter of the same name, with the App ID URI.
            resource_parameter: ResourceParameter::Resource,
            evidence: EVIDENCE,
            traps: V1_TRAPS,
        })
    }

    /// Microsoft Entra ID, v2 tokens of one tenant.
    ///
    /// # Errors
    /// [`ProviderError`], when the tenant's id is no GUID.
    pub fn entra_v2(tenant: &str) -> Result<Self, ProviderError> {
        let tenant = guid(tenant, TENANT)?;
        let issuer = V2.replace(IssuerTemplate::TENANT, &tenant);
        let profile = of_tenant(&tenant, profile("2.0", "azp"));
        Ok(Self {
            name: "Microsoft Entra ID, v2 tokens",
            trust: trust(&issuer, &[Algorithm::Rs256], profile)?,
            metadata_url: None,
            metadata_issuer: None,
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::Rejected,
            evidence: EVIDENCE,
            traps: V2_TRAPS,
        })
    }

    /// Microsoft Entra ID, v2 tokens of several tenants.
    ///
    /// The keys are those of all tenants; a key that the set gives to one signs for no other.
    ///
    /// # Errors
    /// [`ProviderError`], when a tenant's id is no GUID, or none is given.
    pub fn entra_v2_tenants(tenants: Tenants) -> Result<Self, ProviderError> {
        let tenants = match tenants {
            Tenants::These(these) if these.is_empty() => {
                return Err(ProviderError::Form { expected: TENANTS });
            }
            Tenants::These(these) => {
                let these = these.iter().map(|tenant| guid(tenant, TENANTS));
                Tenants::These(these.collect::<Result<_, _>>()?)
            }
            Tenants::EveryTenantOfTheProvider => Tenants::EveryTenantOfTheProvider,
        };
        Ok(Self {
            name: "Microsoft Entra ID, v2 tokens of several tenants",
            trust: Trust {
                issuer: IssuerRule::Template(IssuerTemplate::parse(V2, tenants)?),
                algorithms: vec![Algorithm::Rs256],
                profile: profile("2.0", "azp"),
            },
            metadata_url: Some(
                "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
                    .to_owned(),
            ),
            metadata_issuer: Some(V2.to_owned()),
            opaque: OpaqueTokens::Never,
            resource_parameter: ResourceParameter::Rejected,
            evidence: EVIDENCE,
            traps: TENANTS_TRAPS,
        })
    }
}

/// Several tenants, as one text.
pub(super) fn these_tenants(at: &str) -> Result<Provider, ProviderError> {
    let these = at.split(',').map(|tenant| tenant.trim().to_owned()).collect();
    Provider::entra_v2_tenants(Tenants::These(these))
}

/// Every tenant, said in so many words.
pub(super) fn every_tenant(at: &str) -> Result<Provider, ProviderError> {
    if at != "common" {
        return Err(ProviderError::Form { expected: EVERY });
    }
    Provider::entra_v2_tenants(Tenants::EveryTenantOfTheProvider)
}

/// Tokens of a version, which name the client in `client`; ID tokens name none.
fn profile(version: &str, client: &str) -> Profile {
    Profile {
        fixed: vec![("ver".to_owned(), vec![version.into()])],
        scopes: vec![ScopeSource::text("scp")],
        roles: vec![ClaimPath::member("roles")],
        ..plain(&["sub", "aud", "iat", "tid", "ver", client], &[client])
    }
}

fn of_tenant(tenant: &str, mut profile: Profile) -> Profile {
    profile.fixed.push(("tid".to_owned(), vec![tenant.into()]));
    profile
}

/// A GUID in small letters, as tokens have it.
fn guid(text: &str, expected: &'static str) -> Result<String, ProviderError> {
    let well_formed = text.len() == 36
        && text.bytes().enumerate().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == b'-',
            _ => c.is_ascii_hexdigit(),
        });
    if well_formed { Ok(text.to_ascii_lowercase()) } else { Err(ProviderError::Form { expected }) }
}
