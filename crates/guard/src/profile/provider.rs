//! Identity providers whose access tokens differ from RFC 9068 each in its own way, as data.
//!
//! A [`Provider`] is trust in one issuer, ready to use, with what an operator must know besides. It
//! was written down from documentation and source, which [`Provider::evidence`] names; none of it
//! was checked against a live provider.

mod auth0;
mod authelia;
mod authentik;
mod bailiwick;
mod cognito;
mod entra;
mod github_actions;
mod google;
mod hydra;
mod kanidm;
mod keycloak;
mod kubernetes;
mod logto;
mod okta;
mod pingone;
mod zitadel;

use std::fmt;

use bailiwick_jose::Algorithm;
use bailiwick_oauth::Issuer;
use bailiwick_oauth::issuer::MalformedIssuer;

use super::{Profile, TypeRule};
use crate::trust::{IssuerRule, MalformedTemplate, Trust};

/// An identity provider: trust in its access tokens, and what else is to be known of it.
///
/// ```
/// use bailiwick_guard::Provider;
///
/// let provider = Provider::keycloak("https://id.example.com/realms/shop")?;
/// let same = Provider::named("keycloak", "https://id.example.com/realms/shop")?;
/// assert_eq!(provider, same);
/// assert_eq!(provider.trust.issuer.as_str(), "https://id.example.com/realms/shop");
/// # Ok::<(), bailiwick_guard::profile::ProviderError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// What it is called, with the kind of its tokens where it has several.
    pub name: &'static str,
    /// Whose tokens may pass and what they look like.
    pub trust: Trust,
    /// Where its metadata is, when that is not at a well-known place of the issuer.
    pub metadata_url: Option<String>,
    /// What `issuer` is in the metadata at [`Provider::metadata_url`].
    pub metadata_issuer: Option<String>,
    /// How its opaque tokens are looked up.
    pub opaque: OpaqueTokens,
    /// What its clients send to say which API a token is for.
    pub resource_parameter: ResourceParameter,
    /// Where all this is known from.
    pub evidence: Evidence,
    /// What catches people out, a sentence each.
    pub traps: &'static [&'static str],
}

/// How the opaque tokens of a provider are looked up (RFC 7662).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpaqueTokens {
    /// Not at all: whatever is no JWT is not meant for a resource server, or cannot be told from a
    /// refresh token.
    Never,
    /// At the introspection endpoint of its metadata.
    Introspection,
    /// At this URL, as Google has it.
    Tokeninfo(&'static str),
}

/// What a provider's clients send to say which API a token is for (compare RFC 8707 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceParameter {
    /// `resource` (RFC 8707 §2).
    Resource,
    /// `audience` with the API's name at the provider.
    Audience,
    /// Scopes that hold or imply the API's name.
    ScopePrefix,
    /// Scopes that hold the API's name; a request with `resource` is refused.
    Rejected,
    /// Nothing: `resource` is ignored, and the audience is the client or configured there.
    Ignored,
    /// Nothing: there is no authorization request.
    None,
}

/// Where a profile is known from, with what is to be said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The provider's documentation.
    Documentation(&'static str),
    /// The provider's source code.
    Source(&'static str),
    /// It is ours.
    Ours(&'static str),
}

impl Evidence {
    /// The label: `DOC`, `SRC` or `OURS`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Documentation(_) => "DOC",
            Self::Source(_) => "SRC",
            Self::Ours(_) => "OURS",
        }
    }

    /// What is to be said about it.
    pub const fn note(self) -> &'static str {
        match self {
            Self::Documentation(note) | Self::Source(note) | Self::Ours(note) => note,
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.label(), self.note())
    }
}

/// Why there is no such provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The name is none of [`Provider::KINDS`].
    #[error("there is no identity provider of this kind")]
    Kind,
    /// Where it is was not said as its kind wants it.
    #[error("this kind of identity provider is named by {expected}")]
    Form {
        /// The form that is wanted.
        expected: &'static str,
    },
    /// What it would be called is no issuer.
    #[error("its issuer is malformed")]
    Issuer(#[from] MalformedIssuer),
    /// What it would be called is no issuer template.
    #[error("its issuer template is malformed")]
    Template(#[from] MalformedTemplate),
}

/// A kind of identity provider, as configuration files name it.
#[derive(Debug, Clone, Copy)]
pub struct ProviderKind {
    /// Its name.
    pub name: &'static str,
    /// What `at` is for it.
    pub at: &'static str,
    /// An example of that.
    pub example: &'static str,
    make: fn(&str) -> Result<Provider, ProviderError>,
}

impl ProviderKind {
    const fn new(
        name: &'static str,
        at: &'static str,
        example: &'static str,
        make: fn(&str) -> Result<Provider, ProviderError>,
    ) -> Self {
        Self { name, at, example, make }
    }
}

impl Provider {
    /// The kinds that [`Provider::named`] knows, in alphabetical order.
    pub const KINDS: &[ProviderKind] = &[
        ProviderKind::new("auth0", auth0::AT, "tenant.eu.auth0.com", Self::auth0),
        ProviderKind::new("auth0-rfc9068", auth0::AT, "tenant.eu.auth0.com", Self::auth0_rfc9068),
        ProviderKind::new("authelia", authelia::AT, "https://auth.example.com", Self::authelia),
        ProviderKind::new(
            "authentik",
            authentik::AT,
            "https://id.example.com/application/o/shop/",
            Self::authentik,
        ),
        ProviderKind::new("bailiwick", ISSUER, "https://id.example.com", Self::bailiwick),
        ProviderKind::new("cognito", cognito::AT, "eu-west-1_Ab12Cd34E", cognito::at),
        ProviderKind::new("entra-v1", entra::TENANT, entra::EXAMPLE, Self::entra_v1),
        ProviderKind::new("entra-v2", entra::TENANT, entra::EXAMPLE, Self::entra_v2),
        ProviderKind::new("entra-v2-every-tenant", entra::EVERY, "common", entra::every_tenant),
        ProviderKind::new("entra-v2-tenants", entra::TENANTS, entra::TWO, entra::these_tenants),
        ProviderKind::new(
            "github-actions",
            github_actions::AT,
            github_actions::ISSUER,
            github_actions::at,
        ),
        ProviderKind::new("google", google::AT, google::ISSUER, google::at),
        ProviderKind::new("hydra", ISSUER, "https://hydra.example.com", Self::hydra),
        ProviderKind::new("hydra-jwt", ISSUER, "https://hydra.example.com", Self::hydra_jwt),
        ProviderKind::new(
            "kanidm",
            kanidm::AT,
            "https://idm.example.com/oauth2/openid/shop",
            Self::kanidm,
        ),
        ProviderKind::new(
            "keycloak",
            keycloak::AT,
            "https://id.example.com/realms/shop",
            Self::keycloak,
        ),
        ProviderKind::new(
            "kubernetes",
            ISSUER,
            "https://kubernetes.default.svc.cluster.local",
            Self::kubernetes,
        ),
        ProviderKind::new("logto", logto::AT, "https://tenant.logto.app", Self::logto),
        ProviderKind::new("okta", okta::AT, "https://tenant.okta.com/oauth2/default", okta::at),
        ProviderKind::new(
            "pingone",
            pingone::AT,
            "https://auth.pingone.eu/2f1b6f4e-3c55-4a57-9f39-0d5b6f1c7a10/as",
            Self::pingone,
        ),
        ProviderKind::new("zitadel", zitadel::AT, "tenant-a1b2c3.zitadel.cloud", Self::zitadel),
    ];

    /// The provider that a configuration file names: its kind, and where it is.
    ///
    /// # Errors
    /// [`ProviderError`]: an unknown kind, or an `at` that the kind does not have.
    pub fn named(kind: &str, at: &str) -> Result<Self, ProviderError> {
        let kind = Self::KINDS.iter().find(|known| known.name == kind);
        (kind.ok_or(ProviderError::Kind)?.make)(at)
    }

    /// The same provider, set up so that it marks each access token as `at+jwt` (RFC 9068 §2.1).
    ///
    /// Nothing else that it signs passes then, whatever its claims. For Keycloak, `PingOne` and
    /// others where this is a setting.
    #[must_use]
    pub fn marked(mut self) -> Self {
        self.trust.profile.typ = TypeRule::AccessToken;
        self
    }
}

/// What `at` is where it is the issuer, whatever its form.
const ISSUER: &str = "its issuer";

/// Trust in exactly this issuer.
fn trust(
    issuer: &str,
    algorithms: &[Algorithm],
    profile: Profile,
) -> Result<Trust, MalformedIssuer> {
    Ok(Trust {
        issuer: IssuerRule::Exactly(Issuer::parse(issuer)?),
        algorithms: algorithms.to_vec(),
        profile,
    })
}

/// What most providers have in common: `typ` says nothing, `scope` is a text, roles are nowhere.
fn plain(required: &[&str], client_id: &[&str]) -> Profile {
    Profile {
        typ: TypeRule::PlainJwt,
        required: owned(required),
        client_id: owned(client_id),
        roles: Vec::new(),
        ..Profile::rfc9068()
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A host name, with a port where there is one; whether it is well formed is for the issuer to say.
fn host<'t>(text: &'t str, expected: &'static str) -> Result<&'t str, ProviderError> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-:".contains(&c);
    let well_formed = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if well_formed && text.bytes().all(plain) {
        Ok(text)
    } else {
        Err(ProviderError::Form { expected })
    }
}

/// A name that is one segment of a path, without anything that means something there.
fn segment<'t>(text: &'t str, expected: &'static str) -> Result<&'t str, ProviderError> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_".contains(&c);
    if !text.is_empty() && text.bytes().all(plain) {
        Ok(text)
    } else {
        Err(ProviderError::Form { expected })
    }
}

/// The documentation's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/identity-providers.md")]
struct Documentation;
