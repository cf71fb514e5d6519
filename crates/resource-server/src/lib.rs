//! Protect an API: a tower layer and axum extractors (RFC 6750, RFC 8707, RFC 9068, RFC 9728).
//!
//! A [`ResourceServer`] is made of an issuer and a resource identifier. Its layer lets a request in
//! when it carries an access token of that issuer for that very resource; its routes ask for scopes;
//! its metadata tells clients where tokens are to be had.
//!
//! ```
//! use axum::{Router, handler::Handler, routing::get};
//! use bailiwick_resource_server::{ConfigError, ResourceServer, VerifiedToken};
//!
//! fn app() -> Result<Router, ConfigError> {
//!     let api = ResourceServer::new("https://id.example.com", "https://api.example.com/orders")?;
//!     let list = list.layer(api.require("read:orders")?);
//!     let create = create.layer(api.require("write:orders")?);
//!     Ok(Router::new()
//!         .route("/orders", get(list).post(create))
//!         .layer(api.layer()) // nothing above is reached without a token
//!         .merge(api.metadata())) // RFC 9728: for everybody
//! }
//!
//! async fn list(token: VerifiedToken) -> String {
//!     format!("the orders of {}", token.subject())
//! }
//!
//! async fn create(token: VerifiedToken) -> String {
//!     format!("an order of {}", token.subject())
//! }
//! # app().unwrap();
//! ```
//!
//! # Answers
//!
//! | request | answer |
//! |---|---|
//! | without a token | 401, and where the metadata is |
//! | two tokens, a token in the query, a broken header | 400 `invalid_request` |
//! | a token that is expired, forged, or meant for another API | 401 `invalid_token` |
//! | a token without the scope | 403 `insufficient_scope`, and the scope that would do |
//! | while the issuer's keys cannot be had | 503 and `Retry-After`, never 401 |
//!
//! # Keys
//!
//! They are found by the issuer's metadata (RFC 8414), fetched over `https` (plain `http` on this
//! machine only), and refreshed in the background; a token with an unknown `kid` leads to one more
//! fetch. An API starts while its issuer is down and heals by itself.
//!
//! # Tests
//!
//! The feature `testing` has an issuer for your own tests, with good tokens and hostile ones.
//!
//! # Without axum
//!
//! The layer works in any tower stack over `http`; see [`Require`]. Proxies decide with
//! [`ResourceServer::admit`] and answer with [`Refused`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod asked;
pub mod certificate;
pub mod config;
pub mod denied;
pub mod dpop;
pub mod events;
pub mod guide;
pub mod health;
pub mod issuers;
pub mod layer;
pub mod lookup;
pub mod metadata;
pub mod metrics;
pub mod refused;
pub mod scoped;
pub mod server;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;

mod again;
mod seen;
mod statuses;
mod unscoped;

pub use asked::Asked;
pub use certificate::{
    CertificateHeader, ClientCertificate, FromProxy, PeerAddress, TrustedProxies,
};
pub use config::{Builder, ConfigError};
pub use denied::{Denial, DenyList, DenyListFull, Name};
pub use dpop::Dpop;
pub use events::EventReceiver;
pub use health::{Health, IssuerHealth, LookupHealth};
pub use issuers::TrustedIssuer;
pub use layer::{Answering, Protected, Require};
pub use lookup::Lookup;
pub use metrics::Metrics;
pub use refused::Refused;
pub use scoped::{Needs, NotScoped, Scoped};
pub use server::ResourceServer;
pub use token::{LayerMissing, VerifiedToken};

pub use bailiwick_fetch::{
    ClientAuthentication, Fetcher, Introspector, IssuerKeys, KeySettings, Tokeninfo,
};
pub use bailiwick_guard::current::{Denials, Names};
pub use bailiwick_guard::policy::{Denied, Question};
pub use bailiwick_guard::profile::{
    AudienceRule, Evidence, OpaqueTokens, ProviderError, ResourceParameter, ScopeShape,
    ScopeSource, TypeRule,
};
pub use bailiwick_guard::{
    Binding, Check, ClaimPath, ClaimRule, ClaimTest, DetailRule, IssuerRule, IssuerTemplate,
    LoginRule, Outcome, Permit, Policy, Profile, Provider, Reason, Refusal, Rule, ScopeRule, Step,
    Tenants, Trust,
};
pub use bailiwick_jose::{Algorithm, DecryptionKey, Jwks, SealingKey, SigningKey};
pub use bailiwick_oauth::{ClientId, Issuer, Resource, Scope, Scopes, Secret, Subject};
pub use bailiwick_window::{FirstUse, MemoryFirstUse};
