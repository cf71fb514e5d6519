//! Tokens that were found genuine, so that a signature is verified once and not at each request.
//!
//! Only the answer of [`Presented::authentic`] is kept, which depends on the token and the keys
//! alone; time, revocation, audience, sender and scope are decided anew for each request.

use std::sync::Arc;

use bailiwick_guard::{Authentic, Presented};
use bailiwick_jose::Jwks;
use quick_cache::sync::Cache;

use crate::issuers::Source;

/// A bounded memory of genuine tokens, by the SHA-256 of the whole token.
pub(crate) struct Seen(Cache<[u8; 32], Kept>);

#[derive(Clone)]
struct Kept {
    authentic: Authentic,
    /// The number of its issuer.
    source: usize,
    /// The set it was verified with: no answer outlives a change of the keys.
    keys: Arc<Jwks>,
}

impl Seen {
    pub(crate) fn new(most: usize) -> Self {
        Self(Cache::new(most))
    }

    /// Finds a token that is genuine by the keys of this moment.
    pub(crate) fn find(&self, presented: &Presented<'_>, sources: &[Source]) -> Option<Authentic> {
        let kept = self.0.get(presented.digest())?;
        let keys = sources.get(kept.source)?.current()?;
        if Arc::ptr_eq(&kept.keys, &keys) {
            return Some(kept.authentic);
        }
        // Fetched again, which any stranger brings about with an unknown `kid`.
        if !are_the_same(&kept.keys, &keys) {
            return None;
        }
        self.keep(presented, &kept.authentic, kept.source, keys);
        Some(kept.authentic)
    }

    pub(crate) fn keep(
        &self,
        presented: &Presented<'_>,
        authentic: &Authentic,
        source: usize,
        keys: Arc<Jwks>,
    ) {
        self.0.insert(*presented.digest(), Kept { authentic: authentic.clone(), source, keys });
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Whether both sets verify the same tokens: the same keys by the same names, in the same order.
fn are_the_same(one: &Jwks, other: &Jwks) -> bool {
    one.keys().len() == other.keys().len()
        && one.keys().iter().zip(other.keys()).all(|(one, other)| {
            one.kid() == other.kid()
                && one.thumbprint() == other.thumbprint()
                && one.algorithm() == other.algorithm()
                && one.issuer() == other.issuer()
        })
}
