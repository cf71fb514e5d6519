//! The token request (RFC 6749 §3.2, RFC 8707 §2.2): one file per grant type, and what they share.
//!
//! None of them authenticates the client; see [`rule::client_auth`](crate::rule::client_auth).

mod client_credentials;
mod code;
mod exchange;
mod held;
mod jwt_bearer;
mod narrow;
mod poll;
mod refresh;
mod write;

#[cfg(test)]
mod sender_tests;

use bailiwick_jose::Algorithm;
use bailiwick_oauth::access_token::Claims;
use bailiwick_oauth::token::GrantType;
use bailiwick_oauth::{ErrorCode, IdToken, Resource, Secret};

pub use client_credentials::client_credentials;
pub use code::authorization_code;
pub use exchange::{Presented, token_exchange};
pub use jwt_bearer::jwt_bearer;
pub use poll::{Poll, device_code};
pub use refresh::refresh_token;

use crate::rule::resource::Directory;
use crate::rule::sender::Sender;
use crate::state::{Client, Encryption, GrantKind};
use crate::{Decision, Reason, Refused, Tenant};

/// Under what a token request is decided; the client is authenticated.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The issuer's settings.
    pub tenant: &'a Tenant,
    /// The authenticated client.
    pub client: &'a Client,
    /// The resource servers of the request and of the grant.
    pub directory: &'a Directory,
    /// What the sender of the request proved to hold.
    pub sender: &'a Sender,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// The tokens of one answer; signing them is part of answering.
#[derive(Debug)]
pub struct Tokens {
    /// The access token.
    pub access: Access,
    /// The refresh token.
    pub refresh: Option<Secret>,
    /// The ID token.
    pub id: Option<Identity>,
}

/// An ID token to be signed.
#[derive(Debug)]
pub struct Identity {
    /// Its claims, but for the hash of the access token that it comes with.
    pub claims: IdToken,
    /// With what it is signed.
    pub algorithm: Algorithm,
}

/// An access token to be written down.
#[derive(Debug)]
pub struct Access {
    /// Its claims.
    pub claims: Claims,
    /// The resource that it is for; absent for the userinfo token.
    pub resource: Option<Resource>,
    /// Its form.
    pub form: AccessForm,
}

/// The form of an access token.
#[derive(Debug)]
pub enum AccessForm {
    /// To be signed with a key of this algorithm (RFC 9068).
    Jwt(Algorithm),
    /// To be signed, then encrypted for the resource server. The issuer cannot open it again: whoever
    /// writes it down remembers it as an [`OpaqueToken`](crate::state::OpaqueToken), in the same
    /// commit as the changes.
    Encrypted(Algorithm, Encryption),
    /// This random string; what it stands for is among the changes.
    Opaque(Secret),
}

/// What a token request comes to.
pub type Outcome = Decision<Result<Tokens, Refused>>;

/// Whether the client may use the grant type of its request (RFC 6749 §5.2).
///
/// # Errors
/// `unauthorized_client` when it may not.
pub fn grant_type_allowed(client: &Client, grant: &GrantType) -> Result<(), Refused> {
    let kind = match grant {
        GrantType::AuthorizationCode { .. } => GrantKind::AuthorizationCode,
        GrantType::RefreshToken { .. } => GrantKind::RefreshToken,
        GrantType::ClientCredentials => GrantKind::ClientCredentials,
        GrantType::DeviceCode { .. } => GrantKind::DeviceCode,
        GrantType::TokenExchange(_) => GrantKind::TokenExchange,
        GrantType::JwtBearer { .. } => GrantKind::JwtBearer,
    };
    // A public client has no credentials of its own (RFC 6749 §4.4).
    let needs_credentials = matches!(
        kind,
        GrantKind::ClientCredentials | GrantKind::TokenExchange | GrantKind::JwtBearer
    );
    let is_possible = !needs_credentials || !client.is_public();
    if is_possible && client.grant_types.contains(&kind) {
        return Ok(());
    }
    let text = format!("this client is not registered for grant_type {}", grant.as_str());
    Err(Refused::new(ErrorCode::UnauthorizedClient, Reason::GrantTypeNotAllowed, text))
}

fn invalid_grant(reason: Reason) -> Refused {
    let text = match reason {
        Reason::CodeReplayed => "the code was used before; its tokens are revoked, begin again",
        Reason::RefreshReplayed => {
            "the refresh token was used before; its tokens are revoked, begin again"
        }
        Reason::Expired => "the code or refresh token has expired; begin again",
        _ => "the code or refresh token is not valid for this client; begin again",
    };
    Refused::new(ErrorCode::InvalidGrant, reason, text)
}
