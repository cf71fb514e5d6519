//! What may be issued: the pure decisions of the authorization server.
//!
//! - [`flow`] says *when*: one file per endpoint, reading like the RFC's chapter;
//! - [`rule`] says *whether*: one pure function per rule;
//! - [`state`] is what is *remembered*: the records that a store keeps.
//!
//! A decision is a [`Decision`]: changes to commit and an outcome to answer. A refusal can change
//! state too, so the changes are always committed before the outcome is answered.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod flow;
pub mod rule;
pub mod state;

mod change;
mod decision;
mod entropy;
mod explanation;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod properties;
mod reason;
mod tenant;
mod trusted_issuer;
mod unknown_clients;

pub use change::{Change, Kind, Loaded, Record, Stored, Version};
pub use decision::{Decision, Refused};
pub use entropy::Entropy;
pub use explanation::{Explanation, Verdict};
pub use reason::Reason;
pub use tenant::{Lifetimes, PairwiseSalt, RequestRules, Tenant};
pub use trusted_issuer::{AssertionProfile, Named, TrustedIssuer};
pub use unknown_clients::{Documents, Door, MetadataScope, UnknownClients};
