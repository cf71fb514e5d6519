#![doc = include_str!("lib.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod check;
pub mod config;

mod admin;
mod admit;
mod answer;
mod client;
mod cors;
mod decide;
mod events;
mod explain;
mod forward;
mod gateway;
mod headers;
mod identity;
mod lease;
mod limits;
mod lines;
mod listen;
mod log;
mod mcp;
mod metrics;
mod path;
mod protect;
mod published;
mod records;
mod reload;
mod replay;
mod route;
mod sent;
mod site;
mod tally;
mod target;
mod traces;
mod tunnel;
mod worker;

pub use admin::Admin;
pub use config::{
    Access, Answering, Balance, Calls, CertificateFiles, ClientCertificates, Config, ConfigError,
    Cors, HealthCheck, Http, ListenTls, Mode, Position, Protected, Protocol, Proxies, Route,
    Server, Telling, Tls, Upgrades, Upstream,
};
pub use explain::Explained;
pub use gateway::{Gateway, GatewayError};
pub use path::AmbiguousPath;
pub use reload::{ReloadError, Reloaded, Reloader, Reloads};
pub use replay::{Changes, RecordedRoute, Replayed};
pub use route::{MalformedPattern, Pattern};
