//! The connections of one worker to one server, kept for further requests (RFC 9112 §9.3).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{CONNECTION, HOST, TE, UPGRADE};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, Version, uri};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use tokio::sync::Mutex as Turnstile;
use tokio::time::Instant;

use super::connect::{BadUpstream, Connection, Connector, NoConnection};
use super::upload::Upload;
use crate::config::Server;

/// The connections of one worker to one server.
pub(super) struct Pool {
    server: Server,
    /// The server's name, as its requests carry it.
    host: HeaderValue,
    connector: Connector,
    idle: Mutex<Idle>,
    /// What the server was found to speak.
    speaks: AtomicU8,
    /// One at a time makes a connection that all can use.
    turnstile: Turnstile<()>,
}

#[derive(Default)]
struct Idle {
    /// The one used last is at the back.
    http1: VecDeque<Kept>,
    http2: Vec<Shared>,
}

/// An HTTP/1.1 connection that may be ready for a request.
struct Kept {
    sender: http1::SendRequest<Upload>,
    since: Instant,
}

/// An HTTP/2 connection, and its requests under way, each of which holds the other count.
#[derive(Clone)]
struct Shared {
    sender: http2::SendRequest<Upload>,
    streams: Arc<()>,
}

/// A connection taken for one request; the next one gets it when this is dropped.
pub(super) struct Taken {
    connection: Taking,
    /// Whether other requests went over it before: the server may be closing it right now.
    pub(super) is_reused: bool,
}

enum Taking {
    /// INVARIANT: `None` only after it was given back.
    Http1(Option<http1::SendRequest<Upload>>),
    Http2(Shared),
}

/// What a request is for, on whatever connection it goes.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) target: PathAndQuery,
    /// Whether the client takes trailers of the answer (RFC 9110 §10.1.4).
    pub(super) takes_trailers: bool,
    /// The protocol to switch to.
    pub(super) upgrade: Option<HeaderValue>,
}

/// Whether a connection may be one that was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    Any,
    New,
    /// A new one that speaks HTTP/1.1, which may become something else.
    Http1,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Nothing of the request was sent.
    Unsent(Box<Request<Upload>>),
    /// It was sent, at least in part.
    Closed(hyper::Error),
}

impl Pool {
    pub(super) fn new(server: Server, connector: Connector) -> Result<Self, BadUpstream> {
        let speaks = match connector.is_http2(&server) {
            None => UNKNOWN,
            Some(false) => HTTP1,
            Some(true) => HTTP2,
        };
        Ok(Self {
            host: HeaderValue::from_str(server.authority.as_str())?,
            server,
            connector,
            idle: Mutex::default(),
            speaks: AtomicU8::new(speaks),
            turnstile: Turnstile::new(()),
        })
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// A connection for one request.
    pub(super) async fn take(&self, freshness: Freshness) -> Result<Taken, NoConnection> {
        if freshness == Freshness::Any
            && let Some(taken) = self.idle().take()
        {
            return Ok(taken);
        }
        // Boxed: requests that find a connection, as most do, have no room for making one.
        Box::pin(self.make(freshness)).await
    }

    /// A connection that is new, unless another request makes one for all just now.
    async fn make(&self, freshness: Freshness) -> Result<Taken, NoConnection> {
        if freshness == Freshness::Http1 {
            let sender = self.connector.connect_http1(&self.server).await?;
            return Ok(Taken { connection: Taking::Http1(Some(sender)), is_reused: false });
        }
        if self.speaks.load(Ordering::Relaxed) == HTTP1 {
            return Ok(self.keep(self.connector.connect(&self.server).await?));
        }
        // Everyone else waits: most likely the connection will do for all of them.
        let turn = self.turnstile.lock().await;
        if freshness == Freshness::Any
            && let Some(taken) = self.idle().take()
        {
            return Ok(taken);
        }
        let connection = self.connector.connect(&self.server).await?;
        let taken = self.keep(connection);
        drop(turn);
        Ok(taken)
    }

    /// Gives a connection back that may be ready, or be soon, or be closed.
    pub(super) fn give_back(&self, taken: &mut Taken) {
        if let Taking::Http1(sender) = &mut taken.connection
            && let Some(sender) = sender.take()
            && !sender.is_closed()
        {
            self.idle().put(Kept { sender, since: Instant::now() });
        }
    }

    /// Closes what has been idle for too long; whether anything is left.
    pub(super) fn sweep(&self) {
        self.idle().sweep(Instant::now());
    }

    /// Addresses a request to the server, in the form of the connection's protocol.
    pub(super) fn address(
        &self,
        request: &mut Request<Upload>,
        way: &Way,
        is_http2: bool,
    ) -> Result<(), http::Error> {
        let trailers = HeaderValue::from_static("trailers");
        if is_http2 {
            let mut parts = uri::Parts::default();
            parts.scheme = Some(self.server.scheme.clone());
            parts.authority = Some(self.server.authority.clone());
            parts.path_and_query = Some(way.target.clone());
            *request.uri_mut() = Uri::from_parts(parts)?;
            *request.version_mut() = Version::HTTP_2;
            request.headers_mut().remove(HOST);
            if way.takes_trailers {
                request.headers_mut().remove(CONNECTION);
                request.headers_mut().insert(TE, trailers);
            }
        } else {
            *request.uri_mut() = Uri::from(way.target.clone());
            *request.version_mut() = Version::HTTP_11;
            request.headers_mut().insert(HOST, self.host.clone());
            if way.takes_trailers {
                request.headers_mut().insert(CONNECTION, HeaderValue::from_static("te"));
                request.headers_mut().insert(TE, trailers);
            }
            if let Some(protocol) = &way.upgrade {
                request.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
                request.headers_mut().insert(UPGRADE, protocol.clone());
            }
        }
        request.body_mut().pass_trailers(is_http2);
        Ok(())
    }

    fn keep(&self, connection: Connection) -> Taken {
        let connection = match connection {
            Connection::Http1(sender) => {
                self.speaks.store(HTTP1, Ordering::Relaxed);
                Taking::Http1(Some(sender))
            }
            Connection::Http2(sender) => {
                self.speaks.store(HTTP2, Ordering::Relaxed);
                let shared = Shared { sender, streams: Arc::new(()) };
                let mut idle = self.idle();
                // A server that was replaced by one of another version is found out by its ALPN.
                idle.http2.push(shared.clone());
                Taking::Http2(shared)
            }
        };
        Taken { connection, is_reused: false }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // No panic can leave the lists half-changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn take(&mut self) -> Option<Taken> {
        self.http2.retain(|shared| !shared.sender.is_closed());
        // One is in the list itself.
        let free = |shared: &&Shared| Arc::strong_count(&shared.streams) <= MOST_STREAMS;
        if let Some(shared) = self.http2.iter().find(free) {
            return Some(Taken { connection: Taking::Http2(shared.clone()), is_reused: true });
        }
        let now = Instant::now();
        for at in (0..self.http1.len()).rev() {
            let Some(kept) = self.http1.get(at) else { continue };
            if !kept.sender.is_closed() && !kept.sender.is_ready() {
                continue; // its last exchange is not over yet
            }
            let Some(kept) = self.http1.remove(at) else { continue };
            if !kept.sender.is_closed() && now < kept.since + IDLE_CONNECTION {
                let connection = Taking::Http1(Some(kept.sender));
                return Some(Taken { connection, is_reused: true });
            }
        }
        None
    }

    fn put(&mut self, kept: Kept) {
        if self.http1.len() >= MOST_IDLE {
            self.http1.pop_front();
        }
        self.http1.push_back(kept);
    }

    fn sweep(&mut self, now: Instant) {
        let is_fresh = |kept: &Kept| !kept.sender.is_closed() && now < kept.since + IDLE_CONNECTION;
        self.http1.retain(is_fresh);
        self.http2.retain(|shared| !shared.sender.is_closed());
    }
}

impl Taken {
    /// Whether it is an HTTP/2 connection.
    pub(super) fn is_http2(&self) -> bool {
        matches!(self.connection, Taking::Http2(_))
    }

    /// Whether the exchange is over, so that it can serve another request at once.
    pub(super) fn is_ready(&self) -> bool {
        match &self.connection {
            Taking::Http1(sender) => sender.as_ref().is_some_and(http1::SendRequest::is_ready),
            Taking::Http2(_) => false,
        }
    }

    /// Sends a request; the answer comes when its head is there.
    pub(super) async fn send(
        &mut self,
        request: Request<Upload>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let outcome = match &mut self.connection {
            Taking::Http1(Some(sender)) => sender.try_send_request(request).await,
            Taking::Http1(None) => return Err(Unanswered::Unsent(Box::new(request))),
            Taking::Http2(shared) => shared.sender.try_send_request(request).await,
        };
        outcome.map_err(|mut error| match error.take_message() {
            Some(request) => Unanswered::Unsent(Box::new(request)),
            None => Unanswered::Closed(error.into_error()),
        })
    }
}

const UNKNOWN: u8 = 0;
const HTTP1: u8 = 1;
const HTTP2: u8 = 2;

/// Shorter than what usual servers keep idle connections open.
pub(super) const IDLE_CONNECTION: Duration = Duration::from_secs(30);
/// More than this many idle connections are not kept.
const MOST_IDLE: usize = 256;
/// Another connection is made when one has so many requests under way; servers should take no
/// fewer (RFC 9113 §6.5.2).
const MOST_STREAMS: usize = 100;
