//! What was given: global scopes, resources, and permissions on them (RFC 6749 §1.3, RFC 8707 §2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::details::Detail;
use crate::{Permission, Resource, Scope, Scopes};

/// What a subject, or a client on its own behalf, was given.
///
/// Never a flat list of scope names: every scope that is not global stands with its resource.
/// A resource may stand without scopes, where its resource server allows that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Scopes that belong to no resource server.
    pub global: Scopes,
    /// The resources, each with the scopes granted there.
    pub resources: BTreeMap<Resource, Scopes>,
    /// The authorization details (RFC 9396), each with the resource that it is for, which stands
    /// among `resources` too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<Resource, Vec<Detail>>,
}

impl Grant {
    /// Adds a permission, and its resource with it.
    pub fn insert(&mut self, permission: Permission) {
        self.resources.entry(permission.resource).or_default().insert(permission.scope);
    }

    /// Whether the permission was granted.
    pub fn holds(&self, resource: &Resource, scope: &Scope) -> bool {
        self.resources.get(resource).is_some_and(|scopes| scopes.contains(scope))
    }

    /// Every permission, resource by resource.
    pub fn permissions(&self) -> impl Iterator<Item = (&Resource, &Scope)> {
        self.resources
            .iter()
            .flat_map(|(resource, scopes)| scopes.iter().map(move |scope| (resource, scope)))
    }

    /// Whether nothing at all was granted.
    pub fn is_empty(&self) -> bool {
        self.global.is_empty() && self.resources.is_empty() && self.details.is_empty()
    }

    /// Every scope name of the grant without its resource, as the `scope` of an answer that
    /// cannot say more (RFC 6749 §5.1).
    pub fn scope_names(&self) -> Scopes {
        self.global.iter().chain(self.resources.values().flatten()).cloned().collect()
    }
}
