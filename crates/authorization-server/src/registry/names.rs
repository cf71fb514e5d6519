//! Names and their holders (rules §2.2).

use std::collections::HashMap;

use bailiwick_grant::state::{Client, Name, NameOwner, ResourceServer};
use bailiwick_grant::{Change, Loaded};
use bailiwick_oauth::Issuer;
use bailiwick_store::{Store, StoreError, StoreExt};

use super::Collision;

/// The name of the issuer.
pub(super) fn of_issuer(issuer: &Issuer) -> Vec<Name> {
    vec![Name::new(issuer.as_str(), NameOwner::Issuer)]
}

/// The identifier, the aliases and the audience of a resource server.
pub(super) fn of_resource_server(server: &ResourceServer) -> Vec<Name> {
    let own = NameOwner::ResourceServer(server.identifier.clone());
    let sent = std::iter::once(&server.identifier).chain(&server.aliases);
    let mut names: Vec<_> = sent.map(|name| Name::new(name.as_str(), own.clone())).collect();
    if let Some(audience) = &server.audience_override {
        names.push(Name::new(audience, NameOwner::Audience(server.identifier.clone())));
    }
    names
}

/// The identifier of a client.
pub(super) fn of_client(client: &Client) -> Vec<Name> {
    vec![Name::new(client.id.as_str(), NameOwner::Client(client.id.clone()))]
}

/// Names as they are held, and the changes that claim more.
pub(super) struct Names {
    held: HashMap<String, Loaded<Name>>,
    pub(super) changes: Vec<Change>,
    pub(super) collisions: Vec<Collision>,
}

impl Names {
    /// Loads the holders of the names that will be claimed.
    pub(super) async fn load<'n>(
        store: &dyn Store,
        wanted: impl IntoIterator<Item = &'n Name>,
    ) -> Result<Self, StoreError> {
        let keys: Vec<_> = wanted.into_iter().map(|name| name.name.as_str()).collect();
        let loaded = store.load_each::<Name>(&keys).await?;
        let held = keys.iter().zip(loaded);
        let held = held.filter_map(|(key, name)| Some(((*key).to_owned(), name?))).collect();
        Ok(Self { held, changes: Vec::new(), collisions: Vec::new() })
    }

    /// Claims names for an owner that may have some of them already.
    pub(super) fn claim(&mut self, names: Vec<Name>, wanted_by: &str) {
        for name in names {
            match self.held.get(&name.name) {
                None => self.changes.push(Change::insert(name)),
                Some(held) if held.value.owner == name.owner => {}
                // an alias that becomes the audience, or the reverse
                Some(held) if same_server(&held.value.owner, &name.owner) => {
                    self.changes.push(held.update(name));
                }
                Some(held) => self.collisions.push(collision(wanted_by, &held.value)),
            }
        }
    }

    /// Notes names that are claimed for a new owner and must all be free.
    pub(super) fn claim_new(&mut self, names: Vec<Name>, wanted_by: &str) {
        for name in names {
            match self.held.get(&name.name) {
                None => self.changes.push(Change::insert(name)),
                Some(held) => self.collisions.push(collision(wanted_by, &held.value)),
            }
        }
    }
}

fn same_server(a: &NameOwner, b: &NameOwner) -> bool {
    use NameOwner::{Audience, ResourceServer};
    match (a, b) {
        (ResourceServer(a) | Audience(a), ResourceServer(b) | Audience(b)) => a == b,
        _ => false,
    }
}

fn collision(wanted_by: &str, taken: &Name) -> Collision {
    let holder = match &taken.owner {
        NameOwner::ResourceServer(server) if server.as_str() == taken.name => {
            format!("the resource server \"{server}\" is registered")
        }
        NameOwner::ResourceServer(server) => {
            format!("it is or was an alias of the resource server \"{server}\"")
        }
        NameOwner::Audience(server) => {
            format!("it is or was the audience of the resource server \"{server}\"")
        }
        NameOwner::Client(client) => format!("the client \"{client}\" is registered"),
        NameOwner::Issuer => "it is or was the issuer".to_owned(),
        NameOwner::Reserved => "who had it was removed, and the name stays reserved".to_owned(),
    };
    Collision {
        wanted_by: wanted_by.to_owned(),
        name: taken.name.clone(),
        holder,
        help: "choose another name",
    }
}
