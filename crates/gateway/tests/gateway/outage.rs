//! What happens while a neighbour is down, slow or silent.

use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::support::{DRIVE, LONGEST, World};

/// An address at which nothing listens.
async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn config(issuer: &str, upstream: &str) -> String {
    format!(
        r#"
        head_timeout = 1
        [[resource]]
        identifier = "https://api.example.com/drive"
        issuer = "{issuer}"
        upstream = "{upstream}"
        first_byte_timeout = 1
        routes = [{{ path = "/files/**", scopes = [] }}, {{ path = "/open", public = true }}]
        "#
    )
}

#[tokio::test]
async fn an_upstream_that_is_down_is_a_bad_gateway() {
    let world = World::with(&config("ISSUER", &format!("http://{}", nowhere().await))).await;
    let token = world.issuer.token(DRIVE, "");
    let answer = world.get("/files/a", "a", Some(&token)).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (502, Some("bad_gateway")));
    // Whoever is not let in does not learn of it.
    assert_eq!(world.get("/files/a", "a", None).await.status, 401);
}

#[tokio::test]
async fn an_upstream_that_says_nothing_is_a_gateway_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let world = World::with(&config("ISSUER", &format!("http://{address}"))).await;
    let answer = world.get("/open", "a", None).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (504, Some("gateway_timeout")));
}

#[tokio::test]
async fn an_upstream_that_breaks_off_is_a_bad_gateway() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 16];
            let _ = stream.read(&mut head).await;
        }
    });
    let world = World::with(&config("ISSUER", &format!("http://{address}"))).await;
    assert_eq!(world.get("/open", "a", None).await.status, 502);
}

#[tokio::test]
async fn without_the_issuers_keys_there_is_no_verdict() {
    let issuer = format!("http://{}", nowhere().await);
    let world = World::with(&config(&issuer, "UPSTREAM")).await;
    let key = bailiwick_jose::SigningKey::generate(bailiwick_jose::Algorithm::Es256).unwrap();
    let claims = serde_json::json!({ "aud": DRIVE });
    let token = crate::support::mint(&key, &issuer, "at+jwt", &claims);
    let answer = world.get("/files/a", "a", Some(&token)).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some() && answer.header("www-authenticate").is_none());
    assert_eq!(world.get("/open", "a", None).await.status, 200);
}

#[tokio::test]
async fn a_client_that_says_nothing_or_half_a_head_is_cut_off() {
    let world = World::with(&config("ISSUER", "UPSTREAM")).await;
    for sent in ["", "PRI", "GET /open HTTP/1.1\r\nHost:"] {
        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, sent.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        timeout(LONGEST, stream.read_to_end(&mut read)).await.expect("it is cut off").unwrap();
        assert!(read.is_empty() || read.starts_with(b"HTTP/1.1 4"), "{sent}");
    }
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
}
