//! The refresh token (RFC 6749 §6): tokens for the same or another resource of its grant, and its own
//! rotation (rules §6).

use bailiwick_oauth::ErrorCode;
use bailiwick_oauth::token::Request;

use super::held::{Held, live, replayed};
use super::narrow::narrow;
use super::{Context, Outcome, Tokens, invalid_grant, write};
use crate::rule::scope::holds_global;
use crate::rule::{fapi, sender};
use crate::state::{GrantKind, GrantRecord, RefreshToken, Rotation, User};
use crate::{Decision, Entropy, Loaded, Reason, Refused};

/// Refreshes an access token, for the same or another resource of the grant (RFC 6749 §6).
///
/// Does not authenticate the client; see [`rule::client_auth`](crate::rule::client_auth).
pub fn refresh_token(
    context: &Context<'_>,
    request: &Request,
    token: Option<&RefreshToken>,
    grant: Option<&Loaded<GrantRecord>>,
    user: Option<&User>,
    entropy: &mut dyn Entropy,
) -> Outcome {
    let cnf = token.and_then(|token| token.cnf.clone());
    let (held, rotation) = match refreshable(context, token, grant, user) {
        Ok(held) => held,
        Err(decision) => return *decision,
    };
    // rules §5.6, §6: a refused resource or scope rotates nothing.
    let narrowed = match narrow(context, request, &held, request.scope.as_ref()) {
        Ok(narrowed) => narrowed,
        Err(refused) => return Decision::unchanged(Err(refused)),
    };
    let record = &held.grant.value;
    let mut changes = Vec::new();
    let source = write::Source::grant(context, record, entropy);
    let access = write::access_token(context, &narrowed, source, entropy, &mut changes);
    // What the old one was bound to, the new one is: another resource may ask for less.
    let cnf = cnf.as_ref().or(narrowed.confirmation.as_ref());
    let next = fapi::rotates(context.tenant, context.client).then(|| {
        let (token, change) =
            write::refresh_token(context, record, rotation.generation, cnf, entropy);
        changes.push(change);
        token
    });
    let expires_at = record
        .expires_at
        .max(access.claims.exp)
        .max(context.now + context.tenant.lifetimes.refresh_token);
    // Written even by a sibling: a revocation in the meantime is a conflict.
    let mut after = GrantRecord { rotation, expires_at, ..record.clone() };
    write::keep_listed(&mut after, context.tenant.lifetimes.refresh_token, &mut changes);
    changes.push(held.grant.update(after));
    // OpenID Connect Core §12.2: as the first one, without its nonce.
    let holds_openid = holds_global(context.tenant, context.client, &record.grant, "openid");
    let id = holds_openid.then(|| write::id_token(context, &held, None));
    let outcome = Ok(Tokens { access, refresh: next, id });
    Decision { changes, outcome, explanation: narrowed.explanation }
}

fn refreshable<'a>(
    context: &Context<'_>,
    token: Option<&RefreshToken>,
    grant: Option<&'a Loaded<GrantRecord>>,
    user: Option<&'a User>,
) -> Result<(Held<'a>, Rotation), Box<Outcome>> {
    let refuse = |refused: Refused| Box::new(Decision::unchanged(Err(refused)));
    if !context.client.grant_types.contains(&GrantKind::RefreshToken) {
        let text = "this client is not registered for grant_type refresh_token";
        let error = ErrorCode::UnauthorizedClient;
        return Err(refuse(Refused::new(error, Reason::GrantTypeNotAllowed, text)));
    }
    let token = token.ok_or_else(|| refuse(invalid_grant(Reason::Unknown)))?;
    if token.client != context.client.id {
        return Err(refuse(invalid_grant(Reason::OtherClient)));
    }
    if context.now >= token.expires_at {
        return Err(refuse(invalid_grant(Reason::Expired)));
    }
    // Before the rotation: who does not hold the key neither retires nor revokes anything.
    sender::holds_refresh(token.cnf.as_ref(), context.sender).map_err(refuse)?; // RFC 9449 §5
    let held = live(context, &token.grant, grant, user).map_err(refuse)?;
    let before = &held.grant.value.rotation;
    let Some(rotation) = rotated(context, token, before) else {
        return Err(Box::new(replayed(context, grant, Reason::RefreshReplayed))); // RFC 9700 §4.14.2
    };
    let is_sibling = token.generation < before.generation;
    if is_sibling && before.jkt != context.sender.jkt {
        let text = "the refresh token was used with another key a moment ago";
        let refused = Refused::new(ErrorCode::InvalidGrant, Reason::SenderDiffers, text);
        return Err(refuse(refused)); // rules §6.4: siblings have the same sender key
    }
    Ok((held, rotation))
}

/// The rotation after this use of a token; `None` when the token was retired for good (rules §6.4).
fn rotated(context: &Context<'_>, token: &RefreshToken, before: &Rotation) -> Option<Rotation> {
    if token.generation == before.generation {
        if !fapi::rotates(context.tenant, context.client) {
            return Some(before.clone());
        }
        // The first use of a generation retires it and all of its siblings.
        return Some(Rotation {
            generation: before.generation + 1,
            rotated_at: context.now,
            jkt: context.sender.jkt.clone(),
        });
    }
    let was_just_retired = token.generation + 1 == before.generation
        && context.now <= before.rotated_at + context.tenant.lifetimes.replay;
    // One replay window a generation: it is not begun anew.
    was_just_retired.then(|| before.clone())
}

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod tests;
