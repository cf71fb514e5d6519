//! The authorization code (RFC 6749 §4.1.3): redeemed once, by the client that it belongs to.

use bailiwick_oauth::ErrorCode;
use bailiwick_oauth::token::{GrantType, Request};

use super::held::{Held, live, replayed};
use super::narrow::narrow;
use super::write::first_tokens;
use super::{Context, Outcome, grant_type_allowed, invalid_grant};
use crate::rule::{pkce, sender};
use crate::state::{Client, Code, GrantRecord, Standing, User};
use crate::{Decision, Entropy, Loaded, Reason, Refused};

/// Redeems an authorization code (RFC 6749 §4.1.3).
///
/// Does not authenticate the client; see [`rule::client_auth`](crate::rule::client_auth).
pub fn authorization_code(
    context: &Context<'_>,
    request: &Request,
    code: Option<&Loaded<Code>>,
    grant: Option<&Loaded<GrantRecord>>,
    user: Option<&User>,
    entropy: &mut dyn Entropy,
) -> Outcome {
    let (code, held) = match redeemable(context, request, code, grant, user) {
        Ok(held) => held,
        Err(decision) => return *decision,
    };
    // rules §5.6: a refused resource consumes nothing, and is looked at only after all of the above.
    let narrowed = match narrow(context, request, &held, None) {
        Ok(narrowed) => narrowed,
        Err(refused) => {
            let counted = code.update(code.value.clone().refuse());
            return Decision::new(vec![counted], Err(refused));
        }
    };
    let spent = code.update(code.value.clone().spend()); // RFC 6749 §4.1.2: single use
    first_tokens(context, &held, narrowed, code.value.nonce.as_deref(), spent, entropy)
}

fn redeemable<'a>(
    context: &Context<'_>,
    request: &Request,
    code: Option<&'a Loaded<Code>>,
    grant: Option<&'a Loaded<GrantRecord>>,
    user: Option<&'a User>,
) -> Result<(&'a Loaded<Code>, Held<'a>), Box<Outcome>> {
    let refuse = |refused: Refused| Box::new(Decision::unchanged(Err(refused)));
    grant_type_allowed(context.client, &request.grant).map_err(refuse)?;
    let GrantType::AuthorizationCode { redirect_uri, verifier, .. } = &request.grant else {
        return Err(refuse(invalid_grant(Reason::Malformed)));
    };
    let code = code.ok_or_else(|| refuse(invalid_grant(Reason::Unknown)))?;
    // INVARIANT: another client's attempt changes nothing (rules §5.8).
    if code.value.client != context.client.id {
        return Err(refuse(invalid_grant(Reason::OtherClient)));
    }
    if code.value.standing == Standing::Spent {
        return Err(Box::new(replayed(context, grant, Reason::CodeReplayed))); // RFC 6749 §4.1.2
    }
    if context.now >= code.value.expires_at {
        return Err(refuse(invalid_grant(Reason::Expired)));
    }
    same_redirect_uri(context.client, &code.value, redirect_uri.as_deref()).map_err(refuse)?; // RFC 6749 §4.1.3
    pkce::verify(code.value.challenge.as_ref(), verifier.as_ref()).map_err(refuse)?; // RFC 7636 §4.6
    sender::holds_code(code.value.dpop_jkt.as_deref(), context.sender).map_err(refuse)?; // RFC 9449 §10
    live(context, &code.value.grant, grant, user).map(|held| (code, held)).map_err(refuse)
}

fn same_redirect_uri(client: &Client, code: &Code, sent: Option<&str>) -> Result<(), Refused> {
    let is_same = match (&code.redirect_uri, sent) {
        (Some(before), Some(now)) => before == now,
        (Some(_), None) => false,
        (None, None) => true,
        (None, Some(now)) => client.redirect_uris.iter().any(|uri| uri.as_str() == now),
    };
    if is_same {
        return Ok(());
    }
    let text = "redirect_uri differs from the one of the authorization request";
    Err(Refused::new(ErrorCode::InvalidGrant, Reason::RedirectUriDiffers, text))
}

#[cfg(test)]
#[path = "code_tests.rs"]
mod tests;
