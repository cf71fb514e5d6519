//! What may pass, and above all what may not: every line of the threat list that a bearer JWT
//! reaches, one table per line, all through [`mint::verdict`].
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod algorithms;
mod binding;
mod certificate;
mod challenge;
mod claims;
mod dpop;
mod encrypted;
mod explain;
mod form;
mod headers;
mod hostile;
mod issuers;
mod keys;
mod mint;
mod opaque;
mod present;
mod revocation;
mod rules;
mod scope;
