//! Where an endpoint of an issuer is (RFC 8414 §2 `introspection_endpoint`, `token_endpoint`).

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
pub(crate) enum Endpoint {
    Given(String),
    Discovered(Discovered),
}

/// A URL from the metadata; while it cannot be looked up again, the last one is used.
pub(crate) struct Discovered {
    entry: Entry,
    found: Mutex<Option<Found>>,
    /// The permit to look, with the last failure.
    looking: tokio::sync::Mutex<Option<(Instant, FetchError)>>,
}

/// Which endpoint it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Introspection,
    Token,
}

struct Found {
    url: String,
    at: Instant,
    keep: Duration,
}

impl Endpoint {
    pub(crate) async fn url(
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
    pub(crate) fn doubt(&self) {
        if let Self::Discovered(discovered) = self
            && let Some(found) = lock(&discovered.found).as_mut()
        {
            found.keep = DOUBTED;
        }
    }
}

impl Discovered {
    /// One that is still to be found.
    pub(crate) fn of(entry: Entry) -> Self {
        Self { entry, found: Mutex::default(), looking: tokio::sync::Mutex::default() }
    }

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
        match self.entry.discover(fetcher, issuer).await {
            Ok(url) => {
                *failed = None;
                let found = Found { url: url.clone(), at: Instant::now(), keep: REDISCOVER };
                *lock(&self.found) = Some(found);
                Ok(url)
            }
            Err(error) => {
                tracing::warn!(%issuer, %error, "the endpoint cannot be looked up");
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

impl Entry {
    async fn discover(self, fetcher: &Fetcher, issuer: &Issuer) -> Result<String, FetchError> {
        let metadata = metadata::authorization_server(fetcher, issuer).await?;
        let (url, entry) = match self {
            Self::Introspection => (metadata.introspection_endpoint, "introspection_endpoint"),
            Self::Token => (metadata.token_endpoint, "token_endpoint"),
        };
        url.ok_or_else(|| FetchError::Missing { subject: issuer.to_string(), entry })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://id.example/introspect";

    /// An endpoint that was found, of an issuer whose metadata cannot be had: without any network.
    fn found() -> (Endpoint, Fetcher, Issuer) {
        let found = Found { url: URL.to_owned(), at: Instant::now(), keep: REDISCOVER };
        let discovered =
            Discovered { found: Mutex::new(Some(found)), ..Discovered::of(Entry::Introspection) };
        let fetcher = Fetcher::builder().build().unwrap();
        (Endpoint::Discovered(discovered), fetcher, Issuer::parse("https://10.0.0.1").unwrap())
    }

    fn believed(endpoint: &Endpoint) -> Option<String> {
        let Endpoint::Discovered(discovered) = endpoint else { return None };
        discovered.believed()
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_endpoint_is_used_while_it_cannot_be_looked_up_again() {
        let (endpoint, fetcher, issuer) = found();
        tokio::time::advance(REDISCOVER).await;
        assert_eq!(believed(&endpoint), None);
        for _ in 0..3 {
            assert_eq!(endpoint.url(&fetcher, &issuer).await.unwrap(), URL);
        }
        let never_found = Endpoint::Discovered(Discovered::of(Entry::Introspection));
        let refused = never_found.url(&fetcher, &issuer).await;
        assert!(matches!(refused, Err(FetchError::Address { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_in_doubt_is_looked_up_again_soon_and_not_at_once() {
        let (endpoint, ..) = found();
        endpoint.doubt();
        assert!(believed(&endpoint).is_some());
        tokio::time::advance(DOUBTED).await;
        assert_eq!(believed(&endpoint), None);
    }
}
