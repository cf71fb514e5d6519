//! Explaining: what a client and a user would get, pair by pair, and why (rules §9).

use bailiwick_oauth::{Grant, Scopes};

use crate::rule::resource::{self, Directory};
use crate::rule::scope;
use crate::state::{Client, User};
use crate::{Explanation, Refused, Tenant};

/// What a request would come to.
#[derive(Debug)]
pub struct Explained {
    /// What would be granted if the user accepts everything.
    pub grant: Grant,
    /// Every pair with `kept` or the one rule that dropped it.
    pub explanation: Explanation,
}

/// Explains what a request would come to, by the very rules that decide it.
///
/// # Errors
/// The refusal that the client would get; its reason is the operator's answer.
pub fn explain(
    tenant: &Tenant,
    client: &Client,
    user: Option<&User>,
    directory: &Directory,
    resources: &[String],
    scopes: &Scopes,
) -> Result<Explained, Refused> {
    let named = resource::requested(tenant, client, directory, resources, &[])?;
    let mut resolved = scope::resolve(tenant, client, directory, &named, scopes)?;
    if let Some(user) = user {
        let permitted = scope::permit(tenant, client, directory, user, &resolved.asked)?;
        resolved.explanation.extend(permitted.explanation);
        resolved.asked = permitted.asked;
    }
    Ok(Explained { grant: resolved.asked, explanation: resolved.explanation })
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
