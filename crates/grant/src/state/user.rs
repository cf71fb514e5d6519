//! A user, and the name with which it signs in.

use std::collections::BTreeSet;
use std::fmt;

use bailiwick_oauth::Subject;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::resource_server::Origin;
use crate::{Kind, Record, Stored};

/// A user as it is registered.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The identifier that tokens carry; never changes.
    pub subject: Subject,
    /// The name with which it signs in.
    pub username: String,
    /// The argon2 hash of its password, as a PHC string; absent when it cannot sign in with one.
    pub password: Option<String>,
    /// Its OpenID Connect claims: `name`, `email`, … (OpenID Connect Core §5.1).
    pub claims: Map<String, Value>,
    /// Its roles, for resource servers that ask for them.
    pub roles: BTreeSet<String>,
    /// Whether it may sign in and hold grants.
    pub enabled: bool,
    /// Who registered it.
    pub origin: Origin,
}

/// The name with which a user signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Username {
    /// The name, as [`Username::canonical`] makes it.
    pub username: String,
    /// Whose it is.
    pub subject: Subject,
}

impl Username {
    /// The form in which names are compared: without case and outer white space.
    pub fn canonical(text: &str) -> String {
        text.trim().to_lowercase()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({}, {})", self.subject, self.username)
    }
}

impl Stored for User {
    const KIND: Kind = Kind::User;
    fn key(&self) -> String {
        self.subject.as_str().to_owned()
    }
    fn into_record(self) -> Record {
        Record::User(Box::new(self))
    }
}

impl Stored for Username {
    const KIND: Kind = Kind::Username;
    fn key(&self) -> String {
        self.username.clone()
    }
    fn into_record(self) -> Record {
        Record::Username(Box::new(self))
    }
}
