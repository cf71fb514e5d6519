//! The issuer's keys that others encrypt to: request objects (RFC 9101 §6.1).

use bailiwick_grant::Change;
use bailiwick_grant::state::{Name, NameOwner, StoredDecryptionKey};
use bailiwick_jose::{DecryptionKey, KeyError, KeyManagement};
use bailiwick_store::{CommitError, Store, StoreExt};
use serde_json::Value;

use super::{ATTEMPTS, KeysError};

/// By what clients may send or agree on a content encryption key.
pub(crate) const ALGORITHMS: [KeyManagement; 2] =
    [KeyManagement::EcdhEs, KeyManagement::RsaOaep256];

/// Makes the keys that are missing; any number of processes may do so at the same time.
pub(super) async fn ensure(store: &dyn Store, now: i64) -> Result<(), KeysError> {
    for algorithm in ALGORITHMS {
        ensure_one(store, algorithm, now).await?;
    }
    Ok(())
}

/// The keys that are stored, the newest of each algorithm first.
pub(super) async fn load(store: &dyn Store) -> Result<Vec<DecryptionKey>, KeysError> {
    let stored = store.all::<StoredDecryptionKey>().await?;
    let mut stored: Vec<_> = stored.into_iter().map(|loaded| loaded.value).collect();
    stored.sort_by(|a, b| (b.made_at, &b.kid).cmp(&(a.made_at, &a.kid)));
    stored.iter().map(parse).collect()
}

/// The public keys as they are published, the newest of each algorithm.
pub(super) fn published(keys: &[DecryptionKey]) -> Vec<Value> {
    let newest = |algorithm| keys.iter().find(|key| key.serves(algorithm));
    let newest = ALGORITHMS.into_iter().filter_map(newest);
    newest.filter_map(|key| key.encryption_key().ok()?.to_jwk()).collect()
}

async fn ensure_one(
    store: &dyn Store,
    algorithm: KeyManagement,
    now: i64,
) -> Result<(), KeysError> {
    // A name that no client and no API can have: it holds a space.
    let claim = Name::new(&format!("encryption key {algorithm}"), NameOwner::Reserved);
    for _ in 0..ATTEMPTS {
        // INVARIANT: whoever makes the first key writes the claim; of several at once, one does.
        let claimed = store.load::<Name>(&claim.name).await?;
        if load(store).await?.iter().any(|key| key.serves(algorithm)) {
            return Ok(());
        }
        let key = generate(algorithm, now).await?;
        let claim = match claimed {
            None => Change::insert(claim.clone()),
            Some(claimed) => claimed.update(claim.clone()),
        };
        match store.commit(vec![claim, Change::insert(key)]).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    Err(KeysError::Contended)
}

async fn generate(algorithm: KeyManagement, now: i64) -> Result<StoredDecryptionKey, KeysError> {
    let made = tokio::task::spawn_blocking(move || DecryptionKey::generate(algorithm)).await;
    let key = made.unwrap_or(Err(KeyError::Generate))?;
    let jwk = key.to_jwk().map_err(|_| KeyError::Generate)?;
    let kid = key.kid().unwrap_or_default().to_owned();
    Ok(StoredDecryptionKey { kid, jwk: jwk.as_str().to_owned(), made_at: now })
}

fn parse(stored: &StoredDecryptionKey) -> Result<DecryptionKey, KeysError> {
    let damaged = || KeysError::Damaged { kid: stored.kid.clone() };
    let jwk: Value = serde_json::from_str(&stored.jwk).map_err(|_| damaged())?;
    DecryptionKey::from_jwk(&jwk).map_err(|_| damaged())
}
