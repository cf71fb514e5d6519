//! What a resource server counts: verdicts by reason, and what its memory saved (RFC 6750 §3.1).

use std::sync::atomic::{AtomicU64, Ordering};

use bailiwick_guard::Reason;

use crate::ResourceServer;

/// Counts since the start. Reasons are the stable codes; nothing of a token or a client is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Requests that were let in.
    pub admitted: u64,
    /// Requests that were not, by reason; those that never occurred are left out.
    pub refused: Vec<(Reason, u64)>,
    /// Tokens whose signature did not have to be verified again.
    pub seen: u64,
    /// Tokens whose signature was verified, or failed to be.
    pub unseen: u64,
    /// Tokens that are remembered at this moment.
    pub remembered: usize,
}

/// The counters themselves.
pub(crate) struct Counters {
    admitted: AtomicU64,
    refused: Box<[AtomicU64]>,
    seen: AtomicU64,
    unseen: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            admitted: AtomicU64::new(0),
            refused: Reason::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            seen: AtomicU64::new(0),
            unseen: AtomicU64::new(0),
        }
    }
}

impl Counters {
    pub(crate) fn admitted(&self) {
        add(&self.admitted);
    }

    pub(crate) fn refused(&self, reason: Reason) {
        if let Some(count) = self.refused.get(reason as usize) {
            add(count);
        }
    }

    pub(crate) fn seen(&self) {
        add(&self.seen);
    }

    pub(crate) fn unseen(&self) {
        add(&self.unseen);
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl ResourceServer {
    /// What was counted up to now.
    pub fn metrics(&self) -> Metrics {
        let counters = &self.0.metrics;
        let refused = Reason::ALL.iter().zip(&counters.refused);
        Metrics {
            admitted: read(&counters.admitted),
            refused: refused
                .map(|(reason, count)| (*reason, read(count)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            seen: read(&counters.seen),
            unseen: read(&counters.unseen),
            remembered: self.0.seen.len(),
        }
    }
}
