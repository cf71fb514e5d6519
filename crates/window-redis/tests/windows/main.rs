//! The windows in a real server: what they have in common with those in memory, and outages.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod first_use;
mod outage;
mod server;
mod throttle;
