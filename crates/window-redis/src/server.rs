//! One server, and the windows in it.

use std::fmt;
use std::sync::Arc;

use bailiwick_window::{Pace, WindowError};

use crate::digest::Digests;
use crate::link::Link;
use crate::{RedisFirstUse, RedisThrottle, Settings, SettingsError};

/// One server; its windows share one connection.
#[derive(Clone)]
pub struct Redis {
    link: Arc<Link>,
    digests: Digests,
    prefix: String,
}

impl Redis {
    /// Takes the server into use. It is connected by the first question, so that a node starts
    /// while the server does not answer; see [`check`](Self::check).
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn open(settings: Settings) -> Result<Self, SettingsError> {
        let link = Arc::new(Link::new(settings.client()?, settings.limit));
        let digests = Digests::new(&settings.digest_key);
        Ok(Self { link, digests, prefix: settings.prefix })
    }

    /// Says whether the server answers and may be used, for start-up and health.
    ///
    /// # Errors
    /// When it does not, or when it would forget.
    pub async fn check(&self) -> Result<(), WindowError> {
        let ping = redis::cmd("PING");
        self.link.ask(async |connection| ping.exec_async(connection).await).await
    }

    /// The first-use window of this name. What it holds is bounded by the server's `maxmemory`.
    pub fn first_use(&self, name: &str) -> RedisFirstUse {
        RedisFirstUse::new(self.place(name))
    }

    /// The throttle of this name, with room for `most` keys (some 300 bytes each). Nodes give it
    /// the same pace and room.
    pub fn throttle(&self, name: &str, pace: Pace, most: usize) -> RedisThrottle {
        RedisThrottle::new(self.place(name), pace, most)
    }

    fn place(&self, name: &str) -> Place {
        Place {
            link: Arc::clone(&self.link),
            digests: self.digests.clone(),
            prefix: format!("{}:{name}", self.prefix),
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Where a window is: a server, and what the window's keys there begin with.
pub(crate) struct Place {
    pub(crate) link: Arc<Link>,
    pub(crate) digests: Digests,
    pub(crate) prefix: String,
}

impl Place {
    pub(crate) fn digest(&self, text: &str) -> String {
        self.digests.of(&self.prefix, text)
    }

    /// A key of the server.
    pub(crate) fn key(&self, rest: &str) -> String {
        format!("{}:{rest}", self.prefix)
    }
}
