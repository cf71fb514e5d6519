//! The issuer's signing keys: made at first start, kept in the store, parsed once
//! (RFC 7517 §5, OpenID Connect Core §15.1).

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_grant::state::{
    Client, Name, NameOwner, ResourceServer, StoredKey, StoredSecret, TokenFormat,
};
use bailiwick_grant::{Change, PairwiseSalt};
use bailiwick_jose::{Algorithm, DecryptionKey, Jwks, KeyError, SealingKey, SigningKey, base64url};
use bailiwick_oauth::dpop::SealedNonces;
use bailiwick_store::{CommitError, Store, StoreError, StoreExt};

use crate::app::system_randomness;

pub(crate) mod decryption;

/// The keys of the issuer: what it signs with, and what it publishes.
pub struct Keyring {
    signing: BTreeMap<Algorithm, SigningKey>,
    published: Jwks,
    decryption: Vec<DecryptionKey>,
    json: String,
    pairwise_salt: PairwiseSalt,
    nonces: SealedNonces,
}

/// Why there is no keyring.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The store failed.
    #[error("cannot load the signing keys")]
    Store(#[from] StoreError),
    /// A key that is stored cannot be read.
    #[error("the stored key {kid} is damaged: restore the store from a copy")]
    Damaged {
        /// Its identifier.
        kid: String,
    },
    /// The salt of pairwise subjects cannot be read, or is missing.
    #[error("the salt of pairwise subjects is missing or damaged: restore the store from a copy")]
    Salt,
    /// A new key cannot be made.
    #[error("cannot make a signing key")]
    Generate(#[from] KeyError),
    /// Other processes kept changing the keys.
    #[error("other processes keep changing the signing keys: start again")]
    Contended,
    /// There is no key of this algorithm.
    #[error("there is no {0} signing key: restart the server, which makes one")]
    Missing(Algorithm),
}

impl Keyring {
    /// Loads the keys, making those of the algorithms that are missing.
    ///
    /// Any number of processes may do so at the same time: they end up with the same keys.
    ///
    /// # Errors
    /// When the store fails, a stored key is damaged or no key can be made.
    pub async fn ensure(
        store: &dyn Store,
        algorithms: &BTreeSet<Algorithm>,
        now: i64,
    ) -> Result<Self, KeysError> {
        for algorithm in algorithms {
            ensure_one(store, *algorithm, now).await?;
        }
        decryption::ensure(store, now).await?;
        ensure_salt(store, now).await?;
        Self::load(store).await
    }

    /// Loads the keys that are stored.
    ///
    /// # Errors
    /// When the store fails or a stored key is damaged.
    pub async fn load(store: &dyn Store) -> Result<Self, KeysError> {
        let stored = store.all::<StoredKey>().await?;
        let mut stored: Vec<StoredKey> = stored.into_iter().map(|loaded| loaded.value).collect();
        stored.sort_by(|a, b| (a.made_at, &a.kid).cmp(&(b.made_at, &b.kid)));
        let mut signing = BTreeMap::new();
        let mut public = Vec::with_capacity(stored.len());
        for key in stored {
            let parsed = parse(&key)?;
            public.push(parsed.verifying_key().clone());
            signing.insert(key.algorithm, parsed); // the newest stays
        }
        let published = Jwks::from_keys(public);
        let decryption = decryption::load(store).await?;
        let mut document = published.to_json();
        if let Some(keys) = document["keys"].as_array_mut() {
            keys.extend(decryption::published(&decryption));
        }
        let salt = store.load::<StoredSecret>(PAIRWISE).await?.ok_or(KeysError::Salt)?;
        let salt = base64url::decode(&salt.value.secret).map_err(|_| KeysError::Salt)?;
        let pairwise_salt = PairwiseSalt::new(salt.try_into().map_err(|_| KeysError::Salt)?);
        let nonces = SealedNonces::new(seal(&signing)?, NONCES_LIVE);
        let json = document.to_string();
        Ok(Self { signing, published, decryption, json, pairwise_salt, nonces })
    }

    /// The newest key of an algorithm.
    ///
    /// # Errors
    /// When there is none.
    pub fn for_algorithm(&self, algorithm: Algorithm) -> Result<&SigningKey, KeysError> {
        self.signing.get(&algorithm).ok_or(KeysError::Missing(algorithm))
    }

    /// The algorithms that there are keys of.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        self.signing.keys().copied()
    }

    /// What pairwise subjects are made with; it never changes.
    pub fn pairwise_salt(&self) -> &PairwiseSalt {
        &self.pairwise_salt
    }

    /// The public keys, to verify one's own tokens with.
    pub fn published(&self) -> &Jwks {
        &self.published
    }

    /// What opens that which others encrypted to this issuer.
    pub fn decryption(&self) -> &[DecryptionKey] {
        &self.decryption
    }

    /// The nonces for DPoP proofs: the same ones on every node that has these keys (RFC 9449 §8).
    pub fn nonces(&self) -> &SealedNonces {
        &self.nonces
    }

    /// The key set as it is served (RFC 7517 §5).
    pub fn jwks_json(&self) -> &str {
        &self.json
    }
}

/// The algorithms that an issuer needs keys of: RS256 for ID tokens (OpenID Connect Core §15.1),
/// ES256 as the usual one of access tokens, and what its resource servers and clients ask for.
pub fn needed<'a>(
    servers: impl IntoIterator<Item = &'a ResourceServer>,
    clients: impl IntoIterator<Item = &'a Client>,
) -> BTreeSet<Algorithm> {
    let asked = servers.into_iter().flat_map(|server| {
        let tokens = (server.format == TokenFormat::Jwt).then_some(server.algorithm);
        tokens.into_iter().chain(server.introspection_signing)
    });
    let answers = clients.into_iter().flat_map(|client| {
        let openid = &client.openid;
        [openid.authorization_signed_response_alg, openid.id_token_signed_response_alg]
            .into_iter()
            .chain(openid.userinfo_signed_response_alg)
    });
    [Algorithm::Rs256, Algorithm::Es256].into_iter().chain(asked).chain(answers).collect()
}

async fn ensure_one(store: &dyn Store, algorithm: Algorithm, now: i64) -> Result<(), KeysError> {
    for _ in 0..ATTEMPTS {
        let claim = store.load::<Name>(&claim_of(algorithm).name).await?;
        let stored = store.all::<StoredKey>().await?;
        if stored.iter().any(|key| key.value.algorithm == algorithm) {
            return Ok(());
        }
        let key = generate(algorithm, now).await?;
        // INVARIANT: whoever makes the first key writes the claim; of several at once, one does
        let claim = match claim {
            None => Change::insert(claim_of(algorithm)),
            Some(claim) => claim.update(claim_of(algorithm)),
        };
        match store.commit(vec![claim, Change::insert(key)]).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    Err(KeysError::Contended)
}

/// Makes the salt of pairwise subjects at the first start (OpenID Connect Core §8.1).
async fn ensure_salt(store: &dyn Store, now: i64) -> Result<(), KeysError> {
    for _ in 0..ATTEMPTS {
        if store.load::<StoredSecret>(PAIRWISE).await?.is_some() {
            return Ok(());
        }
        let secret = base64url::encode(&system_randomness());
        let salt = StoredSecret { name: PAIRWISE.to_owned(), secret, made_at: now };
        match store.commit(vec![Change::insert(salt)]).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    Err(KeysError::Contended)
}

/// The name of the salt among the stored secrets.
const PAIRWISE: &str = "pairwise salt";

/// What nonces are sealed with; it comes of a signing key, so that all nodes have the same one.
fn seal(signing: &BTreeMap<Algorithm, SigningKey>) -> Result<SealingKey, KeysError> {
    const PURPOSE: &str = "bailiwick dpop nonces";
    let usual = signing.get(&Algorithm::Es256).or_else(|| signing.values().next());
    let sealing = match usual {
        Some(key) => SealingKey::derive(&key.to_pkcs8(), PURPOSE),
        None => SealingKey::generate(),
    };
    sealing.map_err(|_| KeysError::Generate(KeyError::Generate))
}

/// For how long a DPoP nonce is taken, in seconds.
const NONCES_LIVE: i64 = 300;

/// A name that no client and no API can have: it holds a space.
fn claim_of(algorithm: Algorithm) -> Name {
    Name::new(&format!("signing key {algorithm}"), NameOwner::Reserved)
}

async fn generate(algorithm: Algorithm, now: i64) -> Result<StoredKey, KeysError> {
    let made = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await;
    let key = made.unwrap_or(Err(KeyError::Generate))?;
    Ok(StoredKey {
        kid: key.kid().to_owned(),
        algorithm,
        pkcs8: base64url::encode(&key.to_pkcs8()),
        made_at: now,
    })
}

fn parse(stored: &StoredKey) -> Result<SigningKey, KeysError> {
    let damaged = || KeysError::Damaged { kid: stored.kid.clone() };
    let der = base64url::decode(&stored.pkcs8).map_err(|_| damaged())?;
    let key = SigningKey::from_pkcs8(stored.algorithm, &der).map_err(|_| damaged())?;
    if key.kid() == stored.kid { Ok(key) } else { Err(damaged()) }
}

const ATTEMPTS: usize = 5;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bailiwick_oauth::Resource;
    use bailiwick_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn the_first_start_makes_keys_and_the_second_finds_them() {
        let store = MemoryStore::new();
        let first = Keyring::ensure(&store, &needed([], []), 100).await.unwrap();
        let second = Keyring::ensure(&store, &needed([], []), 200).await.unwrap();
        assert_eq!(first.jwks_json(), second.jwks_json());
        assert!(first.algorithms().eq([Algorithm::Rs256, Algorithm::Es256]));
        assert_eq!(first.pairwise_salt(), second.pairwise_salt());
        assert_ne!(*first.pairwise_salt(), PairwiseSalt::default());
        assert!(!first.jwks_json().contains("\"d\""), "a private member is published");
        let token = first.for_algorithm(Algorithm::Rs256).unwrap().sign("JWT", b"{}").unwrap();
        let jws = bailiwick_jose::Jws::parse(&token).unwrap();
        let kid = jws.header().kid.clone().unwrap();
        let key = second.published().find(Some(&kid), Algorithm::Rs256).unwrap();
        assert!(jws.verify(key).is_ok());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn several_first_starts_agree() {
        let store = Arc::new(MemoryStore::new());
        let starts: Vec<_> = (0..6)
            .map(|n| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    Keyring::ensure(&*store, &[Algorithm::Es256].into(), n).await.unwrap().json
                })
            })
            .collect();
        let mut published = BTreeSet::new();
        for start in starts {
            published.insert(start.await.unwrap());
        }
        assert_eq!(published.len(), 1, "every process publishes the same keys");
    }

    #[tokio::test]
    async fn an_algorithm_that_an_api_asks_for_gets_a_key() {
        let mut server =
            ResourceServer::new(Resource::parse("https://api.example.com").unwrap(), "API");
        server.algorithm = Algorithm::EdDsa;
        let store = MemoryStore::new();
        let plain = Keyring::ensure(&store, &needed([], []), 1).await.unwrap();
        assert!(matches!(
            plain.for_algorithm(Algorithm::EdDsa),
            Err(KeysError::Missing(Algorithm::EdDsa))
        ));
        let more = Keyring::ensure(&store, &needed([&server], []), 2).await.unwrap();
        assert_eq!(more.for_algorithm(Algorithm::EdDsa).unwrap().algorithm(), Algorithm::EdDsa);
        server.format = TokenFormat::Opaque;
        assert!(!needed([&server], []).contains(&Algorithm::EdDsa));
    }

    #[tokio::test]
    async fn the_newest_key_signs_and_a_damaged_one_is_reported() {
        let store = MemoryStore::new();
        let newest = generate(Algorithm::Es256, 20).await.unwrap();
        let oldest = generate(Algorithm::Es256, 10).await.unwrap();
        let changes = vec![Change::insert(newest.clone()), Change::insert(oldest.clone())];
        store.commit(changes).await.unwrap();
        let keys = Keyring::ensure(&store, &BTreeSet::new(), 30).await.unwrap();
        assert_eq!(keys.for_algorithm(Algorithm::Es256).unwrap().kid(), newest.kid);
        assert_eq!(keys.published().keys().len(), 2, "tokens of the old one stay valid");

        let damaged = StoredKey { pkcs8: newest.pkcs8, ..oldest };
        store.commit(vec![Change::put(damaged.clone())]).await.unwrap();
        let error = Keyring::load(&store).await.err().unwrap();
        assert_eq!(
            error.to_string(),
            format!("the stored key {} is damaged: restore the store from a copy", damaged.kid)
        );
    }
}
