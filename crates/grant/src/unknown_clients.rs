//! What clients may do that the operator never saw: those that register themselves (RFC 7591) and
//! those that publish a document about themselves (draft-ietf-oauth-client-id-metadata-document).

use std::collections::BTreeSet;

use crate::state::{Ceiling, GrantKind, Pkce, RefreshTokens};

/// The operator's ceiling for clients that describe themselves; by default there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownClients {
    /// Whose documents are read.
    pub documents: Documents,
    /// Who may register a client.
    pub registration: Door,
    /// The most that any of them can ever get.
    pub ceiling: Ceiling,
    /// The grant types that any of them may use.
    pub grant_types: BTreeSet<GrantKind>,
    /// When they get refresh tokens, if they said that they use them.
    pub refresh_tokens: RefreshTokens,
    /// Whether those that can keep a secret may leave PKCE out.
    pub pkce: Pkce,
    /// What the scope of their metadata means.
    pub scope: MetadataScope,
    /// For how many seconds a registration waits for its first token.
    pub first_use: i64,
    /// For how many seconds a registration that was used is kept without further use.
    pub unused: i64,
    /// About how many registrations there may be.
    pub most: usize,
}

/// Whose documents are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Documents {
    /// Nobody's.
    #[default]
    Refused,
    /// Those of these hosts, in lower case.
    Hosts(BTreeSet<String>),
    /// Everybody's.
    Anybody,
}

/// Who may register a client (RFC 7591 §3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Door {
    /// Nobody.
    #[default]
    Closed,
    /// Whoever has an initial access token.
    Token,
    /// Everybody.
    Open,
}

/// What the `scope` of client metadata means (RFC 7591 §2 leaves it to the service).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MetadataScope {
    /// The client gets no other scope.
    #[default]
    Limit,
    /// Nothing: the operator's ceiling alone counts.
    Ignored,
}

impl Default for UnknownClients {
    fn default() -> Self {
        Self {
            documents: Documents::Refused,
            registration: Door::Closed,
            ceiling: Ceiling::default(),
            grant_types: [GrantKind::AuthorizationCode, GrantKind::RefreshToken].into(),
            refresh_tokens: RefreshTokens::Always,
            pkce: Pkce::Required,
            scope: MetadataScope::Limit,
            first_use: 24 * 3600,
            unused: 30 * 24 * 3600,
            most: 10_000,
        }
    }
}

impl Documents {
    /// Whether a document of this host is read.
    pub fn accept(&self, host: &str) -> bool {
        match self {
            Self::Refused => false,
            Self::Hosts(hosts) => hosts.contains(host),
            Self::Anybody => true,
        }
    }
}
