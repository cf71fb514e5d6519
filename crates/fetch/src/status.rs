//! Token status lists of one issuer, fetched and kept fresh (draft-ietf-oauth-status-list §8).
//!
//! A list is believed when the issuer's published keys have signed it for the very place that it was
//! fetched from. It is refreshed in the background ahead of its time; while that fails, the last one
//! is used until it expires, or is stale. Lists that somebody else than the issuer of the tokens signs
//! are not taken.

mod inflate;
mod shelf;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bailiwick_jose::base64url;
use bailiwick_oauth::Issuer;
use bailiwick_oauth::status_list::{StatusList, StatusListClaims, TYPE};
use http::StatusCode;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use self::inflate::inflate;
use self::shelf::{Entry, Loaded, Shelf};
use crate::fetcher::{Call, max_age};
use crate::publish::lock;
use crate::signed::{self, untrusted};
use crate::target::shown;
use crate::{FetchError, Fetched, Fetcher, IssuerKeys};

/// The media type of a status list token (§8.1).
const ACCEPT: &str = "application/statuslist+jwt";

/// How far the issuer's clock may be ahead, in seconds.
const AHEAD: i64 = 60;

/// How status lists are kept.
#[derive(Debug, Clone)]
pub struct StatusSettings {
    /// How long a list is kept whose issuer says nothing about that.
    pub keep: Duration,
    /// The least time for which a list is kept, whatever its issuer says; never beyond its `exp`.
    pub keep_least: Duration,
    /// The longest time for which a list is kept, whatever its issuer says.
    pub keep_most: Duration,
    /// For how long after that a list is used while no newer one can be had; never beyond its `exp`.
    pub stale: Duration,
    /// The wait after a failed fetch.
    pub retry: Duration,
    /// The most lists; the one not used for the longest time makes room.
    pub most: usize,
}

impl Default for StatusSettings {
    fn default() -> Self {
        Self {
            keep: Duration::from_mins(5),
            keep_least: Duration::from_secs(10),
            keep_most: Duration::from_hours(12),
            stale: Duration::from_hours(1),
            retry: Duration::from_secs(2),
            most: 1024,
        }
    }
}

/// The status lists of one issuer.
pub struct StatusLists {
    me: Weak<Self>,
    issuer: Issuer,
    keys: Arc<IssuerKeys>,
    source: Box<dyn Source>,
    settings: StatusSettings,
    shelf: Shelf,
}

/// Where status list tokens come from.
#[async_trait]
trait Source: Send + Sync {
    async fn get(&self, uri: &str) -> Result<Fetched, FetchError>;
}

#[async_trait]
impl Source for Fetcher {
    async fn get(&self, uri: &str) -> Result<Fetched, FetchError> {
        let call = Call { url: uri, authorization: None, accept: ACCEPT, posted: None };
        let answer = self.send(call).await?;
        if answer.status != StatusCode::OK {
            return Err(FetchError::Status { url: shown(uri), status: answer.status.as_u16() });
        }
        // No content type is asked for: the token's own type stands under its signature.
        Ok(Fetched { max_age: max_age(&answer.headers), bytes: answer.body })
    }
}

impl fmt::Debug for StatusLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusLists").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl StatusLists {
    /// The lists that `issuer` signs with these keys. Nothing is fetched yet.
    pub fn new(
        issuer: Issuer,
        keys: Arc<IssuerKeys>,
        fetcher: Fetcher,
        settings: StatusSettings,
    ) -> Arc<Self> {
        Self::from_source(issuer, keys, Box::new(fetcher), settings)
    }

    fn from_source(
        issuer: Issuer,
        keys: Arc<IssuerKeys>,
        source: Box<dyn Source>,
        settings: StatusSettings,
    ) -> Arc<Self> {
        let shelf = Shelf::new(settings.most);
        Arc::new_cyclic(|me| Self { me: me.clone(), issuer, keys, source, settings, shelf })
    }

    /// The list at `uri`, if a usable one is at hand: without waiting.
    ///
    /// When the list is due for a refresh, that begins in the background, inside a tokio runtime.
    /// `now` is in seconds since 1970.
    pub fn current(&self, uri: &str, now: i64) -> Option<Arc<StatusList>> {
        let entry = self.shelf.find(uri)?;
        let loaded = entry.usable(now, self.settings.stale)?;
        if loaded.is_due() && entry.failed_within(self.settings.retry).is_none() {
            self.refresh_in_background(&entry, uri, now);
        }
        Some(Arc::clone(&loaded.list))
    }

    /// The list at `uri`; fetched when none is at hand, by one caller for all.
    ///
    /// # Errors
    /// When there is none and it cannot be fetched, or what is there is not believed: then nothing
    /// can be said about a token's status. The failure is remembered for a moment, so that callers
    /// do not queue up before a dead server.
    pub async fn load(&self, uri: &str, now: i64) -> Result<Arc<StatusList>, FetchError> {
        if let Some(list) = self.current(uri, now) {
            return Ok(list);
        }
        let entry = self.shelf.place(uri);
        let permit = Arc::clone(&entry.permit).lock_owned().await;
        let usable = || entry.usable(now, self.settings.stale);
        if let Some(loaded) = usable() {
            return Ok(Arc::clone(&loaded.list)); // somebody else has fetched it meanwhile
        }
        if let Some(error) = entry.failed_within(self.settings.retry) {
            return Err(error);
        }
        match self.fetch(Arc::clone(&entry), permit, uri, now).await {
            Ok(list) => Ok(list),
            Err(error) => usable().map(|loaded| Arc::clone(&loaded.list)).ok_or(error),
        }
    }

    fn refresh_in_background(&self, entry: &Arc<Entry>, uri: &str, now: i64) {
        let Ok(runtime) = Handle::try_current() else { return };
        // Taken permit: somebody is at it.
        let Ok(permit) = Arc::clone(&entry.permit).try_lock_owned() else { return };
        let Some(me) = self.me.upgrade() else { return };
        let (entry, uri) = (Arc::clone(entry), uri.to_owned());
        runtime.spawn(async move {
            // Its failure is remembered and logged there.
            let _ = me.attempt(&entry, &uri, now).await;
            drop(permit);
        });
    }

    /// Fetches in a task of its own: a caller that goes away does not break off what others wait for.
    async fn fetch(
        &self,
        entry: Arc<Entry>,
        permit: OwnedMutexGuard<()>,
        uri: &str,
        now: i64,
    ) -> Result<Arc<StatusList>, FetchError> {
        let interrupted = || FetchError::Interrupted { subject: shown(uri) };
        let me = self.me.upgrade().ok_or_else(interrupted)?;
        let place = uri.to_owned();
        let task = tokio::spawn(async move {
            let outcome = me.attempt(&entry, &place, now).await;
            drop(permit);
            outcome
        });
        task.await.unwrap_or_else(|_| Err(interrupted()))
    }

    async fn attempt(
        &self,
        entry: &Entry,
        uri: &str,
        now: i64,
    ) -> Result<Arc<StatusList>, FetchError> {
        match self.read(uri, now).await {
            Ok(loaded) => {
                let list = Arc::clone(&loaded.list);
                *lock(&entry.failed) = None;
                entry.loaded.store(Some(Arc::new(loaded)));
                self.shelf.make_room_for(uri);
                Ok(list)
            }
            Err(error) => {
                tracing::warn!(issuer = %self.issuer, %error, "a status list cannot be had");
                *lock(&entry.failed) = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Fetches a list and checks it (§8.3).
    async fn read(&self, uri: &str, now: i64) -> Result<Loaded, FetchError> {
        let at = Instant::now();
        let fetched = self.source.get(uri).await?;
        let claims = signed::claims(&fetched.bytes, TYPE, &self.issuer, &self.keys, uri).await?;
        if claims.get("iss").is_some_and(|iss| iss.as_str() != Some(self.issuer.as_str())) {
            return Err(untrusted(uri, "it is from another issuer"));
        }
        if claims
            .get("nbf")
            .is_some_and(|nbf| Value::as_i64(nbf).is_none_or(|nbf| nbf > now + AHEAD))
        {
            return Err(untrusted(uri, "it is not valid yet"));
        }
        let malformed = |why: &str| FetchError::Malformed { url: shown(uri), why: why.to_owned() };
        let claims = StatusListClaims::read(&claims).map_err(|why| malformed(&why.to_string()))?;
        if claims.sub != uri {
            return Err(untrusted(uri, "it is the list of another place"));
        }
        if claims.iat > now + AHEAD {
            return Err(untrusted(uri, "it is from the future"));
        }
        if claims.exp.is_some_and(|exp| exp <= now) {
            return Err(untrusted(uri, "it has expired"));
        }
        let keep = self.keep(&claims, fetched.max_age, now);
        let broken = || malformed("its list is not base64url and zlib, or too large");
        let compressed = base64url::decode(&claims.lst).map_err(|_| broken())?;
        let bytes = tokio::task::spawn_blocking(move || inflate(&compressed)) // takes its time
            .await
            .map_err(|_| FetchError::Interrupted { subject: shown(uri) })?
            .ok_or_else(broken)?;
        let size = bytes.len();
        let list = StatusList::new(claims.bits, bytes).ok_or_else(broken)?;
        Ok(Loaded { list: Arc::new(list), bytes: size, at, keep, exp: claims.exp })
    }

    /// For how long a list is kept: `ttl` counts before what HTTP says (§5.1).
    fn keep(&self, claims: &StatusListClaims, max_age: Option<u64>, now: i64) -> Duration {
        let seconds = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        let said = claims.ttl.map(seconds).or(max_age.map(Duration::from_secs));
        let until_exp = claims.exp.map_or(Duration::MAX, |exp| seconds(exp.saturating_sub(now)));
        let least = self.settings.keep_least.min(self.settings.keep_most);
        said.unwrap_or(self.settings.keep).min(until_exp).clamp(least, self.settings.keep_most)
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
