//! The configuration file: TOML in, domain types out, every mistake with its line.
//!
//! Reading goes in two passes. The first ([`read`], [`value`], [`file`]) turns each field into its
//! type; the second ([`check`]) holds the entries against each other. Each pass collects all that
//! it finds, and what the file says becomes usable only when nothing was found.

mod admin;
mod check;
mod details;
mod encryption;
mod events;
mod file;
mod key_set;
mod nearest;
mod openid;
mod outgoing;
mod problem;
mod read;
mod reference;
mod requests;
mod secret;
mod tenants;
mod tls;
mod trusted_issuer;
mod unknown_clients;
mod url;
mod value;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use bailiwick_grant::Tenant;
use bailiwick_grant::state::{Client, ResourceServer, User, Username};
use bailiwick_jose::{base64url, digest};
use bailiwick_oauth::Subject;

use crate::branding::Branding;
use crate::certificate::ClientCertificates;
pub use outgoing::Outgoing;
pub use tls::ListenTls;

pub use problem::{ConfigError, Problem};
pub use reference::reference;

/// What the file says, as the types that the server works with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The settings under which the issuer decides.
    pub tenant: Tenant,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The proxies in front, whose `X-Forwarded-For` is believed; nobody else's is.
    pub proxies: Vec<IpAddr>,
    /// TLS of the listener; without it the server speaks plain HTTP.
    pub tls: Option<ListenTls>,
    /// Whose client certificates count; without it none does.
    pub certificates: Option<ClientCertificates>,
    /// The database file.
    pub store: PathBuf,
    /// How signing in is guarded.
    pub login: Login,
    /// Where the operator is answered.
    pub admin: Option<SocketAddr>,
    /// What requests to others may do.
    pub outgoing: Outgoing,
    /// The resource servers, marked as managed.
    pub resource_servers: Vec<ResourceServer>,
    /// The clients, marked as managed.
    pub clients: Vec<Client>,
    /// The users, marked as managed.
    pub users: Vec<User>,
    /// For development: the user who is signed in, and allows everything, without being asked.
    pub dangerous_sign_in_as: Option<String>,
    /// How the pages look.
    pub branding: Branding,
    /// The further issuers that the same process serves; they have none themselves.
    pub tenants: Vec<Config>,
    /// What is allowed, but seldom meant.
    pub warnings: Vec<Problem>,
}

/// How signing in is guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    /// How many sign-ins may fail, for one account from one address, within [`Login::window`].
    pub attempts: u32,
    /// The time that [`Login::attempts`] are counted in, in seconds.
    pub window: i64,
    /// How many passwords are checked at the same time.
    pub password_checks: usize,
}

/// What a file is read with, besides its text.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The name of the file, for messages.
    pub name: &'a str,
    /// The folder that relative paths start from.
    pub folder: &'a Path,
    /// Environment variables.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

impl Config {
    /// Reads a configuration file, and the environment where the file refers to it.
    ///
    /// # Errors
    /// When the file cannot be read, or holds mistakes: then all of them, each with its line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let around = Surroundings {
            name: &path.display().to_string(),
            folder: path.parent().unwrap_or(Path::new("")),
            environment: &|name| std::env::var(name).ok(),
        };
        Self::parse(&text, &around)
    }

    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// When it holds mistakes: then all of them, each with its line.
    pub fn parse(text: &str, around: &Surroundings<'_>) -> Result<Self, ConfigError> {
        let mut reader = read::Reader::new(text, *around);
        let config = reader.root().and_then(|root| check::check(root, &mut reader));
        reader.finish(config)
    }
}

/// The subject of a user whom the file gives none: always the same for the same user name.
///
/// It does not depend on the issuer, so that a server may move; it is not a secret either.
pub fn derived_subject(username: &str) -> Option<Subject> {
    let seed = format!("bailiwick subject\n{}", Username::canonical(username));
    Subject::parse(&base64url::encode(&digest::sha256(seed.as_bytes())[..16])).ok()
}
