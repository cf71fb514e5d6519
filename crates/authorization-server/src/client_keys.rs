//! A client's public keys: those that it registered, or those that it publishes (RFC 7591 §2).

use std::sync::Arc;

use bailiwick_fetch::{FetchError, Fetcher, IssuerKeys, KeySettings};
use bailiwick_grant::state::{Client, Keys};
use bailiwick_jose::{Jwks, Jws, NoKey};
use bailiwick_oauth::WebUrl;
use quick_cache::sync::Cache;

/// How many key sets of clients are kept; the least used one goes first.
const MOST: usize = 1024;

/// The key sets that clients publish, each fetched once and kept fresh; a flood of tokens with
/// unknown kids costs two fetches a second for each, see [`IssuerKeys`].
pub(crate) struct ClientKeys {
    fetcher: Fetcher,
    published: Cache<WebUrl, Arc<IssuerKeys>>,
}

impl ClientKeys {
    pub(crate) fn new(fetcher: Fetcher) -> Self {
        Self { fetcher, published: Cache::new(MOST) }
    }

    /// The keys that may have signed a token of the client; `None` when it registered none, or
    /// when the token is none: nothing is fetched for that.
    ///
    /// # Errors
    /// When what the client publishes cannot be fetched.
    pub(crate) async fn of(
        &self,
        client: &Client,
        token: &str,
    ) -> Result<Option<Arc<Jwks>>, FetchError> {
        let Ok(jws) = Jws::parse(token) else { return Ok(None) };
        let Ok(algorithm) = jws.algorithm() else { return Ok(None) };
        let kid = jws.header().kid.as_deref();
        match &client.keys {
            Keys::None => Ok(None),
            Keys::Set(set) => Ok(Jwks::from_json(set).ok().map(Arc::new)),
            Keys::At(url) => {
                let published = self.published(url);
                let keys = published.keys().await?;
                if matches!(keys.find(kid, algorithm), Err(NoKey::UnknownKid)) {
                    let kid = kid.unwrap_or_default();
                    return published.refresh_for_unknown_kid(kid).await.map(Some);
                }
                Ok(Some(keys))
            }
        }
    }

    /// All keys of the client, for a certificate, which names none of them (RFC 8705 §2.2); `None` when
    /// it registered none.
    ///
    /// # Errors
    /// When what the client publishes cannot be fetched.
    pub(crate) async fn all(&self, client: &Client) -> Result<Option<Arc<Jwks>>, FetchError> {
        match &client.keys {
            Keys::None => Ok(None),
            Keys::Set(set) => Ok(Jwks::from_json(set).ok().map(Arc::new)),
            Keys::At(url) => self.published(url).keys().await.map(Some),
        }
    }

    fn published(&self, url: &WebUrl) -> Arc<IssuerKeys> {
        let made = self.published.get_or_insert_with(url, || {
            let keys = IssuerKeys::at(url.as_str(), self.fetcher.clone(), KeySettings::default());
            Ok::<_, std::convert::Infallible>(keys)
        });
        match made {
            Ok(keys) => keys,
            Err(never) => match never {},
        }
    }
}
