//! Clients that commands register (RFC 6749 §2).

use bailiwick_grant::state::{
    Authentication, Client, GrantKind, Name, NameOwner, Origin, Pkce, Reach, ResourceServer,
    Revoked, User,
};
use bailiwick_grant::{Change, Entropy};
use bailiwick_oauth::{ClientId, Secret};
use bailiwick_store::{Store, StoreExt};

use super::grant::tell_everybody;
use super::names::{self, Names};
use super::{Collision, RegistryError, decide, fresh_secret};

/// Registers a client and its name.
///
/// A client that authenticates with a secret and has none yet gets a fresh one of 256 bits, which
/// is returned this once: the store keeps its digest alone.
///
/// # Errors
/// When its name is taken, or it contradicts itself or the resource servers.
pub async fn add_client(
    store: &dyn Store,
    client: Client,
    entropy: &mut (dyn Entropy + Send),
) -> Result<Option<Secret>, RegistryError> {
    let mut client = Client { origin: Origin::Registered, ..client };
    let secret = match &mut client.authentication {
        Authentication::Basic { secrets } | Authentication::Post { secrets }
            if secrets.is_empty() =>
        {
            let secret = fresh_secret(entropy);
            secrets.push(secret.digest());
            Some(secret)
        }
        _ => None,
    };
    insert(store, &client).await?;
    Ok(secret)
}

async fn insert(store: &dyn Store, client: &Client) -> Result<(), RegistryError> {
    let wanted = names::of_client(client);
    decide!(store, {
        check(store, client).await?;
        let mut names = Names::load(store, &wanted).await?;
        names.claim_new(wanted.clone(), &describe(&client.id));
        if let Some(user) = store.load::<User>(client.id.as_str()).await? {
            names.collisions.push(subject_collision(&client.id, &user.value));
        }
        if !names.collisions.is_empty() {
            return Err(RegistryError::Taken(names.collisions));
        }
        names.changes.push(Change::insert(client.clone()));
        Ok((names.changes, ()))
    })
}

/// Lists the clients by identifier.
///
/// # Errors
/// When the store fails.
pub async fn list_clients(store: &dyn Store) -> Result<Vec<Client>, RegistryError> {
    let all = store.all::<Client>().await?;
    Ok(all.into_iter().map(|loaded| loaded.value).collect())
}

/// Removes a client; its name stays reserved, so that nobody inherits its grants.
///
/// # Errors
/// When there is none, or the configuration file manages it.
pub async fn remove_client(
    store: &dyn Store,
    id: &ClientId,
    now: i64,
) -> Result<(), RegistryError> {
    decide!(store, {
        let found = store.load::<Client>(id.as_str()).await?;
        let found = found.ok_or_else(|| RegistryError::Unknown(describe(id)))?;
        if found.value.origin == Origin::Managed {
            return Err(RegistryError::Managed(describe(id)));
        }
        Ok((removal(store, id, now).await?, ()))
    })
}

/// The changes that remove a client and reserve its name; the APIs are told.
pub(super) async fn removal(
    store: &dyn Store,
    id: &ClientId,
    now: i64,
) -> Result<Vec<Change>, RegistryError> {
    let reserved = Name::new(id.as_str(), NameOwner::Reserved);
    let name = match store.load::<Name>(&reserved.name).await? {
        Some(name) => name.update(reserved),
        None => Change::insert(reserved),
    };
    let mut changes = tell_everybody(store, &Revoked::Client(id.clone()), now).await?;
    changes.extend([name, Change::delete::<Client>(id.as_str())]);
    Ok(changes)
}

/// How messages call a client.
pub(super) fn describe(id: &ClientId) -> String {
    format!("client \"{id}\"")
}

/// The `sub` of a client's own tokens is its identifier: no user may have that one (RFC 9068 §5).
pub(super) fn subject_collision(id: &ClientId, user: &User) -> Collision {
    Collision {
        wanted_by: describe(id),
        name: id.as_str().to_owned(),
        holder: format!("it is the subject of the user `{}`", user.username),
        help: "choose another identifier",
    }
}

async fn check(store: &dyn Store, client: &Client) -> Result<(), RegistryError> {
    let mut wrong = Vec::new();
    let uses = |kind| client.grant_types.contains(&kind);
    if client.grant_types.is_empty() {
        wrong.push("a client without a grant type can do nothing: name one".to_owned());
    }
    if client.is_public() && uses(GrantKind::ClientCredentials) {
        wrong.push(
            "a public client has no credentials of its own: choose another authentication".into(),
        );
    }
    if client.is_public() && client.pkce == Pkce::Optional {
        wrong.push("a public client must use PKCE".to_owned());
    }
    if uses(GrantKind::AuthorizationCode) && client.redirect_uris.is_empty() {
        wrong.push("the authorization code needs a redirect URI: add one".to_owned());
    }
    if client.name.trim().is_empty() {
        wrong.push("the name that users read is empty".to_owned());
    }
    for (resource, reach) in &client.ceiling.resources {
        let Some(server) = store.load::<ResourceServer>(resource.as_str()).await? else {
            wrong.push(format!("no resource server is called \"{resource}\": register it first"));
            continue;
        };
        let Reach::Only(scopes) = reach else { continue };
        for scope in scopes.iter().filter(|scope| !server.value.defines(scope)) {
            wrong.push(format!("\"{resource}\" does not define the scope `{scope}`"));
        }
    }
    if let Some(default) = &client.default_resource
        && !client.ceiling.on(default).is_open()
    {
        wrong.push(format!("the default resource \"{default}\" is not open to the client"));
    }
    for pair in &client.required {
        if !client.ceiling.on(&pair.resource).reaches(&pair.scope) {
            wrong.push(format!("{pair} is required, but above the client's ceiling"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(RegistryError::Invalid(wrong)) }
}
