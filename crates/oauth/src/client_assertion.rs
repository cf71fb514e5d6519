//! The assertion by which a client authenticates with its private key (RFC 7523 §3).

use serde::{Deserialize, Serialize};

use crate::ClientId;

/// The `typ` of an assertion (draft-ietf-oauth-rfc7523bis).
pub const TYPE: &str = "client-authentication+jwt";

/// The `typ` of an assertion for servers that do not know [`TYPE`] yet (RFC 7519 §5.1).
pub const PLAIN_TYPE: &str = "JWT";

/// The claims of a client assertion to be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAssertion {
    /// The client.
    pub iss: ClientId,
    /// The client once more.
    pub sub: ClientId,
    /// The issuer identifier of the authorization server; no other audience stands beside it.
    pub aud: String,
    /// An identifier that no other assertion has.
    pub jti: String,
    /// Now, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
}

impl ClientAssertion {
    /// The claims by which `client` authenticates at `audience`, valid for `lifetime` seconds.
    pub fn new(client: &ClientId, audience: &str, jti: String, now: i64, lifetime: u32) -> Self {
        Self {
            iss: client.clone(),
            sub: client.clone(),
            aud: audience.to_owned(),
            jti,
            iat: now,
            exp: now.saturating_add(lifetime.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    // RFC 7523 §3, items 1 to 7: issuer and subject are the client.
    #[test]
    fn an_assertion_is_of_the_client_about_itself() {
        let client = ClientId::parse("orders").unwrap();
        let claims =
            ClientAssertion::new(&client, "https://id.example", "1".to_owned(), 1_700_000_000, 60);
        assert_eq!(
            serde_json::to_value(&claims).unwrap(),
            json!({
                "iss": "orders",
                "sub": "orders",
                "aud": "https://id.example",
                "jti": "1",
                "iat": 1_700_000_000,
                "exp": 1_700_000_060,
            })
        );
    }
}
