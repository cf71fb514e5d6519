//! An issuer whose assertions about users are believed (RFC 7523 §2.1).

use std::collections::BTreeSet;

use bailiwick_oauth::{ClientId, Issuer, Resource};

/// An issuer whose assertions are taken as grants, and how far it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// Its identifier, as it stands in `iss`.
    pub issuer: Issuer,
    /// Where its keys are; absent when its metadata says so.
    pub jwks_uri: Option<String>,
    /// Which assertions it makes.
    pub profile: AssertionProfile,
    /// The clients that may bring its assertions.
    pub clients: BTreeSet<ClientId>,
    /// The resource servers that its assertions open.
    pub resources: BTreeSet<Resource>,
    /// The claim that says who the user is.
    pub claim: String,
    /// What of our users that claim names.
    pub names: Named,
}

/// Which assertions an issuer makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AssertionProfile {
    /// ID-JAG: made for one client of ours.
    #[default]
    IdJag,
    /// Any JWT that RFC 7523 §3 allows.
    Jwt,
}

/// What of a user a claim names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Named {
    /// The name for signing in.
    #[default]
    Username,
    /// The subject.
    Subject,
}
