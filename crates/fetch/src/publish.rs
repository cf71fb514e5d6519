//! Where keys come from: a key set's URL, given or found in the metadata (RFC 7517 §5, RFC 8414 §2).

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bailiwick_jose::Jwks;
use bailiwick_oauth::Issuer;
use tokio::time::Instant;

use crate::target::shown;
use crate::{FetchError, Fetcher, metadata};

/// A source of one issuer's keys.
#[async_trait]
pub(crate) trait Publish: Send + Sync {
    async fn publish(&self) -> Result<Published, FetchError>;
}

/// A key set as it was published just now.
pub(crate) struct Published {
    pub(crate) keys: Jwks,
    /// For how long the publisher says that it may be kept.
    pub(crate) max_age: Option<Duration>,
}

/// A key set that is fetched.
pub(crate) struct Remote {
    pub(crate) issuer: String,
    pub(crate) fetcher: Fetcher,
    pub(crate) place: Place,
}

/// How the key set's URL is known.
pub(crate) enum Place {
    /// The operator said it.
    Given(String),
    /// The metadata says it; looked up again after a failure and after [`REDISCOVER`].
    Discovered { document: Document, found: Mutex<Option<(String, Instant)>> },
}

/// Where the metadata is.
pub(crate) enum Document {
    /// At the well-known places of the issuer.
    WellKnown(Issuer),
    /// Where the operator says, about the issuer that the operator says.
    At { url: String, issuer: String },
}

impl Place {
    pub(crate) fn discovered(document: Document) -> Self {
        Self::Discovered { document, found: Mutex::new(None) }
    }
}

/// How long a discovered URL is believed: an issuer may move its keys.
const REDISCOVER: Duration = Duration::from_hours(1);

#[async_trait]
impl Publish for Remote {
    async fn publish(&self) -> Result<Published, FetchError> {
        let url = self.url().await?;
        let published = self.fetch(&url).await;
        if published.is_err() {
            self.forget();
        }
        published
    }
}

impl Remote {
    async fn fetch(&self, url: &str) -> Result<Published, FetchError> {
        let fetched = self.fetcher.get_json(url).await?;
        let keys = Jwks::parse(&fetched.bytes)
            .map_err(|why| FetchError::Malformed { url: shown(url), why: why.to_string() })?;
        Ok(Published { keys, max_age: fetched.max_age.map(Duration::from_secs) })
    }

    async fn url(&self) -> Result<String, FetchError> {
        let (document, found) = match &self.place {
            Place::Given(url) => return Ok(url.clone()),
            Place::Discovered { document, found } => (document, found),
        };
        if let Some((url, at)) = lock(found).as_ref()
            && at.elapsed() < REDISCOVER
        {
            return Ok(url.clone());
        }
        let metadata = match document {
            Document::WellKnown(issuer) => {
                metadata::authorization_server(&self.fetcher, issuer).await?
            }
            Document::At { url, issuer } => {
                metadata::authorization_server_at(&self.fetcher, url, issuer).await?
            }
        };
        let url = metadata.jwks_uri.ok_or_else(|| FetchError::Missing {
            subject: self.issuer.clone(),
            entry: "jwks_uri",
        })?;
        *lock(found) = Some((url.clone(), Instant::now()));
        Ok(url)
    }

    fn forget(&self) {
        if let Place::Discovered { found, .. } = &self.place {
            *lock(found) = None;
        }
    }
}

/// Locks what no panic can leave half-written.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
