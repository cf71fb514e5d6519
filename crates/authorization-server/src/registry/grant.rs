//! Grants that the operator looks at and takes back.

use bailiwick_grant::flow::revoke::{self, Back};
use bailiwick_grant::state::{Consent, GrantRecord, ResourceServer, Revoked, User, Username};
use bailiwick_grant::{Change, Loaded, Stored};
use bailiwick_oauth::{ClientId, Resource, Subject};
use bailiwick_store::{Store, StoreError, StoreExt};

use super::{RegistryError, decide};
use crate::load;

/// Which grants are meant: those to which everything applies that is said.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// Of this user.
    pub username: Option<String>,
    /// Of this client.
    pub client: Option<ClientId>,
    /// With this API; only it is taken out of them.
    pub resource: Option<Resource>,
}

/// Lists the grants that hold.
///
/// # Errors
/// When there is no such user, or the store fails.
pub async fn list_grants(
    store: &dyn Store,
    which: &Grants,
    now: i64,
) -> Result<Vec<GrantRecord>, RegistryError> {
    let grants = found(store, which, now).await?;
    Ok(grants.into_iter().map(|grant| grant.value).collect())
}

/// Revokes grants, or takes one API out of them, and says how many; the APIs are told, and what the
/// users answered is asked again.
///
/// # Errors
/// When there is no such user, or the store fails.
pub async fn revoke_grants(
    store: &dyn Store,
    which: &Grants,
    now: i64,
) -> Result<usize, RegistryError> {
    let back = which.resource.as_ref().map_or(Back::Everything, Back::Resource);
    let all = found(store, which, now).await?;
    for grant in &all {
        one(store, grant.value.id.as_str(), back, now).await?;
    }
    Ok(all.len())
}

/// Each by itself: thousands in one commit would conflict with every refresh in between.
async fn one(store: &dyn Store, id: &str, back: Back<'_>, now: i64) -> Result<(), RegistryError> {
    decide!(store, {
        let Some(grant) = store.load::<GrantRecord>(id).await? else { return Ok((vec![], ())) };
        let servers = load::servers_of(store, &grant.value.grant).await?;
        let mut changes = revoke::take_back(&grant, back, &servers, now);
        let (subject, client) = (&grant.value.subject, &grant.value.client);
        for consent in load::consents_of(store, subject, client).await? {
            changes.push(match back {
                Back::Everything => Change::delete::<Consent>(consent.value.key()),
                Back::Resource(resource) => consent.update(consent.value.clone().without(resource)),
            });
        }
        Ok((changes, ()))
    })
}

async fn found(
    store: &dyn Store,
    which: &Grants,
    now: i64,
) -> Result<Vec<Loaded<GrantRecord>>, RegistryError> {
    let mut all = match &which.username {
        Some(username) => {
            let subject = subject_of(store, username).await?;
            load::grants_of(store, &subject, usize::MAX, now).await?
        }
        None => store.all::<GrantRecord>().await?,
    };
    all.retain(|grant| {
        let grant = &grant.value;
        grant.is_live(now)
            && which.client.as_ref().is_none_or(|client| grant.client == *client)
            && which.resource.as_ref().is_none_or(|api| grant.grant.resources.contains_key(api))
    });
    Ok(all)
}

async fn subject_of(store: &dyn Store, username: &str) -> Result<Subject, RegistryError> {
    let name = store.load::<Username>(&Username::canonical(username)).await?;
    let name = name.ok_or_else(|| RegistryError::Unknown(format!("user `{username}`")))?;
    Ok(name.value.subject)
}

/// The changes by which every API that takes events is told.
pub(super) async fn tell_everybody(
    store: &dyn Store,
    revoked: &Revoked,
    now: i64,
) -> Result<Vec<Change>, StoreError> {
    let servers = store.all::<ResourceServer>().await?;
    let told = servers.iter().filter_map(|server| {
        bailiwick_grant::flow::notice::tell(&server.value, revoked.clone(), now)
    });
    Ok(told.collect())
}

/// The user with everything taken back that a disabled account had.
pub(super) async fn disabled(
    store: &dyn Store,
    user: &Loaded<User>,
    now: i64,
) -> Result<Vec<Change>, StoreError> {
    let revoked = Revoked::Account(user.value.subject.clone());
    let mut changes = tell_everybody(store, &revoked, now).await?;
    changes.push(user.update(User { enabled: false, ..user.value.clone() }));
    Ok(changes)
}
