//! An issuer in this process, over real HTTP on a free port.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::{Json, Router, routing::get};
use bailiwick_jose::{Algorithm, Jwks, SigningKey};
use bailiwick_resource_server::{
    Builder, Fetcher, Issuer, IssuerKeys, KeySettings, Resource, ResourceServer,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The moment at which all tests take place.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) const API: &str = "https://api.example.com/orders";

/// An issuer with one key, which can be changed.
#[derive(Clone)]
pub(crate) struct TestIssuer {
    pub(crate) url: String,
    address: SocketAddr,
    key: Arc<Mutex<Arc<SigningKey>>>,
}

impl TestIssuer {
    /// An issuer that is up.
    pub(crate) async fn up() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self::at(listener.local_addr().unwrap());
        issuer.serve(listener);
        issuer
    }

    /// An issuer that is down: nobody listens at its address.
    pub(crate) async fn down() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::at(listener.local_addr().unwrap())
    }

    /// Brings it up at the same address.
    pub(crate) async fn rise(&self) {
        self.serve(TcpListener::bind(self.address).await.unwrap());
    }

    fn at(address: SocketAddr) -> Self {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let key = Arc::new(Mutex::new(Arc::new(key)));
        Self { url: format!("http://{address}"), address, key }
    }

    fn serve(&self, listener: TcpListener) {
        let metadata = json!({
            "issuer": self.url,
            "jwks_uri": format!("{}/keys", self.url),
            "response_types_supported": ["code"],
        });
        let me = self.clone();
        let app = Router::new()
            .route(
                "/.well-known/oauth-authorization-server",
                get(move || async move { Json(metadata) }),
            )
            .route("/keys", get(move || async move { Json(me.published()) }));
        tokio::spawn(async move { axum::serve(listener, app).await });
    }

    fn published(&self) -> Value {
        Jwks::from_keys(vec![self.key().verifying_key().clone()]).to_json()
    }

    pub(crate) fn key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.key.lock().unwrap())
    }

    /// Publishes and signs with another key from now on.
    pub(crate) fn rotate(&self) {
        *self.key.lock().unwrap() = Arc::new(SigningKey::generate(Algorithm::Es256).unwrap());
    }

    /// A token for [`API`] with this scope, valid for five minutes.
    pub(crate) fn token(&self, scope: &str) -> String {
        self.token_with(json!({ "scope": scope }))
    }

    /// The same with some claims changed; `null` takes one away.
    pub(crate) fn token_with(&self, changes: Value) -> String {
        self.sign("at+jwt", changes)
    }

    /// A JWT of another type.
    pub(crate) fn sign(&self, typ: &str, changes: Value) -> String {
        let mut claims = json!({
            "iss": self.url, "sub": "alice", "aud": API, "client_id": "shop", "jti": "1",
            "scope": "read:orders", "iat": NOW, "exp": NOW + 300,
        });
        let members = claims.as_object_mut().unwrap();
        if let Value::Object(mut changes) = changes {
            members.append(&mut changes);
        }
        members.retain(|_, value| !value.is_null());
        self.key().sign_json(typ, &claims).unwrap()
    }

    /// A resource server for [`API`], at the fixed moment, with keys that are fetched by it alone.
    pub(crate) fn protect(&self, resource: &str) -> Builder {
        let issuer = Issuer::parse(&self.url).unwrap();
        // Short waits, so that no test takes long.
        let settings = KeySettings {
            retry: Duration::from_millis(20),
            retry_most: Duration::from_millis(20),
            unknown_kid: Duration::from_millis(20),
            ..KeySettings::default()
        };
        let fetcher = Fetcher::builder().build().unwrap();
        let keys = IssuerKeys::new(issuer.clone(), fetcher, settings);
        Builder::new(issuer, Resource::parse(resource).unwrap()).keys(keys).clock(|| NOW)
    }

    /// The same, made.
    pub(crate) fn api(&self) -> ResourceServer {
        self.protect(API).build().unwrap()
    }
}

/// A clock that is moved by hand.
pub(crate) fn clock() -> (Arc<AtomicI64>, impl Fn() -> i64 + Send + Sync + 'static) {
    let time = Arc::new(AtomicI64::new(NOW));
    let read = Arc::clone(&time);
    (time, move || read.load(Ordering::Relaxed))
}
