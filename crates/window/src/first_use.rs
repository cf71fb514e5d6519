//! Things that may be used once: assertions (RFC 7523 §3 `jti`), DPoP proofs (RFC 9449 §11.1).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Mutex;

use async_trait::async_trait;

use crate::WindowError;
use crate::key::{Digests, SHARDS, shard};

/// Remembers what was used, for as long as it could be used again.
#[async_trait]
pub trait FirstUse: Send + Sync {
    /// Uses `key`, which is good until `until` (inclusive): `true` the first time, for one of any
    /// number of concurrent callers. What is past its time is no first use either.
    ///
    /// # Errors
    /// When it cannot be said; the caller must refuse then.
    async fn first_use(&self, key: &str, until: i64, now: i64) -> Result<bool, WindowError>;
}

/// [`FirstUse`] within one process.
pub struct MemoryFirstUse {
    digests: Digests,
    shards: [Mutex<Shard>; SHARDS],
    most_per_shard: usize,
}

#[derive(Default)]
struct Shard {
    used: HashSet<u128>,
    by_expiry: BinaryHeap<Reverse<(i64, u128)>>,
}

impl MemoryFirstUse {
    /// A window with room for about `most` entries (some 80 bytes each).
    pub fn new(most: usize) -> Self {
        Self {
            digests: Digests::default(),
            shards: Default::default(),
            most_per_shard: most.div_ceil(SHARDS),
        }
    }
}

impl Default for MemoryFirstUse {
    /// Room for some hundred thousand entries.
    fn default() -> Self {
        Self::new(100_000)
    }
}

#[async_trait]
impl FirstUse for MemoryFirstUse {
    async fn first_use(&self, key: &str, until: i64, now: i64) -> Result<bool, WindowError> {
        if until < now {
            return Ok(false);
        }
        let digest = self.digests.of(key);
        shard(&self.shards, digest).first_use(digest, until, now, self.most_per_shard)
    }
}

impl Shard {
    fn first_use(
        &mut self,
        digest: u128,
        until: i64,
        now: i64,
        most: usize,
    ) -> Result<bool, WindowError> {
        while let Some(Reverse((expiry, expired))) = self.by_expiry.peek()
            && *expiry < now
        {
            self.used.remove(expired);
            self.by_expiry.pop();
        }
        if self.used.contains(&digest) {
            return Ok(false);
        }
        if self.used.len() >= most {
            return Err(WindowError::Full); // forgetting one would let it be used again
        }
        self.used.insert(digest);
        self.by_expiry.push(Reverse((until, digest)));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_key_is_used_once_until_its_time_is_over() {
        let window = MemoryFirstUse::default();
        assert_eq!(window.first_use("a", 10, 0).await, Ok(true));
        assert_eq!(window.first_use("a", 10, 0).await, Ok(false));
        assert_eq!(window.first_use("a", 99, 10).await, Ok(false)); // its last second
        assert_eq!(window.first_use("b", 10, 10).await, Ok(true));
        assert_eq!(window.first_use("b", 10, 11).await, Ok(false)); // expired
        assert_eq!(window.first_use("a", 20, 11).await, Ok(true)); // another one of that name
        assert_eq!(window.first_use("a", 20, 20).await, Ok(false));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_many_at_once_one_is_the_first() {
        let window = Arc::new(MemoryFirstUse::default());
        let all: Vec<_> = (0..1000)
            .map(|at| {
                let window = Arc::clone(&window);
                let key = (at % 10).to_string();
                tokio::spawn(async move { window.first_use(&key, 10, 0).await.unwrap() })
            })
            .collect();
        let mut first = 0;
        for one in all {
            first += usize::from(one.await.unwrap());
        }
        assert_eq!(first, 10);
    }

    #[tokio::test]
    async fn a_full_window_refuses_rather_than_forgets() {
        let window = MemoryFirstUse::new(160);
        let mut taken = Vec::new();
        let mut refused = 0;
        for key in 0..1000 {
            match window.first_use(&key.to_string(), 10, 0).await {
                Ok(first) => {
                    assert!(first);
                    taken.push(key);
                }
                Err(error) => {
                    assert_eq!(error, WindowError::Full);
                    refused += 1;
                }
            }
        }
        assert!(taken.len() <= 160 && refused >= 840);
        for key in taken {
            assert_eq!(window.first_use(&key.to_string(), 10, 5).await, Ok(false));
        }
        for key in 2000..2020 {
            assert_eq!(window.first_use(&key.to_string(), 20, 11).await, Ok(true)); // room again
        }
    }
}
