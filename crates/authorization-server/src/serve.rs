//! Serving the router: limits on time and connections, and an orderly end.

mod begun;
pub(crate) mod tls;

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

use begun::Begun;
use tls::Tls;

use crate::certificate::PeerCertificates;

/// The address that a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What one listener puts up with.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections are open at the same time; further ones wait.
    pub connections: usize,
    /// How long the header of a request may take to arrive, and the first octets of a connection
    /// before it.
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

/// Serves the router on a listener, without TLS, until `end` is ready; then lets requests in progress
/// finish.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    end: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    connections(listener, None, router, limits, end).await
}

/// As [`serve`], with TLS.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve_tls(
    listener: TcpListener,
    tls: Arc<Tls>,
    router: Router,
    limits: Limits,
    end: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    connections(listener, Some(tls), router, limits, end).await
}

async fn connections(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
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
                // The next attempt would fail at once, and the next: connections that end need the
                // time to give descriptors back.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let watcher = graceful.watcher();
        let (server, router, tls) = (server.clone(), router.clone(), tls.clone());
        let peer = peer.ip();
        tokio::spawn(async move {
            let _permit = permit;
            let stream = prepared(stream);
            let Some(tls) = tls else {
                let stream = Begun::new(stream, limits.header);
                let service = service(router, peer, None);
                let connection = server.serve_connection(TokioIo::new(stream), service);
                if let Err(error) = watcher.watch(connection.into_owned()).await {
                    tracing::debug!(error = %error, "connection");
                }
                return;
            };
            let stream = match tokio::time::timeout(limits.header, tls.accept(stream)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(error = %error, "handshake"),
                Err(_) => return tracing::debug!("the handshake took too long"),
            };
            let shown = stream.get_ref().1.peer_certificates();
            let certificates = shown.map(|chain| {
                PeerCertificates(Arc::new(chain.iter().map(|it| it.clone().into_owned()).collect()))
            });
            let stream = Begun::new(stream, limits.header);
            let service = service(router, peer, certificates);
            let connection = server.serve_connection(TokioIo::new(stream), service);
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
    router: Router,
    peer: IpAddr,
    certificates: Option<PeerCertificates>,
) -> TowerToHyperService<
    impl tower::Service<
        Request<Incoming>,
        Response = axum::response::Response,
        Error = std::convert::Infallible,
        Future: Send,
    > + Clone
    + use<>,
> {
    TowerToHyperService::new(tower::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        if let Some(certificates) = &certificates {
            request.extensions_mut().insert(certificates.clone());
        }
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A server with room for one connection.
    async fn narrow() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let header = Duration::from_millis(200);
        let limits = Limits { connections: 1, header, ..Limits::default() };
        let router = Router::new().route("/", get(async || "here"));
        tokio::spawn(serve(listener, router, limits, std::future::pending()));
        address
    }

    /// All that the server says until it closes the connection.
    async fn rest(stream: &mut TcpStream) -> Vec<u8> {
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        // That it was reset is an end, too.
        let _ = tokio::time::timeout(Duration::from_secs(10), read).await.expect("it is closed");
        answer
    }

    #[tokio::test]
    async fn who_says_nothing_or_half_a_preface_does_not_hold_a_place() {
        let address = narrow().await;
        for said in [&b""[..], b"P", b"PRI * HTTP", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", b"PO"] {
            let mut silent = TcpStream::connect(address).await.unwrap();
            silent.write_all(said).await.unwrap();
            let mut next = TcpStream::connect(address).await.unwrap();
            next.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                .await
                .unwrap();
            let answer = rest(&mut next).await;
            assert!(answer.ends_with(b"here"), "{}", said.escape_ascii());
            assert!(!rest(&mut silent).await.starts_with(b"HTTP/1.1 200"));
        }
    }
}
