//! Changes to what is registered: by the configuration file at each start, by commands between.
//!
//! The store is the one truth. What the file names is marked *managed*, and commands refuse to
//! change it. Names are written in the same commit as their owner, so that of two registrations
//! at the same moment one wins, and the other is told (rules §2.2).

mod apply;
mod client;
mod grant;
mod initial_access;
mod names;
mod resource_server;
mod user;

#[cfg(test)]
mod tests;

use std::fmt;

use bailiwick_grant::{Change, Entropy};
use bailiwick_jose::base64url;
use bailiwick_oauth::Secret;
use bailiwick_store::{CommitError, Store, StoreError};

pub use apply::{Applied, apply};
pub use client::{add_client, list_clients, remove_client};
pub use grant::{Grants, list_grants, revoke_grants};
pub use initial_access::{
    add_initial_access_token, list_initial_access_tokens, revoke_initial_access_tokens,
};
pub use resource_server::{
    add_resource_server, disable_resource_server, enable_resource_server, list_resource_servers,
};
pub use user::{NewUser, add_user, disable_user, enable_user, list_users};

use crate::password::PasswordError;

/// Why the registry was not changed; tells the operator what to do.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Names that somebody else has; each with who that is.
    #[error("{}", lines(.0))]
    Taken(Vec<Collision>),
    /// The entry is the configuration file's.
    #[error("{0} is managed by the configuration file: change it there and restart the server")]
    Managed(String),
    /// There is no such entry.
    #[error("there is no {0}")]
    Unknown(String),
    /// The entry contradicts itself or what is registered.
    #[error("{}", .0.join("\n"))]
    Invalid(Vec<String>),
    /// The password is not taken.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Other processes kept changing the same entries.
    #[error("other processes keep changing the same entries: try again")]
    Contended,
    /// The store failed.
    #[error("the registry cannot be read or written")]
    Store(#[from] StoreError),
}

/// A name that somebody else has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// Who wants it.
    pub wanted_by: String,
    /// The name.
    pub name: String,
    /// Who has it.
    pub holder: String,
    /// What to do.
    pub help: &'static str,
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted_by, name, holder, help } = self;
        write!(f, "{wanted_by} cannot have the name \"{name}\": {holder}; {help}")
    }
}

fn lines(collisions: &[Collision]) -> String {
    collisions.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Decides, commits and returns what was decided; decides again when somebody else was faster.
///
/// A macro, because the compiler cannot see yet that the future of an async closure is `Send`.
macro_rules! decide {
    ($store:expr, $decision:block) => {{
        for _ in 0..$crate::registry::ATTEMPTS {
            let decision: Result<_, $crate::registry::RegistryError> = async { $decision }.await;
            let (changes, outcome) = decision?;
            if $crate::registry::committed($store, changes).await? {
                return Ok(outcome);
            }
        }
        Err($crate::registry::RegistryError::Contended)
    }};
}
use decide;

/// Commits; `false` when somebody else was faster.
async fn committed(store: &dyn Store, changes: Vec<Change>) -> Result<bool, RegistryError> {
    if changes.is_empty() {
        return Ok(true);
    }
    match store.commit(changes).await {
        Ok(()) => Ok(true),
        Err(CommitError::Conflict) => Ok(false),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// A fresh secret of 256 bits.
fn fresh_secret(entropy: &mut dyn Entropy) -> Secret {
    Secret::new(base64url::encode(&entropy.draw()))
}

/// Of several processes one wins each time, so this many starts at once all succeed.
const ATTEMPTS: usize = 64;
