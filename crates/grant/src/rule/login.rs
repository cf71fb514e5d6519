//! Whether a login answers a request: whose it is, how young, how strong
//! (OpenID Connect Core §3.1.2.1 to §3.1.2.3, §5.5.1).

use bailiwick_oauth::authorize::OpenidRequest;
use bailiwick_oauth::{ErrorCode, IdToken};

use super::subject;
use crate::state::{Acr, Checked, Client, Interaction, Session, User, Wish};
use crate::{Reason, Refused, Tenant};

/// A user who signed in.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The user.
    pub user: &'a User,
    /// The session of this browser.
    pub session: &'a Session,
    when: When,
}

/// Whether a login was made for this very request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// The user signed in because this request asked for it.
    Now,
    /// The user had signed in before.
    Before,
}

/// What a login is to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It answers it.
    Suffices,
    /// Another one could.
    SignIn,
    /// The user signed in for it, but is not the one that was asked for.
    AnotherUser,
    /// The user signed in for it, but not as strongly as it must be.
    TooWeak,
}

impl<'a> Login<'a> {
    /// A login, told apart by whether it was made in this interaction.
    pub fn new(user: &'a User, session: &'a Session, interaction: Option<&Interaction>) -> Self {
        let made_here = interaction
            .and_then(|interaction| interaction.signed_in.as_ref())
            .is_some_and(|made| *made == session.digest);
        Self { user, session, when: if made_here { When::Now } else { When::Before } }
    }

    pub(crate) fn verdict(
        &self,
        tenant: &Tenant,
        client: &Client,
        request: &Checked,
        now: i64,
    ) -> Verdict {
        let Self { user, session, when } = self;
        if !user.enabled || session.subject != user.subject || now >= session.expires_at {
            return Verdict::SignIn;
        }
        let wish = &request.wish;
        let told = subject::told(tenant, client, &user.subject);
        let is_meant =
            wish.subjects.as_ref().is_none_or(|all| all.iter().any(|one| one == told.as_str()));
        let acr = session.acr.as_deref();
        if *when == When::Now {
            return match &wish.acr {
                _ if !is_meant => Verdict::AnotherUser,
                Acr::Essential(values) if !has(values, acr) => Verdict::TooWeak,
                _ => Verdict::Suffices,
            };
        }
        let is_strong = match &wish.acr {
            Acr::Any => true,
            Acr::Essential(values) => has(values, acr),
            // A wish alone: signing in again is asked only where it would help.
            Acr::Voluntary(values) => has(values, acr) || !has(values, Some(&tenant.login_acr)),
        };
        let is_young = request.max_age.is_none_or(|age| age != 0 && now - session.auth_time <= age);
        let is_asked_anew = request.prompt.login || request.prompt.select_account;
        if is_meant && is_strong && is_young && !is_asked_anew {
            Verdict::Suffices
        } else {
            Verdict::SignIn
        }
    }
}

/// Reads from a request what it wants of the login.
///
/// # Errors
/// `invalid_request` for a hint that is another client's; `unmet_authentication_requirements` for
/// an essential `acr` that no login here has (OpenID Connect Core §5.5.1.1).
pub(crate) fn wish(
    tenant: &Tenant,
    client: &Client,
    request: &OpenidRequest,
    hint: Option<&IdToken>,
) -> Result<Wish, Refused> {
    let mut subjects: Option<Vec<String>> = None;
    if let Some(hint) = hint {
        if hint.aud != client.id {
            let text = "id_token_hint was issued to another client";
            return Err(Refused::new(ErrorCode::InvalidRequest, Reason::OtherClient, text));
        }
        subjects = Some(vec![hint.sub.as_str().to_owned()]);
    }
    let claims = &request.claims;
    for asked in [claims.id_token.get("sub"), claims.userinfo.get("sub")].into_iter().flatten() {
        if !asked.values.is_empty() {
            let values: Vec<String> = asked.texts().map(str::to_owned).collect();
            subjects = Some(match subjects {
                None => values,
                Some(before) => before.into_iter().filter(|one| values.contains(one)).collect(),
            });
        }
    }
    Ok(Wish { subjects, acr: acr(tenant, client, request)?, ..Wish::default() })
}

fn acr(tenant: &Tenant, client: &Client, request: &OpenidRequest) -> Result<Acr, Refused> {
    if let Some(asked) = request.claims.id_token.get("acr").filter(|asked| !asked.values.is_empty())
    {
        let values: Vec<String> = asked.texts().map(str::to_owned).collect();
        if !asked.essential {
            return Ok(Acr::Voluntary(values));
        }
        if !has(&values, Some(&tenant.login_acr)) {
            return Err(too_weak());
        }
        return Ok(Acr::Essential(values));
    }
    let voluntary = match request.acr_values.as_slice() {
        [] => client.openid.default_acr_values.clone(),
        values => values.to_vec(),
    };
    Ok(if voluntary.is_empty() { Acr::Any } else { Acr::Voluntary(voluntary) })
}

/// The refusal of a login that cannot be as strong as it must be.
pub(crate) fn too_weak() -> Refused {
    let text = "no login of this server has the acr that is essential to the request";
    Refused::new(ErrorCode::UnmetAuthenticationRequirements, Reason::AuthenticationTooWeak, text)
}

fn has(values: &[String], acr: Option<&str>) -> bool {
    acr.is_some_and(|acr| values.iter().any(|value| value == acr))
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
