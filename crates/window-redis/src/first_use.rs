//! Things that may be used once (RFC 7523 §3 `jti`, RFC 9449 §11.1), by any number of nodes.

use std::sync::LazyLock;

use async_trait::async_trait;
use bailiwick_window::{FirstUse, WindowError};
use redis::Script;

use crate::server::Place;

/// [`FirstUse`] in a server. Each thing is a key of its own, which the server lets expire.
pub struct RedisFirstUse(Place);

impl RedisFirstUse {
    pub(crate) fn new(place: Place) -> Self {
        Self(place)
    }
}

#[async_trait]
impl FirstUse for RedisFirstUse {
    async fn first_use(&self, key: &str, until: i64, now: i64) -> Result<bool, WindowError> {
        if until < now {
            return Ok(false);
        }
        let mut script = FIRST_USE.key(self.0.key(&self.0.digest(key)));
        script.arg(until).arg(now).arg(kept(until, now));
        self.0.link.ask(async |connection| script.invoke_async(connection).await).await
    }
}

/// How many seconds the server keeps a thing that is good until `until`, inclusive: longer than
/// that, because another node's clock may be behind.
fn kept(until: i64, now: i64) -> i64 {
    const CLOCKS_DIFFER: i64 = 30;
    const LONGEST: i64 = 100 * 365 * 86_400; // the server refuses what does not fit its clock
    until.saturating_sub(now).saturating_add(1 + CLOCKS_DIFFER).min(LONGEST)
}

/// Its value says until when a thing is good, so that one of the same name is new after that,
/// by the caller's time and not the server's.
static FIRST_USE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("first_use.lua")));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_kept_longer_than_it_is_good_and_never_forever() {
        assert_eq!(kept(10, 10), 31);
        assert_eq!(kept(60, 0), 91);
        assert_eq!(kept(i64::MAX, i64::MIN), 3_153_600_000);
    }
}
