//! Reloading: another site takes the place of the one that is served, and no request is lost.
//!
//! A request is served to its end with the site it began with; the next one sees the new site. A
//! configuration with any mistake in it changes nothing: the old one is served on.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bailiwick_fetch::IssuerKeys;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::config::{Config, ConfigError};
use crate::gateway::GatewayError;
use crate::site::Site;
use crate::worker;

/// The site that is served at this moment.
#[derive(Debug)]
pub(crate) struct Live {
    site: ArcSwap<Site>,
    /// Told of each change; the number is that of the site.
    changes: watch::Sender<u64>,
    past: Mutex<Reloads>,
    draining: AtomicBool,
}

/// What became of the reloads up to now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloads {
    /// How many took place.
    pub done: u64,
    /// How many were refused.
    pub refused: u64,
    /// Why the last one was refused, if it was.
    pub error: Option<String>,
}

impl Live {
    pub(crate) fn new(site: Site) -> Self {
        Self {
            site: ArcSwap::from_pointee(site),
            changes: watch::Sender::new(0),
            past: Mutex::default(),
            draining: AtomicBool::new(false),
        }
    }

    /// The site.
    pub(crate) fn site(&self) -> Arc<Site> {
        self.site.load_full()
    }

    /// Whether this is the site that is served.
    pub(crate) fn is(&self, site: &Arc<Site>) -> bool {
        Arc::ptr_eq(&self.site.load(), site)
    }

    /// Hears of each change of the site: whoever goes on with an old verdict decides again.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The end has begun: the gateway is not ready any more.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the end has begun.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// What became of the reloads up to now.
    pub(crate) fn reloads(&self) -> Reloads {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys of every issuer ahead of need, also of those that a reload brings.
    pub(crate) async fn keep_keys_fresh(self: Arc<Self>) {
        let mut changes = self.changes();
        let mut known: Vec<Weak<IssuerKeys>> = Vec::new();
        let mut fetching = JoinSet::new();
        loop {
            // Whose issuer no resource names any more are gone, and so is their task.
            known.retain(|keys| keys.strong_count() > 0);
            while fetching.try_join_next().is_some() {}
            for keys in self.site().keys() {
                let keys_known = Arc::downgrade(keys);
                if !known.iter().any(|known| known.ptr_eq(&keys_known)) {
                    known.push(keys_known);
                    fetching.spawn(keys.keep_fresh());
                }
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn replace(&self, config: Config) -> Result<Reloaded, GatewayError> {
        // One at a time, so that the last one asked for is the one that stays.
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = self.site();
        let outcome = Site::after(Some(&previous), config)
            .and_then(|site| worker::try_out(&site).map(|()| site));
        match outcome {
            Ok(site) => {
                let needs_restart = previous.config.needs_restart_for(&site.config);
                self.site.store(Arc::new(site));
                self.changes.send_modify(|number| *number += 1);
                (past.done, past.error) = (past.done + 1, None);
                Ok(Reloaded { needs_restart })
            }
            Err(error) => {
                (past.refused, past.error) = (past.refused + 1, Some(chain(&error)));
                Err(error)
            }
        }
    }

    fn refuse(&self, error: &ConfigError) {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        (past.refused, past.error) = (past.refused + 1, Some(error.to_string()));
    }
}

/// Puts another configuration in the place of the one that a gateway serves.
#[derive(Debug, Clone)]
pub struct Reloader(Arc<Live>);

/// A reload that took place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// The settings that differ and take effect at the next start only.
    pub needs_restart: Vec<&'static str>,
}

/// Why a reload changed nothing: the configuration that was served is served on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The file cannot be read or has a mistake in it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The configuration cannot be made ready.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

impl Reloader {
    pub(crate) fn new(live: Arc<Live>) -> Self {
        Self(live)
    }

    /// Serves another configuration from the next request on.
    ///
    /// Unchanged issuers keep their keys, unchanged resources what they remember of tokens, and
    /// unchanged upstreams their connections.
    ///
    /// # Errors
    /// When it cannot be made ready; then nothing has changed.
    pub fn replace(&self, config: Config) -> Result<Reloaded, GatewayError> {
        self.0.replace(config)
    }

    /// Reads a file and serves what it says; the log tells what became of it.
    ///
    /// # Errors
    /// When the file is wrong or cannot be made ready; then nothing has changed.
    pub fn load(&self, file: &Path) -> Result<Reloaded, ReloadError> {
        let outcome = match Config::load(file) {
            Ok(config) => self.replace(config).map_err(ReloadError::from),
            Err(error) => {
                self.0.refuse(&error);
                Err(error.into())
            }
        };
        match &outcome {
            Ok(Reloaded { needs_restart }) => {
                tracing::info!(file = %file.display(), "the configuration was reloaded");
                if !needs_restart.is_empty() {
                    let settings = needs_restart.join(", ");
                    tracing::warn!(settings, "these settings take effect at the next start only");
                }
            }
            Err(error) => {
                let error = chain(error);
                tracing::error!(
                    error,
                    "the configuration was not reloaded; the old one is served on"
                );
            }
        }
        outcome
    }

    /// What became of the reloads up to now.
    pub fn reloads(&self) -> Reloads {
        self.0.reloads()
    }

    /// Follows a file: reloads whenever its content has changed, and whenever it is asked for.
    /// Never ends.
    ///
    /// A change is taken up when two looks in a row find the same content, so that a file is not
    /// read while it is being written.
    pub async fn follow(&self, file: &Path, asked: &Notify) {
        // At once, before anything else can change it.
        let mut seen = std::fs::read(file).ok();
        let mut changed = None;
        loop {
            // The period of a chore: files tell nobody that they have changed.
            let was_asked = tokio::select! {
                () = asked.notified() => true,
                () = sleep(LOOK) => false,
            };
            let found = content(file).await;
            let is_settled = found != seen && found.is_some() && found == changed;
            if was_asked || is_settled {
                let (reloader, file) = (self.clone(), file.to_owned());
                // What became of it is in the log.
                let _ = tokio::task::spawn_blocking(move || reloader.load(&file)).await;
                (seen, changed) = (found, None);
            } else {
                changed = found;
            }
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What a file holds; `None` while it cannot be read.
async fn content(file: &Path) -> Option<Vec<u8>> {
    tokio::fs::read(file).await.ok()
}

/// How often a file is looked at.
const LOOK: Duration = Duration::from_millis(500);
