//! On a real socket: limits, peers, an orderly end.

use std::time::Duration;

use bailiwick_authorization_server::{Limits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::server::Server;

#[tokio::test]
async fn a_server_answers_and_ends_in_order() {
    let server = Server::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let limits = Limits { header: Duration::from_millis(300), ..Limits::default() };
    let running = tokio::spawn(serve(listener, server.router.clone(), limits, async {
        let _ = stopped.await;
    }));

    let answer = exchange(
        address,
        b"GET /health HTTP/1.1\r\nhost: id.example.com\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("{\"status\":\"live\"}"), "{answer}");
    let answer = exchange(address, b"rubbish\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    // Whoever sends no whole header is let go.
    let answer = exchange(address, b"GET /health HTTP/1.1\r\nhost:").await;
    assert!(!answer.contains("200"), "{answer}");

    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

async fn exchange(address: std::net::SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer));
    let _ = read.await.expect("the server closes the connection");
    String::from_utf8_lossy(&answer).into_owned()
}
