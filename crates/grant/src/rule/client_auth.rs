//! Client authentication (RFC 6749 §2.3, RFC 7523 §3, OpenID Connect Core §9).

use bailiwick_jose::{Jwks, Jws};
use bailiwick_oauth::secret::Digest;
use bailiwick_oauth::{AccessToken, Credentials, ErrorCode, Secret};

use super::{fapi, mtls};
use crate::state::{Authentication, Client, ResourceServer};
use crate::{Reason, Refused, Tenant};

/// The longest lifetime of an assertion that is taken, in seconds.
const LONGEST_ASSERTION: i64 = 300;

/// How far the clocks of client and server may be apart, in seconds.
const SKEW: i64 = 10;

/// A client that is who it says it is.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an assertion must be spent"]
pub struct Authenticated {
    /// The assertion that was used: to be spent before anything is answered.
    pub assertion: Option<Spent>,
}

/// An assertion that must not be used again (RFC 7523 §3, item 7).
#[derive(Debug, PartialEq, Eq)]
pub struct Spent {
    /// Client and `jti`.
    pub key: String,
    /// Until when it must be remembered, in seconds since 1970.
    pub until: i64,
}

/// Checks what a client presents against what it registered.
///
/// `keys` are the client's public keys, needed for an assertion and for a self-signed certificate.
///
/// # Errors
/// `invalid_client`, the same for an unknown client, another method and a wrong secret.
pub fn authenticate(
    tenant: &Tenant,
    client: Option<&Client>,
    credentials: &Credentials,
    keys: Option<&Jwks>,
    now: i64,
) -> Result<Authenticated, Refused> {
    let client = client.filter(|client| client.id == *credentials.client_id());
    let Some(client) = client else { return Err(refused(Reason::UnknownClient)) };
    let authenticated = Authenticated { assertion: None };
    let authenticated = match (&client.authentication, credentials) {
        (Authentication::None, Credentials::None { .. } | Credentials::Certificate { .. }) => {
            Ok(authenticated)
        }
        (Authentication::Tls { subject }, Credentials::Certificate { certificate, .. }) => {
            mtls::is_of(subject, certificate).map(|()| authenticated) // RFC 8705 §2.1
        }
        (Authentication::SelfSignedTls, Credentials::Certificate { certificate, .. }) => {
            mtls::is_for(keys, certificate).map(|()| authenticated) // RFC 8705 §2.2
        }
        (Authentication::Basic { secrets }, Credentials::Basic { secret, .. })
        | (Authentication::Post { secrets }, Credentials::Post { secret, .. }) => {
            one_matches(secrets, secret).map(|()| authenticated)
        }
        (Authentication::PrivateKeyJwt, Credentials::Assertion { jwt, .. }) => {
            let signed = Jws::parse(jwt.expose()).ok().and_then(|jws| jws.algorithm().ok());
            if !signed.is_some_and(|algorithm| fapi::takes(tenant, client, algorithm)) {
                return Err(refused(Reason::AuthenticationFailed));
            }
            let spent = assertion(tenant, client.id.as_str(), keys, jwt, now)?;
            Ok(Authenticated { assertion: Some(spent) })
        }
        _ => Err(refused(Reason::AuthenticationMethod)),
    }?;
    fapi::admit(tenant, client)?; // only its own client learns what it lacks
    Ok(authenticated)
}

/// Checks what a resource server presents when it asks for introspection (RFC 7662 §2.1).
///
/// # Errors
/// `invalid_client`, the same for whatever is wrong.
pub fn authenticate_resource_server(
    tenant: &Tenant,
    server: Option<&ResourceServer>,
    credentials: &Credentials,
    now: i64,
) -> Result<Authenticated, Refused> {
    let Some(server) = server.filter(|server| server.enabled) else {
        return Err(refused(Reason::UnknownClient));
    };
    match credentials {
        Credentials::Basic { secret, .. } | Credentials::Post { secret, .. } => {
            one_matches(&server.introspection_secrets, secret)?;
            Ok(Authenticated { assertion: None })
        }
        // It may call itself by an alias, but in the assertion as outside of it.
        Credentials::Assertion { client_id, jwt } => {
            let keys = server.introspection_keys.as_ref();
            let keys = keys.ok_or_else(|| refused(Reason::AuthenticationMethod))?;
            let keys = Jwks::from_json(keys).ok();
            let spent = assertion(tenant, client_id.as_str(), keys.as_ref(), jwt, now)?;
            Ok(Authenticated { assertion: Some(spent) })
        }
        Credentials::None { .. } | Credentials::Certificate { .. } => {
            Err(refused(Reason::AuthenticationMethod))
        }
    }
}

fn one_matches(digests: &[Digest], secret: &Secret) -> Result<(), Refused> {
    if digests.iter().any(|digest| digest.matches(secret)) {
        Ok(())
    } else {
        Err(refused(Reason::AuthenticationFailed))
    }
}

/// Verifies a client's assertion (RFC 7523 §3); its audience is the issuer and nothing else.
fn assertion(
    tenant: &Tenant,
    id: &str,
    keys: Option<&Jwks>,
    jwt: &Secret,
    now: i64,
) -> Result<Spent, Refused> {
    let spent = keys.and_then(|keys| verified(tenant, id, keys, jwt, now));
    spent.ok_or_else(|| refused(Reason::AuthenticationFailed))
}

fn verified(tenant: &Tenant, id: &str, keys: &Jwks, jwt: &Secret, now: i64) -> Option<Spent> {
    let jws = Jws::parse(jwt.expose()).ok()?;
    // No other kind of JWT may pass as an assertion (RFC 8725 §3.11).
    let header = jws.header();
    let is_plain = header.typ.is_none()
        || header.is_type("jwt")
        || header.is_type("client-authentication+jwt");
    if !is_plain {
        return None;
    }
    let key = keys.find(header.kid.as_deref(), jws.algorithm().ok()?).ok()?.clone();
    let payload = jws.verify(&key).ok()?.payload;
    let claims = AccessToken::read(bailiwick_jose::json::parse_object(&payload).ok()?).ok()?;
    let is_own = claims.iss().as_deref() == Some(id) && claims.sub().as_deref() == Some(id);
    // One string: a list could name another server too (FAPI 2.0 Security Profile §5.3.2.1, item 8).
    let aud = claims.claims.text("aud");
    let is_for_us = aud.as_deref() == Some(tenant.issuer.as_str());
    let exp = claims.exp?;
    let is_current = now < exp + SKEW
        && exp <= now + LONGEST_ASSERTION + SKEW
        && claims.nbf.is_none_or(|nbf| nbf <= now + SKEW)
        && claims.iat.is_none_or(|iat| iat <= now + SKEW);
    let jti = claims.jti().filter(|jti| !jti.is_empty() && jti.len() <= 256)?;
    (is_own && is_for_us && is_current)
        .then(|| Spent { key: format!("{id} {jti}"), until: exp + SKEW })
}

pub(super) fn refused(reason: Reason) -> Refused {
    let text = "the client is unknown or its authentication failed";
    Refused::new(ErrorCode::InvalidClient, reason, text)
}

#[cfg(test)]
#[path = "client_auth_tests.rs"]
mod tests;
