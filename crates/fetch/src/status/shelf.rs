//! The lists at hand, bounded in number and in bytes; those not used for the longest time make room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bailiwick_oauth::status_list::StatusList;
use tokio::sync::Mutex as Permit;
use tokio::time::Instant;

use crate::FetchError;
use crate::publish::lock;

/// The most bytes that all lists take together.
const MOST_BYTES: usize = 256 * 1024 * 1024;

pub(super) struct Shelf {
    entries: RwLock<HashMap<String, Arc<Entry>>>,
    most: usize,
    /// Counts uses: the order in which entries were last used.
    uses: AtomicU64,
}

/// One list's place.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) loaded: ArcSwapOption<Loaded>,
    pub(super) permit: Arc<Permit<()>>,
    /// When, and with what, the last fetch failed, if it failed.
    pub(super) failed: Mutex<Option<(Instant, FetchError)>>,
    used: AtomicU64,
}

/// A list that was fetched.
pub(super) struct Loaded {
    pub(super) list: Arc<StatusList>,
    pub(super) bytes: usize,
    pub(super) at: Instant,
    pub(super) keep: Duration,
    pub(super) exp: Option<i64>,
}

impl Shelf {
    pub(super) fn new(most: usize) -> Self {
        Self { entries: RwLock::default(), most: most.max(1), uses: AtomicU64::new(0) }
    }

    pub(super) fn find(&self, uri: &str) -> Option<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(uri)?;
        self.touch(entry);
        Some(Arc::clone(entry))
    }

    /// The list's place, made if there is none.
    pub(super) fn place(&self, uri: &str) -> Arc<Entry> {
        if let Some(entry) = self.find(uri) {
            return entry;
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if !entries.contains_key(uri) {
            while entries.len() >= self.most && evict(&mut entries, None) {}
        }
        let entry = Arc::clone(entries.entry(uri.to_owned()).or_default());
        self.touch(&entry);
        entry
    }

    /// Lets others go until all fit, though never this one.
    pub(super) fn make_room_for(&self, uri: &str) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let bytes = |entry: &Arc<Entry>| entry.loaded.load().as_ref().map_or(0, |it| it.bytes);
        while entries.values().map(bytes).sum::<usize>() > MOST_BYTES
            && evict(&mut entries, Some(uri))
        {}
    }

    fn touch(&self, entry: &Entry) {
        let use_number = self.uses.fetch_add(1, Ordering::Relaxed);
        entry.used.store(use_number, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn evict(entries: &mut HashMap<String, Arc<Entry>>, but: Option<&str>) -> bool {
    let oldest = entries
        .iter()
        .filter(|(uri, _)| Some(uri.as_str()) != but)
        .min_by_key(|(_, entry)| entry.used.load(Ordering::Relaxed))
        .map(|(uri, _)| uri.clone());
    oldest.is_some_and(|uri| entries.remove(&uri).is_some())
}

impl Entry {
    /// The list, unless there is none, it has expired, or is older than it may be.
    pub(super) fn usable(&self, now: i64, stale: Duration) -> Option<Arc<Loaded>> {
        let loaded = self.loaded.load_full()?;
        let age = loaded.at.elapsed();
        let is_kept = age < loaded.keep
            || (age < loaded.keep.saturating_add(stale) && lock(&self.failed).is_some());
        let has_expired = loaded.exp.is_some_and(|exp| exp <= now);
        (is_kept && !has_expired).then_some(loaded)
    }

    /// The last failure, as long as it is not time to try again.
    pub(super) fn failed_within(&self, retry: Duration) -> Option<FetchError> {
        let failed = lock(&self.failed);
        failed.as_ref().filter(|(at, _)| at.elapsed() < retry).map(|(_, error)| error.clone())
    }
}

impl Loaded {
    /// Whether a newer one is to be fetched ahead of need: after three quarters of its time.
    pub(super) fn is_due(&self) -> bool {
        self.at.elapsed() >= self.keep / 4 * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(bytes: usize) -> Arc<Loaded> {
        let list = Arc::new(StatusList::new(1, Vec::new()).unwrap());
        let (at, keep) = (Instant::now(), Duration::from_mins(5));
        Arc::new(Loaded { list, bytes, at, keep, exp: None })
    }

    #[test]
    fn the_list_not_used_for_the_longest_time_makes_room() {
        let shelf = Shelf::new(2);
        shelf.place("a");
        shelf.place("b");
        shelf.find("a");
        shelf.place("c");
        assert_eq!(shelf.len(), 2);
        assert!(shelf.find("b").is_none());
        assert!(shelf.find("a").is_some() && shelf.find("c").is_some());
    }

    #[test]
    fn all_lists_together_take_bounded_memory() {
        let shelf = Shelf::new(1000);
        for uri in ["a", "b", "c"] {
            shelf.place(uri).loaded.store(Some(loaded(MOST_BYTES / 2)));
        }
        shelf.make_room_for("a");
        assert!(shelf.find("a").is_some() && shelf.find("c").is_some());
        assert!(shelf.find("b").is_none());
        shelf.place("a").loaded.store(Some(loaded(2 * MOST_BYTES)));
        shelf.make_room_for("a");
        assert_eq!(shelf.len(), 1);
    }
}
