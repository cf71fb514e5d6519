//! Does the token have the scope that the request needs (RFC 6750 §3.1).

use bailiwick_oauth::{Scope, Scopes};

use crate::implied::Implied;
use crate::refusal::{Reason, Refusal, Remedy};

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
    pub fn check(&self, held: &Scopes, implied: &Implied) -> Result<(), Refusal> {
        let does = match self {
            Self::AllOf(needed) => needed.iter().all(|scope| implied.holds(held, scope)),
            Self::AnyOf(needed) => needed.iter().any(|scope| implied.holds(held, scope)),
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
        Err(Refusal::new(Reason::InsufficientScope, why).with_remedy(Remedy::Scope(enough)))
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
