//! The configuration: one TOML file, checked whole before anything listens.
//!
//! Unknown settings are refused; each error names file, line and column and says what would be
//! right. What comes out is made of domain types and needs no further check.

mod admin;
mod answer;
mod bounds;
mod calls;
mod cors;
mod credentials;
mod events;
mod held;
mod identity;
mod issuer;
mod limits;
mod listening;
mod log;
mod lookup;
mod reading;
mod records;
mod resource;
mod route;
mod rule;
mod signing;
mod tables;
mod tls;
mod tokens;
mod top;
mod traces;
mod upgrade;
mod upstream;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

pub use admin::Admin;
pub use answer::{Answering, Mode};
pub use bounds::Http;
pub use calls::Calls;
pub(crate) use calls::Tool;
pub use cors::Cors;
pub use credentials::Credentials;
pub use events::{Events, Metadata};
pub use held::Held;
pub use identity::{Exchange, Identity};
pub(crate) use issuer::host_of;
pub use issuer::{KeyPlace, Trusted};
pub use limits::{Limits, Rate};
pub use listening::{Proxies, Telling};
pub use log::{Log, LogFormat};
pub use lookup::{Introspection, LookedUpBy};
pub use records::Records;
pub use resource::Protected;
pub use route::{Access, Route};
pub(crate) use rule::in_words;
pub use signing::Signing;
pub use tls::{CertificateFiles, ClientCertificates, ListenTls};
pub use tokens::Tokens;
pub(crate) use tokens::decryption_key;
pub use traces::Traces;
pub use upgrade::Upgrades;
pub use upstream::{Balance, HealthCheck, Protocol, Server, Tls, Upstream};

/// What the gateway protects and how it listens.
///
/// ```
/// let config = bailiwick_gateway::Config::parse(
///     "gateway.toml",
///     r#"
///     listen = "127.0.0.1:8080"
///     [[resource]]
///     identifier = "https://api.example.com/drive"
///     issuer = "https://id.example.com"
///     upstream = "http://127.0.0.1:7000"
///     routes = [
///       { path = "/files/**", methods = ["GET", "HEAD"], scopes = ["read:files"] },
///       { path = "/healthz", public = true },
///     ]
///     "#,
/// )?;
/// assert_eq!(config.resources.len(), 1);
/// # Ok::<(), bailiwick_gateway::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How many threads serve, each with its own listener and upstream connections.
    pub workers: usize,
    /// The most connections at once, over all workers.
    pub max_connections: usize,
    /// How long a client may take to send the head of a request.
    pub head_timeout: Duration,
    /// How long connections are still accepted after a shutdown was asked for.
    pub drain_delay: Duration,
    /// How long requests may go on after that.
    pub drain_timeout: Duration,
    /// The proxies in front, whose word is taken.
    pub proxies: Proxies,
    /// What one client may ask of it.
    pub http: Http,
    /// TLS with clients; `None` is plain HTTP.
    pub tls: Option<ListenTls>,
    /// Where other proxies may ask.
    pub answering: Vec<Answering>,
    /// Where metrics, health and explanations are had.
    pub admin: Option<Admin>,
    /// The access log; without one, requests are events of the process's own log.
    pub log: Option<Log>,
    /// Where decision records are kept.
    pub records: Option<Records>,
    /// The gateway's own keys.
    pub signing: Option<Signing>,
    /// Where spans are sent.
    pub traces: Option<Traces>,
    /// The protected resources.
    pub resources: Vec<Protected>,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// When the file cannot be read, or as [`Config::parse`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&file, &text),
            Err(error) => Err(ConfigError { file, at: None, message: error.to_string() }),
        }
    }

    /// Parses a configuration; `file` is the name that errors give it, and in its folder are the
    /// files that the configuration names. Those are read too, and so are environment variables.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and what would be right.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let failed = |(span, message): (Option<std::ops::Range<usize>>, String)| ConfigError {
            file: file.to_owned(),
            at: span.map(|span| Position::of(text, span.start)),
            message,
        };
        let folder = Path::new(file).parent().unwrap_or(Path::new("")).to_owned();
        let around = held::Around { folder };
        let top: top::Top = toml::from_str(text)
            .map_err(|error| failed((error.span(), error.message().to_owned())))?;
        top::check(top, &around).map_err(|fault| failed((Some(fault.span), fault.message)))
    }

    /// The settings in which another configuration differs and which only a restart changes: the
    /// listeners and the threads are there already.
    pub(crate) fn needs_restart_for(&self, next: &Self) -> Vec<&'static str> {
        let settings = [
            ("listen", self.listen == next.listen),
            ("answer", self.answering == next.answering),
            ("workers", self.workers == next.workers),
            ("max_connections", self.max_connections == next.max_connections),
            ("head_timeout", self.head_timeout == next.head_timeout),
            ("admin", self.admin == next.admin),
            ("drain_delay", self.drain_delay == next.drain_delay),
            ("drain_timeout", self.drain_timeout == next.drain_timeout),
            ("tls", self.tls == next.tls),
        ];
        settings.into_iter().filter(|(_, is_the_same)| !is_the_same).map(|(name, _)| name).collect()
    }

    /// The reference of all settings, in Markdown.
    pub fn reference() -> String {
        tables::reference()
    }
}

/// What is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The name of the file.
    pub file: String,
    /// The place in it; `None` when the file could not be read at all.
    pub at: Option<Position>,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A place in a file; the first line and column are 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(at) = self.at {
            write!(f, ":{}:{}", at.line, at.column)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests;
