//! Streams end with their token: when it expires, and when it would not be let in any more.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use bailiwick_gateway::Config;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::support::{DRIVE, LONGEST, World};
use crate::upgrade::{Echo, open, read_head, rest};

/// An upstream whose answers never end; their type is the path's last part.
async fn endless() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(async |request: Request<Body>| {
        let kind = request.uri().path().replace("/files/", "").replacen('-', "/", 1);
        let (send, mut receive) = mpsc::channel(1);
        tokio::spawn(async move {
            while send.send(Ok::<_, Infallible>("data: x\n\n")).await.is_ok() {
                // The pace of the stream, not a wait for something.
                sleep(Duration::from_millis(50)).await;
            }
        });
        let chunks = futures_util::stream::poll_fn(move |context| receive.poll_recv(context));
        Response::builder().header("content-type", kind).body(Body::from_stream(chunks)).unwrap()
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn config(upstream: SocketAddr, scope: &str, settings: &str) -> String {
    format!(
        r#"
        [[resource]]
        identifier = "{DRIVE}"
        issuer = "ISSUER"
        upstream = "http://{upstream}"
        {settings}
        routes = [
          {{ path = "/files/**", scopes = ["{scope}"] }},
          {{ path = "/any", scopes = ["{scope}"], upgrade = true }},
        ]
        "#
    )
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token that expires so many seconds from now.
fn token(world: &World, lasts: u64) -> String {
    let claims = json!({ "aud": DRIVE, "scope": "read", "exp": now() + lasts });
    world.issuer.mint("at+jwt", &claims)
}

async fn begin(world: &World, kind: &str, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    let request =
        format!("GET /files/{kind} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads more of a stream, whatever it is.
async fn goes_on(stream: &mut TcpStream) {
    let mut read = [0; 1024];
    assert_ne!(timeout(LONGEST, stream.read(&mut read)).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_stream_of_events_ends_and_a_download_breaks_off_when_the_token_expires() {
    let upstream = endless().await;
    let world = World::with(&config(upstream, "read", "")).await;
    let token = token(&world, 2);
    for (kind, ends_well) in [("text-event-stream", true), ("text-plain", false)] {
        let mut stream = begin(&world, kind, &token).await;
        let mut all = Vec::new();
        let ended = timeout(LONGEST, async {
            while !all.ends_with(b"\r\n0\r\n\r\n") {
                if stream.read_buf(&mut all).await.unwrap_or(0) == 0 {
                    return false;
                }
            }
            true
        });
        assert_eq!(ended.await.expect("it ends"), ends_well, "{kind}");
        assert!(all.starts_with(b"HTTP/1.1 200 OK\r\n"), "{kind}");
    }
}

#[tokio::test]
async fn a_grpc_stream_ends_with_unauthenticated() {
    let upstream = endless().await;
    let world = World::with(&config(upstream, "read", "")).await;
    let stream = TokioIo::new(TcpStream::connect(world.gateway).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("http://a/files/application-grpc")
        .header("authorization", format!("Bearer {}", token(&world, 1)))
        .body(Empty::<Bytes>::new())
        .unwrap();
    let answer = timeout(LONGEST, sender.send_request(request)).await.unwrap().unwrap();
    let whole = timeout(LONGEST, answer.collect()).await.expect("it ends").unwrap();
    let trailers = whole.trailers().expect("trailers");
    assert_eq!(trailers["grpc-status"], "16");
    assert_eq!(trailers["grpc-message"], "the token expired");
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
//= type=test
//# 1008 indicates that an endpoint is terminating the connection
//# because it has received a message that violates its policy.
#[tokio::test]
async fn a_websocket_is_closed_with_1008() {
    let echo = Echo::websocket().await;
    let world = World::with(&config(echo.address, "read", "")).await;
    let (_, mut socket) = open(&world, "/any", &token(&world, 1)).await;
    let last = rest(&mut socket).await;
    assert_eq!(last, b"\x88\x13\x03\xf0the token expired");
}

#[tokio::test]
async fn a_close_frame_comes_between_two_frames() {
    let echo = Echo::websocket().await;
    let world = World::with(&config(echo.address, "read", "")).await;
    let (_, mut socket) = open(&world, "/any", &token(&world, 1)).await;
    // Half of a frame comes back; its other half never does.
    socket.write_all(b"\x82\x04ha").await.unwrap();
    assert_eq!(rest(&mut socket).await, b"\x82\x04ha");
}

#[tokio::test]
async fn a_grace_lets_streams_go_on_for_a_while() {
    let upstream = endless().await;
    let world = World::with(&config(upstream, "read", "stream_grace = 3600")).await;
    let mut stream = begin(&world, "text-event-stream", &token(&world, 1)).await;
    let expired = now() + 3;
    while now() <= expired {
        goes_on(&mut stream).await;
    }
}

#[tokio::test]
async fn a_new_configuration_ends_what_it_would_refuse_and_nothing_else() {
    let upstream = endless().await;
    let world = World::with(&config(upstream, "read", "")).await;
    let echo = Echo::websocket().await;
    let sockets = World::with(&config(echo.address, "read", "")).await;
    let mut stream = begin(&world, "text-event-stream", &token(&world, 600)).await;
    let (_, mut socket) = open(&sockets, "/any", &token(&sockets, 600)).await;
    let replace = |world: &World, upstream, scope| {
        let text = config(upstream, scope, "idle_timeout = 100");
        let text = text.replace("ISSUER", &world.issuer.url);
        world.reloader.replace(Config::parse("next.toml", &text).unwrap()).unwrap();
    };
    replace(&world, upstream, "read");
    replace(&sockets, echo.address, "read");
    let later = now() + 3;
    while now() <= later {
        goes_on(&mut stream).await;
        socket.write_all(b"\x81\x01x").await.unwrap();
        goes_on(&mut socket).await;
    }
    replace(&world, upstream, "admin");
    replace(&sockets, echo.address, "admin");
    assert!(rest_of_events(&mut stream).await);
    let last = rest(&mut socket).await;
    assert!(last.ends_with(b"\x03\xf0not let in any more"), "{last:?}");
}

#[tokio::test]
async fn a_new_configuration_without_the_upgrade_ends_it() {
    let echo = Echo::websocket().await;
    let world = World::with(&config(echo.address, "read", "")).await;
    let (_, mut socket) = open(&world, "/any", &token(&world, 600)).await;
    let text = config(echo.address, "read", "").replace(", upgrade = true", "");
    let text = text.replace("ISSUER", &world.issuer.url);
    world.reloader.replace(Config::parse("next.toml", &text).unwrap()).unwrap();
    let last = rest(&mut socket).await;
    assert!(last.ends_with(b"\x03\xf0not let in any more"), "{last:?}");
}

/// An upstream that begins to answer, or does not, and counts what it gets all the while.
async fn greedy(answer: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let got: Arc<AtomicUsize> = Arc::default();
    let noted = got.clone();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut octets = [0; 1024];
        while let Ok(size @ 1..) = stream.read(&mut octets).await {
            noted.fetch_add(size, Ordering::SeqCst);
        }
        noted.store(usize::MAX, Ordering::SeqCst);
    });
    (address, got)
}

#[tokio::test]
async fn an_upload_ends_with_its_token_too() {
    let events = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    for answer in ["", events] {
        let (upstream, got) = greedy(answer).await;
        let world = World::with(&config(upstream, "read", "")).await;
        let token = token(&world, 2);
        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        let head = format!(
            "POST /files/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        timeout(LONGEST, async {
            while got.load(Ordering::SeqCst) != usize::MAX {
                // The gateway may end it at any moment.
                let _ = stream.write_all(b"1\r\na\r\n").await;
                // The pace of the upload, not a wait for something.
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("the upload goes on: {answer:?}"));
        if answer.is_empty() {
            assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 408 "));
        }
    }
}

/// An HTTP/2 upstream whose answers say nothing, and which reads all the while; whether it still does.
async fn listening() -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let reads: Arc<AtomicBool> = Arc::default();
    let noted = reads.clone();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(move |request: Request<Incoming>| {
            let noted = noted.clone();
            tokio::spawn(async move {
                noted.store(true, Ordering::SeqCst);
                let mut body = request.into_body();
                while let Some(Ok(_)) = body.frame().await {}
                noted.store(false, Ordering::SeqCst);
            });
            let silence = futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>();
            let answer = Response::builder().header("content-type", "application/grpc");
            async move { answer.body(StreamBody::new(silence)) }
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        // What becomes of the connection is seen at the gateway.
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    });
    (address, reads)
}

#[tokio::test]
async fn both_halves_of_a_grpc_stream_end() {
    let (upstream, reads) = listening().await;
    let settings = "upstream_protocol = \"http2\"";
    let config = config(upstream, "read", settings).replace(", upgrade = true", "");
    let world = World::with(&config).await;
    let stream = TokioIo::new(TcpStream::connect(world.gateway).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let (send, mut receive) = mpsc::channel(1);
    let frames = futures_util::stream::poll_fn(move |context| receive.poll_recv(context));
    let request = http::Request::post("http://a/files/x")
        .header("authorization", format!("Bearer {}", token(&world, 2)))
        .body(StreamBody::new(frames))
        .unwrap();
    let answer = timeout(LONGEST, sender.send_request(request)).await.unwrap().unwrap();
    let whole = timeout(LONGEST, answer.collect()).await.expect("it ends").unwrap();
    assert_eq!(whole.trailers().unwrap()["grpc-status"], "16");
    // The client goes on all the same.
    timeout(LONGEST, async {
        while reads.load(Ordering::SeqCst) {
            let frame = Frame::data(Bytes::from_static(b"more"));
            let _ = send.try_send(Ok::<_, Infallible>(frame));
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the upstream gets no more");
}

async fn rest_of_events(stream: &mut TcpStream) -> bool {
    let mut all = Vec::new();
    timeout(LONGEST, async {
        // The last chunk may be all that is left.
        while !all.ends_with(b"0\r\n\r\n") {
            if stream.read_buf(&mut all).await.unwrap_or(0) == 0 {
                return false;
            }
        }
        true
    })
    .await
    .expect("it ends")
}
