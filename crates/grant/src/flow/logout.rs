//! Signing out: whose wish it is, what ends with the session and who is told
//! (OpenID Connect RP-Initiated Logout §2, §3; OpenID Connect Back-Channel Logout §2.4 to §2.7).

use std::collections::BTreeMap;

use bailiwick_jose::Algorithm;
use bailiwick_oauth::logout::{LogoutToken, Request};
use bailiwick_oauth::{ClientId, ErrorCode, IdToken, RedirectUri, WebUrl};

use crate::entropy::identifier;
use crate::rule::subject;
use crate::state::{Client, GrantRecord, Session, SessionGrant};
use crate::{Change, Decision, Entropy, Loaded, Reason, Refused, Tenant};

/// Where the user is sent after signing out: a place that the client registered for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    redirect_uri: RedirectUri,
    state: Option<String>,
}

impl Place {
    /// The address, with the client's state.
    pub fn url(&self) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        self.redirect_uri.with_query(state.as_slice())
    }
}

/// The client that asks, as the hint or the request names it.
///
/// # Errors
/// `invalid_request` when the two name different ones (RP-Initiated Logout §2).
pub fn asker(request: &Request, hint: Option<&IdToken>) -> Result<Option<ClientId>, Refused> {
    match (hint, &request.client_id) {
        (Some(hint), Some(named)) if hint.aud != *named => {
            Err(refused(Reason::OtherClient, "id_token_hint was issued to another client_id"))
        }
        (Some(hint), _) => Ok(Some(hint.aud.clone())),
        (None, named) => Ok(named.clone()),
    }
}

/// Checks where the user is to be sent: byte for byte what the client registered for it
/// (RP-Initiated Logout §3).
///
/// # Errors
/// To be shown to the user, never redirected.
pub fn place(request: &Request, client: Option<&Client>) -> Result<Option<Place>, Refused> {
    let Some(asked) = &request.post_logout_redirect_uri else { return Ok(None) };
    let client = client.ok_or_else(|| {
        let text = "post_logout_redirect_uri needs id_token_hint or client_id";
        refused(Reason::UnknownClient, text)
    })?;
    if client.openid.post_logout_redirect_uris.contains(asked) {
        return Ok(Some(Place { redirect_uri: asked.clone(), state: request.state.clone() }));
    }
    let text = format!("post_logout_redirect_uri '{asked}' is not registered for this client");
    Err(refused(Reason::RedirectUri, &text))
}

/// Whether the user must confirm: unless the hint is of this very session, anybody may have sent
/// the browser here (RP-Initiated Logout §2, §6).
pub fn must_confirm(
    tenant: &Tenant,
    client: Option<&Client>,
    hint: Option<&IdToken>,
    session: &Session,
) -> bool {
    let (Some(client), Some(hint)) = (client, hint) else { return true };
    let is_of_user = hint.sub == subject::told(tenant, client, &session.subject);
    let is_of_session = hint.sid.is_some() && hint.sid == session.sid;
    !(hint.aud == client.id && is_of_user && is_of_session)
}

/// A grant of the session that ends, with its client, each if it is still there.
#[derive(Debug)]
pub struct Held {
    /// That it was given in the session.
    pub given: SessionGrant,
    /// The grant.
    pub grant: Option<Loaded<GrantRecord>>,
    /// The client.
    pub client: Option<Client>,
}

/// What one client is told; signing and sending it is part of answering.
#[derive(Debug, PartialEq, Eq)]
pub struct Notice {
    /// Where it is sent.
    pub to: WebUrl,
    /// The logout token.
    pub token: LogoutToken,
    /// With what it is signed: as the client's ID tokens are.
    pub algorithm: Algorithm,
}

/// For how long a logout token is good, in seconds (Back-Channel Logout §4).
const LIFETIME: i64 = 120;

/// Ends a session: its cookie, and the grants that were not given for the time after it.
///
/// A grant with `offline_access` stays, as the user allowed (Back-Channel Logout §2.7).
pub fn end(
    tenant: &Tenant,
    session: &Session,
    held: &[Held],
    now: i64,
    entropy: &mut dyn Entropy,
) -> Decision<Vec<Notice>> {
    let mut changes = vec![Change::delete::<Session>(session.digest.as_str())];
    let mut told: BTreeMap<&ClientId, Notice> = BTreeMap::new();
    for Held { given, grant, client } in held {
        changes.push(Change::delete::<SessionGrant>(crate::Stored::key(given)));
        if let Some(grant) = grant
            && !grant.value.grant.global.has("offline_access")
            && grant.value.is_live(now)
        {
            changes.push(grant.update(grant.value.clone().revoke()));
        }
        let Some(client) = client else { continue };
        let (Some(to), Some(sid)) = (&client.openid.backchannel_logout_uri, &session.sid) else {
            continue;
        };
        told.entry(&client.id).or_insert_with(|| Notice {
            to: to.clone(),
            token: LogoutToken {
                iss: tenant.issuer.clone(),
                aud: client.id.clone(),
                iat: now,
                exp: now + LIFETIME,
                jti: identifier(entropy),
                sub: subject::told(tenant, client, &session.subject),
                sid: sid.clone(),
                events: LogoutToken::event(),
            },
            algorithm: client.openid.id_token_signed_response_alg,
        });
    }
    Decision::new(changes, told.into_values().collect())
}

fn refused(reason: Reason, text: &str) -> Refused {
    Refused::new(ErrorCode::InvalidRequest, reason, text)
}

#[cfg(test)]
#[path = "logout_tests.rs"]
mod tests;
