//! Introspection: what a resource server learns of a token (RFC 7662 §2.2).

use bailiwick_oauth::access_token::Claims;
use bailiwick_oauth::introspect::{Active, Response, True};
use bailiwick_oauth::token::token_type;

use crate::Tenant;
use crate::state::{Client, GrantId, GrantRecord, OpaqueToken, ResourceServer, RevokedToken, User};

/// The access token that was found behind a string.
#[derive(Debug)]
pub enum Found {
    /// An opaque token of the store.
    Opaque(OpaqueToken),
    /// A JWT access token whose signature, type and issuer were verified with our own keys.
    Jwt(Claims),
    /// No access token of ours.
    Nothing,
}

/// What else is known of a found token.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// The grant that it came of, where it came of one; see [`GrantId::of_token`].
    pub grant: Option<&'a GrantRecord>,
    /// The client that it was issued to, if it is still registered.
    pub client: Option<&'a Client>,
    /// The user that it speaks of, if there is one.
    pub user: Option<&'a User>,
    /// Its revocation.
    pub revoked: Option<&'a RevokedToken>,
}

impl Found {
    /// The claims of the token.
    pub fn claims(&self) -> Option<&Claims> {
        match self {
            Self::Opaque(token) => Some(&token.claims),
            Self::Jwt(claims) => Some(claims),
            Self::Nothing => None,
        }
    }

    /// The claims, if the token holds now: not expired, not revoked, its grant and client alive.
    pub fn live(&self, tenant: &Tenant, known: &Known<'_>, now: i64) -> Option<&Claims> {
        let claims = self.claims()?;
        let is_ours = claims.iss == tenant.issuer && now < claims.exp;
        let has_client = known.client.is_some_and(|client| client.id == claims.client_id);
        let has_grant = match GrantId::of_token(&claims.jti) {
            None => true,
            Some(id) => known.grant.is_some_and(|grant| grant.id == id && grant.is_live(now)),
        };
        (is_ours && has_client && has_grant && known.revoked.is_none()).then_some(claims)
    }

    /// The claims, if the token is one for this resource server and holds now.
    pub fn active_at(
        &self,
        tenant: &Tenant,
        server: &ResourceServer,
        known: &Known<'_>,
        now: i64,
    ) -> Option<&Claims> {
        let claims = self.live(tenant, known, now)?;
        let is_for_it = claims.aud == server.audience()
            && match self {
                Self::Opaque(token) => token.resource == server.identifier,
                _ => true,
            };
        // A resource that was taken out of the grant is gone at once (rules §10.3), and with it what
        // was exchanged for its tokens.
        let is_granted =
            known.grant.is_none_or(|grant| grant.covers(&claims.jti, &server.identifier));
        // A client's own token speaks of no user.
        let has_user = known.grant.is_none_or(|grant| {
            known.user.is_some_and(|user| user.enabled && user.subject == grant.subject)
        });
        (is_for_it && is_granted && has_user && server.enabled).then_some(claims)
    }
}

/// Says what a token is, to the one resource server that it is for (RFC 7662 §4).
pub fn introspect(
    tenant: &Tenant,
    asker: &ResourceServer,
    found: &Found,
    known: &Known<'_>,
    now: i64,
) -> Response {
    let Some(claims) = found.active_at(tenant, asker, known, now) else {
        return Response::INACTIVE; // an RS learns nothing of tokens that are not its own
    };
    Response::Active(Box::new(Active {
        active: True,
        iss: claims.iss.as_str().to_owned(),
        aud: claims.aud.clone(),
        sub: claims.sub.as_str().to_owned(),
        client_id: claims.client_id.as_str().to_owned(),
        scope: claims.scope.clone(),
        authorization_details: claims.authorization_details.clone(),
        token_type: token_type(claims.cnf.as_ref()).to_owned(),
        jti: claims.jti.clone(),
        iat: claims.iat,
        exp: claims.exp,
        auth_time: claims.auth_time,
        act: claims.act.clone(),
        cnf: claims.cnf.clone(),
    }))
}

#[cfg(test)]
#[path = "introspect_tests.rs"]
mod tests;
