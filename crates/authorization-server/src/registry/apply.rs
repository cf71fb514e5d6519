//! Applies the configuration file to the store, at each start.
//!
//! One commit for the whole file: a start that fails leaves everything as it was. Applying the
//! same file again changes nothing, so any number of processes may start at the same time.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_grant::state::{Client, Name, Origin, ResourceServer, User, Username};
use bailiwick_grant::{Change, Loaded, Stored};
use bailiwick_oauth::Subject;
use bailiwick_store::{Store, StoreError, StoreExt};

use super::names::{self, Names};
use super::{Collision, RegistryError, client, decide, grant, resource_server, user};
use crate::config::Config;

/// What applying the file changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Applied {
    /// Entries that are new.
    pub added: usize,
    /// Entries that the file describes differently now.
    pub changed: usize,
    /// Entries that the file names no more: disabled, or removed if they are clients.
    pub withdrawn: usize,
}

/// Makes the store hold what the file names, marked as managed.
///
/// What an earlier file named and this one does not is withdrawn: resource servers and users are
/// disabled, clients removed; their names stay reserved. `now` is when that is.
///
/// # Errors
/// When an entry needs a name that a command registered or a removed entry had, or when the store
/// fails; nothing was changed then.
pub async fn apply(store: &dyn Store, config: &Config, now: i64) -> Result<Applied, RegistryError> {
    decide!(store, {
        let mut plan = Plan { now, ..Plan::default() };
        plan.names(store, config).await?;
        plan.resource_servers(store, config).await?;
        plan.clients(store, config).await?;
        plan.users(store, config).await?;
        if plan.collisions.is_empty() {
            Ok((plan.changes, plan.applied))
        } else {
            Err(RegistryError::Taken(plan.collisions))
        }
    })
}

#[derive(Default)]
struct Plan {
    now: i64,
    changes: Vec<Change>,
    collisions: Vec<Collision>,
    applied: Applied,
}

impl Plan {
    async fn names(&mut self, store: &dyn Store, config: &Config) -> Result<(), StoreError> {
        let issuer = (names::of_issuer(&config.tenant.issuer), "the issuer".to_owned());
        let servers = config.resource_servers.iter().map(|server| {
            (names::of_resource_server(server), resource_server::describe(&server.identifier))
        });
        let clients = config
            .clients
            .iter()
            .map(|entry| (names::of_client(entry), client::describe(&entry.id)));
        let wanted: Vec<(Vec<Name>, String)> =
            std::iter::once(issuer).chain(servers).chain(clients).collect();
        let mut names = Names::load(store, wanted.iter().flat_map(|(names, _)| names)).await?;
        for (wanted, by) in wanted {
            names.claim(wanted, &by);
        }
        self.changes.append(&mut names.changes);
        self.collisions.append(&mut names.collisions);
        Ok(())
    }

    async fn resource_servers(
        &mut self,
        store: &dyn Store,
        config: &Config,
    ) -> Result<(), StoreError> {
        let mut stored = by_key(store.all::<ResourceServer>().await?);
        for entry in &config.resource_servers {
            let found = stored.remove(&entry.key());
            let registered = found.as_ref().is_some_and(|it| it.value.origin == Origin::Registered);
            if registered {
                self.registered(
                    resource_server::describe(&entry.identifier),
                    entry.identifier.as_str(),
                );
            } else {
                self.write(found, entry.clone());
            }
        }
        for (_, gone) in stored {
            if gone.value.origin == Origin::Managed && gone.value.enabled {
                let disabled = ResourceServer { enabled: false, ..gone.value.clone() };
                self.changes.push(gone.update(disabled));
                self.applied.withdrawn += 1;
            }
        }
        Ok(())
    }

    async fn clients(&mut self, store: &dyn Store, config: &Config) -> Result<(), RegistryError> {
        let mut stored = by_key(store.all::<Client>().await?);
        for entry in &config.clients {
            let found = stored.remove(&entry.key());
            if found.as_ref().is_some_and(|it| it.value.origin == Origin::Registered) {
                self.registered(client::describe(&entry.id), entry.id.as_str());
            } else {
                self.write(found, entry.clone());
            }
            if let Some(user) = store.load::<User>(entry.id.as_str()).await? {
                self.collisions.push(client::subject_collision(&entry.id, &user.value));
            }
        }
        for (_, gone) in stored {
            if gone.value.origin == Origin::Managed {
                self.changes.append(&mut client::removal(store, &gone.value.id, self.now).await?);
                self.applied.withdrawn += 1;
            }
        }
        Ok(())
    }

    async fn users(&mut self, store: &dyn Store, config: &Config) -> Result<(), StoreError> {
        let mut stored = by_key(store.all::<User>().await?);
        self.usernames(store, config, &stored).await?;
        for entry in &config.users {
            let found = stored.remove(&entry.key());
            if found.as_ref().is_some_and(|it| it.value.origin == Origin::Registered) {
                let wanted_by = format!("user `{}`", entry.username);
                self.registered(wanted_by, entry.subject.as_str());
            } else {
                self.write(found, entry.clone());
            }
            if let Some(client) = user::client_of_that_name(store, &entry.subject).await?
                && !config.clients.iter().any(|known| known.id == client.id)
            {
                let holder =
                    format!("its subject is the identifier of the client \"{}\"", client.id);
                self.collisions.push(user::collision(&entry.username, holder));
            }
        }
        for (_, gone) in stored {
            if gone.value.origin == Origin::Managed && gone.value.enabled {
                self.changes.append(&mut grant::disabled(store, &gone, self.now).await?);
                self.applied.withdrawn += 1;
            }
        }
        Ok(())
    }

    /// Gives each user of the file its username, which another user of the file may have had.
    async fn usernames(
        &mut self,
        store: &dyn Store,
        config: &Config,
        stored: &BTreeMap<String, Loaded<User>>,
    ) -> Result<(), StoreError> {
        let subjects: BTreeSet<&Subject> = config.users.iter().map(|user| &user.subject).collect();
        let names: Vec<_> =
            config.users.iter().map(|user| Username::canonical(&user.username)).collect();
        let keys: Vec<_> = names.iter().map(String::as_str).collect();
        let held = store.load_each::<Username>(&keys).await?;
        for ((user, name), held) in config.users.iter().zip(&names).zip(held) {
            let wanted = Username { username: name.clone(), subject: user.subject.clone() };
            match held {
                None => self.changes.push(Change::insert(wanted)),
                Some(held) if held.value.subject == user.subject => {}
                Some(held) if subjects.contains(&held.value.subject) => {
                    self.changes.push(held.update(wanted));
                }
                Some(held) => {
                    let subject = &held.value.subject;
                    let holder = format!("it is the username of the subject `{subject}`");
                    self.collisions.push(user::collision(&user.username, holder));
                }
            }
            // a name that the user has no more no longer signs it in
            if let Some(before) = stored.get(user.subject.as_str()) {
                let before = Username::canonical(&before.value.username);
                if !names.contains(&before) {
                    self.changes.push(Change::delete::<Username>(before));
                }
            }
        }
        Ok(())
    }

    fn write<T: Stored + PartialEq>(&mut self, found: Option<Loaded<T>>, entry: T) {
        match found {
            None => {
                self.changes.push(Change::insert(entry));
                self.applied.added += 1;
            }
            Some(found) if found.value == entry => {}
            Some(found) => {
                self.changes.push(found.update(entry));
                self.applied.changed += 1;
            }
        }
    }

    fn registered(&mut self, wanted_by: String, name: &str) {
        self.collisions.push(Collision {
            wanted_by,
            name: name.to_owned(),
            holder: "a command registered one of that name".to_owned(),
            help: "take it out of the file, or choose another name",
        });
    }
}

fn by_key<T: Stored>(all: Vec<Loaded<T>>) -> BTreeMap<String, Loaded<T>> {
    all.into_iter().map(|loaded| (loaded.value.key(), loaded)).collect()
}
