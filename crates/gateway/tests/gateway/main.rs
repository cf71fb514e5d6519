//! The gateway end to end, over real sockets: an issuer, an upstream and clients that behave or not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod access;
mod hostile;
mod hygiene;
mod load;
mod outage;
mod proxies;
mod reload;
mod rules;
mod smuggling;
mod spellings;
mod streaming;
mod support;
mod workers;
