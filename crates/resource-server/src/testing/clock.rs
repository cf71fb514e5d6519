//! A clock that a test moves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// A clock that stands still or runs, and can be moved. All clones are the same clock.
///
/// ```
/// use std::time::Duration;
/// use bailiwick_resource_server::testing::TestIssuer;
/// use bailiwick_resource_server::{Asked, Rule};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// let api = issuer.protect("https://api.example.com")?;
/// let token = issuer.token().expires_in(Duration::from_mins(1)).mint(&api);
/// let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
/// let request = request.body(())?;
///
/// assert!(api.admit(&Asked::from(&request), &Rule::ANY_TOKEN).await.is_ok());
/// issuer.clock().advance(Duration::from_secs(71)); // clocks may differ by 10 s
/// assert!(api.admit(&Asked::from(&request), &Rule::ANY_TOKEN).await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<Time>>);

#[derive(Debug, Clone, Copy)]
enum Time {
    /// Always this moment.
    Stopped(i64),
    /// So many seconds ahead of the system's clock.
    Running(i64),
}

impl TestClock {
    /// A clock that stands still at the present.
    pub fn stopped() -> Self {
        Self(Arc::new(Mutex::new(Time::Stopped(present()))))
    }

    /// A clock that runs with the system's.
    pub fn running() -> Self {
        Self(Arc::new(Mutex::new(Time::Running(0))))
    }

    /// The time, in seconds since 1970.
    pub fn now(&self) -> i64 {
        match *self.time() {
            Time::Stopped(at) => at,
            Time::Running(ahead) => present().saturating_add(ahead),
        }
    }

    /// Stops the clock at a moment, in seconds since 1970.
    pub fn set(&self, at: i64) {
        *self.time() = Time::Stopped(at);
    }

    /// Moves the clock on, whether it runs or not.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        match &mut *self.time() {
            Time::Stopped(time) | Time::Running(time) => *time = time.saturating_add(by),
        }
    }

    fn time(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn present() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
