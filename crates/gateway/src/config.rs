//! The configuration: one TOML file, checked whole before anything listens.
//!
//! Unknown settings are refused; each error names file, line and column and says what would be
//! right. What comes out is made of domain types and needs no further check.

mod check;
mod tables;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bailiwick_oauth::{Issuer, Resource, Scopes};
use http::Method;
use http::uri::{Authority, Scheme};

use crate::route::Pattern;

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
    /// How long requests may go on after a shutdown was asked for.
    pub drain_timeout: Duration,
    /// The protected resources.
    pub resources: Vec<Protected>,
}

/// A protected resource: its identifier, who issues tokens for it, and what stands behind it.
#[derive(Debug, Clone)]
pub struct Protected {
    /// The resource identifier, which the token's `aud` must hold (RFC 8707 §2).
    pub identifier: Resource,
    /// The authorization server (RFC 8414 §2).
    pub issuer: Issuer,
    /// Whether the issuer may be at a private address.
    pub private_issuer: bool,
    /// Its name, for people (RFC 9728 §2).
    pub name: Option<String>,
    /// The host under which it is reached, lower-case, without a port; `None` is any host that no
    /// other resource names.
    pub host: Option<String>,
    /// The path prefix under which it is reached; empty is every path.
    pub prefix: String,
    /// Whether the prefix is taken off before the request is forwarded.
    pub strip_prefix: bool,
    /// What stands behind it.
    pub upstream: Upstream,
    /// What may be reached there.
    pub routes: Vec<Route>,
}

/// Where requests are forwarded to.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host and port.
    pub authority: Authority,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long the upstream may take to begin its answer after the last octet of the request.
    pub first_byte_timeout: Duration,
}

/// A part of a resource and what it takes to reach it.
#[derive(Debug, Clone)]
pub struct Route {
    /// The paths, below the resource's prefix.
    pub path: Pattern,
    /// The methods; empty is every method that no other route of the same path names.
    pub methods: Vec<Method>,
    /// Who may pass.
    pub access: Access,
    /// Whether `Authorization` and `DPoP` are passed on to the upstream.
    pub forward_token: bool,
}

/// Who may pass a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everyone, without a token.
    Public,
    /// Who has a token for the resource with all of these scopes, which may be none.
    Scopes(Scopes),
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

    /// Parses a configuration; `file` is the name that errors give it.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and what would be right.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let failed = |(span, message): (Option<std::ops::Range<usize>>, String)| ConfigError {
            file: file.to_owned(),
            at: span.map(|span| Position::of(text, span.start)),
            message,
        };
        let top: tables::Top = toml::from_str(text)
            .map_err(|error| failed((error.span(), error.message().to_owned())))?;
        check::check(top).map_err(|fault| failed((Some(fault.span), fault.message)))
    }

    /// The reference of all settings, in Markdown.
    pub fn reference() -> String {
        tables::reference()
    }
}

impl Protected {
    /// Every scope that some route asks for.
    pub fn scopes(&self) -> Scopes {
        let mut scopes = Scopes::new();
        for route in &self.routes {
            if let Access::Scopes(needed) = &route.access {
                scopes.extend(needed.iter().cloned());
            }
        }
        scopes
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
