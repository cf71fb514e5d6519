#![doc = include_str!("lib.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod config;

mod admit;
mod answer;
mod client;
mod decide;
mod explain;
mod forward;
mod gateway;
mod headers;
mod lease;
mod listen;
mod mcp;
mod path;
mod published;
mod reload;
mod route;
mod sent;
mod site;
mod target;
mod tunnel;
mod worker;

pub use config::{
    Access, Answering, Balance, Calls, CertificateFiles, ClientCertificates, Config, ConfigError,
    HealthCheck, ListenTls, Mode, Position, Protected, Protocol, Proxies, Route, Server, Telling,
    Tls, Upgrades, Upstream,
};
pub use explain::Explained;
pub use gateway::{Gateway, GatewayError};
pub use path::AmbiguousPath;
pub use reload::{ReloadError, Reloaded, Reloader, Reloads};
pub use route::{MalformedPattern, Pattern};
