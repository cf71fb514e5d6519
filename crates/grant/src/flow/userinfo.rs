//! Userinfo: the user's claims, for the token without a resource (OpenID Connect Core §5.3, §5.4).

use bailiwick_oauth::ErrorCode;
use serde_json::{Map, Value};

use super::introspect::{Found, Known};
use crate::state::User;
use crate::{Reason, Refused, Tenant};

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

/// The names of all claims that userinfo may answer with.
pub fn claims_supported() -> impl Iterator<Item = &'static str> {
    std::iter::once("sub").chain(CLAIMS.iter().flat_map(|(_, names)| names.iter().copied()))
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
    now: i64,
) -> Result<Map<String, Value>, Refused> {
    let invalid = |reason, text: &str| Refused::new(ErrorCode::InvalidToken, reason, text);
    let claims = found.live(tenant, known, now).ok_or_else(|| {
        invalid(Reason::Expired, "the access token is expired, revoked or unknown")
    })?;
    if claims.aud != tenant.issuer.as_str() || matches!(found, Found::Opaque(_)) {
        let text = "this token is for another resource; get one without resource";
        return Err(invalid(Reason::OtherAudience, text));
    }
    let user = user
        .filter(|user| user.enabled && user.subject == claims.sub)
        .ok_or_else(|| invalid(Reason::SubjectDisabled, "the user is gone"))?;
    if !claims.scope.has("openid") {
        let text = "userinfo needs the scope openid";
        return Err(Refused::new(ErrorCode::InsufficientScope, Reason::NotGranted, text));
    }
    let mut answer = Map::new();
    answer.insert("sub".to_owned(), claims.sub.as_str().into());
    for (_, names) in CLAIMS.iter().filter(|(scope, _)| claims.scope.has(scope)) {
        for name in *names {
            if let Some(value) = user.claims.get(*name) {
                answer.insert((*name).to_owned(), value.clone());
            }
        }
    }
    Ok(answer)
}

#[cfg(test)]
#[path = "userinfo_tests.rs"]
mod tests;
