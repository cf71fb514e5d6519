//! The stages in their order, as every caller runs them (RFC 9068 §4).

use crate::addressed::Audience;
use crate::allowed::{Admission, Request};
use crate::authentic::{Authentic, Stop};
use crate::bound::{Binding, Sender};
use crate::current::Moment;
use crate::implied::Implied;
use crate::present::Presented;
use crate::rule::Rule;
use crate::trust::Keys;

/// What is known at the moment of the request.
#[derive(Clone, Copy)]
pub struct Facts<'f> {
    /// The time, and what was revoked.
    pub moment: Moment<'f>,
    /// What the sender shows about itself.
    pub sender: Sender<'f>,
    /// What the request is.
    pub request: Request<'f>,
}

/// What the request wants: an audience and whatever its route asks for.
#[derive(Debug, Clone, Copy)]
pub struct Want<'w> {
    /// The resource that it goes to.
    pub audience: &'w Audience,
    /// Which bindings the resource wants.
    pub binding: Binding,
    /// Which of the resource's scopes imply which.
    pub implied: &'w Implied,
    /// What the route asks for.
    pub rule: &'w Rule,
}

/// Decides about a JWT from the first stage to the last.
///
/// # Errors
/// The first refusal, or the fact that is missing.
pub fn verdict(
    presented: &Presented<'_>,
    keys: &Keys<'_>,
    facts: &Facts<'_>,
    want: &Want<'_>,
) -> Result<Admission, Stop> {
    presented.authentic(keys)?.verdict(facts, want) // RFC 9068 §4
}

impl Authentic {
    /// Decides about a genuine token: all the stages that each request must pass anew.
    ///
    /// # Errors
    /// The first refusal, or the fact that is missing.
    pub fn verdict(self, facts: &Facts<'_>, want: &Want<'_>) -> Result<Admission, Stop> {
        let (now, skew) = (facts.moment.now, facts.moment.skew);
        let admission = self
            .current(&facts.moment)? // RFC 7519 §4.1.4
            .addressed_to(want.audience)? // RFC 8707 §2
            .bound_to(&facts.sender, want.binding, now, skew)? // RFC 9449 §4.3, RFC 8705 §3
            .allowed(want.rule, want.implied, &facts.request, now, skew)?; // RFC 6750 §3.1
        Ok(admission)
    }
}
