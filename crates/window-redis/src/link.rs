//! The connection: made when it is needed, checked when it is new, dropped when it fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bailiwick_window::WindowError;
use redis::aio::{MultiplexedConnection, SendError};
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError, RedisResult};
use tokio::time::{Instant, timeout};

/// How long connecting rests after it failed.
const REST: Duration = Duration::from_millis(250);

/// One connection, shared by all who ask.
///
/// Not the driver's own manager: that keeps a connection that fell silent, and has no place for
/// the check of a new one.
pub(crate) struct Link {
    client: Client,
    limit: Duration,
    current: Arc<Current>,
    /// Whose turn it is to connect.
    turn: tokio::sync::Mutex<()>,
}

/// The connection that is in use, if there is one.
#[derive(Default)]
struct Current(Mutex<State>);

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    /// The number of the latest connection: tells an old one's failure from a new one's.
    latest: u64,
    rests_until: Option<Instant>,
}

impl Link {
    pub(crate) fn new(client: Client, limit: Duration) -> Self {
        Self { client, limit, current: Arc::default(), turn: tokio::sync::Mutex::default() }
    }

    /// Asks something, once, within the limit.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, WindowError> {
        let mut used = None;
        let asked = async {
            let (mut connection, number) = self.connection().await?;
            used = Some(number);
            question(&mut connection).await.map_err(|error| failure(&error))
        };
        let answer = match timeout(self.limit, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(unavailable(format!("no answer within {:?}", self.limit))),
        };
        // Silence, a server that became a replica, a lost right: the next one connects anew.
        if let (Err(WindowError::Unavailable(_)), Some(number)) = (&answer, used) {
            self.current.drop_connection(number);
        }
        answer
    }

    /// The connection and its number. The first who needs one makes it; others wait for that.
    async fn connection(&self) -> Result<(MultiplexedConnection, u64), WindowError> {
        if let Some(connection) = self.current.connection() {
            return Ok(connection);
        }
        let _turn = self.turn.lock().await;
        if let Some(connection) = self.current.connection() {
            return Ok(connection);
        }
        let number = self.current.begin(self.limit)?;
        let connecting = self.connect(number).await;
        self.current.end(connecting.as_ref().ok().cloned());
        Ok((connecting?, number))
    }

    async fn connect(&self, number: u64) -> Result<MultiplexedConnection, WindowError> {
        let current = Arc::downgrade(&self.current);
        let config = AsyncConnectionConfig::new()
            // `ask` limits the whole.
            .set_connection_timeout(None)
            .set_response_timeout(None)
            // An idle connection that the server closes costs nobody an answer.
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection
                    && let Some(current) = current.upgrade()
                {
                    current.drop_connection(number);
                }
                Ok::<(), SendError>(())
            });
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await.map_err(|error| failure(&error))?;
        let mut question = redis::cmd("INFO");
        let answer = question.arg("memory").query_async::<String>(&mut connection).await;
        if forgets(&answer.map_err(|error| failure(&error))?) {
            return Err(unavailable(
                "the server evicts keys when its memory is full; \
                 set its `maxmemory-policy` to `noeviction`",
            ));
        }
        Ok(connection)
    }
}

impl Current {
    fn connection(&self) -> Option<(MultiplexedConnection, u64)> {
        let state = self.state();
        state.connection.clone().map(|connection| (connection, state.latest))
    }

    /// The number of a connection that may be made now.
    fn begin(&self, limit: Duration) -> Result<u64, WindowError> {
        let mut state = self.state();
        let now = Instant::now();
        if state.rests_until.is_some_and(|until| now < until) {
            return Err(unavailable("connecting failed a moment ago"));
        }
        // Said beforehand: when the limit is over, `end` does not run.
        state.rests_until = Some(now + limit + REST);
        state.latest += 1;
        Ok(state.latest)
    }

    fn end(&self, connection: Option<MultiplexedConnection>) {
        let mut state = self.state();
        state.rests_until = if connection.is_some() { None } else { Some(Instant::now() + REST) };
        state.connection = connection;
    }

    fn drop_connection(&self, number: u64) {
        let mut state = self.state();
        if state.latest == number {
            state.connection = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No panic can leave it half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a server with this `INFO memory` throws away what it holds for something new.
fn forgets(memory: &str) -> bool {
    let says = |name: &str| {
        memory.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    // Without a limit nothing is evicted; what is not said is not known to be good.
    says("maxmemory") != Some("0") && says("maxmemory_policy") != Some("noeviction")
}

fn failure(error: &RedisError) -> WindowError {
    let text = error.to_string();
    // Old servers wrap what happened in a script in an error of another code.
    if error.code() == Some("OOM") || text.contains("OOM command not allowed") {
        return WindowError::Full;
    }
    unavailable(text)
}

fn unavailable(why: impl Into<String>) -> WindowError {
    WindowError::Unavailable(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_evicts_is_known_by_what_it_says() {
        for (memory, expected) in [
            ("# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n", false),
            ("# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n", false),
            ("maxmemory:1000\r\nmaxmemory_human:1K\r\nmaxmemory_policy:noeviction\r\n", false),
            ("maxmemory:1000\r\nmaxmemory_policy:allkeys-lru\r\n", true),
            ("maxmemory:1000\r\nmaxmemory_policy:volatile-ttl\r\n", true),
            ("maxmemory:1000\r\n", true),
            ("", true),
        ] {
            assert_eq!(forgets(memory), expected, "{memory}");
        }
    }
}
