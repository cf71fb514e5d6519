//! Revocation: a client gives back what it was given (RFC 7009 §2).

use bailiwick_oauth::access_token::Claims;
use bailiwick_oauth::{ErrorCode, Resource};

use crate::state::{Client, GrantRecord, OpaqueToken, RefreshToken, RevokedToken};
use crate::{Change, Decision, Loaded, Reason, Refused};

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

/// Revokes a token of the client that presents it (RFC 7009 §2.1).
pub fn revoke(
    client: &Client,
    presented: &Presented,
    grant: Option<&Loaded<GrantRecord>>,
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
    let change = match presented {
        Presented::Refresh(_) => grant.map(|grant| grant.update(grant.value.clone().revoke())),
        Presented::Opaque(token) => Some(Change::delete::<OpaqueToken>(token.digest.as_str())),
        Presented::Jwt(claims) => {
            Some(Change::put(RevokedToken { jti: claims.jti.clone(), expires_at: claims.exp }))
        }
        Presented::Nothing => None,
    };
    Decision::new(change.into_iter().collect(), Ok(()))
}

/// Takes one resource out of a grant: its tokens are inactive at once, the others stay (rules §10.3).
pub fn resource(grant: &Loaded<GrantRecord>, resource: &Resource) -> Decision<()> {
    let without = grant.value.clone().without(resource);
    Decision::new(vec![grant.update(without)], ())
}

#[cfg(test)]
#[path = "revoke_tests.rs"]
mod tests;
