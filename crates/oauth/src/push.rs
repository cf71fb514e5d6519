//! The answer to a pushed authorization request (RFC 9126 §2.2).

use serde::{Deserialize, Serialize};

/// Where a pushed request is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The reference that the browser brings to the authorization endpoint, with `client_id`.
    pub request_uri: String,
    /// For how many seconds it is good.
    pub expires_in: i64,
}
