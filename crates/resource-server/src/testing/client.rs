//! A client that holds a key, and proves it (RFC 9449 §4.2).

use bailiwick_jose::{Algorithm, SigningKey};
use bailiwick_oauth::dpop::{ProofClaims, TYPE};
use http::Method;
use serde_json::{Value, json};

use crate::testing::{TestClock, forge};

/// A client with a key of its own, for tokens that are [bound](crate::testing::TokenBuilder::bound_to)
/// to it.
///
/// ```
/// use bailiwick_resource_server::testing::TestIssuer;
/// use bailiwick_resource_server::{Asked, Reason, Rule};
/// use http::{Method, Request};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// let api = issuer.protect("https://api.example.com")?;
/// let client = issuer.client();
/// let token = issuer.token().bound_to(&client).mint(&api);
/// let proof = client.proof(&Method::GET, "https://api.example.com/orders", &token, None);
/// let request = Request::get("/orders")
///     .header("authorization", format!("DPoP {token}"))
///     .header("dpop", proof)
///     .body(())?;
///
/// assert!(api.admit(&Asked::from(&request), &Rule::ANY_TOKEN).await.is_ok());
/// let again = api.admit(&Asked::from(&request), &Rule::ANY_TOKEN).await.unwrap_err();
/// assert_eq!(again.refusal().reason(), Reason::ProofReplayed); // a proof passes once
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestClient {
    key: SigningKey,
    clock: TestClock,
}

impl TestClient {
    /// A client with a new key; [`TestIssuer::client`](crate::testing::TestIssuer::client) makes one
    /// with the issuer's clock.
    pub fn new(algorithm: Algorithm, clock: TestClock) -> Self {
        Self { key: SigningKey::generate(algorithm).expect("randomness"), clock }
    }

    /// The thumbprint of its key: the `jkt` of the tokens that are bound to it (RFC 9449 §6.1).
    pub fn thumbprint(&self) -> &str {
        self.key.kid()
    }

    /// A fresh proof for one request (RFC 9449 §4.2): the value of its `DPoP` header.
    ///
    /// `uri` is the whole one, with scheme and host; its query does not count. The nonce is the one
    /// of the API's last answer, where it gives any.
    ///
    /// # Panics
    /// When `uri` is no `http` or `https` URI.
    pub fn proof(&self, method: &Method, uri: &str, token: &str, nonce: Option<&str>) -> String {
        let claims = ProofClaims::new(forge::name(), method, uri, self.clock.now());
        let claims = claims.expect("an http URI with a host").with_token(token);
        let claims = match nonce {
            Some(nonce) => claims.with_nonce(nonce.to_owned()),
            None => claims,
        };
        self.sign(&self.header(), &serde_json::to_value(claims).expect("texts and a number"))
    }

    /// The header of its proofs.
    pub(super) fn header(&self) -> Value {
        let jwk = self.key.verifying_key().to_bare_jwk();
        json!({ "typ": TYPE, "alg": self.key.algorithm(), "jwk": jwk })
    }

    /// A proof that says anything.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        forge::token(&self.key, &header.to_string(), &claims.to_string())
    }
}
