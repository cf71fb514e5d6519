//! The gateway end to end, over real sockets: an issuer, an upstream and clients that behave or not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod access;
mod balance;
mod endings;
mod hostile;
mod http2;
mod hygiene;
mod load;
mod mcp;
mod other_proxies;
mod outage;
mod pools;
mod proxies;
mod raw;
mod reload;
mod rules;
mod smuggling;
mod spellings;
mod streaming;
mod support;
mod tls;
mod upgrade;
mod workers;
