//! Upstreams that speak HTTP/2, with TLS or without, and what only they have (RFC 9113).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::raw::public;
use crate::support::{LONGEST, World};

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// A server that notes the heads and the trailers of what it gets.
struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<http::request::Parts>>>,
    trailers: Arc<Mutex<Vec<HeaderMap>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            trailers: Arc::default(),
            connections: Arc::default(),
        };
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let (seen, trailers) = (server.seen.clone(), server.trailers.clone());
        let connections = server.connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (seen, trailers, tls) = (seen.clone(), trailers.clone(), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        let (parts, body) = request.into_parts();
                        seen.lock().unwrap().push(parts.clone());
                        let trailers = trailers.clone();
                        async move { Ok::<_, Infallible>(answer(&parts, body, trailers)) }
                    });
                    let builder = auto::Builder::new(TokioExecutor::new());
                    // What becomes of connections is seen at the gateway.
                    let _ = match tls {
                        None => builder.serve_connection(TokioIo::new(stream), service).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => {
                                builder.serve_connection(TokioIo::new(stream), service).await
                            }
                            Err(_) => Ok(()),
                        },
                    };
                });
            }
        });
        server
    }

    async fn gateway(&self, scheme: &str, settings: &str) -> World {
        World::with(&public(&format!("\"{scheme}://{}\"", self.address), settings)).await
    }

    fn versions(&self) -> Vec<Version> {
        self.seen.lock().unwrap().iter().map(|parts| parts.version).collect()
    }
}

/// Echoes the body as it comes, as a gRPC service does.
fn answer(
    parts: &http::request::Parts,
    mut body: Incoming,
    seen: Arc<Mutex<Vec<HeaderMap>>>,
) -> Answer {
    let mut status = HeaderMap::new();
    status.insert("grpc-status", HeaderValue::from_static("0"));
    status.insert("x_auth_subject", HeaderValue::from_static("mallory"));
    if parts.uri.path() == "/refused" {
        let mut answer = Response::new(Full::default().map_err(|never| match never {}).boxed());
        answer.headers_mut().extend(status);
        return answer;
    }
    let (send, mut receive) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(Ok(frame)) = body.frame().await {
            match frame.into_trailers() {
                Ok(trailers) => seen.lock().unwrap().push(trailers),
                Err(frame) => drop(send.send(Ok(frame)).await),
            }
        }
        let _ = send.send(Ok(Frame::trailers(status))).await;
    });
    let frames = futures_util::stream::poll_fn(move |context| receive.poll_recv(context));
    let mut answer = Response::new(BodyExt::boxed(StreamBody::new(frames)));
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    answer
}

/// A connection to the gateway with HTTP/2.
async fn connect<B>(gateway: SocketAddr) -> hyper::client::conn::http2::SendRequest<B>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TokioIo::new(TcpStream::connect(gateway).await.unwrap());
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

//= https://www.rfc-editor.org/rfc/rfc9113#section-8.3.1
//= type=test
//# Clients that generate HTTP/2 requests directly MUST use the
//# ":authority" pseudo-header field to convey authority information,
//# unless there is no authority information to convey (in which case it
//# MUST NOT generate ":authority").
#[tokio::test]
async fn http_2_without_tls_is_spoken_where_the_resource_says_so() {
    let server = Server::start(None).await;
    let world = server.gateway("http", "upstream_protocol = \"http2\"").await;
    let mut sent = JoinSet::new();
    for _ in 0..20 {
        let gateway = world.gateway;
        sent.spawn(async move {
            let request = b"GET /a?b HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n";
            crate::support::send(gateway, request).await.status
        });
    }
    assert_eq!(sent.join_all().await, [200; 20]);
    assert_eq!(server.connections.load(Ordering::SeqCst), 1, "all go over one connection");
    let seen = server.seen.lock().unwrap();
    for parts in &*seen {
        assert_eq!(parts.version, Version::HTTP_2);
        assert_eq!(parts.uri.to_string(), format!("http://{}/a?b", server.address));
        assert_eq!(parts.headers["x-forwarded-host"], "api.example");
        assert!(!parts.headers.contains_key("host") && !parts.headers.contains_key("te"));
    }
}

#[tokio::test]
async fn http_1_is_spoken_where_nothing_is_said() {
    let server = Server::start(None).await;
    let world = server.gateway("http", "").await;
    assert_eq!(world.get("/a", "a", None).await.status, 200);
    assert_eq!(server.versions(), [Version::HTTP_11]);
}

#[tokio::test]
async fn grpc_passes_message_by_message_with_trailers_and_without_foreign_identity() {
    let server = Server::start(None).await;
    let world = server.gateway("http", "upstream_protocol = \"http2\"").await;
    let (send, mut receive) = mpsc::channel::<Result<Frame<Bytes>, Infallible>>(1);
    let frames = futures_util::stream::poll_fn(move |context| receive.poll_recv(context));
    let request = Request::post("http://a/service/Method")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(StreamBody::new(frames))
        .unwrap();
    let answer = timeout(LONGEST, connect(world.gateway).await.send_request(request)).await;
    let mut answer = answer.unwrap().unwrap();
    for part in ["first", "second"] {
        send.send(Ok(Frame::data(Bytes::from(part)))).await.unwrap();
        let frame = timeout(LONGEST, answer.body_mut().frame()).await.unwrap().unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), part);
    }
    let mut trailers = HeaderMap::new();
    for name in ["x-auth-subject", "x_auth_scope", "authorization", "x-sum"] {
        trailers.insert(name, HeaderValue::from_static("mallory"));
    }
    send.send(Ok(Frame::trailers(trailers))).await.unwrap();
    drop(send);
    let end = timeout(LONGEST, answer.collect()).await.unwrap().unwrap();
    let end = end.trailers().unwrap();
    assert_eq!((end.len(), &end["grpc-status"]), (1, &HeaderValue::from_static("0")));
    assert_eq!(server.seen.lock().unwrap()[0].headers["te"], "trailers");
    let trailers = server.trailers.lock().unwrap();
    let names: Vec<&str> = trailers[0].keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["x-sum"]);
}

#[tokio::test]
async fn a_grpc_answer_of_trailers_alone_passes() {
    let server = Server::start(None).await;
    let world = server.gateway("http", "upstream_protocol = \"http2\"").await;
    let request = Request::post("http://a/refused").body(Full::<Bytes>::default()).unwrap();
    let answer = connect(world.gateway).await.send_request(request).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "0");
    assert!(hyper::body::Body::is_end_stream(answer.body()));
}

//= https://www.rfc-editor.org/rfc/rfc9113#section-8.7
//= type=test
//# Requests that have not been processed have not failed; clients MAY
//# automatically retry them, even those with non-idempotent methods.
#[tokio::test]
async fn a_stream_that_was_refused_is_tried_again_and_one_that_broke_is_not() {
    for (reason, method, expected) in [
        (h2::Reason::REFUSED_STREAM, "GET", (200, 3)),
        (h2::Reason::INTERNAL_ERROR, "GET", (502, 2)),
        (h2::Reason::INTERNAL_ERROR, "POST", (502, 2)),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counted = counted.clone();
                tokio::spawn(async move {
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    while let Some(Ok((_, mut respond))) = connection.accept().await {
                        // The second one of all.
                        if counted.fetch_add(1, Ordering::SeqCst) == 1 {
                            respond.send_reset(reason);
                        } else {
                            respond.send_response(Response::new(()), true).unwrap();
                        }
                    }
                });
            }
        });
        let settings = "upstream_protocol = \"http2\"";
        let world = World::with(&public(&format!("\"http://{address}\""), settings)).await;
        assert_eq!(world.get("/a", "a", None).await.status, 200);
        let request = format!("{method} /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let status = world.send(request).await.status;
        assert_eq!((status, count.load(Ordering::SeqCst)), expected, "{reason} {method}");
    }
}

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn tls(protocols: &[&str], asks_for_a_certificate: bool) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let chain = CertificateDer::pem_file_iter(fixture("upstream.pem")).unwrap();
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("upstream.key.pem")).unwrap();
    let config = if asks_for_a_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(fixture("authority.pem")).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        config.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let mut config = config.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn trusting() -> String {
    format!(
        "upstream_ca_file = {:?}\nupstream_server_name = \"upstream.example.com\"\n",
        fixture("authority.pem")
    )
}

#[tokio::test]
async fn alpn_chooses_the_protocol() {
    let cases: [(&[&str], &str, Option<Version>); 7] = [
        (&["h2", "http/1.1"], "auto", Some(Version::HTTP_2)),
        (&["http/1.1"], "auto", Some(Version::HTTP_11)),
        (&[], "auto", Some(Version::HTTP_11)),
        (&["h2", "http/1.1"], "http1", Some(Version::HTTP_11)),
        (&["h2", "http/1.1"], "http2", Some(Version::HTTP_2)),
        (&["http/1.1"], "http2", None),
        (&[], "http2", None),
    ];
    for (protocols, said, expected) in cases {
        let server = Server::start(Some(tls(protocols, false))).await;
        let settings = format!("{}upstream_protocol = \"{said}\"", trusting());
        let world = server.gateway("https", &settings).await;
        for _ in 0..2 {
            let status = world.get("/a", "a", None).await.status;
            assert_eq!(status, if expected.is_some() { 200 } else { 502 }, "{protocols:?} {said}");
        }
        let expected: Vec<Version> = expected.into_iter().cycle().take(2).collect();
        assert_eq!(server.versions(), expected, "{protocols:?} {said}");
    }
}

#[tokio::test]
async fn an_upstream_whose_certificate_is_not_right_gets_nothing() {
    let server = Server::start(Some(tls(&[], false))).await;
    let authority = format!("upstream_ca_file = {:?}\n", fixture("authority.pem"));
    let name = |name: &str| format!("upstream_server_name = \"{name}\"\n");
    for (settings, status) in [
        (String::new(), 502),
        (name("upstream.example.com"), 502),
        (authority.clone(), 502),
        (authority.clone() + &name("other.example.com"), 502),
        (authority + &name("upstream.example.com"), 200),
    ] {
        let world = server.gateway("https", &settings).await;
        assert_eq!(world.get("/a", "a", None).await.status, status, "{settings}");
    }
    assert_eq!(server.seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_gateway_shows_its_certificate() {
    let server = Server::start(Some(tls(&["h2"], true))).await;
    let world = server.gateway("https", &trusting()).await;
    assert_eq!(world.get("/a", "a", None).await.status, 502);
    let identity = format!(
        "{}upstream_certificate_file = {:?}\nupstream_key_file = {:?}",
        trusting(),
        fixture("gateway.pem"),
        fixture("gateway.key.pem"),
    );
    let world = server.gateway("https", &identity).await;
    assert_eq!(world.get("/a", "a", None).await.status, 200);
}
