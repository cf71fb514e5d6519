//! The one namespace of identifiers, aliases, audiences, client ids and the issuer (rules §2.2).

use bailiwick_oauth::resource::PlainHttp;
use bailiwick_oauth::{ClientId, Resource};
use serde::{Deserialize, Serialize};

use crate::{Kind, Record, Stored};

/// A name that is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The name, canonical where it is a URI.
    pub name: String,
    /// Whose it is.
    pub owner: NameOwner,
}

/// Whose a name is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameOwner {
    /// An identifier, or an alias that clients may send for it.
    ResourceServer(Resource),
    /// What stands in `aud` of a resource server's tokens; clients cannot send it.
    Audience(Resource),
    /// A client's identifier.
    Client(ClientId),
    /// The issuer.
    Issuer,
    /// Whoever had it is gone; nobody gets it again.
    Reserved,
}

impl Name {
    /// A name in the form in which names are compared.
    pub fn new(name: &str, owner: NameOwner) -> Self {
        Self { name: Self::canonical(name), owner }
    }

    /// The form in which names are compared: canonical where it is a URI, else as it is.
    pub fn canonical(name: &str) -> String {
        Resource::parse_with(name, PlainHttp::Anywhere)
            .map_or_else(|_| name.to_owned(), |resource| resource.as_str().to_owned())
    }
}

impl Stored for Name {
    const KIND: Kind = Kind::Name;
    fn key(&self) -> String {
        self.name.clone()
    }
    fn into_record(self) -> Record {
        Record::Name(Box::new(self))
    }
}
