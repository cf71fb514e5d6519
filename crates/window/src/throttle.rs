//! Slows down who guesses: logins, codes, client secrets (RFC 6749 §10.10, RFC 6819 §4.4.3.6).

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use async_trait::async_trait;

use crate::WindowError;
use crate::key::{Digests, SHARDS, shard};

/// Counts attempts that did not succeed, and makes further ones wait.
///
/// Whom a wait hits is the caller's choice of keys: with the account and the address in one key,
/// a stranger elsewhere cannot lock the owner out.
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Says whether `key` may be tried now. An allowed attempt counts as failed at once, so that
    /// many at the same time cannot slip through; one that must wait does not count.
    ///
    /// # Errors
    /// When it cannot be said; the caller must refuse then.
    async fn attempt(&self, key: &str, now: i64) -> Result<Attempt, WindowError>;

    /// Forgets the failures of `key`: the last attempt succeeded.
    ///
    /// # Errors
    /// When the window cannot be reached.
    async fn succeeded(&self, key: &str) -> Result<(), WindowError>;

    /// Takes back the last allowed attempt of `key`, which was no failure; those before it count
    /// on. For keys that many share, where one's success says nothing of the others.
    ///
    /// # Errors
    /// When the window cannot be reached.
    async fn give_back(&self, key: &str) -> Result<(), WindowError>;
}

/// What an attempt may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Attempt {
    /// Go on.
    Allowed,
    /// Come back later.
    Wait {
        /// After this many seconds; at least 1.
        seconds: i64,
    },
}

/// How fast attempts may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// So many failures have no consequence.
    pub free: u32,
    /// Failures are forgotten when there was none for so many seconds; also the longest wait.
    pub period: i64,
    /// The wait after the last free failure, in seconds; doubled with each further one.
    pub first_wait: i64,
}

impl Default for Pace {
    /// Ten failures within five minutes, then waits of 2, 4, 8 … seconds, at most five minutes.
    fn default() -> Self {
        Self { free: 10, period: 300, first_wait: 2 }
    }
}

/// [`Throttle`] within one process.
///
/// When there is no room, the key that failed longest ago makes some, if it does not have to wait;
/// keys that must wait are kept, and if all must, new ones are refused.
pub struct MemoryThrottle {
    digests: Digests,
    shards: [Mutex<Shard>; SHARDS],
    most_per_shard: usize,
    pace: Pace,
}

#[derive(Default)]
struct Shard {
    failures: HashMap<u128, Failures>,
    /// The same keys: those that need not wait first, then by the time of their last failure.
    order: BTreeSet<(Kind, i64, u128)>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: i64,
    /// What `last` was before the last attempt, until that is given back.
    before: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Free,
    Waits,
}

impl MemoryThrottle {
    /// A throttle with room for about `most` keys (some 150 bytes each).
    pub fn new(pace: Pace, most: usize) -> Self {
        Self {
            digests: Digests::default(),
            shards: Default::default(),
            most_per_shard: most.div_ceil(SHARDS),
            pace,
        }
    }
}

impl Default for MemoryThrottle {
    /// The default pace, and room for some hundred thousand keys.
    fn default() -> Self {
        Self::new(Pace::default(), 100_000)
    }
}

#[async_trait]
impl Throttle for MemoryThrottle {
    async fn attempt(&self, key: &str, now: i64) -> Result<Attempt, WindowError> {
        let digest = self.digests.of(key);
        shard(&self.shards, digest).attempt(digest, now, self.pace, self.most_per_shard)
    }

    async fn succeeded(&self, key: &str) -> Result<(), WindowError> {
        let digest = self.digests.of(key);
        shard(&self.shards, digest).remove(digest, self.pace);
        Ok(())
    }

    async fn give_back(&self, key: &str) -> Result<(), WindowError> {
        let digest = self.digests.of(key);
        shard(&self.shards, digest).give_back(digest, self.pace);
        Ok(())
    }
}

impl Pace {
    /// The wait after so many failures.
    fn wait(self, failures: u32) -> i64 {
        match failures.checked_sub(self.free) {
            None => 0,
            Some(further) => self.first_wait.saturating_mul(1 << further.min(32)).min(self.period),
        }
    }

    fn kind(self, failures: u32) -> Kind {
        if failures < self.free { Kind::Free } else { Kind::Waits }
    }
}

impl Shard {
    fn attempt(
        &mut self,
        digest: u128,
        now: i64,
        pace: Pace,
        most: usize,
    ) -> Result<Attempt, WindowError> {
        self.forget(now, pace);
        let before = self.failures.get(&digest).copied();
        if let Some(failures) = before {
            let seconds = failures.last.saturating_add(pace.wait(failures.count)) - now;
            if seconds > 0 {
                return Ok(Attempt::Wait { seconds });
            }
            self.remove(digest, pace);
        }
        self.make_room(most)?;
        let count = before.map_or(0, |failures| failures.count).saturating_add(1);
        let before = before.map(|failures| failures.last);
        self.insert(digest, Failures { count, last: now, before }, pace);
        Ok(Attempt::Allowed)
    }

    fn give_back(&mut self, digest: u128, pace: Pace) {
        let Some(Failures { count, last, before }) = self.remove(digest, pace) else { return };
        if count > 1 {
            let last = before.unwrap_or(last);
            self.insert(digest, Failures { count: count - 1, last, before: None }, pace);
        }
    }

    fn insert(&mut self, digest: u128, failures: Failures, pace: Pace) {
        self.failures.insert(digest, failures);
        self.order.insert((pace.kind(failures.count), failures.last, digest));
    }

    fn remove(&mut self, digest: u128, pace: Pace) -> Option<Failures> {
        let failures = self.failures.remove(&digest)?;
        self.order.remove(&(pace.kind(failures.count), failures.last, digest));
        Some(failures)
    }

    /// Forgets the failures whose period is over.
    fn forget(&mut self, now: i64, pace: Pace) {
        for kind in [Kind::Free, Kind::Waits] {
            while let Some((_, last, digest)) =
                self.order.range((kind, i64::MIN, 0)..=(kind, i64::MAX, u128::MAX)).next().copied()
                && last.saturating_add(pace.period) <= now
            {
                self.remove(digest, pace);
            }
        }
    }

    fn make_room(&mut self, most: usize) -> Result<(), WindowError> {
        if self.failures.len() < most {
            return Ok(());
        }
        match self.order.first().copied() {
            Some(oldest @ (Kind::Free, _, digest)) => {
                self.order.remove(&oldest);
                self.failures.remove(&digest);
                Ok(())
            }
            _ => Err(WindowError::Full),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn fail(throttle: &MemoryThrottle, key: &str, times: u32, now: i64) {
        for _ in 0..times {
            assert_eq!(throttle.attempt(key, now).await, Ok(Attempt::Allowed));
        }
    }

    #[tokio::test]
    async fn ten_failures_are_free_then_waits_double_up_to_the_period() {
        let throttle = MemoryThrottle::default();
        let mut now = 1_000;
        fail(&throttle, "alice", 10, now).await;
        for wait in [2, 4, 8, 16, 32, 64, 128, 256] {
            assert_eq!(throttle.attempt("alice", now).await, Ok(Attempt::Wait { seconds: wait }));
            let last = Ok(Attempt::Wait { seconds: 1 });
            assert_eq!(throttle.attempt("alice", now + wait - 1).await, last);
            now += wait;
            fail(&throttle, "alice", 1, now).await;
        }
        assert_eq!(throttle.attempt("alice", now).await, Ok(Attempt::Wait { seconds: 300 }));
        fail(&throttle, "bob", 10, now).await; // others do not wait
        fail(&throttle, "alice", 10, now + 300).await; // all forgotten
    }

    #[tokio::test]
    async fn waiting_attempts_do_not_prolong_the_wait() {
        let throttle = MemoryThrottle::default();
        fail(&throttle, "alice", 10, 0).await;
        for _ in 0..1000 {
            assert_eq!(throttle.attempt("alice", 1).await, Ok(Attempt::Wait { seconds: 1 }));
        }
        fail(&throttle, "alice", 1, 2).await;
    }

    #[tokio::test]
    async fn a_success_forgets_the_failures() {
        let throttle = MemoryThrottle::default();
        fail(&throttle, "alice", 10, 0).await;
        throttle.succeeded("alice").await.unwrap();
        fail(&throttle, "alice", 10, 0).await;
        assert_eq!(throttle.attempt("alice", 0).await, Ok(Attempt::Wait { seconds: 2 }));
    }

    #[tokio::test]
    async fn an_attempt_that_is_given_back_leaves_those_before_it() {
        let throttle = MemoryThrottle::default();
        throttle.give_back("alice").await.unwrap(); // nothing there
        for _ in 0..100 {
            fail(&throttle, "alice", 1, 0).await;
            throttle.give_back("alice").await.unwrap();
        }
        fail(&throttle, "alice", 10, 0).await; // none of them counted
        assert_eq!(throttle.attempt("alice", 0).await, Ok(Attempt::Wait { seconds: 2 }));
        for _ in 0..100 {
            fail(&throttle, "alice", 1, 2).await; // no wait begins anew either
            throttle.give_back("alice").await.unwrap();
        }
        fail(&throttle, "alice", 1, 2).await; // the eleventh
        assert_eq!(throttle.attempt("alice", 2).await, Ok(Attempt::Wait { seconds: 4 }));
        fail(&throttle, "alice", 10, 302).await; // forgotten as ever
        let shards = throttle.shards.iter().map(|shard| shard.lock().unwrap());
        assert!(shards.into_iter().all(|shard| shard.failures.len() == shard.order.len()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_at_once_do_not_slip_through() {
        let throttle = Arc::new(MemoryThrottle::default());
        let all: Vec<_> = (0..1000)
            .map(|_| {
                let throttle = Arc::clone(&throttle);
                tokio::spawn(async move { throttle.attempt("alice", 0).await.unwrap() })
            })
            .collect();
        let mut allowed = 0;
        for one in all {
            allowed += u32::from(one.await.unwrap() == Attempt::Allowed);
        }
        assert_eq!(allowed, 10);
    }

    #[tokio::test]
    async fn a_flood_of_keys_takes_bounded_memory_and_frees_nobody() {
        let throttle = MemoryThrottle::new(Pace::default(), 160);
        fail(&throttle, "alice", 10, 0).await;
        for key in 0..10_000 {
            fail(&throttle, &key.to_string(), 1, 1).await;
        }
        let kept: usize = throttle.shards.iter().map(|s| s.lock().unwrap().failures.len()).sum();
        let ordered: usize = throttle.shards.iter().map(|s| s.lock().unwrap().order.len()).sum();
        assert!(kept <= 160);
        assert_eq!(kept, ordered);
        assert_eq!(throttle.attempt("alice", 1).await, Ok(Attempt::Wait { seconds: 1 }));
    }

    #[tokio::test]
    async fn when_all_must_wait_a_new_key_is_refused() {
        let throttle = MemoryThrottle::new(Pace { free: 1, ..Pace::default() }, 16);
        let mut refused = 0;
        for key in 0..1000 {
            match throttle.attempt(&key.to_string(), 0).await {
                Ok(attempt) => assert_eq!(attempt, Attempt::Allowed),
                Err(error) => {
                    assert_eq!(error, WindowError::Full);
                    refused += 1;
                }
            }
        }
        assert!(refused >= 984);
        fail(&throttle, "late", 1, 300).await; // forgotten after the period
    }
}
