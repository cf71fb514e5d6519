//! Slows down who guesses (RFC 6749 §10.10, RFC 6819 §4.4.3.6), at any number of nodes.

use std::sync::LazyLock;

use async_trait::async_trait;
use bailiwick_window::{Attempt, Pace, Throttle, WindowError};
use redis::{FromRedisValue, Script, ScriptInvocation};

use crate::server::Place;

/// [`Throttle`] in a server.
///
/// As in memory: when there is no room, the key that failed longest ago makes some, if it does not
/// have to wait; keys that must wait are kept, and if all must, new ones are refused. The whole
/// throttle is gone when nobody failed for a period.
pub struct RedisThrottle {
    place: Place,
    pace: Pace,
    most: usize,
}

impl RedisThrottle {
    pub(crate) fn new(place: Place, pace: Pace, most: usize) -> Self {
        let Pace { free, period, first_wait } = pace;
        let pace = Pace { free, period: period.min(LONGEST), first_wait: first_wait.min(LONGEST) };
        Self { place, pace, most }
    }

    /// A script that begins with this throttle's keys and the digest of `key`.
    fn script<'s>(&self, script: &'s Script, key: &str) -> ScriptInvocation<'s> {
        let mut script = script.prepare_invoke();
        for part in ["failures", "free", "waiting"] {
            script.key(self.place.key(part));
        }
        script.arg(self.place.digest(key));
        script
    }

    async fn ask<T: FromRedisValue>(&self, script: ScriptInvocation<'_>) -> Result<T, WindowError> {
        self.place.link.ask(async |connection| script.invoke_async(connection).await).await
    }
}

#[async_trait]
impl Throttle for RedisThrottle {
    async fn attempt(&self, key: &str, now: i64) -> Result<Attempt, WindowError> {
        let Pace { free, period, first_wait } = self.pace;
        let mut script = self.script(&ATTEMPT, key);
        script.arg(now).arg(free).arg(period).arg(first_wait).arg(self.most);
        script.arg(kept(self.pace));
        match self.ask(script).await? {
            0 => Ok(Attempt::Allowed),
            seconds @ 1.. => Ok(Attempt::Wait { seconds }),
            _ => Err(WindowError::Full),
        }
    }

    async fn succeeded(&self, key: &str) -> Result<(), WindowError> {
        self.ask(self.script(&SUCCEEDED, key)).await
    }

    async fn give_back(&self, key: &str) -> Result<(), WindowError> {
        let mut script = self.script(&GIVE_BACK, key);
        script.arg(self.pace.free);
        self.ask(script).await
    }
}

/// How many seconds the server keeps failures: longer than the period, because clocks differ.
fn kept(pace: Pace) -> i64 {
    const CLOCKS_DIFFER: i64 = 30;
    pace.period.max(0) + CLOCKS_DIFFER
}

/// A hundred years: the server refuses times that do not fit its clock, and counts in doubles.
const LONGEST: i64 = 100 * 365 * 86_400;

// A hash of failures by digest, `count:last:before` as in memory, and the same digests in two
// sorted sets by the time of their last failure: those that need not wait, and those that must.
static ATTEMPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("attempt.lua")));
static SUCCEEDED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("succeeded.lua")));
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("give_back.lua")));
