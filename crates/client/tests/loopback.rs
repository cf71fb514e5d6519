//! The loopback redirect as a browser makes it (RFC 8252 §7.3).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::time::Duration;

use bailiwick_client::{ClientError, Loopback};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LONG: Duration = Duration::from_secs(10);

/// Makes a request as a browser does and gives the whole answer.
async fn open(address: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{target} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn listen() -> (Loopback, String) {
    let loopback = Loopback::listen("/cb").await.unwrap();
    let uri = loopback.redirect_uri().as_str();
    let address = uri.strip_prefix("http://").unwrap().strip_suffix("/cb").unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:"));
    (loopback, address)
}

#[tokio::test]
async fn the_redirect_is_answered_with_a_page_and_its_query_given() {
    let (loopback, address) = listen().await;
    let waiting = tokio::spawn(loopback.wait(LONG));
    let answer = open(&address, "GET /cb?code=c%201&state=s").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("You can close this window"));
    assert!(answer.contains("cache-control: no-store"));
    assert_eq!(waiting.await.unwrap().unwrap(), "code=c%201&state=s");
}

#[tokio::test]
async fn other_requests_and_idle_connections_do_not_end_the_wait() {
    let (loopback, address) = listen().await;
    let waiting = tokio::spawn(loopback.wait(LONG));
    let _idle = TcpStream::connect(&address).await.unwrap();
    for other in [
        "GET /favicon.ico",
        "GET /cb",
        "GET /cb?code=c",
        "GET /cbx?code=c&state=s",
        "POST /cb?code=c&state=s",
        "GET /cb?code=%&state=s",
    ] {
        let answer = open(&address, other).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{other}: {answer}");
    }
    open(&address, "GET /cb?error=access_denied&state=s").await;
    assert_eq!(waiting.await.unwrap().unwrap(), "error=access_denied&state=s");
}

#[tokio::test(start_paused = true)]
async fn the_wait_ends_when_nobody_comes() {
    let (loopback, _) = listen().await;
    assert_eq!(loopback.wait(LONG).await, Err(ClientError::NobodyCame(LONG)));
}

#[tokio::test]
async fn a_path_must_be_one() {
    for path in ["callback", "/a b", "/a#b"] {
        assert!(matches!(Loopback::listen(path).await, Err(ClientError::Loopback(_))), "{path}");
    }
}
