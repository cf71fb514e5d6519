//! The lanes in which keys are fetched: each one fetch at a time, each counted (RFC 7517 §5).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Mutex as Permit, OwnedMutexGuard};
use tokio::time::Instant;

use crate::publish::lock;

/// What a fetch of keys is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The first set, and every one that comes ahead of its expiry.
    Scheduled,
    /// A kid that nobody has asked for before.
    UnknownKid,
    /// The kids that were asked for in vain and are asked for again.
    Reserved,
}

/// How many fetches a lane has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Fetches {
    /// All that began.
    pub begun: u64,
    /// Those among them that failed.
    pub failed: u64,
}

/// A lane with its permit, and what became of its fetches.
#[derive(Default)]
pub(crate) struct Lane {
    permit: Arc<Permit<()>>,
    last: Mutex<Option<Instant>>,
    begun: AtomicU64,
    failed: AtomicU64,
}

impl Lane {
    /// Waits for the permit to fetch.
    pub(crate) async fn permit(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.permit).lock_owned().await
    }

    /// The permit, unless somebody has it.
    pub(crate) fn free_permit(&self) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.permit).try_lock_owned().ok()
    }

    /// When the last fetch began.
    pub(crate) fn last(&self) -> Option<Instant> {
        *lock(&self.last)
    }

    pub(crate) fn begin(&self, now: Instant) {
        *lock(&self.last) = Some(now);
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn fail(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn fetches(&self) -> Fetches {
        let failed = self.failed.load(Ordering::Relaxed); // before the other: never the larger one
        Fetches { begun: self.begun.load(Ordering::Relaxed), failed }
    }
}
