//! Does the token permit the request: the last stage (RFC 6750 §3.1, RFC 9470 §3).

use crate::bound::Bound;
use crate::dpop::OnceOnly;
use crate::implied::Implied;
use crate::permit::Permit;
use crate::policy::Question;
use crate::refusal::{Reason, Refusal};
use crate::rule::Rule;

/// What came of all stages.
#[derive(Debug)]
#[must_use]
pub enum Admission {
    /// The request may pass.
    Now(Permit),
    /// The request may pass if its proof was not used before (RFC 9449 §11.1).
    Once(Once),
}

/// A request that may pass if its proof was not used before.
#[derive(Debug)]
pub struct Once {
    permit: Permit,
    only: OnceOnly,
}

impl Once {
    /// What must be used for the first time.
    pub fn only(&self) -> &OnceOnly {
        &self.only
    }

    /// It was remembered, for the first time.
    pub fn is_first(self) -> Permit {
        self.permit
    }

    /// It was used before.
    pub fn is_replayed(self) -> Refusal {
        Refusal::new(Reason::ProofReplayed, "the DPoP proof was used before; make a new one")
    }

    /// Whether it was used before cannot be found out: nobody can say whether the proof is good.
    pub fn is_unknown(self) -> Refusal {
        Refusal::new(
            Reason::ReplayUnknown,
            "whether the DPoP proof was used before cannot be found out just now; try again",
        )
    }
}

impl Bound {
    /// Decides whether the token permits the request.
    ///
    /// # Errors
    /// The first part of the rule that is not met.
    pub fn allowed(
        self,
        rule: &Rule,
        implied: &Implied,
        request: &Request<'_>,
        now: i64,
        skew: i64,
    ) -> Result<Admission, Refusal> {
        let current = self.addressed.current;
        let permit = Permit::new(current.token.0, self.addressed.resource, current.expires);
        let Request { method, path } = *request;
        rule.check(implied, &Question { permit: &permit, method, path, now }, skew)?;
        Ok(match self.once {
            None => Admission::Now(permit),
            Some(only) => Admission::Once(Once { permit, only }),
        })
    }
}

/// What a policy may know of the request itself.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// Its method.
    pub method: &'r http::Method,
    /// Its path, as it was sent.
    pub path: &'r str,
}
