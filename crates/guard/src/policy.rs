//! A policy from outside: a last word on a request that passed every rule (RFC 6750 §3.1).

use std::fmt;

use http::Method;

use crate::permit::Permit;

/// Decides about requests that passed every other rule; pure, as all decisions are.
pub trait Policy: fmt::Debug + Send + Sync {
    /// Decides about one request.
    ///
    /// # Errors
    /// [`Denied`], also when the policy cannot be evaluated: there is no "perhaps".
    fn decide(&self, question: &Question<'_>) -> Result<(), Denied>;
}

/// What a policy is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// The token that passed.
    pub permit: &'q Permit,
    /// The request's method.
    pub method: &'q Method,
    /// The request's path, as it was sent.
    pub path: &'q str,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// A policy's no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Denied {
    /// Which policy and why, for the operator who reads logs and explanations; the client does not.
    /// No claim's value.
    pub why: String,
}
