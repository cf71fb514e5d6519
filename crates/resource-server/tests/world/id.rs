//! An issuer in this process, over real HTTP on a free port: metadata, keys, introspection, status
//! lists (RFC 8414, RFC 7517, RFC 7662).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use bailiwick_jose::{Algorithm, SigningKey, base64url};
use bailiwick_resource_server::{
    Builder, ClientAuthentication, ClientId, Fetcher, Introspector, Issuer, IssuerKeys,
    KeySettings, Lookup, Resource, Secret,
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

use super::{API, NOW};

/// The issuer; clones are the same one.
#[derive(Clone)]
pub(crate) struct Id {
    pub(crate) url: String,
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    /// What is published; the last one signs.
    keys: Mutex<Vec<Arc<SigningKey>>>,
    /// The key set itself, where a test writes it by hand.
    key_set: Mutex<Option<Value>>,
    /// What the metadata calls the issuer; its address unless a test says otherwise.
    named: Mutex<Option<String>>,
    opaque: Mutex<HashMap<String, Value>>,
    /// Tokens that the introspection endpoint stumbles over.
    poison: Mutex<HashMap<String, StatusCode>>,
    secret: Mutex<String>,
    /// Signs the answers about tokens.
    signs_answers: Mutex<Option<Value>>,
    lists: Mutex<HashMap<String, String>>,
    /// What every endpoint answers with, when the issuer is out of order.
    broken: Mutex<Option<StatusCode>>,
    /// Held by a test to keep the answers back.
    gate: Arc<RwLock<()>>,
    key_fetches: AtomicUsize,
    list_fetches: AtomicUsize,
    lookups: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

/// How keys are kept in tests: short waits, so that no test takes long.
pub(crate) struct Keep;

impl Keep {
    pub(crate) fn shortly() -> KeySettings {
        KeySettings {
            retry: Duration::from_millis(20),
            retry_most: Duration::from_millis(20),
            unknown_kid: Duration::from_millis(20),
            ..KeySettings::default()
        }
    }
}

impl Id {
    /// An issuer that is up.
    pub(crate) async fn up() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let id = Self::at(listener.local_addr().unwrap());
        id.serve(listener);
        id
    }

    /// An issuer that is down: nobody listens at its address.
    pub(crate) async fn down() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::at(listener.local_addr().unwrap())
    }

    /// Brings it up at its address.
    pub(crate) async fn rise(&self) {
        self.serve(TcpListener::bind(self.address).await.unwrap());
    }

    fn at(address: SocketAddr) -> Self {
        let inner = Inner {
            keys: Mutex::new(vec![new_key()]),
            key_set: Mutex::default(),
            named: Mutex::default(),
            opaque: Mutex::default(),
            poison: Mutex::default(),
            secret: Mutex::new("secret".to_owned()),
            signs_answers: Mutex::default(),
            lists: Mutex::default(),
            broken: Mutex::default(),
            gate: Arc::default(),
            key_fetches: AtomicUsize::new(0),
            list_fetches: AtomicUsize::new(0),
            lookups: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        };
        Self { url: format!("http://{address}"), address, inner: Arc::new(inner) }
    }

    fn serve(&self, listener: TcpListener) {
        let app = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/keys", get(keys))
            .route("/introspect", post(introspect))
            .route("/tokeninfo", post(tokeninfo))
            .route("/lists/{name}", get(list))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
    }

    /// Answers with this status everywhere from now on; `None` ends it.
    pub(crate) fn answer_with(&self, status: Option<u16>) {
        let status = status.map(|status| StatusCode::from_u16(status).unwrap());
        *self.inner.broken.lock().unwrap() = status;
    }

    /// Keeps all answers back for as long as the guard lives.
    pub(crate) async fn stall(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.inner.gate).write_owned().await
    }

    /// Waits at the gate; fails when the issuer is out of order.
    async fn pass(&self) -> Result<(), Response> {
        drop(self.inner.gate.read().await);
        match *self.inner.broken.lock().unwrap() {
            Some(status) => Err(status.into_response()),
            None => Ok(()),
        }
    }

    // Keys and tokens.

    /// The key that signs.
    pub(crate) fn key(&self) -> Arc<SigningKey> {
        Arc::clone(self.inner.keys.lock().unwrap().last().unwrap())
    }

    /// Signs with another key from now on, and publishes that one alone.
    pub(crate) fn rotate(&self) {
        *self.inner.keys.lock().unwrap() = vec![new_key()];
    }

    /// Signs with another key from now on, and publishes the last two.
    pub(crate) fn rotate_gently(&self) {
        let mut keys = self.inner.keys.lock().unwrap();
        keys.push(new_key());
        let more = keys.len().saturating_sub(2);
        keys.drain(..more);
    }

    /// Publishes this key set, whatever signs.
    pub(crate) fn publish(&self, key_set: Value) {
        *self.inner.key_set.lock().unwrap() = Some(key_set);
    }

    /// Calls itself so in its metadata.
    pub(crate) fn name(&self, issuer: &str) {
        *self.inner.named.lock().unwrap() = Some(issuer.to_owned());
    }

    /// How often the keys were fetched.
    pub(crate) fn key_fetches(&self) -> usize {
        self.inner.key_fetches.load(Ordering::SeqCst)
    }

    /// The claims of a token for [`API`] that is valid for five minutes, with some of them changed;
    /// `null` takes one away.
    pub(crate) fn claims(&self, changes: Value) -> Value {
        let mut claims = json!({
            "iss": self.url, "sub": "alice", "aud": API, "client_id": "shop", "jti": "1",
            "scope": "read:orders", "iat": NOW, "exp": NOW + 300,
        });
        let members = claims.as_object_mut().unwrap();
        if let Value::Object(mut changes) = changes {
            members.append(&mut changes);
        }
        members.retain(|_, value| !value.is_null());
        claims
    }

    /// A token with these changes.
    pub(crate) fn token(&self, changes: Value) -> String {
        self.key().sign_json("at+jwt", &self.claims(changes)).unwrap()
    }

    /// A token that is signed by a key nobody knows, with this `kid`.
    pub(crate) fn junk(&self, kid: &str) -> String {
        let token = self.token(json!({}));
        let (_, rest) = token.split_once('.').unwrap();
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid });
        format!("{}.{rest}", base64url::encode(header.to_string().as_bytes()))
    }

    // Opaque tokens.

    /// Makes an opaque token known, with these changes to a good answer.
    pub(crate) fn know(&self, token: &str, changes: Value) {
        let mut answer = self.claims(changes);
        answer.as_object_mut().unwrap().entry("active").or_insert(true.into());
        self.inner.opaque.lock().unwrap().insert(token.to_owned(), answer);
    }

    /// Revokes it.
    pub(crate) fn revoke(&self, token: &str) {
        self.inner.opaque.lock().unwrap().remove(token);
    }

    /// Answers with this status when it is asked about the token.
    pub(crate) fn stumble_over(&self, token: &str, status: u16) {
        let status = StatusCode::from_u16(status).unwrap();
        self.inner.poison.lock().unwrap().insert(token.to_owned(), status);
    }

    /// Knows the API by another secret from now on.
    pub(crate) fn expect_secret(&self, secret: &str) {
        secret.clone_into(&mut self.inner.secret.lock().unwrap());
    }

    /// Signs its answers about tokens, with these changes to a good one's claims (RFC 9701 §5).
    pub(crate) fn sign_answers(&self, changes: Value) {
        *self.inner.signs_answers.lock().unwrap() = Some(changes);
    }

    /// How often a token was asked about.
    pub(crate) fn lookups(&self) -> usize {
        self.inner.lookups.load(Ordering::SeqCst)
    }

    /// How many were being asked about at a time.
    pub(crate) fn most_lookups_at_once(&self) -> usize {
        self.inner.most_at_once.load(Ordering::SeqCst)
    }

    /// Asks this issuer about tokens, as the client `orders-api`.
    pub(crate) fn introspector(&self) -> Introspector {
        self.introspector_by(Fetcher::builder().build().unwrap())
    }

    pub(crate) fn introspector_by(&self, fetcher: Fetcher) -> Introspector {
        let me = ClientAuthentication::SecretBasic {
            client_id: ClientId::parse("orders-api").unwrap(),
            secret: Secret::new("secret"),
        };
        Introspector::new(Issuer::parse(&self.url).unwrap(), me, fetcher)
    }

    pub(crate) fn lookup(&self) -> Lookup {
        Lookup::introspection(self.introspector())
    }

    // Status lists.

    /// Where the list of that name is.
    pub(crate) fn list_uri(&self, name: &str) -> String {
        format!("{}/lists/{name}", self.url)
    }

    /// Publishes a list with two bits for each status, signed with `key`, with some claims changed.
    pub(crate) fn publish_list(
        &self,
        name: &str,
        statuses: [u8; 4],
        key: &SigningKey,
        changes: &Value,
    ) {
        let byte = statuses.iter().enumerate().map(|(at, status)| status << (2 * at)).sum();
        let mut claims = json!({
            "sub": self.list_uri(name), "iat": NOW, "ttl": 60,
            "status_list": { "bits": 2, "lst": base64url::encode(&zlib(&[byte])) },
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let signed = key.sign_json("statuslist+jwt", &claims).unwrap();
        self.inner.lists.lock().unwrap().insert(name.to_owned(), signed);
    }

    /// How often a list was fetched.
    pub(crate) fn list_fetches(&self) -> usize {
        self.inner.list_fetches.load(Ordering::SeqCst)
    }

    // Resource servers.

    /// The keys of this issuer, kept for one resource server alone.
    pub(crate) fn kept(&self, settings: KeySettings) -> Arc<IssuerKeys> {
        let fetcher = Fetcher::builder().build().unwrap();
        IssuerKeys::new(Issuer::parse(&self.url).unwrap(), fetcher, settings)
    }

    /// A resource server for [`API`] at the fixed moment.
    pub(crate) fn protect(&self) -> Builder {
        let (issuer, api) = (Issuer::parse(&self.url).unwrap(), Resource::parse(API).unwrap());
        Builder::new(issuer, api).keys(self.kept(Keep::shortly())).clock(|| NOW)
    }
}

fn new_key() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(Algorithm::Es256).unwrap())
}

/// The zlib form of a few bytes, stored as they are (RFC 1950, RFC 1951 §3.2.4).
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut zlib = vec![0x78, 0x01, 0x01];
    zlib.extend(length.to_le_bytes());
    zlib.extend((!length).to_le_bytes());
    zlib.extend(bytes);
    zlib.extend(((b << 16) | a).to_be_bytes());
    zlib
}

async fn metadata(State(id): State<Id>) -> Result<Json<Value>, Response> {
    id.pass().await?;
    let issuer = id.inner.named.lock().unwrap().clone().unwrap_or_else(|| id.url.clone());
    Ok(Json(json!({
        "issuer": issuer,
        "jwks_uri": format!("{}/keys", id.url),
        "introspection_endpoint": format!("{}/introspect", id.url),
        "response_types_supported": ["code"],
    })))
}

async fn keys(State(id): State<Id>) -> Result<Json<Value>, Response> {
    id.inner.key_fetches.fetch_add(1, Ordering::SeqCst);
    id.pass().await?;
    if let Some(key_set) = id.inner.key_set.lock().unwrap().clone() {
        return Ok(Json(key_set));
    }
    let keys = id.inner.keys.lock().unwrap();
    let keys: Vec<Value> = keys.iter().map(|key| key.verifying_key().to_jwk()).collect();
    Ok(Json(json!({ "keys": keys })))
}

async fn introspect(
    State(id): State<Id>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Response, Response> {
    let inner = &id.inner;
    inner.lookups.fetch_add(1, Ordering::SeqCst);
    let at_once = inner.at_once.fetch_add(1, Ordering::SeqCst) + 1;
    inner.most_at_once.fetch_max(at_once, Ordering::SeqCst);
    let passed = id.pass().await;
    inner.at_once.fetch_sub(1, Ordering::SeqCst);
    passed?;
    let secret = inner.secret.lock().unwrap().clone();
    let expected = format!("Basic {}", base64(&format!("orders-api:{secret}")));
    if headers.get("authorization").is_none_or(|sent| *sent != expected) {
        return Err(StatusCode::UNAUTHORIZED.into_response());
    }
    let token = form.get("token").cloned().unwrap_or_default();
    if let Some(status) = inner.poison.lock().unwrap().get(&token) {
        return Err(status.into_response());
    }
    let known = inner.opaque.lock().unwrap().get(&token).cloned();
    let answer = known.unwrap_or_else(|| json!({ "active": false }));
    let Some(changes) = inner.signs_answers.lock().unwrap().clone() else {
        return Ok(Json(answer).into_response());
    };
    let mut claims = json!({
        "iss": id.url, "aud": "orders-api", "iat": NOW, "token_introspection": answer,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let signed = id.key().sign_json("token-introspection+jwt", &claims).unwrap();
    let kind = [("content-type", "application/token-introspection+jwt")];
    Ok((kind, signed).into_response())
}

/// As Google answers: numbers are texts, and an unknown token is an error.
async fn tokeninfo(
    State(id): State<Id>,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Response, Response> {
    id.inner.lookups.fetch_add(1, Ordering::SeqCst);
    id.pass().await?;
    let token = form.get("access_token").cloned().unwrap_or_default();
    let Some(mut answer) = id.inner.opaque.lock().unwrap().get(&token).cloned() else {
        let why = json!({ "error_description": "Invalid Value" });
        return Err((StatusCode::BAD_REQUEST, Json(why)).into_response());
    };
    answer.as_object_mut().unwrap().retain(|name, _| name != "active" && name != "iss");
    answer["exp"] = answer["exp"].to_string().into();
    Ok(Json(answer).into_response())
}

async fn list(State(id): State<Id>, Path(name): Path<String>) -> Result<Response, Response> {
    id.inner.list_fetches.fetch_add(1, Ordering::SeqCst);
    id.pass().await?;
    let found = id.inner.lists.lock().unwrap().get(&name).cloned();
    let kind = [("content-type", "application/statuslist+jwt")];
    found.map(|list| (kind, list).into_response()).ok_or(StatusCode::NOT_FOUND.into_response())
}

/// Base64 with padding (RFC 4648 §4).
fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
