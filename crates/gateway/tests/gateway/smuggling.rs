//! Requests that two programs could read as different ones: 400, and the upstream sees nothing.

use crate::support::World;

#[tokio::test]
async fn a_request_with_two_readings_never_reaches_the_upstream() {
    let world = World::usual().await;
    let smuggled = "GET /drive/healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let start = "POST /drive/healthz HTTP/1.1\r\n";
    let lines = [
        "Host: a\r\nContent-Length: 4\r\nContent-Length: 5",
        "Host: a\r\nContent-Length: 5\r\nContent-Length: 5",
        "Host: a\r\nContent-Length: 4, 5",
        "Host: a\r\nContent-Length: -1",
        "Host: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
        "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4",
        "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Host: a\r\nTransfer-Encoding: identity",
        "Host: a\r\nTransfer-Encoding: gzip, chunked",
        "Host: a\r\nTransfer-Encoding:\x0bchunked",
        "Host: a\r\nTransfer-Encoding : chunked",
        "Host: a\r\nTransfer-Encoding: chunked, chunked",
        "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Host: a\r\nTransfer-Encoding: \"chunked\"",
        "Host: a\r\nTransfer-Encoding: chunked;q=1",
        "Host: a\r\nTransfer-Encoding: xchunked",
        "Host: a\r\nTransfer-Encoding: chunked\x0b",
        "Host: a\r\nTransfer-Encoding: chunked\x0c",
        "Host: a\r\nTransfer-Encoding: chun\tked",
        "Host: a\r\nTransfer-Encoding:",
        "Host: a\r\nTransfer-Encoding: chunked\r\n identity",
        "Host: a\r\nContent-Length:",
        "Host: a\r\nContent-Length: 4 4",
        "Host: a\r\nContent-Length: 0x4",
        "Host: a\r\nContent-Length: 4\x0c",
        "Host: a\r\nContent-Length: 99999999999999999999",
        "Host: a\r\nContent-Length : 4",
        "Host: a\r\nContent-Length\r: 4",
        "Host: a\r\n\0Transfer-Encoding: chunked",
        "Host: a\r\nX: a\r\n folded",
        "Host: a\r\nX: a\r\n\tContent-Length: 9",
        "Host: a\r\nX: a\nContent-Length: 9",
        "Host: a\r\nX: a\rY: b",
        "Host: a\r\nX: a\0b",
        "Host: a\r\nHost: a",
        "Host: a\r\nHost: b",
        "Host: a, b",
        "Host: a@b",
        "X: no host",
    ];
    let mut requests: Vec<String> =
        lines.iter().map(|lines| format!("{start}{lines}\r\n\r\n{smuggled}")).collect();
    requests.extend([
        "GET /drive/healthz HTTP/1.1\nHost: a\n\n".to_owned(),
        "GET /drive/healthz HTTP/1.1\r\nHost: a\n\r\n".to_owned(),
        "GET /drive/healthz#x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET  /drive/healthz HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET /drive/healthz HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n".to_owned(),
        format!(
            "GET /drive/healthz HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}"
        ),
    ]);
    for request in requests {
        // Two Hosts do not end the connection: ask for it.
        let request = request.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
        let answer = world.send(&request).await;
        assert_eq!(answer.status, 400, "{request:?}");
    }
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_broken_chunk_ends_the_request() {
    let world = World::usual().await;
    let head = "POST /drive/healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let bodies = [
        "3\nabc\r\n0\r\n\r\n",
        "3;\nabc\r\n0\r\n\r\n",
        "3;a\rb\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "fffffffffffffffe\r\nabc\r\n0\r\n\r\n",
        "10000000000000003\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n",
        "3\r\nabc\r\n0\r\nX: a\nY: b\r\n\r\n",
        "3\r\nabc\r\n0\n\n",
    ];
    for body in bodies {
        let answer =
            world.send(format!("{head}{body}GET /drive/healthz HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(answer.status, 400, "{body:?} {answer:?}");
    }
    let reached = world.upstream.seen();
    assert!(!reached.iter().any(|request| request.starts_with("GET")), "{reached:?}");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let world = World::usual().await;
    let lines = format!("X: {}\r\n", "a".repeat(1000)).repeat(90);
    let many = world.send(format!("GET /drive/healthz HTTP/1.1\r\nHost: a\r\n{lines}\r\n")).await;
    assert_eq!(many.status, 431);
    let long = "a".repeat(90_000);
    let one =
        world.send(format!("GET /drive/healthz HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n")).await;
    assert_eq!(one.status, 431);
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
}
