//! What a decision is: changes to commit, then an outcome to answer.

use bailiwick_oauth::ErrorCode;
use bailiwick_oauth::error::ErrorAnswer;

use crate::{Change, Explanation, Reason};

/// Changes to commit and an outcome to answer.
#[derive(Debug)]
#[must_use = "the changes must be committed before the outcome is answered"]
pub struct Decision<T> {
    /// To be committed, all or none, before the outcome is answered.
    pub changes: Vec<Change>,
    /// What to answer.
    pub outcome: T,
    /// What was kept and what was dropped on the way, each with its rule (rules §9).
    pub explanation: Explanation,
}

impl<T> Decision<T> {
    /// A decision that changes nothing.
    pub fn unchanged(outcome: T) -> Self {
        Self::new(Vec::new(), outcome)
    }

    /// A decision with nothing to explain.
    pub fn new(changes: Vec<Change>, outcome: T) -> Self {
        Self { changes, outcome, explanation: Explanation::default() }
    }

    /// The same decision with another form of its outcome.
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Decision<U> {
        let Self { changes, outcome, explanation } = self;
        Decision { changes, outcome: form(outcome), explanation }
    }
}

/// A refusal: what the client reads, and what the log and the operator read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The code for the client.
    pub error: ErrorCode,
    /// What the client reads; holds no secrets and no other party's permissions.
    pub description: String,
    /// What the operator reads: the rule that refused.
    pub reason: Reason,
}

impl Refused {
    /// A refusal by a rule.
    pub fn new(error: ErrorCode, reason: Reason, description: impl Into<String>) -> Self {
        Self { error, description: description.into(), reason }
    }

    /// The answer for the client.
    pub fn answer(&self) -> ErrorAnswer {
        ErrorAnswer::new(self.error, &self.description)
    }
}
