//! Listening: connections, their limits, and the way out (RFC 9112 §9, RFC 9113 §3.3).

mod crowd;
mod idle;
mod proxy_protocol;
mod redirect;
pub(crate) mod tls;
mod wire;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::Response;
use http::uri::Scheme;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use socket2::{Domain, Protocol as Transport, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::Questions;
use crate::client::Peer;
use crate::config::{Http, Proxies};
use crate::log::Logged;
use crate::reload::Live;
use crate::worker::Worker;
use crowd::{Crowd, Place};
use idle::Activity;
use tls::{BadTls, Handshake};
use wire::{Protocol, Wire};

/// What holds for connections.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// How many there may be, shared by all workers.
    connections: Arc<Semaphore>,
    /// The same, as a number that stays.
    most_connections: usize,
    /// How many each address has of them.
    crowd: Arc<Crowd>,
    /// How long a client may take for the head of a request.
    head_timeout: Duration,
    /// How long requests may go on after the shutdown.
    drain_timeout: Duration,
    /// Who is believed, at this moment.
    live: Arc<Live>,
    /// How TLS begins; `None` is plain HTTP.
    handshake: Option<Arc<Handshake>>,
}

/// What answers the requests of a listener.
#[derive(Debug)]
pub(crate) enum Behind {
    /// The gateway.
    Worker(Box<Worker>),
    /// The gateway, to another proxy's questions.
    Questions(Questions),
    /// The way to HTTPS.
    Redirect,
}

impl Terms {
    pub(crate) fn new(live: Arc<Live>) -> Result<Self, BadTls> {
        let site = live.site();
        let config = &site.config;
        let handshake = config.tls.clone().map(Handshake::new).transpose()?;
        Ok(Self {
            connections: Arc::new(Semaphore::new(config.max_connections)),
            most_connections: config.max_connections,
            crowd: Arc::default(),
            head_timeout: config.head_timeout,
            drain_timeout: config.drain_timeout,
            live,
            handshake: handshake.map(Arc::new),
        })
    }

    /// How many connections there are, and how many there may be.
    pub(crate) fn open_connections(&self) -> (usize, usize) {
        let free = self.connections.available_permits();
        (self.most_connections.saturating_sub(free), self.most_connections)
    }

    /// The same without TLS.
    pub(crate) fn in_the_clear(&self) -> Self {
        Self { handshake: None, ..self.clone() }
    }

    /// Takes the files of TLS when they change, for as long as what is returned lives.
    pub(crate) fn chores(&self) -> JoinSet<()> {
        let handshake = self.handshake.clone();
        handshake.into_iter().map(|handshake| handshake.keep_fresh(BETWEEN_LOOKS)).collect()
    }
}

/// Serves connections until `shutdown` is done, then lets running requests end.
pub(crate) async fn serve(
    behind: Behind,
    listener: TcpListener,
    terms: Terms,
    shutdown: impl Future<Output = ()>,
) {
    let (behind, terms) = (Arc::new(behind), Arc::new(terms));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (stream, address, permit) = accept(&listener, &terms.connections) => {
                let (behind, terms, stopped) = (behind.clone(), terms.clone(), stopped.clone());
                connections.spawn(async move {
                    connection(behind, stream, address, &terms, stopped).await;
                    drop(permit);
                });
            }
        }
    }
    drop(listener);
    // Nobody is left to hear it when no connection is open.
    let _ = stop.send(true);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(terms.drain_timeout, all_ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections cut at the end of the drain");
    }
}

/// Listens on an address that other workers listen on too; the system spreads connections.
pub(crate) fn shared_listener(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Transport::TCP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

/// Listens on an address that nobody else listens on.
pub(crate) fn alone(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let permit = connections.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            Err(error) => {
                // Out of descriptors, usually: connections that end give some back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE_AFTER_AN_ERROR).await;
            }
        }
    }
}

async fn connection(
    behind: Arc<Behind>,
    mut stream: TcpStream,
    address: SocketAddr,
    terms: &Terms,
    mut stopped: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection was gone at once");
        return;
    }
    let deadline = Instant::now() + terms.head_timeout;
    let site = terms.live.site();
    let introduced = async {
        match &*behind {
            Behind::Questions(questions) => Ok(questions.peer(address)),
            _ => introduced(&mut stream, address, &site.config.proxies).await,
        }
    };
    let Some(mut peer) = in_time(deadline, &mut stopped, introduced).await else { return };
    // A connection may outlive the site: it goes on with the limits that it began with.
    let http = site.config.http.clone();
    drop(site);
    // A trusted proxy brings many clients with it.
    let place = if peer.is_believed {
        Some(Place::free())
    } else {
        terms.crowd.enter(peer.address, http.max_connections_per_address)
    };
    let Some(_place) = place else {
        tracing::debug!(peer = %peer.address, "a connection too many of its address");
        return;
    };
    let Some(handshake) = &terms.handshake else {
        let mut wire = Wire::new(stream, http.max_head, http.body_timeout);
        // Whoever says nothing in time, nothing at all, or is gone, gets no answer.
        let Some(Some(protocol)) = in_time(deadline, &mut stopped, wire.protocol()).await else {
            return;
        };
        return talk(behind, wire, protocol, peer, (terms, &http), stopped).await;
    };
    let handshake = handshake.accept(stream);
    let Some(stream) = in_time(deadline, &mut stopped, handshake).await else { return };
    let (certificate, speaks_http2) = tls::outcome(&stream);
    (peer.scheme, peer.certificate) = (Scheme::HTTPS, certificate);
    let mut wire = Wire::new(stream, http.max_head, http.body_timeout);
    let protocol = in_time(deadline, &mut stopped, wire.protocol()).await;
    match protocol {
        // What was agreed in the handshake is spoken (RFC 9113 §3.2).
        Some(Some(Protocol::Http2)) if !speaks_http2 => {}
        Some(Some(Protocol::Http1)) if speaks_http2 => {}
        Some(Some(protocol)) => {
            Box::pin(talk(behind, wire, protocol, peer, (terms, &http), stopped)).await;
        }
        _ => {}
    }
}

/// Learns who is at the other end.
async fn introduced(
    stream: &mut TcpStream,
    address: SocketAddr,
    proxies: &Proxies,
) -> io::Result<Peer> {
    let peer = Peer::new(address, proxies);
    if !proxies.proxy_protocol {
        return Ok(peer);
    }
    if !peer.is_believed {
        return Err(io::Error::other("no trusted proxy, and the PROXY protocol is asked for"));
    }
    Ok(match proxy_protocol::read(stream).await? {
        Some(client) => Peer::new(client, proxies),
        // Whoever this is, it may be a client: what it says of others is not believed.
        None => Peer { is_believed: false, ..peer },
    })
}

/// The outcome of what must be done before the deadline and the shutdown.
async fn in_time<T>(
    deadline: Instant,
    stopped: &mut watch::Receiver<bool>,
    work: impl Future<Output = io::Result<T>>,
) -> Option<T> {
    tokio::select! {
        done = timeout_at(deadline, work) => match done {
            Ok(Ok(done)) => Some(done),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a connection ended before it began");
                None
            }
            Err(_) => None,
        },
        () = told(stopped) => None,
    }
}

/// Answers the requests of a connection.
async fn talk<T>(
    behind: Arc<Behind>,
    wire: Wire<T>,
    protocol: Protocol,
    peer: Peer,
    (terms, http): (&Terms, &Http),
    mut stopped: watch::Receiver<bool>,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (address, peer) = (peer.address, Arc::new(peer));
    let switch = wire.switch();
    let noted = switch.clone();
    let answer = move |request| {
        let request = noted.note(request);
        let (behind, peer) = (behind.clone(), peer.clone());
        // Boxed: hyper keeps room for it as long as the connection is open, and moves it there.
        Box::pin(async move {
            match &*behind {
                Behind::Worker(worker) => worker.answer(request, &peer).await,
                Behind::Questions(questions) => {
                    questions.answer(request, &peer).await.map(Logged::from)
                }
                Behind::Redirect => redirect::answer(&request).map(Logged::from),
            }
        })
    };
    let ended = match protocol {
        Protocol::Http1 => {
            let service = service_fn(|request| answer(request).map(Ok::<_, Infallible>));
            let mut builder = http1::Builder::new();
            builder
                .timer(TokioTimer::new())
                .header_read_timeout(terms.head_timeout)
                .max_buf_size(http.max_head);
            if http.max_headers > USUAL_HEADERS {
                builder.max_headers(http.max_headers);
            }
            let connection = builder.serve_connection(TokioIo::new(wire), service);
            let mut connection = pin!(connection.with_upgrades());
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = told(&mut stopped) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }
        Protocol::Http2 => {
            let activity = Activity::new();
            let service = service_fn(|request| {
                let active = activity.begin();
                let counted =
                    |answer: Response<_>| answer.map(|body| active.until_the_end_of(body));
                answer(request).map(|answer| Ok::<_, Infallible>(counted(answer)))
            });
            let mut connection = Box::pin(
                http2::Builder::new(TokioExecutor::new())
                    .timer(TokioTimer::new())
                    .keep_alive_interval(terms.head_timeout)
                    .max_concurrent_streams(http.max_streams)
                    .max_header_list_size(u32::try_from(http.max_head).unwrap_or(u32::MAX))
                    .max_pending_accept_reset_streams(MOST_RESETS)
                    .max_local_error_reset_streams(MOST_ERRORS)
                    .max_send_buf_size(LARGEST_BACKLOG)
                    .serve_connection(TokioIo::new(wire), service),
            );
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = activity.idle(terms.head_timeout) => {
                    connection.as_mut().graceful_shutdown();
                    // A request may have come at the last moment: it is answered.
                    tokio::select! {
                        ended = connection => ended,
                        () = activity.idle(FAREWELL) => Ok(()),
                    }
                }
                () = told(&mut stopped) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, peer = %address, "a connection ended with an error");
    }
    switch.run(&mut stopped).await;
}

/// Waits for the shutdown.
async fn told(stopped: &mut watch::Receiver<bool>) {
    // A sender that is gone is a shutdown as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// How long a client of HTTP/2 may take to end an idle connection that it was told to end.
const FAREWELL: Duration = Duration::from_secs(1);
/// How often the files of TLS are looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
const PAUSE_AFTER_AN_ERROR: Duration = Duration::from_millis(50);
/// The most headers that hyper reads without a buffer of its own for each request.
const USUAL_HEADERS: usize = 100;
/// The most HTTP/2 streams that a client takes back before they are looked at (CVE-2023-44487).
const MOST_RESETS: usize = 20;
/// The most HTTP/2 streams that a client makes the gateway reset (RUSTSEC-2024-0003).
const MOST_ERRORS: usize = 200;
/// The most octets of an answer that wait for a slow client of HTTP/2.
const LARGEST_BACKLOG: usize = 128 * 1024;
