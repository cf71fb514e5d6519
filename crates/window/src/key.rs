//! Keys of windows: digests of fixed size, because strangers choose the texts, and their length.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Makes keyed 128-bit digests; the key is this process's own, so nobody can seek collisions.
#[derive(Default)]
pub(crate) struct Digests(RandomState, RandomState);

impl Digests {
    pub(crate) fn of(&self, text: &str) -> u128 {
        u128::from(self.0.hash_one(text)) << 64 | u128::from(self.1.hash_one(text))
    }
}

/// How many parts a window has, each with a lock of its own.
pub(crate) const SHARDS: usize = 16;

/// The part that a digest belongs to.
pub(crate) fn shard<T>(shards: &[Mutex<T>; SHARDS], digest: u128) -> MutexGuard<'_, T> {
    // INVARIANT: the remainder is below SHARDS, so the index is in range.
    let at = usize::try_from(digest % SHARDS as u128).unwrap_or(0);
    // No panic can leave a part half-written.
    shards[at].lock().unwrap_or_else(PoisonError::into_inner)
}
