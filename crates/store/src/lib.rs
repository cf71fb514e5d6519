//! The store: its trait, the memory store, and the contract every store keeps.
//!
//! - [`Store`] is what a store does, and what it promises;
//! - [`StoreExt`] reads whole records: what callers use;
//! - [`MemoryStore`] forgets everything when it is dropped: for tests and trying out;
//! - [`statements`] is the SQL that the stores on databases share;
//! - `contract` (feature `contract`) is the suite that each store is tested with.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod statements;

mod error;
mod memory;
mod store;
mod typed;
mod write;

pub use error::{CommitError, StoreError};
pub use memory::MemoryStore;
pub use store::{Listed, Raw, Store};
pub use typed::{Pair, StoreExt};
pub use write::{Row, Write};
