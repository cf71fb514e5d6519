//! An OAuth client: discovery, code with PKCE, client credentials, refresh per resource.
//!
//! Small, for the command line and for tests; it speaks RFC 6749 with PKCE (RFC 7636), resource
//! indicators (RFC 8707) and issuer identification (RFC 9207), and keeps nothing.
//!
//! ```no_run
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! use bailiwick_client::{Authentication, AuthorizationRequest, Client, Loopback};
//! use bailiwick_fetch::Fetcher;
//! use bailiwick_oauth::{ClientId, Issuer, Scopes};
//!
//! let issuer = Issuer::parse("https://id.example.com")?;
//! let id = ClientId::parse("shop")?;
//! let fetcher = Fetcher::builder().build()?;
//! let client = Client::discover(fetcher, &issuer, id, Authentication::None).await?;
//!
//! let loopback = Loopback::listen("/callback").await?;
//! let mut request = AuthorizationRequest::new(loopback.redirect_uri().clone());
//! request.scope = Some(Scopes::parse("read")?);
//! request.resources = vec!["https://api.example.com".to_owned()];
//! let started = client.authorization_url(request)?;
//! println!("open {}", started.url);
//!
//! let query = loopback.wait(std::time::Duration::from_secs(300)).await?;
//! let code = started.callback(&query)?;
//! let tokens = client
//!     .redeem(&code, &started.verifier, &started.redirect_uri, Some("https://api.example.com"))
//!     .await?;
//! println!("a token for {:?} with scope {}", tokens.resource, tokens.scope);
//! # Ok(()) }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod authorize;
pub mod client;
pub mod error;
pub mod loopback;

pub use authorize::{AuthorizationRequest, Started};
pub use client::{Authentication, Client};
pub use error::ClientError;
pub use loopback::Loopback;
