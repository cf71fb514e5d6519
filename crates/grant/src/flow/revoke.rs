//! Revocation: a client gives back what it was given (RFC 7009 §2).

use bailiwick_oauth::access_token::Claims;
use bailiwick_oauth::{ErrorCode, Resource};

use super::notice;
use crate::rule::resource::Directory;
use crate::state::{Client, GrantRecord, OpaqueToken, RefreshToken, Revoked, RevokedToken};
use crate::{Change, Decision, Loaded, Reason, Refused, Tenant};

/// The token that was found behind a string.
#[derive(Debug)]
pub enum Presented {
    /// A refresh token: with it goes the whole grant.
    Refresh(RefreshToken),
    /// An opaque access token.
    Opaque(OpaqueToken),
    /// A JWT access token whose signature, type and issuer were verified with our own keys.
    Jwt(Claims),
    /// No token of ours.
    Nothing,
}

/// What is taken back.
#[derive(Debug, Clone, Copy)]
pub enum Back<'a> {
    /// The whole grant.
    Everything,
    /// One resource of it.
    Resource(&'a Resource),
}

/// Revokes a token of the client that presents it (RFC 7009 §2.1).
///
/// With a refresh token goes its whole grant, or only the `resources` of it that are named. The
/// directory holds the resource servers of the grant or of the access token: they are told.
pub fn revoke(
    tenant: &Tenant,
    client: &Client,
    presented: &Presented,
    resources: &[String],
    grant: Option<&Loaded<GrantRecord>>,
    directory: &Directory,
    now: i64,
) -> Decision<Result<(), Refused>> {
    let owner = match presented {
        Presented::Refresh(token) => &token.client,
        Presented::Opaque(token) => &token.claims.client_id,
        Presented::Jwt(claims) => &claims.client_id,
        Presented::Nothing => return Decision::unchanged(Ok(())), // RFC 7009 §2.2
    };
    if *owner != client.id {
        let text = "the token was issued to another client";
        let refused = Refused::new(ErrorCode::InvalidGrant, Reason::OtherClient, text);
        return Decision::unchanged(Err(refused));
    }
    let changes = match presented {
        Presented::Refresh(_) => grant
            .map_or(Ok(Vec::new()), |grant| given_back(tenant, grant, resources, directory, now)),
        Presented::Opaque(token) => {
            let gone = Change::delete::<OpaqueToken>(token.digest.as_str());
            Ok(ended(gone, &token.claims, directory, now))
        }
        Presented::Jwt(claims) => {
            let revoked = RevokedToken { jti: claims.jti.clone(), expires_at: claims.exp };
            Ok(ended(Change::put(revoked), claims, directory, now))
        }
        Presented::Nothing => Ok(Vec::new()),
    };
    match changes {
        Ok(changes) => Decision::new(changes, Ok(())),
        Err(refused) => Decision::unchanged(Err(refused)),
    }
}

/// What a client gives back with its refresh token.
fn given_back(
    tenant: &Tenant,
    grant: &Loaded<GrantRecord>,
    resources: &[String],
    directory: &Directory,
    now: i64,
) -> Result<Vec<Change>, Refused> {
    let mut named = Vec::new();
    for text in resources {
        let name = Resource::parse_with(text, tenant.plain_http).ok();
        let server = name.as_ref().and_then(|name| directory.find(name));
        let held = server.filter(|it| grant.value.grant.resources.contains_key(&it.identifier));
        let server = held.ok_or_else(|| {
            let text = "the refresh token holds nothing at a resource that is named";
            Refused::new(ErrorCode::InvalidTarget, Reason::ResourceNotGranted, text)
        })?;
        named.push(server);
    }
    if named.is_empty() {
        return Ok(take_back(grant, Back::Everything, directory, now));
    }
    let mut left = grant.value.clone();
    let mut changes = Vec::new();
    for server in named {
        left = left.without(&server.identifier);
        changes.extend(notice::tell(server, Revoked::Grant(left.id.clone()), now));
    }
    changes.push(grant.update(left.or_nothing()));
    Ok(changes)
}

/// Ends one access token, and tells its API.
fn ended(change: Change, claims: &Claims, directory: &Directory, now: i64) -> Vec<Change> {
    let server = directory.of_audience(&claims.aud);
    let told = server.and_then(|it| notice::tell(it, Revoked::Token(claims.jti.clone()), now));
    std::iter::once(change).chain(told).collect()
}

/// Takes back a grant, or one resource of it: its tokens are inactive at once, the others stay
/// (rules §10.3), and the APIs are told. What does not hold any more stays as it is.
pub fn take_back(
    grant: &Loaded<GrantRecord>,
    back: Back<'_>,
    directory: &Directory,
    now: i64,
) -> Vec<Change> {
    let record = &grant.value;
    if !record.is_live(now) {
        return Vec::new();
    }
    match back {
        Back::Everything => {
            let mut changes = notice::tell_all(record, directory, now);
            changes.push(grant.update(record.clone().revoke()));
            changes
        }
        Back::Resource(resource) if record.grant.resources.contains_key(resource) => {
            let server = directory.find(resource);
            let told =
                server.and_then(|it| notice::tell(it, Revoked::Grant(record.id.clone()), now));
            let left = record.clone().without(resource).or_nothing();
            told.into_iter().chain([grant.update(left)]).collect()
        }
        Back::Resource(_) => Vec::new(),
    }
}

#[cfg(test)]
#[path = "revoke_tests.rs"]
mod tests;
