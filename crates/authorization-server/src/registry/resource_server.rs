//! Resource servers that commands register (rules §3).

use std::collections::BTreeSet;

use bailiwick_grant::state::{Origin, ResourceServer};
use bailiwick_oauth::Resource;
use bailiwick_store::{Store, StoreExt};

use super::names::{self, Names};
use super::{RegistryError, decide};

/// Registers a resource server and its names.
///
/// # Errors
/// When one of its names is taken, or it contradicts itself.
pub async fn add_resource_server(
    store: &dyn Store,
    server: ResourceServer,
) -> Result<(), RegistryError> {
    let server = ResourceServer { origin: Origin::Registered, enabled: true, ..server };
    check(&server)?;
    let wanted = names::of_resource_server(&server);
    decide!(store, {
        let mut names = Names::load(store, &wanted).await?;
        names.claim_new(wanted.clone(), &describe(&server.identifier));
        if !names.collisions.is_empty() {
            return Err(RegistryError::Taken(names.collisions));
        }
        names.changes.push(bailiwick_grant::Change::insert(server.clone()));
        Ok((names.changes, ()))
    })
}

/// Lists the resource servers, those that are disabled too, by identifier.
///
/// # Errors
/// When the store fails.
pub async fn list_resource_servers(
    store: &dyn Store,
) -> Result<Vec<ResourceServer>, RegistryError> {
    let all = store.all::<ResourceServer>().await?;
    Ok(all.into_iter().map(|loaded| loaded.value).collect())
}

/// Disables a resource server: no more tokens for it; its names stay reserved.
///
/// # Errors
/// When there is none, or the configuration file manages it.
pub async fn disable_resource_server(
    store: &dyn Store,
    identifier: &Resource,
) -> Result<(), RegistryError> {
    set_enabled(store, identifier, false).await
}

/// Enables a resource server that was disabled.
///
/// # Errors
/// When there is none, or the configuration file manages it.
pub async fn enable_resource_server(
    store: &dyn Store,
    identifier: &Resource,
) -> Result<(), RegistryError> {
    set_enabled(store, identifier, true).await
}

async fn set_enabled(
    store: &dyn Store,
    identifier: &Resource,
    enabled: bool,
) -> Result<(), RegistryError> {
    decide!(store, {
        let found = store.load::<ResourceServer>(identifier.as_str()).await?;
        let found = found.ok_or_else(|| RegistryError::Unknown(describe(identifier)))?;
        if found.value.origin == Origin::Managed {
            return Err(RegistryError::Managed(describe(identifier)));
        }
        if found.value.enabled == enabled {
            return Ok((Vec::new(), ()));
        }
        Ok((vec![found.update(ResourceServer { enabled, ..found.value.clone() })], ()))
    })
}

/// How messages call a resource server.
pub(super) fn describe(identifier: &Resource) -> String {
    format!("resource server \"{identifier}\"")
}

fn check(server: &ResourceServer) -> Result<(), RegistryError> {
    let mut wrong = Vec::new();
    let own: Vec<_> = names::of_resource_server(server).into_iter().map(|it| it.name).collect();
    if own.iter().collect::<BTreeSet<_>>().len() < own.len() {
        wrong.push("an alias or the audience repeats another name: leave it out".to_owned());
    }
    let scopes: BTreeSet<_> = server.scopes.iter().map(|scope| &scope.name).collect();
    if scopes.len() < server.scopes.len() {
        wrong.push("a scope is named twice: leave one out".to_owned());
    }
    if server.lifetime < 1 {
        wrong.push("the lifetime of access tokens is at least a second".to_owned());
    }
    if server.name.trim().is_empty() {
        wrong.push("the name that users read is empty".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(RegistryError::Invalid(wrong)) }
}
