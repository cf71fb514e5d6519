//! First-use and rate windows shared between nodes through Redis or Valkey.
//!
//! Keeps what the windows in memory keep, for any number of nodes on one server:
//!
//! - **Atomic.** Each question is one script, which the server runs alone: of any number of nodes
//!   that ask at once, one is the first.
//! - **Refuses rather than forgets.** A server that is full, silent, gone or read-only is an error,
//!   and the caller refuses. A server that evicts keys when its memory is full is not used at all:
//!   set `maxmemory-policy noeviction`. This is looked up with each new connection.
//! - **Bounded.** One time limit covers all that an answer takes, a new connection included. What
//!   failed is connected anew by the next question; while nothing answers, connecting rests in
//!   between, and questions in that time fail at once. Nothing is asked twice: whether a lost
//!   question counted is unknown.
//! - **Discreet.** No key text stands in the server: keys are digests, keyed if you like.
//!
//! What a server loses, it forgets: one that restarts without its data, or a replica that takes
//! over before it got the last writes, admits what was used in the moments before. Where that
//! matters, let it write to disk (`appendonly yes`, `appendfsync always`).
//!
//! Nodes must agree on the time within about half a minute. Servers: Redis 6 or later, Valkey; one
//! server or one that takes over under the same address, no cluster of slots. What a user of the
//! server needs, if it is restricted (keys begin with the prefix):
//!
//! ```text
//! ~bailiwick:* +info +ping +evalsha +script|load +get +set +expire
//! +hget +hset +hdel +hlen +zadd +zrem +zrange +zrangebyscore
//! ```
//!
//! ```
//! use bailiwick_window::Pace;
//! use bailiwick_window_redis::{Redis, Settings};
//!
//! # fn main() -> Result<(), bailiwick_window_redis::SettingsError> {
//! let redis = Redis::open(Settings::new("redis://127.0.0.1/").prefix("example"))?;
//! let proofs = redis.first_use("dpop");
//! let accounts = redis.throttle("accounts", Pace::default(), 100_000);
//! # Ok(())
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

mod digest;
mod first_use;
mod link;
mod server;
mod settings;
mod throttle;

pub use first_use::RedisFirstUse;
pub use server::Redis;
pub use settings::{Settings, SettingsError};
pub use throttle::RedisThrottle;
