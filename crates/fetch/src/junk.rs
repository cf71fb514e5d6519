//! Key identifiers that the issuer was asked for in vain, remembered for a while (RFC 7517 §4.5).

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// The most identifiers that are remembered; the oldest makes room.
pub(crate) const MOST: usize = 4096;

/// A bounded set of key identifiers. Holds keyed digests: strangers choose the identifiers, and
/// their length.
#[derive(Default)]
pub(crate) struct Junk {
    hasher: RandomState,
    known: HashSet<u64>,
    by_age: VecDeque<(Instant, u64)>,
}

impl Junk {
    /// Whether the identifier was remembered less than `period` ago.
    pub(crate) fn contains(&mut self, kid: &str, now: Instant, period: Duration) -> bool {
        while let Some((at, digest)) = self.by_age.front()
            && now.duration_since(*at) >= period
        {
            self.known.remove(digest);
            self.by_age.pop_front();
        }
        self.known.contains(&self.hasher.hash_one(kid))
    }

    /// Remembers an identifier.
    pub(crate) fn insert(&mut self, kid: &str, now: Instant) {
        let digest = self.hasher.hash_one(kid);
        if !self.known.insert(digest) {
            return;
        }
        self.by_age.push_back((now, digest));
        if self.by_age.len() > MOST
            && let Some((_, oldest)) = self.by_age.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Forgets all: the keys have changed.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.by_age.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(30);

    #[test]
    fn junk_is_forgotten_after_its_period() {
        let (mut junk, start) = (Junk::default(), Instant::now());
        junk.insert("a", start);
        assert!(junk.contains("a", start + PERIOD - Duration::from_millis(1), PERIOD));
        assert!(!junk.contains("b", start, PERIOD));
        assert!(!junk.contains("a", start + PERIOD, PERIOD));
    }

    #[test]
    fn a_flood_takes_bounded_memory() {
        let (mut junk, now) = (Junk::default(), Instant::now());
        for kid in 0..3 * MOST {
            junk.insert(&kid.to_string(), now);
        }
        assert_eq!((junk.known.len(), junk.by_age.len()), (MOST, MOST));
        assert!(junk.contains(&(3 * MOST - 1).to_string(), now, PERIOD));
        assert!(!junk.contains("0", now, PERIOD));
        junk.clear();
        assert!(junk.known.is_empty());
    }
}
