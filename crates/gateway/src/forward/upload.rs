//! The body of a request on its way to the upstream.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::headers;
use crate::sent::{BadBody, Sent};

/// A request's body, frame by frame as it comes.
///
/// Its trailers go on to HTTP/2 upstreams alone, and cleansed as headers are (RFC 9110 §6.5.1): an
/// upstream that merges them into the headers would take identity headers from them. To HTTP/1.1
/// upstreams, many of which do merge them, none go.
#[derive(Debug)]
pub(super) struct Upload {
    body: Option<Sent>,
    passes_trailers: bool,
    progress: Progress,
}

/// How far an upload has come, seen from the side that waits for the answer.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    start: Instant,
    /// `None` for an empty body, which makes none.
    shared: Option<Arc<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Milliseconds from the start to the last frame.
    latest: AtomicU64,
    broken: OnceLock<BadBody>,
    /// Whether the answer has begun.
    is_answered: AtomicBool,
    /// Whether nothing more of it may go on.
    is_over: AtomicBool,
}

impl Upload {
    pub(super) fn new(body: Sent) -> Self {
        let body = (!body.is_end_stream()).then_some(body);
        let shared = body.is_some().then(Arc::default);
        Self { body, passes_trailers: false, progress: Progress { start: Instant::now(), shared } }
    }

    pub(super) fn empty() -> Self {
        let progress = Progress { start: Instant::now(), shared: None };
        Self { body: None, passes_trailers: false, progress }
    }

    /// Whether trailers go along, once it is known to whom.
    pub(super) fn pass_trailers(&mut self, pass: bool) {
        self.passes_trailers = pass;
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl Progress {
    /// When the last frame was taken.
    pub(super) fn latest(&self) -> Instant {
        let after = self.shared.as_ref().map_or(0, |shared| shared.latest.load(Ordering::Relaxed));
        self.start + Duration::from_millis(after)
    }

    /// Notes that the answer has begun: from then on a client may send as slowly as the two agree.
    pub(super) fn answered(&self) {
        if let Some(shared) = &self.shared {
            shared.is_answered.store(true, Ordering::Relaxed);
        }
    }

    fn is_answered(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.is_answered.load(Ordering::Relaxed))
    }

    /// Whether there is more of the body to come.
    pub(super) fn is_under_way(&self) -> bool {
        // The body itself has the other one, and is dropped at its end.
        self.shared.as_ref().is_some_and(|shared| Arc::strong_count(shared) > 1)
    }

    /// Ends the upload: nothing more that the client sends reaches the upstream.
    pub(super) fn end(&self) {
        if let Some(shared) = &self.shared {
            shared.is_over.store(true, Ordering::Relaxed);
        }
    }

    fn is_over(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.is_over.load(Ordering::Relaxed))
    }

    /// Why the client's side of the body failed, if it did.
    pub(super) fn broken(&self) -> Option<BadBody> {
        self.shared.as_ref().and_then(|shared| shared.broken.get().copied())
    }

    fn note(&self, broken: Option<BadBody>) {
        if let Some(shared) = &self.shared {
            let after = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
            shared.latest.store(after, Ordering::Relaxed);
            if let Some(why) = broken {
                shared.broken.get_or_init(|| why);
            }
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BadBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BadBody>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if this.progress.is_answered() {
            body.be_patient();
        }
        let Poll::Ready(frame) = Pin::new(body).poll_frame(context) else { return Poll::Pending };
        if this.progress.is_over() {
            return Poll::Ready(Some(Err(BadBody::Broken)));
        }
        this.progress.note(frame.as_ref().and_then(|frame| frame.as_ref().err().copied()));
        match frame {
            Some(Ok(frame)) => Poll::Ready(match frame.into_trailers() {
                Ok(trailers) if this.passes_trailers => headers::cleansed_trailers(trailers)
                    .map(|trailers| Ok(Frame::trailers(trailers))),
                Ok(_) => None,
                Err(data) => Some(Ok(data)),
            }),
            other => Poll::Ready(other),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
