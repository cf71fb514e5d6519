//! Where the introspection endpoint is (RFC 8414 §2 `introspection_endpoint`).

use std::sync::Mutex;
use std::time::Duration;

use bailiwick_oauth::Issuer;
use tokio::time::Instant;

use crate::publish::lock;
use crate::{FetchError, Fetcher, metadata};

/// How long a discovered URL is believed without looking again.
const REDISCOVER: Duration = Duration::from_hours(1);

/// How long one is believed that does not work.
const DOUBTED: Duration = Duration::from_mins(1);

/// How long a failure to discover it is remembered, so that callers do not queue up before a dead
/// issuer.
const RETRY: Duration = Duration::from_secs(1);

/// An endpoint whose URL is given or discovered.
pub(super) enum Endpoint {
    Given(String),
    Discovered(Discovered),
}

/// A URL from the metadata; while it cannot be looked up again, the last one is used.
#[derive(Default)]
pub(super) struct Discovered {
    found: Mutex<Option<Found>>,
    /// The permit to look, with the last failure.
    looking: tokio::sync::Mutex<Option<(Instant, FetchError)>>,
}

struct Found {
    url: String,
    at: Instant,
    keep: Duration,
}

impl Endpoint {
    pub(super) async fn url(
        &self,
        fetcher: &Fetcher,
        issuer: &Issuer,
    ) -> Result<String, FetchError> {
        match self {
            Self::Given(url) => Ok(url.clone()),
            Self::Discovered(discovered) => discovered.url(fetcher, issuer).await,
        }
    }

    /// Says that nothing useful is at the URL: it is looked up again sooner.
    pub(super) fn doubt(&self) {
        if let Self::Discovered(discovered) = self
            && let Some(found) = lock(&discovered.found).as_mut()
        {
            found.keep = DOUBTED;
        }
    }
}

impl Discovered {
    async fn url(&self, fetcher: &Fetcher, issuer: &Issuer) -> Result<String, FetchError> {
        if let Some(url) = self.believed() {
            return Ok(url);
        }
        let old = lock(&self.found).as_ref().map(|found| found.url.clone());
        let mut failed = match (&old, self.looking.try_lock()) {
            (_, Ok(permit)) => permit,
            (Some(old), Err(_)) => return Ok(old.clone()), // somebody is at it
            (None, Err(_)) => self.looking.lock().await,
        };
        if let Some(url) = self.believed() {
            return Ok(url); // found meanwhile
        }
        if let Some((at, error)) = failed.as_ref()
            && at.elapsed() < RETRY
        {
            return old.ok_or_else(|| error.clone());
        }
        match discover(fetcher, issuer).await {
            Ok(url) => {
                *failed = None;
                let found = Found { url: url.clone(), at: Instant::now(), keep: REDISCOVER };
                *lock(&self.found) = Some(found);
                Ok(url)
            }
            Err(error) => {
                tracing::warn!(%issuer, %error, "the introspection endpoint cannot be looked up");
                *failed = Some((Instant::now(), error.clone()));
                old.ok_or(error)
            }
        }
    }

    fn believed(&self) -> Option<String> {
        let found = lock(&self.found);
        found
            .as_ref()
            .filter(|found| found.at.elapsed() < found.keep)
            .map(|found| found.url.clone())
    }
}

async fn discover(fetcher: &Fetcher, issuer: &Issuer) -> Result<String, FetchError> {
    let metadata = metadata::authorization_server(fetcher, issuer).await?;
    let subject = || issuer.to_string();
    metadata
        .introspection_endpoint
        .ok_or_else(|| FetchError::Missing { subject: subject(), entry: "introspection_endpoint" })
}
