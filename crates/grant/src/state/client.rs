//! A registered client (RFC 6749 §2) and its ceiling (rules §3).

mod exchange;
mod openid;

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_oauth::certificate;
use bailiwick_oauth::secret::Digest;
use bailiwick_oauth::{ClientId, Permission, RedirectUri, Resource, Scope, Scopes};
use serde::{Deserialize, Serialize};

pub use exchange::ExchangeSettings;
pub use openid::{OpenidSettings, ResponseIss, SubjectType};
pub use unvetted::{Introduction, Registration, Unvetted};

use super::profile::Profile;
use super::resource_server::Origin;
use super::sender::SenderSettings;
use crate::{Kind, Record, Stored};

mod keys;
mod requests;
mod unvetted;

pub use keys::Keys;
pub use requests::Requests;

/// A client as it is registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// The identifier.
    pub id: ClientId,
    /// The name that users read.
    pub name: String,
    /// How it authenticates.
    pub authentication: Authentication,
    /// Its public keys: for assertions, request objects, and what is encrypted to it.
    #[serde(default)]
    pub keys: Keys,
    /// Where users may be sent back.
    pub redirect_uris: Vec<RedirectUri>,
    /// The grant types that it may use.
    pub grant_types: BTreeSet<GrantKind>,
    /// Whether PKCE may be left out.
    pub pkce: Pkce,
    /// How it sends its authorization requests.
    #[serde(default)]
    pub requests: Requests,
    /// The most it can ever get.
    pub ceiling: Ceiling,
    /// The types of authorization details that it may ask for (RFC 9396 §10); none by default.
    #[serde(default)]
    pub detail_types: BTreeSet<String>,
    /// The resource that a request without one is taken for.
    pub default_resource: Option<Resource>,
    /// The permissions that a user cannot untick.
    pub required: BTreeSet<Permission>,
    /// Whether what falls out in downscoping fails the request; also when the tenant says so.
    pub strict: bool,
    /// Which token a token request without `resource` gets.
    pub fallback: Fallback,
    /// How the `resource` parameter is taken.
    pub parameter: Parameter,
    /// When it gets a refresh token.
    pub refresh_tokens: RefreshTokens,
    /// What its token requests must prove of their sender.
    #[serde(default)]
    pub sender: SenderSettings,
    /// The security profile that it is held to; the issuer's may be stronger.
    #[serde(default)]
    pub profile: Profile,
    /// Whether the operator vouches for it, though its redirect cannot prove who it is.
    pub first_party: bool,
    /// What it registered for OpenID Connect.
    #[serde(default)]
    pub openid: OpenidSettings,
    /// What it may do by token exchange.
    #[serde(default)]
    pub exchange: ExchangeSettings,
    /// Who registered it.
    pub origin: Origin,
    /// What it says of itself, where nobody at this server looked at it.
    #[serde(default)]
    pub unvetted: Option<Unvetted>,
}

/// How a client authenticates (OpenID Connect Core §9).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method")]
pub enum Authentication {
    /// Not at all: a public client.
    #[serde(rename = "none")]
    None,
    /// With a secret in the header.
    #[serde(rename = "client_secret_basic")]
    Basic {
        /// The digests of its secrets; several while one is replaced.
        secrets: Vec<Digest>,
    },
    /// With a secret in the body.
    #[serde(rename = "client_secret_post")]
    Post {
        /// The digests of its secrets; several while one is replaced.
        secrets: Vec<Digest>,
    },
    /// With a certificate that an authority vouches for (RFC 8705 §2.1).
    #[serde(rename = "tls_client_auth")]
    Tls {
        /// Which certificates are its own.
        subject: certificate::Subject,
    },
    /// With a certificate for one of the client's [`Keys`] (RFC 8705 §2.2).
    #[serde(rename = "self_signed_tls_client_auth")]
    SelfSignedTls,
    /// With an assertion (RFC 7523) that is signed with one of the client's [`Keys`].
    #[serde(rename = "private_key_jwt")]
    PrivateKeyJwt,
}

/// The grant types (RFC 6749 §1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    /// The authorization code.
    AuthorizationCode,
    /// The refresh token.
    RefreshToken,
    /// The client's own credentials.
    ClientCredentials,
    /// The device code (RFC 8628).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// Token exchange (RFC 8693).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
    /// An assertion of a trusted issuer (RFC 7523 §2.1).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
}

impl GrantKind {
    /// Whether it begins with a user, so that refresh tokens can come of it.
    pub const fn begins_with_a_user(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::DeviceCode)
    }
}

/// Whether PKCE may be left out (RFC 7636).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pkce {
    /// Never; always so for public clients.
    #[default]
    Required,
    /// By a confidential client; a challenge once sent is enforced all the same.
    Optional,
}

/// The most that a client can ever get; nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ceiling {
    /// Of the global scopes.
    pub global: Reach,
    /// Of the resource servers that are named.
    pub resources: BTreeMap<Resource, Reach>,
    /// Of every other resource server.
    pub others: Reach,
}

/// How far something reaches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// To nothing.
    #[default]
    Nothing,
    /// To these scopes.
    Only(Scopes),
    /// To every scope.
    Everything,
}

/// Which token a token request without `resource` gets (rules §5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fallback {
    /// The userinfo token when global scopes were granted.
    #[default]
    Global,
    /// The grant's sole resource: for clients that send `resource` only when they authorize.
    Granted,
}

/// How the `resource` parameter is taken (rules §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parameter {
    /// As if it were not there.
    Ignore,
    /// As RFC 8707 says.
    #[default]
    Accept,
    /// It must be there.
    Require,
}

/// When a client gets a refresh token (rules §5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshTokens {
    /// When `offline_access` was granted.
    #[default]
    OfflineAccess,
    /// Always.
    Always,
}

impl Client {
    /// A client that may do nothing yet.
    pub fn new(id: ClientId, name: impl Into<String>, authentication: Authentication) -> Self {
        Self {
            id,
            name: name.into(),
            authentication,
            keys: Keys::None,
            redirect_uris: Vec::new(),
            grant_types: BTreeSet::new(),
            pkce: Pkce::Required,
            requests: Requests::default(),
            ceiling: Ceiling::default(),
            detail_types: BTreeSet::new(),
            default_resource: None,
            required: BTreeSet::new(),
            strict: false,
            fallback: Fallback::Global,
            parameter: Parameter::Accept,
            refresh_tokens: RefreshTokens::OfflineAccess,
            sender: SenderSettings::default(),
            profile: Profile::None,
            first_party: false,
            openid: OpenidSettings::default(),
            exchange: ExchangeSettings::default(),
            origin: Origin::Registered,
            unvetted: None,
        }
    }

    /// Whether it cannot keep a secret (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        matches!(self.authentication, Authentication::None)
    }
}

impl Ceiling {
    /// How far the client reaches on a resource server.
    pub fn on(&self, resource: &Resource) -> &Reach {
        self.resources.get(resource).unwrap_or(&self.others)
    }
}

impl GrantKind {
    /// The grant type as it stands on the wire, which is as it is stored.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).ok();
        name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The grant type of that name on the wire.
    pub fn of(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }
}

impl Reach {
    /// The part of it that a list of scopes names.
    pub fn within(&self, names: &Scopes) -> Self {
        let kept: Scopes = names.iter().filter(|name| self.reaches(name)).cloned().collect();
        if kept.is_empty() { Self::Nothing } else { Self::Only(kept) }
    }

    /// Whether it reaches anything at all.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Whether it reaches the scope.
    pub fn reaches(&self, scope: &Scope) -> bool {
        match self {
            Self::Nothing => false,
            Self::Only(scopes) => scopes.contains(scope),
            Self::Everything => true,
        }
    }
}

impl Stored for Client {
    const KIND: Kind = Kind::Client;
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }
    fn expires_at(&self) -> Option<i64> {
        // A registration that nobody uses is forgotten; whom the operator registered stays.
        self.unvetted.as_ref()?.registration().map(|registration| registration.expires_at)
    }
    fn into_record(self) -> Record {
        Record::Client(Box::new(self))
    }
}
