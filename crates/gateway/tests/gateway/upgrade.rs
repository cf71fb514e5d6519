//! Upgraded connections: who gets one, and what becomes of its octets (RFC 9110 §7.8, RFC 6455).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::support::{DRIVE, LONGEST, World};

/// What the upstream sends together with the head of its answer: a frame with "hi" in it.
const GREETING: &[u8] = b"\x81\x02hi";

/// An upstream that switches protocols and then sends back what it gets.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    pub(crate) async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = heads.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let noted = noted.clone();
                tokio::spawn(async move {
                    let head = read_head(&mut stream).await;
                    noted.lock().unwrap().push(head);
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    if !answer.contains(" 101 ") {
                        return;
                    }
                    stream.write_all(GREETING).await.unwrap();
                    let (mut from, mut to) = stream.split();
                    // The gateway may end it at any moment.
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        Self { address, heads }
    }

    pub(crate) async fn websocket() -> Self {
        Self::start(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\n\
             Upgrade: WebSocket\r\nSec-WebSocket-Accept: accepted\r\n\r\n",
        )
        .await
    }

    pub(crate) async fn gateway(&self, settings: &str) -> World {
        let config = format!(
            r#"
            [[resource]]
            identifier = "{DRIVE}"
            issuer = "ISSUER"
            upstream = "http://{}"
            {settings}
            routes = [
              {{ path = "/any", scopes = ["socket"], upgrade = true }},
              {{ path = "/socket", scopes = ["socket"], upgrade = ["websocket", "other/1"] }},
              {{ path = "/plain", scopes = ["socket"] }},
            ]
            "#,
            self.address
        );
        World::with(&config).await
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

pub(crate) fn handshake(path: &str, token: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Sec-WebSocket-Key: key\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    )
}

const WEBSOCKET: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n";

pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let octet = timeout(LONGEST, stream.read_u8()).await.unwrap();
        head.push(octet.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&head))));
    }
    String::from_utf8(head).unwrap()
}

/// An open WebSocket, its greeting read.
pub(crate) async fn open(world: &World, path: &str, token: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    stream.write_all(handshake(path, token, WEBSOCKET).as_bytes()).await.unwrap();
    let head = read_head(&mut stream).await;
    let mut greeting = [0; GREETING.len()];
    timeout(LONGEST, stream.read_exact(&mut greeting)).await.unwrap().unwrap();
    assert_eq!(greeting, GREETING);
    (head, stream)
}

/// All that comes until the other side ends the connection.
pub(crate) async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    timeout(LONGEST, stream.read_to_end(&mut rest)).await.expect("it ends").unwrap();
    rest
}

#[tokio::test]
async fn a_websocket_passes_both_ways() {
    let echo = Echo::websocket().await;
    let world = echo.gateway("").await;
    let token = world.issuer.token(DRIVE, "socket");
    for path in ["/any", "/socket"] {
        let (head, mut stream) = open(&world, path, &token).await;
        let head = head.to_lowercase();
        assert!(head.starts_with("http/1.1 101 switching protocols\r\n"), "{head}");
        for line in ["connection: upgrade", "upgrade: websocket", "sec-websocket-accept: accepted"]
        {
            assert!(head.contains(&format!("{line}\r\n")), "{head}");
        }
        assert!(!head.contains("x-hop"), "{head}");
        // More than fits into all buffers on the way, with octets that are no HTTP at all.
        let block: Vec<u8> = (0..=255).cycle().take(4 << 20).collect();
        let (mut from, mut to) = stream.split();
        let mut back = vec![0; block.len()];
        let (sent, read) =
            tokio::join!(to.write_all(&block), timeout(LONGEST, from.read_exact(&mut back)));
        sent.unwrap();
        read.unwrap().unwrap();
        assert!(back == block);
        stream.shutdown().await.unwrap();
        assert_eq!(rest(&mut stream).await, b"");
    }
    let head = echo.heads().remove(0).to_lowercase();
    for line in ["connection: upgrade", "upgrade: websocket", "sec-websocket-key: key"] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
    }
    assert!(head.contains("x-auth-subject: alice\r\n") && !head.contains("authorization"));
}

#[tokio::test]
async fn an_upgrade_needs_a_token_and_a_route_with_it() {
    let echo = Echo::websocket().await;
    let world = echo.gateway("").await;
    let token = world.issuer.token(DRIVE, "socket");
    let close = "Connection: close\r\n";
    let body = "Content-Length: 1\r\n";
    for (path, token, headers, status) in [
        ("/any", "rubbish", WEBSOCKET.to_owned(), 401),
        ("/any", &world.issuer.token(DRIVE, ""), WEBSOCKET.to_owned(), 403),
        ("/plain", &token, WEBSOCKET.to_owned(), 501),
        ("/socket", &token, WEBSOCKET.replace("websocket", "third"), 501),
        ("/any", &token, "Upgrade: websocket\r\n".to_owned(), 400),
        ("/any", &token, format!("{close}Upgrade: websocket\r\n"), 400),
        ("/any", &token, format!("{WEBSOCKET}{body}"), 400),
        ("/any", &token, WEBSOCKET.replace("websocket", "a b"), 400),
    ] {
        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        let request = handshake(path, token, &headers);
        stream.write_all(request.as_bytes()).await.unwrap();
        let head = read_head(&mut stream).await;
        assert_eq!(head[9..12].parse(), Ok(status), "{path} {headers} {head}");
    }
    assert_eq!(echo.heads(), Vec::<String>::new());
}

#[tokio::test]
async fn an_upstream_may_decline() {
    let echo = Echo::start("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno").await;
    let world = echo.gateway("").await;
    let token = world.issuer.token(DRIVE, "socket");
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    stream.write_all(handshake("/any", &token, WEBSOCKET).as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 426 "));
    let mut body = [0; 2];
    timeout(LONGEST, stream.read_exact(&mut body)).await.unwrap().unwrap();
    assert_eq!(&body, b"no");
}

#[tokio::test]
async fn an_upstream_that_switches_to_something_else_is_refused() {
    for answer in [
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other/1\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n",
    ] {
        let world = Echo::start(answer).await.gateway("").await;
        let token = world.issuer.token(DRIVE, "socket");
        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        stream.write_all(handshake("/any", &token, WEBSOCKET).as_bytes()).await.unwrap();
        assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 502 "));
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
//= type=test
//# 1001 indicates that an endpoint is "going away", such as a server
//# going down or a browser having navigated away from a page.
#[tokio::test]
async fn a_websocket_that_is_silent_or_outlives_the_gateway_is_told() {
    let echo = Echo::websocket().await;
    let world = echo.gateway("idle_timeout = 1").await;
    let token = world.issuer.token(DRIVE, "socket");
    let (_, mut silent) = open(&world, "/any", &token).await;
    let last = rest(&mut silent).await;
    assert_eq!((last[0], &last[2..4]), (0x88, &[0x03, 0xe9][..]));

    let mut world = echo.gateway("").await;
    let token = world.issuer.token(DRIVE, "socket");
    let (_, mut open) = open(&world, "/any", &token).await;
    let served = world.stop();
    let last = rest(&mut open).await;
    assert_eq!((last[0], &last[2..4]), (0x88, &[0x03, 0xe9][..]));
    drop(open);
    timeout(LONGEST, served).await.unwrap().unwrap();
}
