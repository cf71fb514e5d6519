//! Serving the router: limits on time and connections, and an orderly end.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// The address that a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What one listener puts up with.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections are open at the same time; further ones wait.
    pub connections: usize,
    /// How long the header of a request may take to arrive.
    pub header: Duration,
    /// How many octets of header are read.
    pub header_size: usize,
    /// How long requests in progress may take after the end was called for.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            header: Duration::from_secs(10),
            header_size: 64 * 1024,
            shutdown: Duration::from_secs(10),
        }
    }
}

/// Serves the router on a listener until `end` is ready; then lets requests in progress finish.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    end: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(limits.connections));
    let server = server(&limits);
    let mut end = std::pin::pin!(end);
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut end => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // Out of descriptors, or the peer is gone already: others can still be served.
            Err(error) if is_passing(&error) => {
                tracing::warn!(%error, "accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let watcher = graceful.watcher();
        let (server, service) = (server.clone(), service(&router, peer.ip()));
        tokio::spawn(async move {
            let _permit = permit;
            let connection = server.serve_connection(TokioIo::new(prepared(stream)), service);
            if let Err(error) = watcher.watch(connection.into_owned()).await {
                tracing::debug!(error = %error, "connection");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    Ok(())
}

fn server(limits: &Limits) -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(limits.header_size);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(u32::try_from(limits.header_size).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_secs(30)));
    server
}

fn service(
    router: &Router,
    peer: IpAddr,
) -> TowerToHyperService<
    impl tower::Service<
        Request<Incoming>,
        Response = axum::response::Response,
        Error = std::convert::Infallible,
        Future: Send,
    > + Clone
    + use<>,
> {
    let router = router.clone();
    TowerToHyperService::new(tower::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    }))
}

fn prepared(stream: TcpStream) -> TcpStream {
    // Only speed is lost without it.
    let _ = stream.set_nodelay(true);
    stream
}

fn is_passing(error: &io::Error) -> bool {
    const NO_DESCRIPTORS: [i32; 2] = [23, 24]; // ENFILE, EMFILE
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    ) || error.raw_os_error().is_some_and(|code| NO_DESCRIPTORS.contains(&code))
}
