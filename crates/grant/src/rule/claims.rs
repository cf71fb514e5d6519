//! Which of a user's claims go where (OpenID Connect Core §5.4, §5.5).
//!
//! A scope opens its claims at userinfo. A claim that is asked for by name is a permission of its own
//! (`claim#email`): it stays under the client's ceiling of the scope that opens it, the user is
//! asked, may refuse it, and is remembered. It stands in the grant and never in a token's scope.

use std::collections::BTreeMap;

use bailiwick_oauth::claims_request::{AskedClaim, ClaimsRequest};
use bailiwick_oauth::{Grant, Scope, Scopes};
use serde_json::{Map, Value};

use super::scope::holds_global;
use crate::state::{Client, GrantRecord, User};
use crate::{Explanation, Reason, Tenant};

/// The claims that each scope opens (OpenID Connect Core §5.4).
const CLAIMS: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// What begins the name of a claim's own permission; no scope of ours begins so.
const OWN: &str = "claim#";

/// The names of all claims of users that can be had.
pub fn supported() -> impl Iterator<Item = &'static str> {
    CLAIMS.iter().flat_map(|(_, names)| names.iter().copied())
}

/// The scope that opens a claim.
fn opening(claim: &str) -> Option<&'static str> {
    CLAIMS.iter().find(|(_, names)| names.contains(&claim)).map(|(scope, _)| *scope)
}

/// The claim whose own permission this is, with the scope that opens it too.
pub fn named(scope: &Scope) -> Option<(&str, &'static str)> {
    let claim = scope.as_str().strip_prefix(OWN)?;
    opening(claim).map(|scope| (claim, scope))
}

/// What the user reads of a claim's own permission.
pub(crate) fn description(claim: &str) -> String {
    match claim {
        "email" => "See your e-mail address".to_owned(),
        "email_verified" => "See whether your e-mail address was verified".to_owned(),
        "phone_number_verified" => "See whether your telephone number was verified".to_owned(),
        "phone_number" => "See your telephone number".to_owned(),
        "address" => "See your postal address".to_owned(),
        "updated_at" => "See when your profile was changed".to_owned(),
        "zoneinfo" => "See your time zone".to_owned(),
        "profile" => "See the address of your profile page".to_owned(),
        other => format!("See your {}", other.replace('_', " ")),
    }
}

/// Adds the claims that are asked for by name to what the user is asked, and forgets those that
/// nobody knows. What an asked scope opens anyway is no question of its own.
pub(crate) fn resolve(
    tenant: &Tenant,
    client: &Client,
    claims: &ClaimsRequest,
    asked: &mut Grant,
    explanation: &mut Explanation,
) -> ClaimsRequest {
    let mut kept = claims.clone();
    kept.retain(|name| opening(name).is_some());
    let opened = asked.global.clone();
    let mut own = Scopes::new();
    for claim in kept.names() {
        let Some(scope) = opening(claim) else { continue };
        let Ok(permission) = Scope::parse(&format!("{OWN}{claim}")) else { continue };
        if opened.iter().any(|one| one.as_str() == scope) || own.contains(&permission) {
            continue;
        }
        let ceiling = Grant { global: Scopes::from_iter([permission.clone()]), ..Grant::default() };
        if holds_global(tenant, client, &ceiling, permission.as_str()) {
            explanation.add(None, &permission, Reason::Kept);
            own.insert(permission);
        } else {
            explanation.add(None, &permission, Reason::ClientCeiling);
        }
    }
    asked.global.extend(own);
    kept
}

/// The claims that userinfo answers with, for a token with these scopes.
pub(crate) fn at_userinfo(
    tenant: &Tenant,
    client: &Client,
    user: &User,
    record: &GrantRecord,
    scopes: &Scopes,
) -> Map<String, Value> {
    let mut told = by_name(tenant, client, user, record, &record.openid.claims.userinfo);
    for (_, names) in CLAIMS.iter().filter(|(scope, _)| scopes.has(scope)) {
        for name in *names {
            if let Some(value) = user.claims.get(*name) {
                told.insert((*name).to_owned(), value.clone());
            }
        }
    }
    told
}

/// The claims of the user that stand in the ID token: those that were asked for there by name.
pub(crate) fn in_id_token(
    tenant: &Tenant,
    client: &Client,
    user: &User,
    record: &GrantRecord,
) -> Map<String, Value> {
    by_name(tenant, client, user, record, &record.openid.claims.id_token)
}

fn by_name(
    tenant: &Tenant,
    client: &Client,
    user: &User,
    record: &GrantRecord,
    asked: &BTreeMap<String, AskedClaim>,
) -> Map<String, Value> {
    let may = |claim: &str, scope: &str| {
        let holds = |name: &str| holds_global(tenant, client, &record.grant, name);
        holds(scope) || holds(&format!("{OWN}{claim}"))
    };
    let mut told = Map::new();
    for (claim, asked) in asked {
        if !opening(claim).is_some_and(|scope| may(claim, scope)) {
            continue;
        }
        if let Some(value) = user.claims.get(claim).filter(|value| asked.admits(value)) {
            told.insert(claim.clone(), value.clone());
        }
    }
    told
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
