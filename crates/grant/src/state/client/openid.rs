//! What a client registered for OpenID Connect (OpenID Connect Dynamic Client Registration §2,
//! JARM §3).

use bailiwick_jose::Algorithm;
use serde::{Deserialize, Serialize};

/// The settings of a client for OpenID Connect; each is named as the metadata names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenidSettings {
    /// With what the answer to a request for `jwt` response modes is signed.
    pub authorization_signed_response_alg: Algorithm,
    /// Whether answers carry `iss` (RFC 9207): not for a client that breaks on it.
    pub response_iss: ResponseIss,
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
            authorization_signed_response_alg: Algorithm::Rs256,
            response_iss: ResponseIss::Send,
        }
    }
}
