//! How long something may go on: an answer's body, a connection that was upgraded.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How long something may go on, and how long it may be silent.
///
/// What is over at once, as most answers are, costs no timer.
#[derive(Debug)]
pub(super) struct Patience {
    idle: Duration,
    end: Option<Instant>,
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
}

impl Patience {
    pub(super) fn new(idle: Duration, end: Option<Instant>) -> Self {
        Self { idle, end, heard: Instant::now(), alarm: None }
    }

    /// Something came: whether it may go on.
    pub(super) fn heard(&mut self) -> Result<(), Cut> {
        self.heard = Instant::now();
        self.look(self.heard)
    }

    /// Waits for the end of the patience; what comes meanwhile is told by [`heard`](Self::heard).
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Cut> {
        loop {
            let now = Instant::now();
            if let Err(cut) = self.look(now) {
                return Poll::Ready(cut);
            }
            let silent = self.heard + self.idle;
            if silent <= now {
                return Poll::Ready(Cut::Silent);
            }
            let due = self.end.map_or(silent, |end| end.min(silent));
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
        match self.end {
            Some(end) if end <= now => Err(Cut::TooLong),
            _ => Ok(()),
        }
    }
}

impl Cut {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "the upstream was silent for too long",
            Self::TooLong => "the answer took too long",
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
