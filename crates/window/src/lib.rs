//! First-use and rate windows: assertions, proofs, throttles.
//!
//! Each window is a trait, so that several nodes can share one, and has an implementation in the
//! memory of one process. Time is an argument: seconds since 1970.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod first_use;
pub mod throttle;

mod key;

pub use first_use::{FirstUse, MemoryFirstUse};
pub use throttle::{Attempt, MemoryThrottle, Pace, Throttle};

/// Why a window cannot answer: never the requester's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// No room is left; what is remembered is not forgotten for something new.
    #[error("the window is full; allow it more entries, or less time to each")]
    Full,
    /// The window is elsewhere and cannot be reached.
    #[error("the window cannot be reached: {0}")]
    Unavailable(String),
}
