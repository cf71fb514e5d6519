//! The gateway end to end, over real sockets: an issuer, an upstream and clients that behave or not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod access;
mod admin;
mod balance;
mod bounds;
mod cors;
mod deploy;
mod endings;
mod frames;
mod h2spec;
mod hostile;
mod http2;
mod hygiene;
mod identity;
mod issuers;
mod limits;
mod load;
mod log;
mod mcp;
mod other_proxies;
mod outage;
mod pools;
mod proxies;
mod raw;
mod reload;
mod roll_out;
mod rules;
mod smuggling;
mod spellings;
mod streaming;
mod support;
mod tls;
mod traces;
mod upgrade;
mod workers;
