//! How long something may go on: an answer's body, a connection that was upgraded.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::lease::{Lease, Over};

/// How long something may go on, and how long it may be silent.
///
/// What is over at once, as most answers are, costs no timer.
pub(crate) struct Patience {
    idle: Duration,
    end: Option<Instant>,
    lease: Lease,
    /// When the lease is looked at next.
    lease_due: Instant,
    /// When something came last.
    heard: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
}

/// Why something does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nothing came for too long.
    Silent,
    /// It took too long as a whole.
    TooLong,
    /// Its token has expired.
    Expired,
    /// It would not be let in any more.
    Refused,
    /// The gateway stops.
    Stopped,
}

impl Patience {
    pub(super) fn new(idle: Duration, end: Option<Instant>, lease: Lease) -> Self {
        let heard = Instant::now();
        Self { idle, end, lease, lease_due: heard + LOOK, heard, alarm: None }
    }

    /// Something came: whether it may go on.
    pub(super) fn heard(&mut self) -> Result<(), Cut> {
        self.heard = Instant::now();
        self.look(self.heard)
    }

    /// Whether something may go on in which something came last at this moment.
    pub(crate) fn look_at(&mut self, heard: Instant) -> Result<(), Cut> {
        self.heard = heard;
        let now = Instant::now();
        self.look(now)?;
        if self.heard + self.idle <= now { Err(Cut::Silent) } else { Ok(()) }
    }

    /// Waits for the end of the patience; what comes meanwhile is told by [`heard`](Self::heard).
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Cut> {
        loop {
            if let Err(cut) = self.look_at(self.heard) {
                return Poll::Ready(cut);
            }
            let due = self.lease_due.min(self.heard + self.idle);
            let due = self.end.map_or(due, |end| end.min(due));
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
            // It may ring too early, for something came meanwhile; then it is set anew.
            if alarm.deadline() > due || alarm.is_elapsed() {
                alarm.as_mut().reset(due);
            }
            if alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn look(&mut self, now: Instant) -> Result<(), Cut> {
        if self.end.is_some_and(|end| end <= now) {
            return Err(Cut::TooLong);
        }
        if self.lease_due <= now {
            self.lease_due = now + LOOK;
            self.lease.look()?;
        }
        Ok(())
    }
}

impl From<Over> for Cut {
    fn from(over: Over) -> Self {
        match over {
            Over::Expired => Self::Expired,
            Over::Refused => Self::Refused,
        }
    }
}

impl Cut {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "nothing came for too long",
            Self::TooLong => "it took too long",
            Self::Expired => "the token expired",
            Self::Refused => "not let in any more",
            Self::Stopped => "the gateway stops",
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often it is looked at whether what goes on still may.
pub(super) const LOOK: Duration = Duration::from_secs(1);
