//! Good tokens, and whatever a test wants to change about them (RFC 9068 §2).

use std::time::Duration;

use bailiwick_jose::{ContentEncryption, DecryptionKey, base64url};
use bailiwick_oauth::{Resource, access_token};
use serde_json::{Map, Value, json};

use crate::testing::{TestClient, TestIssuer, forge};
use crate::{ClientCertificate, ResourceServer};

/// Whom a token is for: a resource, by itself or by its identifier (RFC 8707 §2).
pub trait Addressee {
    /// The value of `aud`.
    fn audience(&self) -> &str;
}

impl Addressee for ResourceServer {
    fn audience(&self) -> &str {
        self.resource().as_str()
    }
}

impl Addressee for Resource {
    fn audience(&self) -> &str {
        self.as_str()
    }
}

impl Addressee for str {
    fn audience(&self) -> &str {
        self
    }
}

impl Addressee for String {
    fn audience(&self) -> &str {
        self
    }
}

/// A token in the making: a good one, unless it is told otherwise.
///
/// It has all that RFC 9068 §2.2 demands: the subject `alice`, the client `test-client`, an end in
/// five minutes, a `jti` of its own. It has no scope.
///
/// ```
/// use std::time::Duration;
/// use bailiwick_resource_server::testing::TestIssuer;
///
/// let issuer = TestIssuer::new();
/// let token = issuer
///     .token()
///     .subject("bob")
///     .scope("read:orders write:orders")
///     .roles(["clerk"])
///     .acr("urn:example:gold")
///     .claim("tenant", "acme")
///     .expires_in(Duration::from_mins(1))
///     .mint("https://api.example.com");
/// assert_eq!(token.split('.').count(), 3);
/// ```
#[derive(Clone)]
#[must_use]
pub struct TokenBuilder {
    issuer: TestIssuer,
    typ: String,
    claims: Map<String, Value>,
    absent: Vec<String>,
}

impl TokenBuilder {
    pub(super) fn new(issuer: TestIssuer) -> Self {
        let now = issuer.clock().now();
        let claims = json!({
            "iss": issuer.url(), "sub": "alice", "client_id": "test-client", "jti": forge::name(),
            "iat": now, "exp": now + 300,
        });
        let Value::Object(claims) = claims else { unreachable!("written as one") };
        Self { issuer, typ: access_token::TYPE.to_owned(), claims, absent: Vec::new() }
    }

    /// Whom it speaks of.
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// Who holds it.
    pub fn client(self, client_id: &str) -> Self {
        self.claim("client_id", client_id)
    }

    /// What it is good for, with spaces between.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// Other audiences than whom it is minted for; several make a list.
    pub fn audience<A: Into<String>>(self, audiences: impl IntoIterator<Item = A>) -> Self {
        let audiences: Vec<String> = audiences.into_iter().map(Into::into).collect();
        match <[String; 1]>::try_from(audiences) {
            Ok([one]) => self.claim("aud", one),
            Err(several) => self.claim("aud", several),
        }
    }

    /// How long it is good for, from the issuer's present on.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let exp = self.issuer.clock().now().saturating_add(lifetime);
        self.claim("exp", exp)
    }

    /// Its identifier.
    pub fn jti(self, jti: &str) -> Self {
        self.claim("jti", jti)
    }

    /// The user's roles (RFC 9068 §2.2.3.1).
    pub fn roles<R: Into<String>>(self, roles: impl IntoIterator<Item = R>) -> Self {
        let roles: Vec<String> = roles.into_iter().map(Into::into).collect();
        self.claim("roles", roles)
    }

    /// How strongly the user signed in (RFC 9470 §6.2).
    pub fn acr(self, acr: &str) -> Self {
        self.claim("acr", acr)
    }

    /// When the user signed in, in seconds since 1970 (RFC 9470 §6.2).
    pub fn auth_time(self, at: i64) -> Self {
        self.claim("auth_time", at)
    }

    /// Authorization details, a list of objects with a `type` (RFC 9396 §2).
    pub fn details(self, details: Value) -> Self {
        self.claim("authorization_details", details)
    }

    /// Binds it to a client's key: it is good with that client's proofs only (RFC 9449 §6.1).
    pub fn bound_to(self, client: &TestClient) -> Self {
        self.confirmation("jkt", client.thumbprint())
    }

    /// Binds it to a client certificate (RFC 8705 §3.1).
    pub fn bound_to_certificate(self, certificate: &ClientCertificate) -> Self {
        let digest = base64url::encode(certificate.digest());
        self.confirmation("x5t#S256", &digest)
    }

    fn confirmation(mut self, name: &str, value: &str) -> Self {
        self.claims.entry("cnf").or_insert_with(|| json!({}))[name] = value.into();
        self
    }

    /// Any claim, in the place of its usual value.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.absent.retain(|absent| absent != name);
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.absent.push(name.to_owned());
        self
    }

    /// Another `typ` than `at+jwt`, for issuers that mark their tokens otherwise.
    pub fn typ(mut self, typ: &str) -> Self {
        typ.clone_into(&mut self.typ);
        self
    }

    /// The signed token, for a resource.
    pub fn mint(self, addressee: &(impl Addressee + ?Sized)) -> String {
        let claims = self.claims_for(addressee);
        let token = self.issuer.key().sign_json(&self.typ, &claims).expect("claims are JSON");
        self.issuer.remember(&token, claims);
        token
    }

    /// The signed token, encrypted for APIs that this issuer [protects](TestIssuer::protect)
    /// (RFC 9068 §6).
    pub fn encrypted(self, addressee: &(impl Addressee + ?Sized)) -> String {
        let key = self.issuer.decryption_key();
        self.encrypted_for(&key, addressee)
    }

    /// The signed token, encrypted for whoever has this key.
    pub fn encrypted_for(
        self,
        key: &DecryptionKey,
        addressee: &(impl Addressee + ?Sized),
    ) -> String {
        let key = key.encryption_key().expect("a whole key");
        let inside = self.mint(addressee);
        key.encrypt(ContentEncryption::A256Gcm, Some("JWT"), inside.as_bytes())
            .expect("a key for A256GCM, or any")
    }

    /// An opaque token (RFC 7662): it says nothing, and the issuer answers for it.
    ///
    /// # Panics
    /// When the issuer is not [served](TestIssuer::serve): nobody could ask it.
    pub fn opaque(self, addressee: &(impl Addressee + ?Sized)) -> String {
        assert!(self.issuer.is_served(), "an opaque token needs an issuer that can be asked");
        let token = forge::name();
        self.issuer.remember(&token, self.claims_for(addressee));
        token
    }

    pub(super) fn claims_for(&self, addressee: &(impl Addressee + ?Sized)) -> Map<String, Value> {
        let mut claims = self.claims.clone();
        claims.entry("aud").or_insert_with(|| addressee.audience().into());
        claims.retain(|name, _| !self.absent.contains(name));
        claims
    }
}
