//! Does the token have the scope that the request needs (RFC 6750 §3.1).

use bailiwick_oauth::{Scope, Scopes};

use crate::bound::Bound;
use crate::permit::Permit;
use crate::refusal::{Reason, Refusal};

/// The scope that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeRule {
    /// Each of these; of none, any valid token will do.
    AllOf(Scopes),
    /// At least one of these; of none, nothing will do.
    AnyOf(Scopes),
}

impl ScopeRule {
    /// Any valid token for the resource will do, whatever its scope.
    pub const NONE: Self = Self::AllOf(Scopes::new());

    /// Decides whether a token with this scope will do.
    ///
    /// # Errors
    /// [`Reason::InsufficientScope`], with the scope that would do.
    pub fn check(&self, held: &Scopes) -> Result<(), Refusal> {
        let does = match self {
            Self::AllOf(needed) => held.is_superset(needed),
            Self::AnyOf(needed) => needed.iter().any(|scope| held.contains(scope)),
        };
        if does {
            return Ok(());
        }
        let enough = self.enough();
        let why = if enough.is_empty() {
            "no scope permits this".to_owned()
        } else {
            format!("the token lacks the scope for this; it needs: {enough}")
        };
        Err(Refusal::new(Reason::InsufficientScope, why).with_scope(enough))
    }

    /// The least scope that would do: what a client is told to ask for.
    pub fn enough(&self) -> Scopes {
        match self {
            Self::AllOf(needed) => needed.clone(),
            Self::AnyOf(needed) => needed.iter().take(1).cloned().collect(),
        }
    }
}

impl From<Scope> for ScopeRule {
    fn from(scope: Scope) -> Self {
        Self::AllOf(Scopes::from_iter([scope]))
    }
}

impl Bound {
    /// Decides whether the token has the scope that the request needs (RFC 6750 §3.1).
    ///
    /// # Errors
    /// [`Reason::InsufficientScope`].
    pub fn allowed(self, rule: &ScopeRule) -> Result<Permit, Refusal> {
        let current = self.addressed.current;
        rule.check(&current.token.0.scopes)?;
        Ok(Permit::new(current.token.0, self.addressed.resource, current.expires))
    }
}
