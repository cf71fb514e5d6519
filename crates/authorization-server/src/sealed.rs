//! Encrypted access tokens: signed, then nested in a JWE for the one resource server that can open it
//! (RFC 7516, RFC 7519 §11.2, RFC 9068 §4).
//!
//! The issuer cannot open it again. What it knows such a token by when it is asked about it or told
//! to revoke it is the digest of the whole, as with a random one; so it is written before the commit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bailiwick_fetch::FetchError;
use bailiwick_grant::Change;
use bailiwick_grant::flow::token::{AccessForm, Outcome};
use bailiwick_grant::state::{Encryption, OpaqueToken, Recipient};
use bailiwick_jose::jwe::{EncryptionKey, KeyManagement};
use bailiwick_oauth::{Secret, access_token};
use serde_json::Value;

use crate::answer::Failure;
use crate::app::App;
use crate::signer;

/// Writes the access token of a decision down, if it is to be encrypted, and remembers it among the
/// changes.
///
/// # Errors
/// When the key cannot be had: nothing is committed then, so a code or refresh token stays usable.
pub(crate) async fn seal(app: &App, decision: &mut Outcome) -> Result<(), Failure> {
    let Ok(tokens) = &mut decision.outcome else { return Ok(()) };
    let access = &mut tokens.access;
    let (AccessForm::Encrypted(algorithm, encryption), Some(resource)) =
        (&access.form, &access.resource)
    else {
        return Ok(());
    };
    let key = app.recipients.key(app, encryption).await?;
    let signed = signer::signed(app, *algorithm, access_token::TYPE, &access.claims).await?;
    let sealed = key.encrypt(encryption.enc, Some("JWT"), signed.as_bytes());
    let token = Secret::new(sealed.map_err(|error| Failure::Broken(error.into()))?);
    decision.changes.push(Change::insert(OpaqueToken {
        digest: token.digest(),
        resource: resource.clone(),
        claims: access.claims.clone(),
    }));
    access.form = AccessForm::Opaque(token);
    Ok(())
}

/// The keys that resource servers publish, as they were fetched.
#[derive(Default)]
pub(crate) struct Recipients(Mutex<HashMap<(String, Option<KeyManagement>), Kept>>);

struct Kept {
    key: Arc<EncryptionKey>,
    fetched_at: i64,
    /// When it is looked up again.
    again_at: i64,
}

impl Recipients {
    /// The key to encrypt with.
    async fn key(&self, app: &App, to: &Encryption) -> Result<Arc<EncryptionKey>, Failure> {
        match &to.recipient {
            Recipient::Jwk(jwk) => match fit(jwk, to.alg) {
                Some(key) => Ok(Arc::new(key)),
                None => Err(Failure::Broken("the encryption key of an API is unfit".into())),
            },
            Recipient::JwksUri(url) => self.published(app, url, to.alg).await,
        }
    }

    async fn published(
        &self,
        app: &App,
        url: &str,
        alg: Option<KeyManagement>,
    ) -> Result<Arc<EncryptionKey>, Failure> {
        let (now, name) = (app.now(), (url.to_owned(), alg));
        if let Some(kept) = self.kept().get_mut(&name) {
            if now < kept.again_at {
                return Ok(Arc::clone(&kept.key));
            }
            kept.again_at = now + RETRY; // one request looks it up, the others go on with this one
        }
        match fetched(app, url, alg).await {
            Ok((key, max_age)) => {
                let age = max_age.and_then(|age| i64::try_from(age).ok()).unwrap_or(USUAL);
                let again_at = now + age.clamp(RETRY, LONGEST);
                let kept = Kept { key: Arc::clone(&key), fetched_at: now, again_at };
                self.kept().insert(name, kept);
                Ok(key)
            }
            // An outage of its publisher does not make a key bad, for a while.
            Err(error) => match self.kept().get(&name) {
                Some(kept) if now < kept.fetched_at + STALE => {
                    tracing::warn!(%error, "the encryption key of an API cannot be looked up");
                    Ok(Arc::clone(&kept.key))
                }
                _ => Err(Failure::Elsewhere(error)),
            },
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<(String, Option<KeyManagement>), Kept>> {
        // No panic can leave an entry half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn fetched(
    app: &App,
    url: &str,
    alg: Option<KeyManagement>,
) -> Result<(Arc<EncryptionKey>, Option<u64>), FetchError> {
    let fetched = app.fetcher.get_json(url).await?;
    let malformed = |why: String| FetchError::Malformed { url: url.to_owned(), why };
    let set = bailiwick_jose::json::parse_object(&fetched.bytes)
        .map_err(|why| malformed(why.to_string()))?;
    let mut keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    let key = keys.find_map(|jwk| fit(jwk, alg));
    let key = key.ok_or_else(|| malformed("it has no public key to encrypt with".to_owned()))?;
    Ok((Arc::new(key), fetched.max_age))
}

/// The key, if it is a public one to encrypt with, by the algorithm that is asked for.
pub(crate) fn fit(jwk: &Value, alg: Option<KeyManagement>) -> Option<EncryptionKey> {
    let mut jwk = jwk.clone();
    if let Some(alg) = alg
        && jwk.get("alg").is_none()
    {
        jwk.as_object_mut()?.insert("alg".to_owned(), alg.name().into());
    }
    let key = EncryptionKey::from_jwk(&jwk).ok()?;
    let is_asked = alg.is_none_or(|alg| alg == key.algorithm());
    (is_asked && key.algorithm() != KeyManagement::Dir).then_some(key)
}

/// How soon a key is looked up again after a failure, and at the soonest.
const RETRY: i64 = 60;

/// How long a key is kept when its publisher does not say.
const USUAL: i64 = 600;

/// How long a key is kept at most before it is looked up again.
const LONGEST: i64 = 3600;

/// How long a key is used that cannot be looked up again.
const STALE: i64 = 24 * 3600;
