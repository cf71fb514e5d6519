//! What a client registered for OpenID Connect (OpenID Connect Dynamic Client Registration §2,
//! RP-Initiated Logout §3.1, Back-Channel Logout §2.2, JARM §3).

use bailiwick_jose::Algorithm;
use bailiwick_oauth::{RedirectUri, WebUrl};
use serde::{Deserialize, Serialize};

/// The settings of a client for OpenID Connect; each is named as the metadata names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenidSettings {
    /// With what ID tokens are signed.
    pub id_token_signed_response_alg: Algorithm,
    /// With what answers of userinfo are signed; not at all, where there is none.
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// Whether its users have names that no other sector knows.
    pub subject_type: SubjectType,
    /// The document that lists the redirect URIs of a sector; its host is the sector.
    pub sector_identifier_uri: Option<WebUrl>,
    /// The greatest age of a login where a request names none, in seconds.
    pub default_max_age: Option<i64>,
    /// The authentication contexts that are liked where a request names none.
    pub default_acr_values: Vec<String>,
    /// Where users may be sent after signing out (OpenID Connect RP-Initiated Logout §3.1).
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it is told that a session ended (OpenID Connect Back-Channel Logout §2.2).
    pub backchannel_logout_uri: Option<WebUrl>,
    /// With what the answer to a request for `jwt` response modes is signed.
    pub authorization_signed_response_alg: Algorithm,
    /// Whether answers carry `iss` (RFC 9207): not for a client that breaks on it.
    pub response_iss: ResponseIss,
}

/// Under which name a client knows a user (OpenID Connect Core §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// The user's own.
    #[default]
    Public,
    /// One that no other sector knows.
    Pairwise,
}

/// Whether authorization responses carry `iss` (RFC 9207 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseIss {
    /// They do: the client can tell this issuer from another.
    #[default]
    Send,
    /// They do not.
    Omit,
}

impl Default for OpenidSettings {
    fn default() -> Self {
        Self {
            id_token_signed_response_alg: Algorithm::Rs256,
            userinfo_signed_response_alg: None,
            subject_type: SubjectType::Public,
            sector_identifier_uri: None,
            default_max_age: None,
            default_acr_values: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            authorization_signed_response_alg: Algorithm::Rs256,
            response_iss: ResponseIss::Send,
        }
    }
}
