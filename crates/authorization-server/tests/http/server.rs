//! A server in this process: memory store, clock in hand.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use bailiwick_authorization_server::config::{Config, Surroundings};
use bailiwick_authorization_server::keys::{Keyring, needed};
use bailiwick_authorization_server::password::{self, Passwords};
use bailiwick_authorization_server::{AuthorizationServer, Outbox, Parts, registry, tenants};
use bailiwick_fetch::Fetcher;
use bailiwick_grant::Change;
use bailiwick_grant::state::{StoredDecryptionKey, StoredKey};
use bailiwick_jose::{Algorithm, Jws, SigningKey};
use bailiwick_oauth::{ClientId, Issuer, Secret, credentials, form};
use bailiwick_store::{MemoryStore, Store, StoreExt};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::OnceCell;
use tower::ServiceExt;

/// Where relative paths of the configuration start.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const SECRET: &str = "a-secret-of-the-warehouse-0123456789abcdef";
pub(crate) const CALLBACK: &str = "https://shop.example.com/cb";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const API: &str = "https://api.example.com";
pub(crate) const ANOTHER: &str = "https://api.another.com";
pub(crate) const ORDERS: &str = "https://api.example.com/orders";
pub(crate) const GRAPH: &str = "https://graph.example.com";
pub(crate) const FILES: &str = "https://files.example.com";
pub(crate) const OF_API: &str = "a-secret-of-the-api-0123456789abcdef0123";
pub(crate) const OF_ANOTHER: &str = "a-secret-of-another-0123456789abcdef0123";
pub(crate) const OF_FILES: &str = "a-secret-of-the-files-0123456789abcdef01";

pub(crate) const CONFIG: &str = r#"
[[resource]]
identifier = "https://api.example.com"
name = "Example API"
scopes = { read = "Read your things", write = "Change your things" }
introspection_secret = { env = "API" }
may_call = { "https://api.another.com" = ["read"], "https://files.example.com" = ["list"] }
[[resource]]
identifier = "https://api.another.com"
name = "Another API"
scopes = { read = "Read other things", delete = { description = "Delete other things", sensitive = true } }
introspection_secret = { env = "ANOTHER" }
[[resource]]
identifier = "https://api.example.com/orders"
name = "Orders"
scopes = { read = "See your orders" }
[[resource]]
identifier = "https://graph.example.com"
name = "Graph"
scopes = { "User.Read" = { description = "Read your profile", default = true } }
[[resource]]
identifier = "https://files.example.com"
name = "Files"
format = "opaque"
scopes = { list = "List your files" }
introspection_secret = { env = "FILES" }
[[client]]
id = "shop"
name = "Example Shop"
authentication = "none"
redirect_uris = ["https://shop.example.com/cb"]
scopes = ["openid", "profile", "email", "offline_access"]
resources = { "*" = "*" }
[[client]]
id = "narrow"
name = "Narrow"
authentication = "none"
redirect_uris = ["https://narrow.example.com/cb", "https://narrow.example.com/other"]
scopes = ["openid"]
resources = { "https://api.example.com" = ["read"] }
[[client]]
id = "warehouse"
name = "Warehouse"
authentication = "client_secret_basic"
secret = { env = "WAREHOUSE" }
grants = ["client_credentials"]
resources = { "https://api.example.com" = ["read"], "https://files.example.com" = "*" }
[[client]]
id = "robot"
name = "Robot"
authentication = "private_key_jwt"
jwks = { keys = [ROBOT] }
grants = ["client_credentials"]
resources = { "*" = "*" }
[[client]]
id = "the-api"
name = "The Example API itself"
authentication = "client_secret_basic"
secret = { env = "WAREHOUSE" }
grants = ["token_exchange", "client_credentials"]
acts_for = ["https://api.example.com"]
resources = { "*" = "*" }
[[client]]
id = "tv"
name = "Living Room TV"
authentication = "none"
grants = ["device_code", "refresh_token"]
scopes = ["openid", "profile", "offline_access"]
resources = { "https://api.example.com" = "*", "https://api.another.com" = "*" }
[[user]]
username = "ada"
subject = "s-ada"
claims = { name = "Ada Lovelace", email = "ada@example.com" }
password = "HASH"
[[user]]
username = "bob"
subject = "s-bob"
password = "HASH"
"#;

pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) outbox: Outbox,
    clock: Arc<AtomicI64>,
    /// Its configuration.
    text: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Server {
    pub(crate) async fn new() -> Self {
        Self::with(ISSUER, CONFIG).await
    }

    pub(crate) async fn with(issuer: &str, config: &str) -> Self {
        Self::asking(issuer, config, Fetcher::builder().build().unwrap()).await
    }

    /// A server that asks others in this way.
    pub(crate) async fn asking(issuer: &str, config: &str, fetcher: Fetcher) -> Self {
        let text = format!("issuer = \"{issuer}\"\n{config}")
            .replace("HASH", hash().await)
            .replace("ROBOT", &toml_of(&robot().verifying_key().to_jwk()));
        let config = parsed(&text);
        let store = Arc::new(MemoryStore::new());
        store.commit(keys().await.to_vec()).await.unwrap();
        registry::apply(&*store, &config, START).await.unwrap();
        let clock = Arc::new(AtomicI64::new(START));
        let parts = parts(config, &store, &clock, fetcher).await;
        let (router, outbox) = AuthorizationServer::with_outbox(parts);
        Self { router, store, outbox, clock, text }
    }

    /// The outbox of another process with the same store.
    pub(crate) async fn another_outbox(&self) -> Outbox {
        let fetcher = Fetcher::builder().build().unwrap();
        let parts = parts(parsed(&self.text), &self.store, &self.clock, fetcher).await;
        AuthorizationServer::with_outbox(parts).1
    }

    /// This server with others on the same origin; its store and its clock stay in hand.
    pub(crate) fn beside(self, others: Vec<(&str, Self)>) -> Self {
        let named = |name: &str, server: Self| (Issuer::parse(name).unwrap(), server.router);
        let others = others.into_iter().map(|(name, server)| named(name, server)).collect();
        let first = (Issuer::parse(ISSUER).unwrap(), self.router);
        Self { router: tenants(first, others), ..self }
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.send(posted(path).body(body(pairs)).unwrap()).await
    }

    /// Posts as a client or resource server that authenticates with Basic.
    pub(crate) async fn post_as(
        &self,
        id: &str,
        secret: &str,
        path: &str,
        pairs: &[(&str, &str)],
    ) -> Answer {
        let header = credentials::basic_header(&ClientId::parse(id).unwrap(), &Secret::new(secret));
        let request = posted(path).header("authorization", header);
        self.send(request.body(body(pairs)).unwrap()).await
    }

    /// Redeems a code of the shop.
    pub(crate) async fn redeem(&self, code: &str, more: &[(&str, &str)]) -> Answer {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("client_id", "shop"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        pairs.extend(more);
        self.post("/token", &pairs).await
    }

    /// Uses a refresh token of the shop.
    pub(crate) async fn refresh(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let mut pairs =
            vec![("grant_type", "refresh_token"), ("client_id", "shop"), ("refresh_token", token)];
        pairs.extend(more);
        self.post("/token", &pairs).await
    }

    pub(crate) async fn userinfo(&self, token: &str) -> Answer {
        let header = format!("Bearer {token}");
        let request = Request::get("/userinfo").header("authorization", header);
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    pub(crate) fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("no {member}: {}", self.body)).into()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The claims of the access token in the answer.
    pub(crate) fn claims(&self) -> Value {
        claims(&self.text("access_token"))
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: u16, error: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.text("error"), error, "{}", self.body);
    }
}

fn parsed(text: &str) -> Config {
    let around =
        Surroundings { name: "as.toml", folder: Path::new(FOLDER), environment: &secret_of };
    Config::parse(text, &around).unwrap()
}

async fn parts(
    config: Config,
    store: &Arc<MemoryStore>,
    clock: &Arc<AtomicI64>,
    fetcher: Fetcher,
) -> Parts {
    let keyring = Keyring::ensure(&**store, &BTreeSet::new(), START).await.unwrap();
    let passwords = Passwords::new(2).unwrap();
    let shared: Arc<dyn Store> = store.clone();
    let mut parts = Parts::new(config.tenant, shared, keyring, passwords, config.login, fetcher);
    let time = Arc::clone(clock);
    parts.clock = Arc::new(move || time.load(Ordering::SeqCst));
    parts.branding = config.branding;
    parts.proxies = config.proxies;
    parts.certificates = config.certificates;
    parts.dangerous_sign_in_as = config.dangerous_sign_in_as;
    parts
}

pub(crate) fn claims(token: &str) -> Value {
    serde_json::from_slice(Jws::parse(token).unwrap().unverified_payload()).unwrap()
}

pub(crate) fn body(pairs: &[(&str, &str)]) -> Body {
    Body::from(form::encode(pairs.iter().copied()))
}

fn posted(path: &str) -> http::request::Builder {
    Request::post(path).header("content-type", "application/x-www-form-urlencoded")
}

async fn hash() -> &'static str {
    static HASH: OnceCell<String> = OnceCell::const_new();
    HASH.get_or_init(|| async { password::hash(&Secret::new(PASSWORD)).unwrap() }).await
}

async fn keys() -> &'static [Change] {
    static KEYS: OnceCell<Vec<Change>> = OnceCell::const_new();
    KEYS.get_or_init(|| async {
        let store = MemoryStore::new();
        Keyring::ensure(&store, &needed([], []), START).await.unwrap();
        let signing = store.all::<StoredKey>().await.unwrap().into_iter();
        let decryption = store.all::<StoredDecryptionKey>().await.unwrap().into_iter();
        let signing = signing.map(|loaded| Change::insert(loaded.value));
        signing.chain(decryption.map(|loaded| Change::insert(loaded.value))).collect()
    })
    .await
}

fn secret_of(name: &str) -> Option<String> {
    let secret = match name {
        "API" => OF_API,
        "ANOTHER" => OF_ANOTHER,
        "FILES" => OF_FILES,
        "WAREHOUSE" => SECRET,
        _ => return None,
    };
    Some(secret.to_owned())
}

/// The key with which the robot signs its assertions.
pub(crate) fn robot() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> =
        LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa).unwrap());
    &KEY
}

fn toml_of(jwk: &Value) -> String {
    let members = jwk.as_object().unwrap().iter().map(|(name, value)| format!("{name} = {value}"));
    format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
}
