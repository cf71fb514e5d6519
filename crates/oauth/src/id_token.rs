//! The ID token (OpenID Connect Core §2): for the client, never for a resource server.

use bailiwick_jose::{Algorithm, base64url, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// How strongly the user signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By what means (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The session, as logout names it (OpenID Connect Back-Channel Logout §2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// What binds the access token that it comes with (OpenID Connect Core §3.1.3.6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// What else it says of the user: claims that were asked for by name.
    #[serde(flatten)]
    pub claims: Map<String, Value>,
}

/// The left half of the digest of an access token, by the algorithm that signs the ID token
/// (OpenID Connect Core §3.1.3.6).
pub fn access_token_hash(algorithm: Algorithm, access_token: &str) -> String {
    let digest = digest::of_algorithm(algorithm, access_token.as_bytes());
    base64url::encode(&digest[..digest.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of OpenID Connect Core §A.3: `at_hash` beside an RS256 signature.
    #[test]
    fn the_hash_is_that_of_the_specification_s_example() {
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(access_token_hash(Algorithm::Rs256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        for (algorithm, octets) in
            [(Algorithm::Es256, 16), (Algorithm::Es384, 24), (Algorithm::EdDsa, 32)]
        {
            let hash = access_token_hash(algorithm, token);
            assert_eq!(base64url::decode(&hash).unwrap().len(), octets, "{algorithm}");
        }
    }
}
