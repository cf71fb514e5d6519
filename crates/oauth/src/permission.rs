//! A permission: one scope on one resource server (RFC 8707 §2).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Resource, Scope};

/// One pair (resource, scope): `read` on one API is not `read` on another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Permission {
    /// The resource server that defines the scope.
    pub resource: Resource,
    /// The scope, in that resource server's own words.
    pub scope: Scope,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.scope, self.resource)
    }
}
