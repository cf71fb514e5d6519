//! TLS on the listening side (RFC 8446, RFC 9113 §3.2), and tokens bound to it (RFC 8705 §3).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bailiwick_gateway::{Config, Gateway};
use bailiwick_resource_server::ClientCertificate;
use bailiwick_resource_server::testing::TestIssuer;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Answer, DRIVE, LONGEST, Upstream, World, send};

/// Where a certificate for tests is, or its key.
fn pem(name: &str) -> String {
    format!("{}/../resource-server/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(pem(name)).unwrap()
}

/// One API with a public path.
pub(crate) const PLAIN: &str = r#"
    [[resource]]
    identifier = "https://api.example.com/drive"
    issuer = "ISSUER"
    upstream = "UPSTREAM"
    routes = [{ path = "/open/**", public = true }, { path = "/files", scopes = [] }]
"#;

/// A gateway before that API, with these lines in `[tls]`.
pub(crate) fn config(tls: &str) -> String {
    format!(
        r#"
        [tls]
        certificate = "{}"
        key = "{}"
        {tls}
        {PLAIN}
        "#,
        pem("server"),
        pem("server.key"),
    )
}

/// A client of TLS.
struct Client {
    host: &'static str,
    shows: Option<&'static str>,
    versions: &'static [&'static SupportedProtocolVersion],
    speaks: &'static [&'static str],
}

const USUAL: Client =
    Client { host: "api.example.com", shows: None, versions: &[&TLS13], speaks: &[] };

impl Client {
    async fn connect(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        for name in ["server", "mallory"] {
            roots.add(certificate(name)).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.shows {
            Some(name) => {
                let key = PrivateKeyDer::from_pem_file(pem(&format!("{name}.key"))).unwrap();
                config.with_client_auth_cert(vec![certificate(name)], key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = self.speaks.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(address).await?;
        let host = ServerName::try_from(self.host).unwrap();
        TlsConnector::from(Arc::new(config)).connect(host, stream).await
    }

    /// Sends octets and reads all that comes back.
    async fn send(&self, address: SocketAddr, octets: &str) -> io::Result<Answer> {
        let mut stream = self.connect(address).await?;
        stream.write_all(octets.as_bytes()).await?;
        let mut read = Vec::new();
        timeout(LONGEST, stream.read_to_end(&mut read)).await.expect("an answer")?;
        Ok(Answer::parse(&read))
    }

    /// The certificate that the gateway shows.
    async fn sees(&self, address: SocketAddr) -> CertificateDer<'static> {
        let stream = self.connect(address).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }
}

fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: api.example.com\r\n{lines}Connection: close\r\n\r\n")
}

#[tokio::test]
async fn http_1_is_spoken_over_tls_and_the_upstream_is_told() {
    let world = World::with(&config("")).await;
    const EACH: [&[&SupportedProtocolVersion]; 2] = [&[&TLS12], &[&TLS13]];
    for versions in EACH {
        let client = Client { versions, ..USUAL };
        let answer = client.send(world.gateway, &get("/open/a", "")).await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("[\"x-forwarded-proto\",\"https\"]"), "{}", answer.body);
        assert!(answer.body.contains("proto=https"), "{}", answer.body);
        let refused = client.send(world.gateway, &get("/files", "")).await.unwrap();
        assert_eq!(refused.status, 401);
    }
    // Whoever speaks without TLS gets no answer of HTTP.
    assert_eq!(world.send(get("/open/a", "")).await.status, 0);
    assert_eq!(world.upstream.seen().len(), 2);
}

#[tokio::test]
async fn http_2_is_spoken_where_it_was_agreed_and_nowhere_else() {
    let world = World::with(&config("")).await;
    let client = Client { speaks: &["h2", "http/1.1"], ..USUAL };
    let stream = client.connect(world.gateway).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://api.example.com/open/a").body(Empty::<Bytes>::new());
    let answer = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains("[\"x-forwarded-proto\",\"https\"]"), "{body}");

    //= https://www.rfc-editor.org/rfc/rfc9113#section-3.2
    //= type=test
    //# A client that makes a request to an "https" URI uses TLS [TLS13] with
    //# the ALPN extension [TLS-ALPN].
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0";
    for (speaks, sent) in [
        (&["http/1.1"][..], preface.to_owned()),
        (&[], preface.to_owned()),
        (&["h2"], get("/open/a", "")),
    ] {
        let answer = Client { speaks, ..USUAL }.send(world.gateway, &sent).await;
        assert!(answer.is_err() || answer.unwrap().status == 0, "{speaks:?}");
    }
    let unknown = Client { speaks: &["spdy/3"], ..USUAL };
    assert!(unknown.connect(world.gateway).await.is_err());
    assert_eq!(world.upstream.seen().len(), 1);
}

#[tokio::test]
async fn the_certificate_is_the_one_for_the_host_that_the_client_names() {
    let more = format!(
        "more = [{{ certificate = \"{}\", key = \"{}\" }}]",
        pem("mallory"),
        pem("mallory.key")
    );
    let world = World::with(&config(&more)).await;
    assert_eq!(USUAL.sees(world.gateway).await, certificate("server"));
    let other = Client { host: "mallory.example.com", ..USUAL };
    assert_eq!(other.sees(world.gateway).await, certificate("mallory"));
    // The first is for everybody else: this client then sees that it is for another host.
    let nobody = Client { host: "nobody.example.com", ..USUAL };
    let error = nobody.connect(world.gateway).await.unwrap_err().to_string();
    assert!(error.contains("not valid for name"), "{error}");
}

/// Answers to a bound token by clients that show its certificate, another one, and none.
async fn bound(tls: &str) -> [Option<u16>; 3] {
    let issuer = TestIssuer::serve().await;
    let config = config(tls).replace("ISSUER", issuer.url());
    let world = World::with(&config).await;
    let alice = ClientCertificate::from_der(&certificate("alice"));
    let token = issuer.token().bound_to_certificate(&alice).mint(DRIVE);
    let request = get("/files", &format!("Authorization: Bearer {token}\r\n"));
    let mut answers = [None; 3];
    for (shows, answer) in [Some("alice"), Some("mallory"), None].into_iter().zip(&mut answers) {
        let client = Client { shows, ..USUAL };
        *answer = client.send(world.gateway, &request).await.ok().map(|answer| answer.status);
    }
    answers
}

//= https://www.rfc-editor.org/rfc/rfc8705#section-3
//= type=test
//# If they
//# do not match, the resource access attempt MUST be rejected with an
//# error, per [RFC6750], using an HTTP 401 status code and the
//# "invalid_token" error code.
#[tokio::test]
async fn a_bound_token_passes_with_its_own_certificate_alone() {
    let alone = format!("client_ca = \"{}\"", pem("alice"));
    let yes = Some(200);
    let no = Some(401);
    assert_eq!(bound("client_self_signed = true").await, [yes, no, no]);
    assert_eq!(bound("client_self_signed = true\nclient_required = true").await, [yes, no, None]);
    assert_eq!(bound(&alone).await, [yes, None, no]);
    assert_eq!(bound(&format!("{alone}\nclient_required = true")).await, [yes, None, None]);
    assert_eq!(bound("").await, [no, no, no]);
}

#[tokio::test]
async fn new_files_are_taken_while_connections_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let [shown, key] = ["shown.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::copy(pem("server"), &shown).unwrap();
    std::fs::copy(pem("server.key"), &key).unwrap();
    let config = config("")
        .replace(&pem("server"), shown.to_str().unwrap())
        .replace(&pem("server.key"), key.to_str().unwrap());
    let world = World::with(&config).await;
    let mut old = USUAL.connect(world.gateway).await.unwrap();
    std::fs::copy(pem("mallory"), &shown).unwrap();
    std::fs::copy(pem("mallory.key"), &key).unwrap();
    let other = Client { host: "mallory.example.com", ..USUAL };
    let start = Instant::now();
    while other.connect(world.gateway).await.is_err() {
        assert!(start.elapsed() < LONGEST, "the new certificate is not shown");
        tokio::task::yield_now().await;
    }
    old.write_all(get("/open/a", "").as_bytes()).await.unwrap();
    let mut read = Vec::new();
    timeout(LONGEST, old.read_to_end(&mut read)).await.unwrap().unwrap();
    assert_eq!(Answer::parse(&read).status, 200);
}

#[tokio::test]
async fn a_client_that_does_not_finish_the_handshake_is_cut_off() {
    let world = World::with(&format!("head_timeout = 1\n{}", config(""))).await;
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut read = Vec::new();
        let _ = timeout(LONGEST, stream.read_to_end(&mut read)).await.expect("the end");
        assert_eq!(read, b"");
    }
    // Nor one that then says nothing, whatever it agreed to speak.
    for speaks in [&["h2"][..], &[]] {
        let mut stream = Client { speaks, ..USUAL }.connect(world.gateway).await.unwrap();
        let mut read = Vec::new();
        let _ = timeout(LONGEST, stream.read_to_end(&mut read)).await.expect("the end");
    }
}

#[tokio::test]
async fn plain_http_is_shown_the_way_to_https() {
    let upstream = Upstream::start().await;
    let mut free = Vec::new();
    for _ in 0..2 {
        free.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let [secure, plain] = [0, 1].map(|at| free[at].local_addr().unwrap());
    drop(free);
    let config = format!(
        "listen = \"{secure}\"\nworkers = 2\n{}",
        config(&format!("redirect_from = \"{plain}\""))
    );
    let config = config
        .replace("ISSUER", "https://id.example.com")
        .replace("UPSTREAM", &format!("http://{}", upstream.address));
    let gateway = Gateway::new(Config::parse("test.toml", &config).unwrap()).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = std::thread::spawn(move || {
        gateway.run(async {
            let _ = stopped.await;
        })
    });
    let start = Instant::now();
    while TcpStream::connect(plain).await.is_err() || TcpStream::connect(secure).await.is_err() {
        assert!(start.elapsed() < LONGEST);
        tokio::task::yield_now().await;
    }
    let moved = send(plain, get("/open/a?b", "").as_bytes()).await;
    let location = moved.header("location");
    assert_eq!((moved.status, location), (308, Some("https://api.example.com/open/a?b")));
    let refused = send(plain, get("/files", "Authorization: Bearer a\r\n").as_bytes()).await;
    assert_eq!((refused.status, refused.header("location")), (403, None));
    assert_eq!(USUAL.send(secure, &get("/open/a", "")).await.unwrap().status, 200);
    assert_eq!(upstream.seen(), ["GET /open/a"]);
    stop.send(()).unwrap();
    tokio::task::spawn_blocking(|| running.join().unwrap().unwrap()).await.unwrap();
    assert!(TcpStream::connect(plain).await.is_err());
}
