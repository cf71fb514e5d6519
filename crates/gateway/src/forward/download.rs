//! The body of an answer on its way to the client.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::balance::Turn;
use super::patience::{Cut, Patience};
use super::upload::Progress;
use crate::headers;

/// An answer's body, frame by frame as it comes, for as long as it may last.
pub(crate) struct Download {
    body: Incoming,
    kind: Kind,
    patience: Patience,
    /// Of the request, which may go on beside the answer.
    upload: Progress,
    is_cut: bool,
    /// The connection goes back when the body is over.
    _turn: Turn,
}

/// How an answer is cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// With trailers that say why (gRPC's, where they are always there).
    Grpc,
    /// Between two events, after which clients connect anew.
    Events,
    /// So that nobody takes the part for the whole: by breaking off.
    Whole,
}

/// Why an answer broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokenOff {
    /// The upstream did.
    #[error("the upstream broke off")]
    Upstream(#[from] hyper::Error),
    /// The gateway's own, over gRPC.
    #[error("an answer over gRPC broke off")]
    Rpc,
    /// The gateway did.
    #[error("{0}")]
    Cut(Cut),
}

impl Download {
    pub(super) fn new(
        answer: Response<Incoming>,
        patience: Patience,
        upload: Progress,
        turn: Turn,
    ) -> Response<Self> {
        let kind = Kind::of(answer.headers());
        answer.map(|body| Self { body, kind, patience, upload, is_cut: false, _turn: turn })
    }

    fn cut(&mut self, cut: Cut) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        tracing::info!(reason = %cut, "an answer was cut short");
        self.is_cut = true;
        self.upload.end();
        Poll::Ready(match self.kind {
            Kind::Grpc => Some(Ok(Frame::trailers(grpc_status(cut)))),
            Kind::Events => None,
            Kind::Whole => Some(Err(BrokenOff::Cut(cut))),
        })
    }
}

impl Kind {
    fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let begins =
            |name: &[u8]| kind.get(..name.len()).is_some_and(|at| at.eq_ignore_ascii_case(name));
        if begins(b"application/grpc") && !begins(b"application/grpc-web") {
            Self::Grpc
        } else if begins(b"text/event-stream") {
            Self::Events
        } else {
            Self::Whole
        }
    }
}

/// The trailers of a gRPC answer that is cut short.
fn grpc_status(cut: Cut) -> HeaderMap {
    let status = match cut {
        Cut::Silent | Cut::TooLong => "4",   // DEADLINE_EXCEEDED
        Cut::Stopped => "14",                // UNAVAILABLE
        Cut::Expired | Cut::Refused => "16", // UNAUTHENTICATED
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    trailers.insert("grpc-message", HeaderValue::from_static(cut.as_str()));
    trailers
}

impl Body for Download {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        if this.is_cut {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Pending => match this.patience.poll(context) {
                Poll::Ready(cut) => this.cut(cut),
                Poll::Pending => Poll::Pending,
            },
            Poll::Ready(Some(Ok(frame))) => {
                // Here too: of a slow client's answer there is always more at hand.
                if let Err(cut) = this.patience.heard() {
                    return this.cut(cut);
                }
                Poll::Ready(match frame.into_trailers() {
                    Ok(trailers) => headers::cleansed_trailers(trailers)
                        .map(|trailers| Ok(Frame::trailers(trailers))),
                    Err(data) => Some(Ok(data)),
                })
            }
            Poll::Ready(other) => Poll::Ready(other.map(|frame| frame.map_err(BrokenOff::from))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_cut || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("body", &self.body).finish_non_exhaustive()
    }
}
