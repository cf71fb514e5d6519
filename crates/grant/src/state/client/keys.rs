//! Where a client's public keys are (RFC 7591 §2).

use bailiwick_oauth::WebUrl;
use serde::{Deserialize, Serialize};

/// Where a client's public keys are; never both places (RFC 7591 §2).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Keys {
    /// It registered none.
    #[default]
    #[serde(rename = "none")]
    None,
    /// Here, as a JWK set.
    #[serde(rename = "jwks")]
    Set(serde_json::Value),
    /// At an address of the client.
    #[serde(rename = "jwks_uri")]
    At(WebUrl),
}
