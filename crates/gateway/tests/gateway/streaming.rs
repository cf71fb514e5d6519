//! Bodies pass in both directions as they come.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{DRIVE, LONGEST, World};

#[tokio::test]
async fn a_body_is_forwarded_while_it_is_still_being_sent() {
    let world = World::usual().await;
    let token = world.issuer.token(DRIVE, "write:files");
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    let head = format!(
        "PUT /drive/files/echo HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    for part in ["first", "second", "third"] {
        // Each part comes back before the next one is sent: nobody waits for the whole.
        let chunk = format!("{:x}\r\n{part}\r\n", part.len());
        stream.write_all(chunk.as_bytes()).await.unwrap();
        timeout(LONGEST, async {
            while !String::from_utf8_lossy(&read).contains(part) {
                assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
            }
        })
        .await
        .expect(part);
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    timeout(LONGEST, stream.read_to_end(&mut read)).await.unwrap().unwrap();
    assert!(read.ends_with(b"0\r\n\r\n"));
}

#[tokio::test]
async fn a_large_body_comes_back_whole() {
    let world = World::usual().await;
    let token = world.issuer.token(DRIVE, "write:files");
    let size: usize = 32 << 20;
    let (mut reader, mut writer) = TcpStream::connect(world.gateway).await.unwrap().into_split();
    let head = format!(
        "POST /drive/files/echo HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {size}\r\nConnection: close\r\n\r\n"
    );
    let block: Vec<u8> = (0..=255_u8).cycle().take(1 << 20).collect();
    let sending = tokio::spawn({
        let block = block.clone();
        async move {
            writer.write_all(head.as_bytes()).await.unwrap();
            for _ in 0..size / block.len() {
                writer.write_all(&block).await.unwrap();
            }
            writer
        }
    });
    let mut read = Vec::new();
    timeout(LONGEST, reader.read_to_end(&mut read)).await.unwrap().unwrap();
    sending.await.unwrap();
    let body = read.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    assert!(read[..12] == *b"HTTP/1.1 200");
    assert_eq!(read.len() - body, size);
    assert!(read[body..].chunks(block.len()).all(|part| part == block));
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let world = World::usual().await;
    let token = world.issuer.token(DRIVE, "read:files write:files");
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    let request = |line: &str, rest: &str| {
        format!("{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{rest}")
    };
    let all = [
        request("PUT /drive/files/1", "Content-Length: 3\r\n\r\na\nb"),
        request("PUT /drive/files/2", "Transfer-Encoding: chunked\r\n\r\n2\r\n\n\n\r\n0\r\n\r\n"),
        request("GET /drive/files/3", "\r\n"),
        request("GET /drive/nothing", "\r\n"),
        request("GET /drive/files/4", "Connection: close\r\n\r\n"),
    ];
    stream.write_all(all.concat().as_bytes()).await.unwrap();
    let mut read = String::new();
    timeout(LONGEST, stream.read_to_string(&mut read)).await.unwrap().unwrap();
    assert_eq!(read.matches("HTTP/1.1 200 OK").count(), 4, "{read}");
    assert_eq!(read.matches("HTTP/1.1 404 Not Found").count(), 1, "{read}");
    let seen = ["PUT /files/1", "PUT /files/2", "GET /files/3", "GET /files/4"];
    assert_eq!(world.upstream.seen(), seen);
}

#[tokio::test]
async fn http_2_is_spoken_without_tls() {
    let world = World::usual().await;
    let token = world.issuer.token(DRIVE, "read:files");
    let stream = TcpStream::connect(world.gateway).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let mut get = async |path: &str, subject: &str| {
        let request = http::Request::get(format!("http://a{path}"))
            .header("authorization", format!("Bearer {token}"))
            .header("x-auth-subject", subject)
            .body(Empty::<Bytes>::new())
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    let (status, body) = get("/drive/files/a?b", "mallory").await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("\"target\":\"/files/a?b\"") && body.contains("alice"), "{body}");
    assert!(!body.contains("mallory"));
    assert_eq!(get("/drive//files/a", "x").await.0, 400);
    assert_eq!(get("/other", "x").await.0, 404);
}

// RFC 9113 §8.2.3: several Cookie fields become one before HTTP/1.1 gets them.
#[tokio::test]
async fn cookies_that_http_2_sends_apart_reach_http_1_together() {
    let world = World::usual().await;
    let stream = TokioIo::new(TcpStream::connect(world.gateway).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("http://a/drive/healthz")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("cookie", "c=3")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let answer = timeout(LONGEST, sender.send_request(request)).await.unwrap().unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains(r#"["cookie","a=1; b=2; c=3"]"#), "{body}");
    assert_eq!(body.matches("cookie").count(), 1, "{body}");
}

#[tokio::test]
async fn a_shutdown_lets_requests_end_and_takes_no_more() {
    let mut world = World::usual().await;
    let token = world.issuer.token(DRIVE, "write:files");
    let mut idle = TcpStream::connect(world.gateway).await.unwrap();
    let mut busy = TcpStream::connect(world.gateway).await.unwrap();
    let head = format!(
        "PUT /drive/files/echo HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 8\r\n\r\nhalf"
    );
    busy.write_all(head.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    timeout(LONGEST, async {
        while !String::from_utf8_lossy(&read).contains("half") {
            assert_ne!(busy.read_buf(&mut read).await.unwrap(), 0);
        }
    })
    .await
    .unwrap();

    let gateway = world.gateway;
    let served = world.stop();
    let mut nothing = Vec::new();
    timeout(LONGEST, idle.read_to_end(&mut nothing)).await.unwrap().unwrap();
    assert!(TcpStream::connect(gateway).await.is_err());
    assert!(timeout(Duration::from_millis(1), &mut *served).await.is_err());

    busy.write_all(b"more").await.unwrap();
    timeout(LONGEST, busy.read_to_end(&mut read)).await.unwrap().unwrap();
    assert!(read.ends_with(b"halfmore"), "{}", String::from_utf8_lossy(&read));
    timeout(LONGEST, served).await.unwrap().unwrap();
}
