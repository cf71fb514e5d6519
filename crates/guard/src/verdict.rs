//! The stages in their order, as every caller runs them (RFC 9068 §4).

use crate::addressed::Audience;
use crate::allowed::ScopeRule;
use crate::authentic::{Authentic, Stop, Trusted};
use crate::bound::Proof;
use crate::permit::Permit;
use crate::present::Presented;
use crate::refusal::Refusal;

/// What is known at the moment of the request.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'f> {
    /// The trusted issuers and their keys.
    pub issuers: &'f [Trusted<'f>],
    /// The time, in seconds since 1970.
    pub now: i64,
    /// How far clocks may differ, in seconds; usually [`SKEW`](crate::current::SKEW).
    pub skew: i64,
    /// What the sender proved.
    pub proof: Proof,
}

/// What the request wants: an audience and a scope.
#[derive(Debug, Clone, Copy)]
pub struct Want<'w> {
    /// The resource that it goes to.
    pub audience: &'w Audience,
    /// The scope that it needs.
    pub scope: &'w ScopeRule,
}

/// Decides about a token from the first stage to the last.
///
/// # Errors
/// The first refusal, or the fact that is missing.
pub fn verdict(presented: &Presented, facts: &Facts<'_>, want: &Want<'_>) -> Result<Permit, Stop> {
    let authentic = presented.authentic(facts.issuers)?; // RFC 9068 §4
    Ok(authentic.verdict(facts, want)?)
}

impl Authentic {
    /// Decides about a genuine token: all the stages that each request must pass anew.
    ///
    /// # Errors
    /// The first refusal.
    pub fn verdict(self, facts: &Facts<'_>, want: &Want<'_>) -> Result<Permit, Refusal> {
        self.current(facts.now, facts.skew)? // RFC 7519 §4.1.4
            .addressed_to(want.audience)? // RFC 8707 §2
            .bound_to(&facts.proof)? // RFC 9449 §7.2
            .allowed(want.scope) // RFC 6750 §3.1
    }
}
