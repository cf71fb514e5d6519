//! The ID token (OpenID Connect Core §2): for the client, never for a resource server.

use serde::{Deserialize, Serialize};

use crate::{ClientId, Issuer, Subject};

/// The `typ` of an ID token.
pub const TYPE: &str = "JWT";

/// The claims of an ID token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdToken {
    /// The issuer.
    pub iss: Issuer,
    /// The user.
    pub sub: Subject,
    /// The client: the audience of an ID token is never a resource.
    pub aud: ClientId,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// When the user signed in, in seconds since 1970.
    pub auth_time: i64,
    /// The nonce of the authorization request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}
