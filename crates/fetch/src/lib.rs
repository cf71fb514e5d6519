//! What others publish or answer: metadata (RFC 8414, 9728), keys (RFC 7517), introspection
//! (RFC 7662), token exchange (RFC 8693), within limits.
//!
//! The only outgoing HTTP of the authorization server and of resource servers. Whatever is fetched:
//! `https` only (plain `http` to this machine alone), no redirects, bounded size and time, and no
//! private, link-local or special address, checked after resolution on the very address that is
//! then connected to.
//!
//! ```no_run
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! use bailiwick_fetch::{Fetcher, IssuerKeys, KeySettings};
//! use bailiwick_oauth::Issuer;
//!
//! let fetcher = Fetcher::builder().build()?;
//! let issuer = Issuer::parse("https://id.example.com")?;
//! let keys = IssuerKeys::new(issuer, fetcher, KeySettings::default());
//! println!("{} keys", keys.keys().await?.keys().len());
//! # Ok(()) }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod address;
pub mod builder;
pub mod error;
pub mod exchange;
pub mod fetcher;
pub mod introspection;
pub mod keys;
pub mod metadata;
pub mod status;

mod junk;
mod lane;
mod publish;
mod resolver;
mod signed;
mod target;

pub use builder::Builder;
pub use error::{BuildError, FetchError};
pub use exchange::{Exchange, Exchanged, Exchanger};
pub use fetcher::{Answer, Fetched, Fetcher, Posted};
pub use introspection::{ClientAuthentication, Introspector, Tokeninfo};
pub use keys::{IssuerKeys, KeySettings, Status};
pub use lane::Fetches;
pub use status::{StatusLists, StatusSettings};
pub use target::Loopback;
