//! What the tests of this folder share: an issuer over real HTTP that can fail in many ways, and an
//! API behind the layer whose every answer is told with its reason.
#![allow(dead_code, unused_imports, reason = "each test file uses a part")]

mod id;
mod site;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bailiwick_jose::SigningKey;
use bailiwick_oauth::dpop::token_hash;
use serde_json::{Map, Value, json};

pub(crate) use id::{Id, Keep};
pub(crate) use site::{Answer, Site, with_bearer, with_proof};

/// The moment at which the tests take place.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) const API: &str = "https://api.example.com/orders";

/// Where the metadata of [`API`] is, as challenges say it.
pub(crate) const METADATA: &str =
    "https://api.example.com/.well-known/oauth-protected-resource/orders";

/// A clock that is moved by hand.
pub(crate) fn clock() -> (Arc<AtomicI64>, impl Fn() -> i64 + Send + Sync + 'static) {
    let time = Arc::new(AtomicI64::new(NOW));
    let read = Arc::clone(&time);
    (time, move || read.load(Ordering::Relaxed))
}

/// Asks again until it is so: for what happens in the background, soon.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Lets all other tasks come to where they wait.
pub(crate) async fn others_wait() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// The claims of a DPoP proof for a token and a request, as nobody used it before.
pub(crate) fn proof_claims(token: &str, method: &str, uri: &str) -> Value {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let jti = format!("proof-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    json!({ "jti": jti, "htm": method, "htu": uri, "iat": NOW, "ath": token_hash(token) })
}

/// A DPoP proof with these claims, that carries its key.
pub(crate) fn prove(key: &SigningKey, claims: &Value) -> String {
    let jwk = Map::from_iter([("jwk".to_owned(), key.verifying_key().to_bare_jwk())]);
    key.sign_with("dpop+jwt", &jwk, claims.to_string().as_bytes()).unwrap()
}

/// How often each status came.
pub(crate) fn tally(statuses: impl IntoIterator<Item = u16>) -> BTreeMap<u16, usize> {
    let mut tally = BTreeMap::new();
    for status in statuses {
        *tally.entry(status).or_default() += 1;
    }
    tally
}
