//! What may pass, and above all what may not: every line of the threat list that a bearer JWT
//! reaches, one table per line, all through [`mint::verdict`].
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod algorithms;
mod binding;
mod challenge;
mod claims;
mod explain;
mod form;
mod headers;
mod keys;
mod mint;
mod present;
mod scope;
