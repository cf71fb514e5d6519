//! Which connections are idle: HTTP/2 keeps them as long as their client answers pings.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::timeout;

/// How many requests of a connection are being answered.
#[derive(Debug, Clone)]
pub(super) struct Activity(watch::Sender<usize>);

/// A request that is being answered, to the end of the answer.
#[derive(Debug)]
pub(super) struct Active(watch::Sender<usize>);

/// The body of an answer to such a request.
#[derive(Debug)]
pub(super) struct Counted<B> {
    body: B,
    _active: Active,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    pub(super) fn begin(&self) -> Active {
        self.0.send_modify(|running| *running += 1);
        Active(self.0.clone())
    }

    /// Waits until no request has been answered for so long.
    pub(super) async fn idle(&self, patience: Duration) {
        let mut running = self.0.subscribe();
        loop {
            // Its sender is here: it cannot be gone.
            let _ = running.wait_for(|running| *running == 0).await;
            if timeout(patience, running.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl Active {
    pub(super) fn until_the_end_of<B>(self, body: B) -> Counted<B> {
        Counted { body, _active: self }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

impl<B: Body + Unpin> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
