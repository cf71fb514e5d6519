//! A time limit on the beginning of a connection (RFC 9113 §3.4).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What every HTTP/2 connection begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose first octets must arrive in time.
///
/// Until they tell which version of HTTP the peer speaks, no limit of a version is in force.
pub(super) struct Begun<S> {
    stream: S,
    waiting: Option<Waiting>,
}

/// The version is not known yet.
struct Waiting {
    /// What is missing of the preface, if it is one.
    missing: &'static [u8],
    end: Pin<Box<Sleep>>,
}

impl<S> Begun<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        // A time limit: it is polled beside the stream, and nobody waits for it to pass.
        let end = Box::pin(tokio::time::sleep(limit));
        Self { stream, waiting: Some(Waiting { missing: PREFACE, end }) }
    }
}

impl Waiting {
    /// Whether more octets are needed to know the version.
    fn goes_on(&mut self, octets: &[u8]) -> bool {
        match self.missing.strip_prefix(octets) {
            Some(missing) => {
                self.missing = missing;
                !missing.is_empty()
            }
            None => false,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(waiting) = &mut this.waiting else {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        };
        if waiting.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if read.is_ready() && !waiting.goes_on(&buffer.filled()[before..]) {
            this.waiting = None;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, octets)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
