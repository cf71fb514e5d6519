//! Whether an assertion of another issuer is a grant here (RFC 7523 §3,
//! draft-ietf-oauth-identity-assertion-authz-grant §4.4).

use bailiwick_jose::{Jwks, Jws};
use bailiwick_oauth::jwt_bearer::ID_JAG_TYPE;
use bailiwick_oauth::{AccessToken, ErrorCode, Scopes, Secret};
use serde_json::Value;

use super::client_auth::Spent;
use crate::state::Client;
use crate::{AssertionProfile, Reason, Refused, Tenant, TrustedIssuer};

/// The longest time for which an assertion may still be good, in seconds.
const LONGEST: i64 = 3600;

/// How far the clocks of the two issuers may be apart, in seconds.
const SKEW: i64 = 10;

/// The longest `jti` or user claim that is taken, in octets.
const LONGEST_NAME: usize = 256;

/// What a good assertion says.
#[derive(Debug)]
#[must_use = "it must be spent before anything is answered"]
pub struct Asserted {
    /// Who the user is, as the claim says that the operator chose.
    pub user: String,
    /// The resources that it is for; none when it does not say.
    pub resources: Vec<String>,
    /// The scopes that it opens; absent when it does not say.
    pub scope: Option<Scopes>,
    /// When the user signed in, or else when the assertion was made.
    pub auth_time: i64,
    /// That it was used: it is good once.
    pub spent: Spent,
}

/// The issuer that an assertion says it is of, if it is believed; nothing of it is verified yet.
pub fn issuer<'t>(tenant: &'t Tenant, assertion: &Secret) -> Option<&'t TrustedIssuer> {
    let jws = Jws::parse(assertion.expose()).ok()?;
    let claims = bailiwick_jose::json::parse_object(jws.unverified_payload()).ok()?;
    let iss = claims.get("iss")?.as_str()?;
    tenant.trusted_issuers.iter().find(|trusted| trusted.issuer.as_str() == iss)
}

/// Verifies an assertion that an authenticated client brings (RFC 7523 §3).
///
/// # Errors
/// `invalid_grant`, the same for whatever is wrong with it.
pub fn verify(
    tenant: &Tenant,
    client: &Client,
    trusted: &TrustedIssuer,
    keys: &Jwks,
    assertion: &Secret,
    now: i64,
) -> Result<Asserted, Refused> {
    // Before the signature: who may not use the issuer learns nothing of its assertions.
    if !trusted.clients.contains(&client.id) {
        return Err(not_taken(Reason::OtherClient));
    }
    verified(tenant, client, trusted, keys, assertion, now)
        .ok_or_else(|| not_taken(Reason::AuthenticationFailed))
}

fn verified(
    tenant: &Tenant,
    client: &Client,
    trusted: &TrustedIssuer,
    keys: &Jwks,
    assertion: &Secret,
    now: i64,
) -> Option<Asserted> {
    let jws = Jws::parse(assertion.expose()).ok()?;
    let header = jws.header();
    // RFC 8725 §3.11: no other kind of JWT of that issuer, an ID token say, passes as a grant.
    let is_of_kind = match trusted.profile {
        AssertionProfile::IdJag => header.is_type(ID_JAG_TYPE),
        AssertionProfile::Jwt => header.typ.is_none() || header.is_type("jwt"),
    };
    if !is_of_kind {
        return None;
    }
    let key = keys.find(header.kid.as_deref(), jws.algorithm().ok()?).ok()?.clone();
    let payload = jws.verify(&key).ok()?.payload;
    let object = bailiwick_jose::json::parse_object(&payload).ok()?;
    let is_short = |text: &str| !text.is_empty() && text.len() <= LONGEST_NAME;
    let user = object.get(&trusted.claim)?.as_str().filter(|user| is_short(user))?.to_owned();
    let resources = texts(object.get("resource"))?;
    let scope = match object.get("scope") {
        None => None,
        Some(scope) => Some(Scopes::parse(scope.as_str()?).ok()?),
    };
    let claims = AccessToken::read(object).ok()?;
    let is_of_issuer = claims.iss().as_deref() == Some(trusted.issuer.as_str());
    let is_for_us = claims.aud().eq([tenant.issuer.as_str()]);
    let is_for_client = match claims.client_id() {
        Some(id) => id == client.id.as_str(),
        None => trusted.profile == AssertionProfile::Jwt,
    };
    let exp = claims.exp?;
    let is_current = now < exp + SKEW
        && exp <= now + LONGEST + SKEW
        && claims.nbf.is_none_or(|nbf| nbf <= now + SKEW)
        && claims.iat.is_none_or(|iat| iat <= now + SKEW);
    let jti = claims.jti().filter(|jti| is_short(jti))?;
    (is_of_issuer && is_for_us && is_for_client && is_current).then(|| Asserted {
        user,
        resources,
        scope: scope.filter(|scope| !scope.is_empty()),
        auth_time: claims.auth_time.or(claims.iat).unwrap_or(now),
        spent: Spent { key: format!("assertion {} {jti}", trusted.issuer), until: exp + SKEW },
    })
}

/// One text, or a list of them; none when there is nothing, and `None` for anything else.
fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None => Some(Vec::new()),
        Some(Value::String(one)) => Some(vec![one.clone()]),
        Some(Value::Array(all)) => all.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    }
}

/// Refuses an assertion (RFC 7523 §3.1).
pub fn not_taken(reason: Reason) -> Refused {
    let text = "the assertion is not valid here: it must be of a trusted issuer, for this server and \
                this client, current, and used once";
    Refused::new(ErrorCode::InvalidGrant, reason, text)
}

#[cfg(test)]
#[path = "assertion_tests.rs"]
mod tests;
