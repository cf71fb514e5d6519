//! An issuer that signs with a key of its own, and the APIs that trust it (RFC 9068, RFC 8414).

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bailiwick_fetch::{ClientAuthentication, Fetcher, Introspector, IssuerKeys, KeySettings};
use bailiwick_guard::Trust;
use bailiwick_jose::{Algorithm, DecryptionKey, Jwks, SealingKey, SigningKey, base64url};
use bailiwick_oauth::{Issuer, Resource};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::testing::{Aim, Hostile, TestClient, TestClock, TokenBuilder, endpoint, forge, hostile};
use crate::{Builder, ConfigError, Dpop, Lookup, ResourceServer, TrustedIssuer};

/// How often a served issuer is asked again: at once, so that tests do not wait.
const SOON: Duration = Duration::from_millis(20);

/// An issuer in this process. All clones are the same issuer.
///
/// ```
/// use bailiwick_resource_server::testing::TestIssuer;
///
/// let issuer = TestIssuer::new();
/// let api = issuer.protect("https://api.example.com")?;
/// let token = issuer.token().scope("read:orders").mint(&api);
/// # let _ = token;
/// # Ok::<(), bailiwick_resource_server::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct TestIssuer(Arc<Inner>);

struct Inner {
    issuer: Issuer,
    place: Place,
    algorithm: Algorithm,
    key: Mutex<Arc<SigningKey>>,
    traps: Traps,
    clock: TestClock,
    /// What it encrypts tokens with, and its APIs decrypt them with.
    shared: [u8; 32],
    /// What its APIs seal nonces with.
    sealing: [u8; 32],
    /// What each token says that is known to introspection.
    tokens: Mutex<HashMap<String, Map<String, Value>>>,
    is_down: AtomicBool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    InMemory,
    Served,
}

/// Keys in the issuer's set that sign no good token.
pub(super) struct Traps {
    /// Says `use: enc`.
    pub(super) for_encryption: SigningKey,
    /// Belongs to another issuer, by its member `issuer`.
    pub(super) of_another: SigningKey,
    /// A symmetric one, published.
    pub(super) symmetric: [u8; 32],
}

/// A key for RS256, and for the tokens that misuse one. Shared by all issuers of the process, since it
/// takes long to make and signs no good token.
static RSA: LazyLock<SigningKey> = LazyLock::new(|| generate(Algorithm::Rs256));

impl TestIssuer {
    /// Who asks about tokens at a served issuer's introspection endpoint: the user name of
    /// `client_secret_basic`.
    pub const LOOKUP_CLIENT: &'static str = "test-api";

    /// The password to [`TestIssuer::LOOKUP_CLIENT`].
    pub const LOOKUP_SECRET: &'static str = "test-secret";

    /// An issuer that signs with ES256, called `https://issuer.test`. Nothing listens there: the APIs
    /// that it protects get its keys from memory. Its clock stands still.
    #[expect(clippy::new_without_default, reason = "each one has keys of its own")]
    pub fn new() -> Self {
        Self::signing_with(Algorithm::Es256)
    }

    /// The same, signing with another algorithm.
    pub fn signing_with(algorithm: Algorithm) -> Self {
        Self::make("https://issuer.test", Place::InMemory, algorithm, TestClock::stopped())
    }

    /// An issuer that listens on a free port of this machine, with metadata, keys and introspection,
    /// until the runtime ends: for APIs in another process, and for opaque tokens. It signs with
    /// ES256. Its clock runs with the system's.
    ///
    /// ```
    /// use bailiwick_resource_server::testing::TestIssuer;
    /// use bailiwick_resource_server::{Asked, ResourceServer, Rule};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::serve().await;
    /// // As an API in another process would be configured:
    /// let api = ResourceServer::new(issuer.url(), "https://api.example.com")?;
    /// let token = issuer.token().mint(&api);
    /// let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
    /// assert!(api.admit(&Asked::from(&request.body(())?), &Rule::ANY_TOKEN).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a port"));
        let issuer = Self::make(&url, Place::Served, Algorithm::Es256, TestClock::running());
        endpoint::serve(issuer.clone(), listener);
        issuer
    }

    fn make(url: &str, place: Place, algorithm: Algorithm, clock: TestClock) -> Self {
        Self(Arc::new(Inner {
            issuer: Issuer::parse(url).expect("an issuer identifier"),
            place,
            algorithm,
            key: Mutex::new(Arc::new(generate(algorithm))),
            traps: Traps {
                for_encryption: generate(Algorithm::Es256),
                of_another: generate(Algorithm::EdDsa),
                symmetric: forge::random(),
            },
            clock,
            shared: forge::random(),
            sealing: forge::random(),
            tokens: Mutex::default(),
            is_down: AtomicBool::new(false),
        }))
    }

    /// Its identifier: what tokens name as `iss`, and where a served one listens.
    pub fn url(&self) -> &str {
        self.0.issuer.as_str()
    }

    /// The clock by which it issues, and by which its APIs and clients live.
    pub fn clock(&self) -> &TestClock {
        &self.0.clock
    }

    /// An API that trusts it.
    ///
    /// # Errors
    /// When the resource identifier is malformed.
    pub fn protect(&self, resource: &str) -> Result<ResourceServer, ConfigError> {
        self.builder(resource)?.build()
    }

    /// Begins an API that trusts it, lives by its clock, and can read the tokens that it encrypts.
    /// Where the issuer is served, opaque tokens are looked up with each request, and changes of its
    /// keys are followed at once.
    ///
    /// # Errors
    /// When the resource identifier is malformed.
    pub fn builder(&self, resource: &str) -> Result<Builder, ConfigError> {
        let parsed = Resource::parse(resource)
            .map_err(|why| ConfigError::Resource(resource.to_owned(), why))?;
        let clock = self.clock().clone();
        let builder = Builder::trusting(self.trusted()?, parsed)
            .clock(move || clock.now())
            .decryption_key(self.decryption_key());
        if !self.is_served() {
            return Ok(builder);
        }
        let me = ClientAuthentication::SecretBasic {
            client_id: endpoint::lookup_client(),
            secret: endpoint::lookup_secret(),
        };
        let introspector =
            Introspector::new(self.0.issuer.clone(), me, Fetcher::builder().build()?);
        Ok(builder.look_up(Lookup::introspection(introspector).keep(Duration::ZERO)))
    }

    /// This issuer for an API that trusts several.
    ///
    /// # Errors
    /// When outgoing HTTP cannot be set up, which a served issuer needs.
    pub fn trusted(&self) -> Result<TrustedIssuer, ConfigError> {
        let keys = if self.is_served() {
            let settings = KeySettings {
                retry: SOON,
                retry_most: SOON,
                unknown_kid: SOON,
                ..KeySettings::default()
            };
            IssuerKeys::new(self.0.issuer.clone(), Fetcher::builder().build()?, settings)
        } else {
            IssuerKeys::fixed(Jwks::from_json(&self.jwks()).expect("a key set"))
        };
        Ok(TrustedIssuer::of(Trust::new(self.0.issuer.clone())).keys(keys))
    }

    /// DPoP with nonces, for [`Builder::dpop`] of an API: proofs must then have one
    /// (RFC 9449 §9).
    pub fn dpop(&self) -> Dpop {
        let key = SealingKey::from_bytes(&self.0.sealing).expect("a key of that length");
        Dpop::new().nonces(key, Duration::from_mins(5))
    }

    /// A token in the making: a good one, unless it is told otherwise.
    pub fn token(&self) -> TokenBuilder {
        TokenBuilder::new(self.clone())
    }

    /// A client with a key of its own, which signs with ES256.
    pub fn client(&self) -> TestClient {
        TestClient::new(Algorithm::Es256, self.clock().clone())
    }

    /// Every hostile request to an API, each with one fault; see [`hostile::all`].
    pub fn hostile(&self, aim: impl Into<Aim>) -> Vec<Hostile> {
        hostile::all(self, aim)
    }

    /// Signs with a new key from now on, and withdraws the old one.
    ///
    /// A served issuer publishes it, and APIs find it by its `kid`. In memory, an API that was made
    /// before has nowhere to fetch it from: it keeps the keys of its time.
    pub fn rotate(&self) {
        *lock(&self.0.key) = Arc::new(generate(self.0.algorithm));
    }

    /// Takes a token back: introspection says from now on that it is not active (RFC 7009 §2). Nobody
    /// who verifies a signature learns of it.
    pub fn revoke(&self, token: &str) {
        lock(&self.0.tokens).remove(token);
    }

    /// Answers every request of APIs with 503 from now on.
    pub fn go_down(&self) {
        self.0.is_down.store(true, Ordering::Relaxed);
    }

    /// Answers again.
    pub fn come_up(&self) {
        self.0.is_down.store(false, Ordering::Relaxed);
    }

    /// The published key set (RFC 7517 §5): the one key that signs good tokens, and keys that no API
    /// may take: symmetric, for encryption, of another issuer, of an unknown kind.
    pub fn jwks(&self) -> Value {
        let Traps { for_encryption, of_another, symmetric } = self.traps();
        let mut encrypting = for_encryption.verifying_key().to_jwk();
        encrypting["use"] = "enc".into();
        let mut foreign = of_another.verifying_key().to_jwk();
        foreign["issuer"] = hostile::EVIL.into();
        let symmetric = base64url::encode(symmetric);
        json!({ "keys": [
            self.key().verifying_key().to_jwk(),
            rsa_key().verifying_key().to_jwk(),
            encrypting,
            foreign,
            { "kty": "oct", "alg": "HS256", "kid": hostile::SYMMETRIC, "k": symmetric },
            { "kty": "AKP", "alg": "ML-DSA-44", "kid": "unknown-kind", "pub": "AAAA" },
        ]})
    }

    /// The key that its APIs decrypt tokens with, made by [`TokenBuilder::encrypted`]; for those that
    /// are not begun with [`TestIssuer::builder`].
    pub fn decryption_key(&self) -> DecryptionKey {
        let k = base64url::encode(&self.0.shared);
        let jwk = json!({ "kty": "oct", "alg": "dir", "kid": hostile::SHARED, "k": k });
        DecryptionKey::from_jwk(&jwk).expect("a shared key")
    }

    pub(super) fn shared(&self) -> &[u8; 32] {
        &self.0.shared
    }

    pub(super) fn traps(&self) -> &Traps {
        &self.0.traps
    }

    pub(super) fn key(&self) -> Arc<SigningKey> {
        Arc::clone(&lock(&self.0.key))
    }

    pub(super) fn is_served(&self) -> bool {
        self.0.place == Place::Served
    }

    pub(super) fn is_down(&self) -> bool {
        self.0.is_down.load(Ordering::Relaxed)
    }

    /// Keeps what a token says, for those who ask.
    pub(super) fn remember(&self, token: &str, claims: Map<String, Value>) {
        if self.is_served() {
            lock(&self.0.tokens).insert(token.to_owned(), claims);
        }
    }

    pub(super) fn recall(&self, token: &str) -> Option<Map<String, Value>> {
        lock(&self.0.tokens).get(token).cloned()
    }
}

/// The key for RS256.
pub(super) fn rsa_key() -> &'static SigningKey {
    &RSA
}

impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer").field("url", &self.url()).finish_non_exhaustive()
    }
}

fn generate(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).expect("randomness")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
