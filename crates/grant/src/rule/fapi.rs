//! FAPI 2.0: what the Security Profile (§5.3.2) and Message Signing (§5) turn on.
//!
//! [`held_to`] sets what can be set; [`admit`] refuses the client that contradicts the profile;
//! the rest are single demands, each made where its message is read.

use bailiwick_jose::Algorithm;
use bailiwick_oauth::redirect_uri::Kind;
use bailiwick_oauth::{ErrorCode, ResponseMode};

use crate::state::{Authentication, Client, Pkce, Profile, ResponseIss, SenderConstraint};
use crate::{Reason, Refused, Tenant};

/// The longest that a code lives under the profile, in seconds (Security Profile §5.3.2.2, item 14).
const CODE: i64 = 60;

/// The profile that a client is held to: the issuer's or its own, whichever is stronger.
pub fn profile(tenant: &Tenant, client: &Client) -> Profile {
    tenant.profile.max(client.profile)
}

/// The client with all that its profile demands turned on, whatever it registered.
pub fn held_to(tenant: &Tenant, mut client: Client) -> Client {
    let profile = profile(tenant, &client);
    if profile >= Profile::Fapi2 {
        client.pkce = Pkce::Required;
        client.requests.require_pushed = true;
        if !is_strong(client.openid.id_token_signed_response_alg) {
            client.openid.id_token_signed_response_alg = Algorithm::Ps256;
        }
        if client.sender.constraint == SenderConstraint::None {
            client.sender.constraint = SenderConstraint::Any;
        }
    }
    if profile >= Profile::Fapi2MessageSigning {
        client.requests.require_signed = true;
        if !is_strong(client.openid.authorization_signed_response_alg) {
            client.openid.authorization_signed_response_alg = Algorithm::Ps256;
        }
    }
    client
}

/// What a client registered that its profile forbids, each as a sentence for the operator.
pub fn contradictions(tenant: &Tenant, client: &Client) -> Vec<&'static str> {
    let mut found = Vec::new();
    if profile(tenant, client) == Profile::None {
        return found;
    }
    match client.authentication {
        Authentication::PrivateKeyJwt
        | Authentication::Tls { .. }
        | Authentication::SelfSignedTls => {}
        Authentication::None | Authentication::Basic { .. } | Authentication::Post { .. } => {
            found.push(
                "FAPI 2.0 wants private_key_jwt, tls_client_auth or self_signed_tls_client_auth",
            );
        }
    }
    if client.redirect_uris.iter().any(|uri| uri.kind() != Kind::Web) {
        found.push("FAPI 2.0 wants https redirect URIs");
    }
    if [tenant.response_iss, client.openid.response_iss].contains(&ResponseIss::Omit) {
        found.push("FAPI 2.0 wants iss in authorization responses");
    }
    found
}

/// Refuses a client that contradicts its profile, however it came to be registered.
///
/// # Errors
/// `unauthorized_client`.
pub fn admit(tenant: &Tenant, client: &Client) -> Result<(), Refused> {
    match contradictions(tenant, client).first() {
        None => Ok(()),
        Some(why) => {
            Err(Refused::new(ErrorCode::UnauthorizedClient, Reason::ProfileContradicted, *why))
        }
    }
}

/// Demands what an authorization request must have under the profile: the redirect URI in the request
/// itself (Security Profile §5.3.2.2, item 6), and a signed answer (Message Signing §5.4).
///
/// # Errors
/// `invalid_request`.
pub fn demand_request(
    tenant: &Tenant,
    client: &Client,
    redirect_uri_sent: bool,
    response_mode: ResponseMode,
) -> Result<(), Refused> {
    let profile = profile(tenant, client);
    let refused = |text| Err(Refused::new(ErrorCode::InvalidRequest, Reason::ProfileDemand, text));
    if profile >= Profile::Fapi2 && !redirect_uri_sent {
        return refused("send redirect_uri (FAPI 2.0)");
    }
    if profile >= Profile::Fapi2MessageSigning && !response_mode.is_signed() {
        return refused("send response_mode jwt (FAPI 2.0 Message Signing)");
    }
    Ok(())
}

/// Whether what the client signs, an assertion or a proof, may be signed with this algorithm
/// (Security Profile §5.4.1).
pub fn takes(tenant: &Tenant, client: &Client, algorithm: Algorithm) -> bool {
    profile(tenant, client) == Profile::None || is_strong(algorithm)
}

/// How long a code lives.
pub fn code_lifetime(tenant: &Tenant, client: &Client) -> i64 {
    match profile(tenant, client) {
        Profile::None => tenant.lifetimes.code,
        _ => tenant.lifetimes.code.min(CODE),
    }
}

/// Whether refresh tokens are rotated: not under the profile, where they are bound to a client that
/// authenticates (Security Profile §5.3.2.1, item 11).
pub fn rotates(tenant: &Tenant, client: &Client) -> bool {
    profile(tenant, client) == Profile::None
}

fn is_strong(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Ps256 | Algorithm::Es256 | Algorithm::EdDsa)
}

#[cfg(test)]
#[path = "fapi_tests.rs"]
mod tests;
