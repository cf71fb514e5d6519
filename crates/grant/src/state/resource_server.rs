//! A registered resource server: one identifier, its own scopes and token settings (rules §3).

use std::collections::BTreeMap;

use bailiwick_jose::Algorithm;
use bailiwick_oauth::secret::Digest;
use bailiwick_oauth::{Resource, Scope, Scopes};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::encryption::Encryption;
use super::notice::Receiver;
use super::sender::SenderConstraint;
use crate::{Kind, Record, Stored};

/// A protected API as it is registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceServer {
    /// The identifier; never changes.
    pub identifier: Resource,
    /// The name that users read.
    pub name: String,
    /// Further spellings that clients may send.
    pub aliases: Vec<Resource>,
    /// The scopes, in the order in which they are shown.
    pub scopes: Vec<ScopeDefinition>,
    /// The types of authorization details that it defines (RFC 9396 §2.1).
    #[serde(default)]
    pub detail_types: BTreeMap<String, DetailType>,
    /// The form of its access tokens.
    pub format: TokenFormat,
    /// With what its access tokens are signed.
    pub algorithm: Algorithm,
    /// The lifetime of its access tokens, in seconds.
    pub lifetime: i64,
    /// For whom its signed access tokens are encrypted, if they are.
    #[serde(default)]
    pub encryption: Option<Encryption>,
    /// What stands in `aud` instead of the identifier.
    pub audience_override: Option<String>,
    /// Whether a request must name it with `resource`: no qualified scope and no default reaches it.
    pub explicit: bool,
    /// Whether a token without any scope may be issued for it.
    pub allow_empty_scope: bool,
    /// The digests of the secrets with which it asks for introspection.
    pub introspection_secrets: Vec<Digest>,
    /// Its public keys, to authenticate with instead of a secret (`private_key_jwt`).
    #[serde(default)]
    pub introspection_keys: Option<Value>,
    /// With what each of its introspection answers is signed; without it, those that it asks to be.
    #[serde(default)]
    pub introspection_signing: Option<Algorithm>,
    /// Where it takes revocations, if it does.
    #[serde(default)]
    pub events: Option<Receiver>,
    /// Which users hold its scopes.
    pub access: RoleAccess,
    /// What tokens for it can be exchanged for: scopes of other resource servers that it may call
    /// in the name of its users (RFC 8693).
    #[serde(default)]
    pub may_call: BTreeMap<Resource, Scopes>,
    /// Whether tokens are issued for it at all.
    pub enabled: bool,
    /// What its access tokens must be bound to.
    #[serde(default)]
    pub sender_constraint: SenderConstraint,
    /// Who registered it.
    pub origin: Origin,
}

/// One scope of a resource server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeDefinition {
    /// The name.
    pub name: Scope,
    /// What users read when they are asked.
    pub description: String,
    /// Whether it is given when no scope is asked for.
    pub default: bool,
    /// Whether users are always asked, also if they consented before.
    pub sensitive: bool,
}

/// A type of authorization details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailType {
    /// What users read above the members of such a detail.
    pub description: String,
    /// What a detail must be, as JSON Schema; see
    /// [`check_schema`](crate::rule::details::check_schema).
    pub schema: serde_json::Value,
}

/// The form of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenFormat {
    /// A signed JWT (RFC 9068).
    #[default]
    Jwt,
    /// A random string that only introspection explains (RFC 7662).
    Opaque,
}

/// Which users hold the scopes of a resource server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleAccess {
    /// Every user holds every scope.
    #[default]
    Everyone,
    /// A user holds the scopes of the roles that it has.
    Roles(BTreeMap<String, Scopes>),
}

/// Who registered a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The configuration file, which is applied at each start; commands refuse to change it.
    Managed,
    /// A command or a request.
    #[default]
    Registered,
}

impl ResourceServer {
    /// A resource server with the defaults of the rules and no scopes.
    pub fn new(identifier: Resource, name: impl Into<String>) -> Self {
        Self {
            identifier,
            name: name.into(),
            aliases: Vec::new(),
            scopes: Vec::new(),
            detail_types: BTreeMap::new(),
            format: TokenFormat::Jwt,
            algorithm: Algorithm::Es256,
            lifetime: 600,
            encryption: None,
            audience_override: None,
            explicit: false,
            allow_empty_scope: false,
            introspection_secrets: Vec::new(),
            introspection_keys: None,
            introspection_signing: None,
            events: None,
            access: RoleAccess::Everyone,
            may_call: BTreeMap::new(),
            enabled: true,
            sender_constraint: SenderConstraint::None,
            origin: Origin::Registered,
        }
    }

    /// What stands in the `aud` of its tokens.
    pub fn audience(&self) -> &str {
        self.audience_override.as_deref().unwrap_or(self.identifier.as_str())
    }

    /// The definition of a scope, if it defines it.
    pub fn scope(&self, name: &Scope) -> Option<&ScopeDefinition> {
        self.scopes.iter().find(|scope| scope.name == *name)
    }

    /// Whether it defines the scope.
    pub fn defines(&self, name: &Scope) -> bool {
        self.scope(name).is_some()
    }

    /// The scopes that are given when none is asked for.
    pub fn default_scopes(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter().filter(|scope| scope.default).map(|scope| &scope.name)
    }
}

impl Stored for ResourceServer {
    const KIND: Kind = Kind::ResourceServer;
    fn key(&self) -> String {
        self.identifier.as_str().to_owned()
    }
    fn into_record(self) -> Record {
        Record::ResourceServer(Box::new(self))
    }
}
