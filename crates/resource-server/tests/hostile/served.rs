//! Over real sockets: a hyper server, and an issuer that is asked for keys and tokens.

use std::net::SocketAddr;

use bailiwick_resource_server::Asked;
use bailiwick_resource_server::testing::{Hostile, TestIssuer};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::{API, SCOPE, aim, app, rule};

/// Serves an API by hyper alone.
async fn serve(issuer: &TestIssuer) -> SocketAddr {
    let api = issuer.protect(API).unwrap();
    let service = TowerToHyperService::new(app(&api));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

/// A request as it stands on the wire.
fn octets(hostile: &Hostile) -> Vec<u8> {
    let Hostile { method, target, headers, body, .. } = hostile;
    let mut octets = format!(
        "{method} {target} HTTP/1.1\r\nhost: api.example.com\r\nconnection: close\r\n\
         content-length: {}\r\n",
        body.len()
    )
    .into_bytes();
    for (name, value) in headers {
        octets.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    octets.extend([b"\r\n", body.as_bytes()].concat());
    octets
}

/// The status of the answer.
async fn send(address: SocketAddr, octets: Vec<u8>) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&octets).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.get(9..12).and_then(|status| status.parse().ok()).expect(&answer)
}

#[tokio::test]
async fn nothing_hostile_passes_a_hyper_server_that_looks_tokens_up() {
    let issuer = TestIssuer::serve().await;
    let address = serve(&issuer).await;
    let mut sent = JoinSet::new();
    for hostile in issuer.hostile(aim()) {
        sent.spawn(async move {
            let status = send(address, octets(&hostile)).await;
            (hostile, status)
        });
    }
    while let Some(outcome) = sent.join_next().await {
        let (hostile, status) = outcome.unwrap();
        assert_eq!(status, hostile.status(), "{hostile}");
    }
    let good = issuer.token().scope(SCOPE).mint(API);
    let octets = format!(
        "GET /v1/orders HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: bearer {good}\r\n\r\n"
    );
    assert_eq!(send(address, octets.into_bytes()).await, 200);
}

#[tokio::test]
async fn what_is_refused_by_a_served_issuers_api_is_so_for_one_of_the_named_reasons() {
    let issuer = TestIssuer::serve().await;
    let api = issuer.protect(API).unwrap();
    for hostile in issuer.hostile(aim()) {
        let request = hostile.request::<String>();
        let refused = api.admit(&Asked::from(&request), &rule()).await.unwrap_err();
        let reason = refused.refusal().reason();
        assert!(hostile.expected.contains(&reason), "{hostile}: {reason}");
    }
}
