//! The authorization server: registers, authorizes, downscopes, issues.
//!
//! A request runs `parse → load → decide → commit → answer`: `bailiwick_oauth` parses, `load`
//! reads what the decision needs, `bailiwick_grant` decides, the store commits, `answer` and
//! `signer` answer. Endpoints hold no rules.
//!
//! - [`AuthorizationServer`] is the router, made of its [`Parts`]; [`serve`] puts it on a listener;
//! - [`tenants`](tenants()) puts several issuers on one origin;
//! - [`config`] reads the configuration file, [`registry`] applies it to the store;
//! - [`sector`] checks what a client with pairwise subjects claims;
//! - [`keys`] holds the signing keys, [`password`] checks the users' passwords.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod branding;
pub mod config;
pub mod drift;
pub mod explain;
pub mod keys;
pub mod password;
pub mod preview;
pub mod registry;
pub mod sector;

mod admin;
mod answer;
mod app;
mod certificate;
mod client_keys;
mod commit;
mod cookie;
mod document;
mod endpoint;
mod event;
mod form;
mod load;
mod logout;
mod outbox;
mod page;
mod reply;
mod sealed;
mod serve;
mod signer;
mod tenants;
mod throttle;
mod trusted_keys;

pub use admin::{Administered, admin};
pub use app::{AuthorizationServer, Parts};
pub use certificate::{Authorities, ClientCertificates, NoAuthority, PeerCertificates};
pub use outbox::Outbox;
pub use serve::tls::{AskForCertificate, Tls, TlsError, TlsFiles};
pub use serve::{Limits, Peer, serve, serve_tls};
pub use tenants::tenants;
