//! The embedded store: SQLite with one writer and group commit.
//!
//! Keeps the whole contract of [`Store`](bailiwick_store::Store), and this is how:
//!
//! - **Durable.** WAL with `synchronous = full`: a commit is on the disk before it is answered, as
//!   far as the disk tells the truth. A crash in between loses nothing that was answered and leaves
//!   nothing half done.
//! - **One writer.** A thread takes what waits, applies each commit in a savepoint of its own, and
//!   syncs once for all of them; one that conflicts does not touch those beside it. Answers are given
//!   only after the sync. When more waits than it takes, callers wait a while and then get
//!   [`StoreError::Busy`](bailiwick_store::StoreError::Busy).
//! - **Readers inline.** Reads run on the calling thread, on connections that cannot write, each on
//!   one snapshot; they never wait for the writer.
//! - **Several processes** may open the same file, as the commands do beside the server. The file
//!   must be on a local disk: SQLite's locks and shared memory do not work over a network.
//! - **Careful.** A new file can be read by its owner alone. A file of another program or of a newer
//!   release is refused untouched.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

mod failure;
mod open;
mod readers;
mod schema;
mod store;
mod writer;

pub use store::SqliteStore;
