//! What ID tokens and userinfo say of a grant, beside who and when (OpenID Connect Core §2, §5.5).

use bailiwick_oauth::claims_request::ClaimsRequest;
use serde::{Deserialize, Serialize};

/// What ID tokens and userinfo say of a grant, beside who and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GrantedLogin {
    /// The session in which it was given.
    pub sid: Option<String>,
    /// How strongly the user had signed in.
    pub acr: Option<String>,
    /// By what means (RFC 8176).
    pub amr: Vec<String>,
    /// The claims that were asked for by name.
    pub claims: ClaimsRequest,
}
