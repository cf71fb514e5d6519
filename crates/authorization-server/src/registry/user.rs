//! Users that commands register.

use std::collections::BTreeSet;

use bailiwick_grant::state::{Client, Origin, User, Username};
use bailiwick_grant::{Change, Entropy, Loaded};
use bailiwick_jose::base64url;
use bailiwick_oauth::{Secret, Subject};
use bailiwick_store::{Store, StoreError, StoreExt};
use serde_json::{Map, Value};

use super::grant::disabled;
use super::{Collision, RegistryError, decide};
use crate::password::{self, PasswordError};

/// A user to be registered.
#[derive(Debug)]
pub struct NewUser {
    /// The name to sign in with.
    pub username: String,
    /// The password; without one the user cannot sign in.
    pub password: Option<Secret>,
    /// OpenID Connect claims.
    pub claims: Map<String, Value>,
    /// The roles.
    pub roles: BTreeSet<String>,
}

/// Registers a user under a fresh subject of 128 random bits.
///
/// # Errors
/// When the username is taken or the password is not acceptable.
pub async fn add_user(
    store: &dyn Store,
    new: NewUser,
    entropy: &mut (dyn Entropy + Send),
) -> Result<User, RegistryError> {
    let NewUser { username, password, claims, roles } = new;
    let name = Username::canonical(&username);
    if name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
        let wrong = format!("a username is one line of 1 to {LONGEST} octets");
        return Err(RegistryError::Invalid(vec![wrong]));
    }
    let password = match password {
        None => None,
        Some(password) => {
            let hashed = tokio::task::spawn_blocking(move || password::hash(&password)).await;
            Some(hashed.unwrap_or(Err(PasswordError::Failed))?)
        }
    };
    let username = username.trim().to_owned();
    decide!(store, {
        let subject = fresh_subject(entropy)?;
        if let Some(holder) = store.load::<Username>(&name).await? {
            let holder = format!("it is the username of the subject `{}`", holder.value.subject);
            return Err(RegistryError::Taken(vec![collision(&username, holder)]));
        }
        let user = User {
            subject: subject.clone(),
            username: username.clone(),
            password: password.clone(),
            claims: claims.clone(),
            roles: roles.clone(),
            enabled: true,
            origin: Origin::Registered,
        };
        let name = Username { username: name.clone(), subject };
        Ok((vec![Change::insert(name), Change::insert(user.clone())], user))
    })
}

/// Lists the users, those that are disabled too, by subject.
///
/// # Errors
/// When the store fails.
pub async fn list_users(store: &dyn Store) -> Result<Vec<User>, RegistryError> {
    let all = store.all::<User>().await?;
    Ok(all.into_iter().map(|loaded| loaded.value).collect())
}

/// Disables a user: no more sign-ins, and no more tokens from what was granted.
///
/// # Errors
/// When there is none, or the configuration file manages it.
pub async fn disable_user(
    store: &dyn Store,
    username: &str,
    now: i64,
) -> Result<(), RegistryError> {
    decide!(store, {
        let user = changeable(store, username).await?;
        if !user.value.enabled {
            return Ok((Vec::new(), ()));
        }
        Ok((disabled(store, &user, now).await?, ()))
    })
}

/// Enables a user that was disabled. Tokens from before stay refused by APIs that were told of it.
///
/// # Errors
/// When there is none, or the configuration file manages it.
pub async fn enable_user(store: &dyn Store, username: &str) -> Result<(), RegistryError> {
    decide!(store, {
        let user = changeable(store, username).await?;
        if user.value.enabled {
            return Ok((Vec::new(), ()));
        }
        Ok((vec![user.update(User { enabled: true, ..user.value.clone() })], ()))
    })
}

async fn changeable(store: &dyn Store, username: &str) -> Result<Loaded<User>, RegistryError> {
    let describe = || format!("user `{username}`");
    let name = store.load::<Username>(&Username::canonical(username)).await?;
    let name = name.ok_or_else(|| RegistryError::Unknown(describe()))?;
    let user = store.load::<User>(name.value.subject.as_str()).await?;
    let user = user.ok_or_else(|| RegistryError::Unknown(describe()))?;
    if user.value.origin == Origin::Managed {
        return Err(RegistryError::Managed(describe()));
    }
    Ok(user)
}

/// A username that somebody else has.
pub(super) fn collision(username: &str, holder: String) -> Collision {
    Collision {
        wanted_by: format!("user `{username}`"),
        name: Username::canonical(username),
        holder,
        help: "choose another username",
    }
}

/// The client whose identifier the subject is: a token must tell the two apart (RFC 9068 §5).
pub(super) async fn client_of_that_name(
    store: &dyn Store,
    subject: &Subject,
) -> Result<Option<Client>, StoreError> {
    Ok(store.load::<Client>(subject.as_str()).await?.map(|loaded| loaded.value))
}

fn fresh_subject(entropy: &mut dyn Entropy) -> Result<Subject, RegistryError> {
    Subject::parse(&base64url::encode(&entropy.draw()[..16]))
        .map_err(|why| RegistryError::Invalid(vec![why.to_string()]))
}

const LONGEST: usize = 200;
