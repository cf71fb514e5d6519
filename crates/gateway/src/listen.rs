//! Listening: connections, their limits, and the way out (RFC 9112 §9, RFC 9113 §3.3).

mod wire;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use socket2::{Domain, Protocol as Transport, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::worker::Worker;
use wire::{Protocol, Wire};

/// The limits of connections.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// How many there may be, shared by all workers.
    pub(crate) connections: Arc<Semaphore>,
    /// How long a client may take for the head of a request.
    pub(crate) head_timeout: Duration,
    /// How long requests may go on after the shutdown.
    pub(crate) drain_timeout: Duration,
}

/// Serves connections until `shutdown` is done, then lets running requests end.
pub(crate) async fn serve(
    worker: Worker,
    listener: TcpListener,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let worker = Arc::new(worker);
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (stream, peer, permit) = accept(&listener, &limits.connections) => {
                let (worker, stopped) = (worker.clone(), stopped.clone());
                let head_timeout = limits.head_timeout;
                connections.spawn(async move {
                    connection(worker, stream, peer, head_timeout, stopped).await;
                    drop(permit);
                });
            }
        }
    }
    drop(listener);
    // Nobody is left to hear it when no connection is open.
    let _ = stop.send(true);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.drain_timeout, all_ended).await.is_err() {
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
    worker: Arc<Worker>,
    stream: TcpStream,
    peer: SocketAddr,
    head_timeout: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection was gone at once");
        return;
    }
    let address = peer;
    let peer = Arc::new(worker.peer(peer));
    let mut wire = Wire::new(stream);
    let protocol = tokio::select! {
        protocol = timeout(head_timeout, wire.protocol()) => protocol,
        () = told(&mut stopped) => return,
    };
    // Whoever says nothing in time, nothing at all, or is gone, gets no answer.
    let Ok(Ok(Some(protocol))) = protocol else { return };
    let service = service_fn(move |request| {
        let worker = worker.clone();
        let peer = peer.clone();
        async move { Ok::<_, Infallible>(worker.answer(request, &peer).await) }
    });
    let ended = match protocol {
        Protocol::Http1 => {
            let mut connection = pin!(
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(head_timeout)
                    .max_buf_size(wire::LONGEST_HEAD)
                    .serve_connection(TokioIo::new(wire), service)
            );
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = told(&mut stopped) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }
        Protocol::Http2 => {
            let mut connection = pin!(
                http2::Builder::new(TokioExecutor::new())
                    .timer(TokioTimer::new())
                    .keep_alive_interval(head_timeout)
                    .max_concurrent_streams(MOST_STREAMS)
                    .max_header_list_size(LONGEST_HEADER_LIST)
                    .serve_connection(TokioIo::new(wire), service)
            );
            tokio::select! {
                ended = connection.as_mut() => ended,
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
}

/// Waits for the shutdown.
async fn told(stopped: &mut watch::Receiver<bool>) {
    // A sender that is gone is a shutdown as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

const PAUSE_AFTER_AN_ERROR: Duration = Duration::from_millis(50);
const MOST_STREAMS: u32 = 200;
const LONGEST_HEADER_LIST: u32 = 64 * 1024;
