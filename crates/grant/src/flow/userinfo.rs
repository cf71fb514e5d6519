//! Userinfo: the user's claims, for the token without a resource (OpenID Connect Core §5.3, §5.4).

use bailiwick_jose::Algorithm;
use bailiwick_oauth::ErrorCode;
use serde_json::{Map, Value};

use super::introspect::{Found, Known};
use crate::rule::claims;
use crate::rule::sender::{self, Sent};
use crate::state::User;
use crate::{Reason, Refused, Tenant};

/// What userinfo answers.
#[derive(Debug)]
pub struct Userinfo {
    /// The claims.
    pub claims: Map<String, Value>,
    /// With what they are signed; as plain JSON, where there is none.
    pub signed: Option<Algorithm>,
}

/// Says who the user is, as far as the token's scopes go.
///
/// # Errors
/// `invalid_token` for every token but a live userinfo token: one for a resource is refused here
/// (rules §5.2); `insufficient_scope` without `openid`.
pub fn userinfo(
    tenant: &Tenant,
    found: &Found,
    known: &Known<'_>,
    user: Option<&User>,
    sent: Sent<'_>,
    now: i64,
) -> Result<Userinfo, Refused> {
    let invalid = |reason, text: &str| Refused::new(ErrorCode::InvalidToken, reason, text);
    let claims = found.live(tenant, known, now).ok_or_else(|| {
        invalid(Reason::Expired, "the access token is expired, revoked or unknown")
    })?;
    if claims.aud != tenant.issuer.as_str() || matches!(found, Found::Opaque(_)) {
        let text = "this token is for another resource; get one without resource";
        return Err(invalid(Reason::OtherAudience, text));
    }
    sender::holds_access(claims.cnf.as_ref(), sent)?; // RFC 9449 §7.2, RFC 8705 §3
    // A client's own token speaks of no user.
    let gone = || invalid(Reason::SubjectDisabled, "the user is gone");
    let (grant, client) = known.grant.zip(known.client).ok_or_else(gone)?;
    let user =
        user.filter(|user| user.enabled && user.subject == grant.subject).ok_or_else(gone)?;
    if !claims.scope.has("openid") {
        let text = "userinfo needs the scope openid";
        return Err(Refused::new(ErrorCode::InsufficientScope, Reason::NotGranted, text));
    }
    let mut answer = claims::at_userinfo(tenant, client, user, grant, &claims.scope);
    answer.insert("sub".to_owned(), claims.sub.as_str().into());
    let signed = client.openid.userinfo_signed_response_alg;
    if signed.is_some() {
        // OpenID Connect Core §5.3.2
        answer.insert("iss".to_owned(), tenant.issuer.as_str().into());
        answer.insert("aud".to_owned(), client.id.as_str().into());
    }
    Ok(Userinfo { claims: answer, signed })
}

#[cfg(test)]
#[path = "userinfo_tests.rs"]
mod tests;
