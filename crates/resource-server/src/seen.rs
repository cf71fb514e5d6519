//! Tokens that were found genuine, so that a signature is verified once and not at each request.
//!
//! Only the answer of [`Presented::authentic`] is kept, which depends on the token and the keys
//! alone; time, audience, sender and scope are decided anew for each request.

use std::sync::Arc;

use bailiwick_guard::{Authentic, Presented};
use bailiwick_jose::{Jwks, digest};
use quick_cache::sync::Cache;

/// A bounded memory of genuine tokens, by the SHA-256 of the whole token.
pub(crate) struct Seen(Cache<[u8; 32], Kept>);

#[derive(Clone)]
struct Kept {
    authentic: Authentic,
    /// The very set it was verified with: no answer outlives a change of the keys.
    keys: Arc<Jwks>,
}

impl Seen {
    pub(crate) fn new(most: usize) -> Self {
        Self(Cache::new(most))
    }

    pub(crate) fn find(&self, presented: &Presented, keys: &Arc<Jwks>) -> Option<Authentic> {
        let kept = self.0.get(&name(presented))?;
        Arc::ptr_eq(&kept.keys, keys).then_some(kept.authentic)
    }

    pub(crate) fn keep(&self, presented: &Presented, authentic: &Authentic, keys: Arc<Jwks>) {
        self.0.insert(name(presented), Kept { authentic: authentic.clone(), keys });
    }
}

fn name(presented: &Presented) -> [u8; 32] {
    digest::sha256(presented.expose().as_bytes())
}
