//! Strict HTTP/1.1 in front of hyper (RFC 9112 §2.2, §3, §5, §6, §7.1).
//!
//! hyper takes a few spellings that other programs on the way may read differently: a bare LF as
//! the end of a line, `Content-Length` beside `Transfer-Encoding`, the same length twice, a
//! fragment in the request's target. [`Wire`] reads the octets before hyper does, line by line,
//! and follows where messages begin and end. It passes on nothing that it has not checked, and in
//! place of a line that breaks a rule it passes a NUL, which hyper answers with 400 before it
//! closes the connection.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::tunnel::Switch;

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose octets are checked before they are read.
pub(super) struct Wire<T> {
    io: T,
    /// What was read and not passed on yet.
    held: BytesMut,
    /// How many of the held octets are checked.
    checked: usize,
    /// How many of the held octets behind those have no line end among them.
    searched: usize,
    at: At,
    framing: Framing,
    /// The longest line.
    longest: usize,
    /// Whether the client has ended its side.
    ended: bool,
    /// Whether the connection has become a tunnel.
    switch: Switch,
    /// How long the client may take nothing of what it is sent.
    patience: Duration,
    stall: Option<Pin<Box<Sleep>>>,
    is_stalled: bool,
    /// How much longer its octets are read after ours is ended.
    linger: Option<Pin<Box<Sleep>>>,
}

/// Where in the stream of messages the next held octet stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    RequestLine,
    Field,
    ChunkSize,
    Trailer,
    /// So many octets that are data.
    Data(u64, AfterData),
    /// HTTP/2, which has frames of its own.
    Unchecked,
    /// A rule is broken: nothing more is passed on.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterData {
    Message,
    Chunk,
}

/// What the head has said so far about the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// A broken rule.
struct Broken;

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    /// A connection with lines of at most `longest` octets, whose client may take nothing of what
    /// it is sent for so long.
    pub(super) fn new(io: T, longest: usize, patience: Duration) -> Self {
        Self {
            io,
            held: BytesMut::new(),
            checked: 0,
            searched: 0,
            at: At::RequestLine,
            framing: Framing::None,
            longest,
            ended: false,
            switch: Switch::default(),
            patience,
            stall: None,
            is_stalled: false,
            linger: None,
        }
    }

    /// What makes a tunnel of the connection.
    pub(super) fn switch(&self) -> Switch {
        self.switch.clone()
    }

    /// Waits for the first octets and tells the protocol by them; `None` when there are none.
    pub(super) async fn protocol(&mut self) -> io::Result<Option<Protocol>> {
        loop {
            let compared = self.held.len().min(HTTP2_PREFACE.len());
            if self.held[..compared] != HTTP2_PREFACE[..compared] {
                return Ok(Some(Protocol::Http1));
            }
            if compared == HTTP2_PREFACE.len() {
                self.at = At::Unchecked;
                return Ok(Some(Protocol::Http2));
            }
            self.held.reserve(READ_AT_ONCE);
            if self.io.read_buf(&mut self.held).await? == 0 {
                self.ended = true;
                return Ok(None);
            }
        }
    }
}

impl<T> Wire<T> {
    /// Moves checked octets into `out`; whether there were any.
    fn pass_on(&mut self, out: &mut ReadBuf<'_>) -> bool {
        let before = out.filled().len();
        while out.remaining() > 0 && (self.checked > 0 || self.check()) {
            let size = self.checked.min(out.remaining());
            out.put_slice(&self.held[..size]);
            self.held.advance(size);
            self.checked -= size;
        }
        out.filled().len() > before
    }

    /// Checks the next of the held octets: a line, or as much of a body as there is. `false` when
    /// more must be read first.
    fn check(&mut self) -> bool {
        if self.held.is_empty() {
            return false;
        }
        if self.at == At::RequestLine && self.switch.is_thrown() {
            self.at = At::Unchecked;
        }
        match self.at {
            At::Refused => return false,
            At::Unchecked => self.checked = self.held.len(),
            At::Data(left, _) => {
                self.checked = usize::try_from(left).unwrap_or(usize::MAX).min(self.held.len());
                self.took(self.checked);
            }
            At::RequestLine | At::Field | At::ChunkSize | At::Trailer => return self.check_line(),
        }
        true
    }

    fn check_line(&mut self) -> bool {
        let Some(end) = self.held[self.searched..].iter().position(|c| *c == b'\n') else {
            self.searched = self.held.len();
            if self.searched >= self.longest {
                // hyper has the same limit, and an answer for it.
                self.checked = self.searched;
                self.at = At::Refused;
            }
            return self.checked > 0;
        };
        let end = self.searched + end + 1;
        self.searched = 0;
        if let Ok((at, framing)) = check_line(self.at, self.framing, &self.held[..end]) {
            (self.at, self.framing, self.checked) = (at, framing, end);
        } else {
            self.held.clear();
            self.held.put_u8(0);
            (self.at, self.checked) = (At::Refused, 1);
        }
        true
    }

    /// What came of writing; an error when the client has taken nothing for too long.
    fn in_time<R>(
        &mut self,
        outcome: Poll<io::Result<R>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<R>> {
        if outcome.is_ready() {
            self.is_stalled = false;
            return outcome;
        }
        let patience = self.patience;
        // A deadline, not a pause: it wakes who waits for a client that takes nothing.
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(patience)));
        if !self.is_stalled {
            stall.as_mut().reset(Instant::now() + patience);
            self.is_stalled = true;
        }
        ready!(stall.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }

    /// Notes that so many octets of data are on their way.
    fn took(&mut self, size: usize) {
        if let At::Data(left, after) = self.at {
            let left = left.saturating_sub(size as u64);
            self.at = match (left, after) {
                (0, AfterData::Message) => At::RequestLine,
                (0, AfterData::Chunk) => At::ChunkSize,
                (left, after) => At::Data(left, after),
            };
        }
    }
}

/// Checks a line, its LF included, and says where the next octet stands.
fn check_line(at: At, framing: Framing, line: &[u8]) -> Result<(At, Framing), Broken> {
    let line = line.strip_suffix(b"\r\n").ok_or(Broken)?;
    if line.iter().any(|c| matches!(c, b'\r' | b'\0')) {
        return Err(Broken);
    }
    match at {
        // Empty lines before a request are to be ignored (RFC 9112 §2.2).
        At::RequestLine | At::Trailer if line.is_empty() => Ok((At::RequestLine, Framing::None)),
        At::RequestLine => request_line(line).map(|()| (At::Field, Framing::None)),
        At::Field if line.is_empty() => Ok((
            match framing {
                Framing::None | Framing::Length(0) => At::RequestLine,
                Framing::Length(length) => At::Data(length, AfterData::Message),
                Framing::Chunked => At::ChunkSize,
            },
            Framing::None,
        )),
        At::Field => Ok((At::Field, field(line, framing)?)),
        At::ChunkSize => Ok((
            match chunk_size(line)? {
                0 => At::Trailer,
                // The CRLF behind the data belongs to it; hyper checks that it is one.
                size => At::Data(size + 2, AfterData::Chunk),
            },
            Framing::None,
        )),
        At::Trailer => match field(line, Framing::None)? {
            Framing::None => Ok((At::Trailer, Framing::None)),
            Framing::Length(_) | Framing::Chunked => Err(Broken),
        },
        At::Data(..) | At::Unchecked | At::Refused => Err(Broken),
    }
}

/// `method SP request-target SP HTTP-version` (RFC 9112 §3).
fn request_line(line: &[u8]) -> Result<(), Broken> {
    let mut words = line.split(|c| *c == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Broken);
    };
    let well_formed = !method.is_empty()
        && method.iter().copied().all(is_token)
        && !target.is_empty()
        && target.iter().all(|c| c.is_ascii_graphic() && *c != b'#')
        && matches!(version, b"HTTP/1.1" | b"HTTP/1.0");
    if well_formed { Ok(()) } else { Err(Broken) }
}

/// `field-name ":" OWS field-value OWS` (RFC 9112 §5); what it says about the body is noted.
fn field(line: &[u8], framing: Framing) -> Result<Framing, Broken> {
    let colon = line.iter().position(|c| *c == b':').ok_or(Broken)?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    // A space before the colon, and a line that continues the one before, have no token here.
    if name.is_empty() || !name.iter().copied().all(is_token) {
        return Err(Broken);
    }
    let is_length = name.eq_ignore_ascii_case(b"content-length");
    if !is_length && !name.eq_ignore_ascii_case(b"transfer-encoding") {
        return Ok(framing);
    }
    // INVARIANT: a message has one framing; a second word on it, even the same, is refused.
    if framing != Framing::None {
        return Err(Broken);
    }
    if !is_length {
        let is_chunked = value.eq_ignore_ascii_case(b"chunked");
        return if is_chunked { Ok(Framing::Chunked) } else { Err(Broken) };
    }
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Broken);
    }
    let digits = std::str::from_utf8(value).map_err(|_| Broken)?;
    digits.parse().map(Framing::Length).map_err(|_| Broken)
}

/// `chunk-size [ ";" chunk-ext ]` (RFC 9112 §7.1).
fn chunk_size(line: &[u8]) -> Result<u64, Broken> {
    let digits = line.split(|c| *c == b';').next().unwrap_or(line);
    // Fifteen digits: with the CRLF behind it the sum still fits.
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Broken);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| Broken)?;
    u64::from_str_radix(digits, 16).map_err(|_| Broken)
}

fn is_token(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c)
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            // Only after a refusal is there nothing to wait for: it reads as the end.
            if this.pass_on(out) || this.at == At::Refused {
                return Poll::Ready(Ok(()));
            }
            let passes_whole = match this.at {
                At::Unchecked => true,
                At::Data(left, _) => out.remaining() as u64 <= left,
                _ => false,
            };
            if passes_whole {
                // Whatever comes is data: it goes where it is wanted without a copy.
                let before = out.filled().len();
                ready!(Pin::new(&mut this.io).poll_read(context, out))?;
                this.took(out.filled().len() - before);
                this.ended = out.filled().len() == before;
                return Poll::Ready(Ok(()));
            }
            this.held.reserve(READ_AT_ONCE);
            let read = pin!(this.io.read_buf(&mut this.held)).poll(context);
            if read.is_pending() && this.held.is_empty() {
                this.held = BytesMut::new(); // an idle connection needs no room
            }
            if ready!(read)? == 0 {
                this.ended = true;
                return Poll::Ready(Ok(()));
            }
        }
    }
}

const READ_AT_ONCE: usize = 8 * 1024;

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, octets);
        self.in_time(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.in_time(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        self.in_time(flushed, context)
    }

    /// Ends our side, then reads on for a while (RFC 9112 §9.6): to close while octets of the
    /// client are unread would reset the connection, and our answer might be lost.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(Pin::new(&mut this.io).poll_shutdown(context))?;
        let linger = this.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        while !this.ended {
            if linger.as_mut().poll(context).is_ready() {
                break;
            }
            this.held.clear();
            this.held.reserve(READ_AT_ONCE);
            let read = ready!(pin!(this.io.read_buf(&mut this.held)).poll(context));
            this.ended = !read.is_ok_and(|size| size > 0);
        }
        Poll::Ready(Ok(()))
    }
}

/// How long octets of a client are read that nobody wants any more.
const LINGER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    /// What hyper would read when a client sends `sent` in pieces of `piece` octets.
    async fn read(sent: &[u8], piece: usize) -> Vec<u8> {
        let (mut client, server) = tokio::io::duplex(piece);
        let mut wire = Wire::new(server, 64 * 1024, LINGER);
        let mut passed = Vec::new();
        let ((), read) = tokio::join!(
            async {
                // A refusal may leave octets unread: the rest of the writing then fails.
                let _ = client.write_all(sent).await;
                let _ = client.shutdown().await;
                drop(client);
            },
            async {
                wire.protocol().await?;
                let result = wire.read_to_end(&mut passed).await;
                drop(wire);
                result
            }
        );
        read.unwrap();
        passed
    }

    #[tokio::test]
    async fn well_formed_messages_pass_unchanged() {
        let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(20_000));
        let body = format!(
            "PUT / HTTP/1.1\r\nContent-Length: 30000\r\n\r\n{}GET /2 HTTP/1.1\r\n\r\n",
            "\n\0".repeat(15_000)
        );
        let cases = [
            "\r\nGET / HTTP/1.1\r\nHost: a\r\nX:\ty \r\n\r\nGET /b HTTP/1.0\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na\nb\0cGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n5;x=y\r\na\nb\0c\r\n\
             0\r\nX-Sum: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\n\0 anything",
            long.as_str(),
            body.as_str(),
        ];
        for sent in cases {
            for piece in [1, 7, 64_000] {
                let passed = read(sent.as_bytes(), piece).await;
                assert!(passed == sent.as_bytes(), "{piece} {sent:.100}");
            }
        }
    }

    #[tokio::test]
    async fn a_message_that_others_may_read_differently_is_cut_short_with_a_nul() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\n";
        let cases = [
            "GET / HTTP/1.1\n\n".to_owned(),
            "GET /a#b HTTP/1.1\r\n\r\n".to_owned(),
            "GET  / HTTP/1.1\r\n\r\n".to_owned(),
            "GET / HTTP/1.1 \r\n\r\n".to_owned(),
            "GET /\t HTTP/1.1\r\n\r\n".to_owned(),
            "GET / HTTP/0.9\r\n\r\n".to_owned(),
            "GET /\u{e9} HTTP/1.1\r\n\r\n".to_owned(),
            "G\0T / HTTP/1.1\r\n\r\n".to_owned(),
            format!("{head}X: a\nY: b\r\n\r\n"),
            format!("{head}X: a\rY: b\r\n\r\n"),
            format!("{head}X: a\r\n folded\r\n\r\n"),
            format!("{head}X : a\r\n\r\n"),
            format!("{head}: a\r\n\r\n"),
            format!("{head}X\r\n\r\n"),
            format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            format!("{head}Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
            format!("{head}Content-Length: 1, 1\r\n\r\na"),
            format!("{head}Content-Length: +1\r\n\r\na"),
            format!("{head}Content-Length: 0x1\r\n\r\na"),
            format!("{head}Content-Length: 18446744073709551616\r\n\r\na"),
            format!("{head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            format!("{head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
            format!("{head}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
            format!("{head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            format!("{head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\na"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n"),
        ];
        for sent in cases {
            for piece in [1, 64_000] {
                let passed = read(sent.as_bytes(), piece).await;
                assert_eq!(passed.last(), Some(&0), "{piece} {sent:?}");
                assert!(sent.as_bytes().starts_with(&passed[..passed.len() - 1]), "{sent:?}");
            }
        }
    }
}
