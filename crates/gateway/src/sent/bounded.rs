//! The body of a request as it comes, with its limits (RFC 9110 §15.5.9, §15.5.14).

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::answer::Fault;

/// A body that is only so long, and whose client does not pause for too long.
#[derive(Debug)]
pub(crate) struct Bounded {
    body: Incoming,
    /// How many octets it may still have; `None` is any number.
    left: Option<u64>,
    /// How long the client may pause; `None` is for as long as it likes.
    patience: Option<Duration>,
    /// The end of the pause that the client makes.
    pause: Option<Pin<Box<Sleep>>>,
    is_pausing: bool,
}

/// Why a body does not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadBody {
    /// It is longer than it may be.
    #[error("the request's body is too large")]
    TooLarge,
    /// The client paused for too long.
    #[error("the request's body took too long")]
    Slow,
    /// The client is gone, or broke the rules of the protocol.
    #[error("the request's body ended early")]
    Broken,
}

impl BadBody {
    /// What the client reads.
    pub(crate) fn fault(self) -> Fault {
        let (status, error) = match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
            Self::Broken => (StatusCode::BAD_REQUEST, "invalid_request"),
        };
        Fault::new(status, error, self.to_string())
    }
}

impl Bounded {
    /// A body of at most so many octets.
    ///
    /// # Errors
    /// When it says at once that it has more.
    pub(crate) fn new(
        body: Incoming,
        most: Option<u64>,
        patience: Duration,
    ) -> Result<Self, BadBody> {
        if most.is_some_and(|most| body.size_hint().lower() > most) {
            return Err(BadBody::TooLarge);
        }
        Ok(Self { body, left: most, patience: Some(patience), pause: None, is_pausing: false })
    }

    /// Lets the client pause for as long as it likes: it may be waiting for the answer.
    pub(crate) fn be_patient(&mut self) {
        self.patience = None;
    }

    /// Whether the client has paused for too long, now that it sends nothing.
    fn is_too_slow(&mut self, context: &mut Context<'_>) -> bool {
        let Some(patience) = self.patience else { return false };
        // A deadline, not a pause: it wakes who waits for a client that sends nothing.
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(patience)));
        if !self.is_pausing {
            pause.as_mut().reset(Instant::now() + patience);
            self.is_pausing = true;
        }
        pause.as_mut().poll(context).is_ready()
    }
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = BadBody;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BadBody>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            let is_too_slow = this.is_too_slow(context);
            return if is_too_slow { Poll::Ready(Some(Err(BadBody::Slow))) } else { Poll::Pending };
        };
        this.is_pausing = false;
        let Some(frame) = frame else { return Poll::Ready(None) };
        let Ok(frame) = frame else { return Poll::Ready(Some(Err(BadBody::Broken))) };
        if let (Some(left), Some(part)) = (&mut this.left, frame.data_ref()) {
            match left.checked_sub(part.len() as u64) {
                Some(less) => *left = less,
                None => return Poll::Ready(Some(Err(BadBody::TooLarge))),
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
