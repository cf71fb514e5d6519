//! For whom access tokens are encrypted (RFC 7516, RFC 9068 §4).

use bailiwick_jose::jwe::{ContentEncryption, KeyManagement};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the access tokens of a resource server are encrypted, after they were signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// Where its public key is.
    pub recipient: Recipient,
    /// Which of its keys; any that is fit, where this is absent.
    pub alg: Option<KeyManagement>,
    /// How the content is encrypted.
    pub enc: ContentEncryption,
}

/// Where the public key of a resource server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// Here: a JWK.
    Jwk(Value),
    /// Among the keys that it publishes under this URL.
    JwksUri(String),
}
