//! How keys are kept, and how they are.

use std::time::Duration;

use crate::FetchError;
use crate::lane::Fetches;

/// How keys are kept.
#[derive(Debug, Clone)]
pub struct KeySettings {
    /// The age at which a set is refreshed in the background; a shorter `max-age` of its publisher
    /// is honoured.
    pub refresh: Duration,
    /// The least time between two scheduled fetches, however short `max-age` is.
    pub refresh_least: Duration,
    /// The age from which a set is not used any more.
    pub stale: Duration,
    /// The wait after a first failed fetch; doubled with each further failure.
    pub retry: Duration,
    /// The longest such wait.
    pub retry_most: Duration,
    /// The least time between two fetches for unknown kids, and between two for junk: also the
    /// longest time for which a kid that a stranger guessed before it was published is taken for
    /// unknown, but for the fetch itself.
    pub unknown_kid: Duration,
    /// How long a kid that was asked for in vain is answered from memory, unless the keys change.
    pub junk: Duration,
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            refresh: Duration::from_mins(5),
            refresh_least: Duration::from_secs(30),
            stale: Duration::from_hours(24),
            retry: Duration::from_secs(1),
            retry_most: Duration::from_secs(15),
            unknown_kid: Duration::from_secs(1),
            junk: Duration::from_secs(30),
        }
    }
}

/// How an issuer's keys are, for health checks and metrics.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// How many usable keys there are; 0 when the set is stale.
    pub keys: usize,
    /// The age of the set; `None` before the first one, and for fixed keys.
    pub age: Option<Duration>,
    /// Whether there is a set, but one that is too old to be used.
    pub is_stale: bool,
    /// What the last fetch failed with, if it failed.
    pub last_error: Option<FetchError>,
    /// The fetches for the first set and ahead of expiry.
    pub scheduled: Fetches,
    /// The fetches for kids that nobody had asked for before.
    pub unknown_kid: Fetches,
    /// The fetches for kids that were asked for in vain before.
    pub reserved: Fetches,
}
