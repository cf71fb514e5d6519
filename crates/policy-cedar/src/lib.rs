//! A last word on each request by Cedar policies, checked against a schema at load (RFC 6750 §3.1).
//!
//! [`CedarPolicy`] is a [`Policy`] of `guard`: it decides about requests that passed every other
//! rule of their route. [`Schema`] says what policies may speak of. See the README for both.
//!
//! [`Policy`]: bailiwick_guard::Policy
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

mod claims;
mod load;
mod policy;
mod request;
mod schema;

pub use load::{LoadError, Problem};
pub use policy::CedarPolicy;
pub use schema::Schema;

/// The examples of the README compile and hold.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
