//! The body that a client sends: as it comes, or read already.

mod bounded;

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

pub(crate) use bounded::{BadBody, Bounded};

/// The body of a request.
#[derive(Debug)]
pub(crate) enum Sent {
    /// As it comes.
    Coming(Bounded),
    /// What was read, octet by octet.
    Read(Full<Bytes>),
}

impl Sent {
    /// Lets the client pause for as long as it likes.
    pub(crate) fn be_patient(&mut self) {
        if let Self::Coming(body) = self {
            body.be_patient();
        }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = BadBody;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BadBody>>> {
        match self.get_mut() {
            Self::Coming(body) => Pin::new(body).poll_frame(context),
            Self::Read(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Coming(body) => body.is_end_stream(),
            Self::Read(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Coming(body) => body.size_hint(),
            Self::Read(body) => body.size_hint(),
        }
    }
}
