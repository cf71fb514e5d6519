//! What may pass: the pure decisions of the resource server (RFC 6750, RFC 8707, RFC 9068).
//!
//! A request passes six stages, each a type made from the one before, so that none can be skipped:
//!
//! ```text
//! present     Presented   RFC 6750 §2.1   the one token of the request
//! authentic   Authentic   RFC 9068 §4     vouched for by a trusted issuer: signed, or looked up
//! current     Current     RFC 7519 §4.1.4 neither expired nor early nor revoked
//! addressed   Addressed   RFC 8707 §2     meant for this very resource
//! bound       Bound       RFC 9449 §7.2   in the hands of the one it was issued to
//! allowed     Permit      RFC 6750 §3.1   with all that the request's route asks for
//! ```
//!
//! What `authentic` returns may be kept; everything after it is decided anew for each request.
//! A refusal is a [`Refusal`]; [`challenges()`] tell the client, [`explain()`] the operator.
//! Nothing here is asynchronous: a fact that is not at hand is reported as [`Missing`], to be
//! fetched once by the caller, who then asks again.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod addressed;
pub mod allowed;
pub mod authentic;
pub mod bound;
pub mod challenge;
pub mod claim;
pub mod current;
pub mod dpop;
pub mod explain;
pub mod implied;
pub mod opaque;
pub mod permit;
pub mod policy;
pub mod present;
pub mod profile;
pub mod refusal;
pub mod rule;
pub mod trust;
pub mod verdict;

pub use addressed::{Addressed, Audience};
pub use allowed::{Admission, Once, Request};
pub use authentic::{Authentic, Missing, Stop};
pub use bound::{Binding, Bound, Sender};
pub use challenge::{Offer, challenges};
pub use claim::{ClaimPath, ClaimRule, ClaimTest};
pub use current::{Current, Moment};
pub use explain::{Check, Outcome, Step, explain};
pub use implied::Implied;
pub use permit::{Permit, Permitted};
pub use policy::Policy;
pub use present::{Presented, Scheme};
pub use profile::{Profile, Provider};
pub use refusal::{Reason, Refusal};
pub use rule::{DetailRule, LoginRule, Rule, ScopeRule};
pub use trust::{IssuerRule, IssuerTemplate, Keys, Tenants, Trust, Trusted};
pub use verdict::{Facts, Want, verdict};
