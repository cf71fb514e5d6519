//! What one client may ask of the gateway, and no more (RFC 9110 §15.5, RFC 6585 §5).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{LONGEST, World};

/// A gateway with these settings before an API that is open to everyone.
async fn world(settings: &str) -> World {
    let api = r#"
        [[resource]]
        identifier = "https://api.example.com"
        issuer = "ISSUER"
        upstream = "UPSTREAM"
        routes = [{ path = "/**", public = true }]
    "#;
    World::with(&format!("{settings}\n{api}")).await
}

/// The status that a `GET` with these lines is answered with.
async fn get(world: &World, target: &str, lines: &str) -> u16 {
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n");
    world.send(request).await.status
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.15
//= type=test
//# The 414 (URI Too Long) status code indicates that the server is
//# refusing to service the request because the target URI is longer than
//# the server is willing to interpret.
#[tokio::test]
async fn a_target_is_only_so_long() {
    let world = world("[http]\nmax_uri = 100").await;
    let target = |length: usize| format!("/{}", "a".repeat(length - 1));
    assert_eq!(get(&world, &target(100), "").await, 200);
    assert_eq!(get(&world, &target(101), "").await, 414);
    assert_eq!(get(&world, &format!("/?{}", "a".repeat(99)), "").await, 414);
    assert_eq!(world.upstream.seen().len(), 1);
}

//= https://www.rfc-editor.org/rfc/rfc6585#section-5
//= type=test
//# The 431 status code indicates that the server is unwilling to process
//# the request because its header fields are too large.
#[tokio::test]
async fn a_head_is_only_so_long_and_has_only_so_many_headers() {
    let world = world("[http]\nmax_head = 10000\nmax_headers = 10").await;
    let header = |length: usize| format!("X: {}\r\n", "a".repeat(length));
    let many = |number: usize| "X: a\r\n".repeat(number);
    // `Host` and `Connection` are two of them.
    for (lines, status) in [
        (header(9000), 200),
        (header(10_000), 431),
        (many(8), 200),
        (many(9), 431),
        (many(200), 431),
    ] {
        assert_eq!(get(&world, "/", &lines).await, status, "{}", lines.len());
    }
    assert_eq!(world.upstream.seen().len(), 2);
}

#[tokio::test]
async fn one_address_has_only_so_many_connections() {
    let world = world("[http]\nmax_connections_per_address = 2").await;
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut read = Vec::new();
        timeout(LONGEST, async {
            while !String::from_utf8_lossy(&read).contains("\"secret\"") {
                assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
            }
        })
        .await
        .unwrap();
        kept.push(stream);
    }
    assert_eq!(get(&world, "/", "").await, 0);
    kept.pop();
    timeout(LONGEST, async {
        while get(&world, "/", "").await != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("a place is free again");
}

#[tokio::test]
async fn a_client_that_says_nothing_or_stops_amid_a_head_is_cut_off() {
    let world = world("head_timeout = 1").await;
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = format!("{preface}\0\0\0\u{4}\0\0\0\0\0");
    let half = format!("{settings}\0\0\u{1}\u{1}\0\0\0\0\u{1}\0");
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for sent in ["", "G", "GET / HTTP/1.1\r\nHost:", preface, &settings, &half, request] {
        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        let ended = timeout(LONGEST, stream.read_to_end(&mut read)).await;
        assert!(ended.is_ok(), "{sent:?} is kept open");
    }
}

/// The status that a `POST` with this framing and body is answered with.
async fn post(world: &World, path: &str, framing: &str, body: &str) -> u16 {
    let request =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{framing}\r\n\r\n{body}");
    world.send(request).await.status
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.14
//= type=test
//# The 413 (Content Too Large) status code indicates that the server is
//# refusing to process a request because the request content is larger
//# than the server is willing or able to process.
#[tokio::test]
async fn a_body_is_only_so_long() {
    let world = World::with(
        r#"
        [[resource]]
        identifier = "https://api.example.com"
        issuer = "ISSUER"
        upstream = "UPSTREAM"
        max_body = 10
        routes = [
          { path = "/**", public = true },
          { path = "/large", public = true, max_body = 20 },
          { path = "/none", public = true, max_body = 0 },
        ]
        "#,
    )
    .await;
    let chunks = |size: usize| format!("{}0\r\n\r\n", "1\r\na\r\n".repeat(size));
    let chunked = "Transfer-Encoding: chunked";
    for (path, most) in [("/a", 10), ("/large", 20), ("/none", 0)] {
        let sized = |size: usize| format!("Content-Length: {size}");
        let whole = "a".repeat(most);
        assert_eq!(post(&world, path, &sized(most), &whole).await, 200, "{path}");
        assert_eq!(post(&world, path, chunked, &chunks(most)).await, 200, "{path}");
        let seen = world.upstream.seen().len();
        // Refused before any of it is sent, and before the upstream hears of it.
        assert_eq!(post(&world, path, &sized(most + 1), "").await, 413, "{path}");
        assert_eq!(world.upstream.seen().len(), seen);
        assert_eq!(post(&world, path, chunked, &chunks(most + 1)).await, 413, "{path}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
//= type=test
//# The 408 (Request Timeout) status code indicates that the server did
//# not receive a complete request message within the time that it was
//# prepared to wait.
#[tokio::test]
async fn a_client_that_pauses_in_a_body_is_not_waited_for() {
    let world = world("[http]\nbody_timeout = 1").await;
    for (framing, body) in
        [("Content-Length: 9", "ab"), ("Transfer-Encoding: chunked", "1\r\na\r\n")]
    {
        assert_eq!(post(&world, "/a", framing, body).await, 408, "{framing}");
    }
}

/// Who has its answer already may be silent: streams in both directions are often idle.
#[tokio::test]
async fn a_client_may_pause_once_the_answer_has_begun() {
    let world = world("[http]\nbody_timeout = 1").await;
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    let head =
        "POST /files/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("{head}half").as_bytes()).await.unwrap();
    let mut read = Vec::new();
    timeout(LONGEST, async {
        while !String::from_utf8_lossy(&read).contains("half") {
            assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
        }
    })
    .await
    .unwrap();
    let longer = std::time::Duration::from_millis(1500);
    let nothing = timeout(longer, stream.read_buf(&mut read)).await;
    assert!(nothing.is_err(), "{nothing:?} {}", String::from_utf8_lossy(&read));
    stream.write_all(b"more").await.unwrap();
    timeout(LONGEST, stream.read_to_end(&mut read)).await.unwrap().unwrap();
    assert!(read.ends_with(b"halfmore"), "{}", String::from_utf8_lossy(&read));
}

/// A drain tells clients that it is one, and ends when they do not (RFC 9113 §6.8).
#[tokio::test]
async fn a_drain_tells_clients_and_cuts_what_does_not_end() {
    let mut world = world("drain_timeout = 1").await;
    let mut slow = TcpStream::connect(world.gateway).await.unwrap();
    let head = "POST /files/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut second = TcpStream::connect(world.gateway).await.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    second.write_all(preface).await.unwrap();
    let mut read = Vec::new();
    timeout(LONGEST, async {
        while !String::from_utf8_lossy(&read).contains("half") {
            assert_ne!(slow.read_buf(&mut read).await.unwrap(), 0);
        }
        // The settings of the gateway: it speaks HTTP/2 now.
        let mut settings = Vec::new();
        while settings.len() < 9 {
            assert_ne!(second.read_buf(&mut settings).await.unwrap(), 0);
        }
    })
    .await
    .unwrap();
    let served = world.stop();
    let mut goaway = Vec::new();
    timeout(LONGEST, second.read_to_end(&mut goaway)).await.unwrap().unwrap();
    // A frame of eight octets, of type 7, on stream 0.
    let expected = [0, 0, 8, 7, 0, 0, 0, 0, 0];
    assert!(goaway.windows(9).any(|octets| octets == expected), "{goaway:?}");
    timeout(LONGEST, served).await.expect("the drain has an end").unwrap();
    // However it ends: a body that is cut off has no end of its own.
    let _ = timeout(LONGEST, slow.read_to_end(&mut read)).await.expect("the connection is cut");
    assert!(!read.ends_with(b"\r\n0\r\n\r\n"), "{}", String::from_utf8_lossy(&read));
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let world = world("[http]\nbody_timeout = 1").await;
    let size = 64 << 20;
    let (mut reader, mut writer) = TcpStream::connect(world.gateway).await.unwrap().into_split();
    let head = format!("POST /files/echo HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n");
    writer.write_all(head.as_bytes()).await.unwrap();
    // It sends on for as long as anybody takes it, and reads nothing.
    let block = vec![b'a'; 1 << 16];
    let sending = timeout(LONGEST, async { while writer.write_all(&block).await.is_ok() {} });
    sending.await.expect("the connection is ended");
    let mut read = Vec::new();
    let _ = reader.read_to_end(&mut read).await;
    assert!(read.len() < size);
}
