//! How a client sends its authorization requests (RFC 9101 §10.5, RFC 9126 §6).

use bailiwick_jose::Algorithm;
use bailiwick_oauth::WebUrl;
use serde::{Deserialize, Serialize};

/// How a client sends its authorization requests; anyhow by default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Requests {
    /// Whether it must push them (RFC 9126 §6).
    pub require_pushed: bool,
    /// Whether it must sign them (RFC 9101 §10.5).
    pub require_signed: bool,
    /// The one algorithm that it signs them with; any of ours without it.
    pub signing_alg: Option<Algorithm>,
    /// Where it publishes request objects; no other place is asked.
    pub request_uris: Vec<WebUrl>,
}
