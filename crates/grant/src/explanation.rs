//! Explaining a decision: every pair with `kept` or the one rule that dropped it (rules §9).

use bailiwick_oauth::{Resource, Scope};
use serde::{Deserialize, Serialize};

use crate::Reason;

/// What became of one scope on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The scope.
    pub scope: Scope,
    /// The resource; absent for global scopes and for scopes that no resource defines.
    pub resource: Option<Resource>,
    /// `kept`, or the rule that dropped it.
    pub reason: Reason,
}

/// The verdicts of one decision, in the order in which they were reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Explanation(Vec<Verdict>);

impl Explanation {
    /// Adds what became of a scope.
    pub fn add(&mut self, resource: Option<&Resource>, scope: &Scope, reason: Reason) {
        self.0.push(Verdict { scope: scope.clone(), resource: resource.cloned(), reason });
    }

    /// Replaces what became of a scope by the verdict of a later step.
    pub fn settle(&mut self, resource: Option<&Resource>, scope: &Scope, reason: Reason) {
        self.0.retain(|one| (&one.scope, one.resource.as_ref()) != (scope, resource));
        self.add(resource, scope, reason);
    }

    /// Adds the verdicts of a later step; of one pair the later verdict counts.
    pub fn extend(&mut self, later: Explanation) {
        for verdict in later.0 {
            self.settle(verdict.resource.as_ref(), &verdict.scope, verdict.reason);
        }
    }

    /// All verdicts.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.0
    }

    /// What was dropped.
    pub fn dropped(&self) -> impl Iterator<Item = &Verdict> {
        self.0.iter().filter(|verdict| verdict.reason != Reason::Kept)
    }
}
