//! Cedar policies behind all the stages of `guard`, on real tokens.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod claims;
mod decide;
mod load;
mod mint;
