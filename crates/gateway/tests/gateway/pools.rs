//! Connections to upstreams: which are used again, and upstreams that do not behave.

use crate::raw::{Reply, Scripted, ok, public};
use crate::support::{LONGEST, World};

async fn world(upstream: &Scripted, settings: &str) -> World {
    World::with(&public(&format!("\"http://{}\"", upstream.address), settings)).await
}

async fn send(world: &World, method: &str, body: &str) -> (u16, String) {
    let length =
        if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let request =
        format!("{method} /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{length}\r\n{body}");
    let answer = tokio::time::timeout(LONGEST, world.send(request)).await.unwrap();
    (answer.status, answer.body)
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let upstream = Scripted::start(|_, count| Reply::Send(ok(&count.to_string()))).await;
    let world = world(&upstream, "").await;
    for count in ["0", "1", "2"] {
        assert_eq!(send(&world, "GET", "").await, (200, count.to_owned()));
    }
    assert_eq!(upstream.connections(), [0, 0, 0]);
}

//= https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
//= type=test
//# A proxy MUST NOT automatically retry non-idempotent requests.
#[tokio::test]
async fn only_what_is_safe_to_repeat_is_repeated() {
    for (method, body, is_repeated) in [
        ("GET", "", true),
        ("HEAD", "", true),
        ("DELETE", "", true),
        ("POST", "", false),
        ("PATCH", "", false),
        ("PUT", "body", false),
        ("POST", "body", false),
    ] {
        // The first connection is closed under its second request.
        let upstream = Scripted::start(|connection, count| match (connection, count) {
            (0, 1) => Reply::Last(String::new()),
            _ => Reply::Send(ok("")),
        })
        .await;
        let world = world(&upstream, "").await;
        assert_eq!(send(&world, "GET", "").await.0, 200);
        let expected = if is_repeated { (200, vec![0, 0, 1]) } else { (502, vec![0, 0]) };
        let status = send(&world, method, body).await.0;
        assert_eq!((status, upstream.connections()), expected, "{method} {body}");
    }
}

#[tokio::test]
async fn a_new_connection_that_is_closed_is_an_answer() {
    let upstream = Scripted::start(|_, _| Reply::Last(String::new())).await;
    let world = world(&upstream, "").await;
    assert_eq!(send(&world, "GET", "").await.0, 502);
    assert_eq!(upstream.connections(), [0]);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_not_used() {
    let upstream = Scripted::start(|_, _| Reply::Last(ok("x"))).await;
    let world = world(&upstream, "").await;
    for _ in 0..3 {
        assert_eq!(send(&world, "POST", "body").await, (200, "x".to_owned()));
    }
    assert_eq!(upstream.connections(), [0, 1, 2]);
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_nobodys() {
    let smuggled = [ok("mine"), ok("smuggled")].concat();
    let upstream = Scripted::start(move |connection, _| {
        Reply::Send(if connection == 0 { smuggled.clone() } else { ok("mine") })
    })
    .await;
    let world = world(&upstream, "").await;
    for _ in 0..3 {
        assert_eq!(send(&world, "GET", "").await, (200, "mine".to_owned()));
    }
    assert_eq!(upstream.connections(), [0, 1, 1]);
}

//= https://www.rfc-editor.org/rfc/rfc9112#section-6.3
//= type=test
//# Such a message might indicate an attempt to perform request smuggling
//# (Section 11.2) or response splitting (Section 11.1) and ought to be
//# handled as an error.
#[tokio::test]
async fn an_answer_with_two_readings_is_refused() {
    let chunks = "2\r\nab\r\n0\r\n\r\n";
    let long = format!("X: {}\r\nContent-Length: 2\r\n\r\nab", "x".repeat(100_000));
    for rest in [
        &format!("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
        &format!("Transfer-Encoding: chunked\r\nContent-Length: 12\r\n\r\n{chunks}"),
        &format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
        &format!("Transfer-Encoding: gzip, chunked\r\n\r\n{chunks}"),
        &format!("Transfer-Encoding: chunked, identity\r\n\r\n{chunks}"),
        "Transfer-Encoding: gzip\r\n\r\nab",
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\nab",
        "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        "Content-Length: 2, 2\r\n\r\nab",
        "Content-Length: +2\r\n\r\nab",
        "Content-Length: \r\n\r\nab",
        "Content-Length : 2\r\n\r\nab",
        "X: a\r\n folded\r\nContent-Length: 2\r\n\r\nab",
        "X: a\0b\r\nContent-Length: 2\r\n\r\nab",
        &long,
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{rest}");
        let upstream = Scripted::start(move |_, _| Reply::Last(answer.clone())).await;
        let world = world(&upstream, "").await;
        assert_eq!(send(&world, "POST", "").await.0, 502, "{rest:.100}");
    }
    for answer in
        ["", "rubbish", "HTTP/1.1 20", "HTTP/1.1 099 X\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n"]
    {
        let upstream = Scripted::start(move |_, _| Reply::Last(answer.to_owned())).await;
        let world = world(&upstream, "").await;
        assert_eq!(send(&world, "POST", "").await.0, 502, "{answer}");
    }
}

#[tokio::test]
async fn a_protocol_that_nobody_asked_for_is_refused() {
    let switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\
                     Upgrade: websocket\r\n\r\nsmuggled";
    let upstream = Scripted::start(move |_, _| Reply::Hang(switching.to_owned())).await;
    let world = world(&upstream, "").await;
    let (status, body) = send(&world, "GET", "").await;
    assert!(status == 502 && !body.contains("smuggled"), "{status} {body}");
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n";
    let upstream = Scripted::start(move |_, _| Reply::Send(interim.to_owned() + &ok("b"))).await;
    let world = world(&upstream, "").await;
    for _ in 0..2 {
        assert_eq!(send(&world, "GET", "").await, (200, "b".to_owned()));
    }
    assert_eq!(upstream.connections(), [0, 0]);
}

#[tokio::test]
async fn an_answer_to_head_has_a_length_and_no_body() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    let upstream = Scripted::start(move |_, _| Reply::Send(head.to_owned())).await;
    let world = world(&upstream, "").await;
    for _ in 0..2 {
        let answer = world.send("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        assert_eq!(answer.header("content-length"), Some("1000"));
    }
    assert_eq!(upstream.connections(), [0, 0]);
}

#[tokio::test]
async fn an_answer_that_is_not_whole_does_not_end_as_if_it_were() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n";
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab";
    for answer in [chunked, length] {
        // The upstream closes, hangs, and goes on for ever.
        let closes = Scripted::start(move |_, _| Reply::Last(answer.to_owned())).await;
        let hangs = Scripted::start(move |_, _| Reply::Hang(answer.to_owned())).await;
        for (upstream, settings) in
            [(&closes, ""), (&hangs, "idle_timeout = 1"), (&hangs, "total_timeout = 1")]
        {
            let world = world(upstream, settings).await;
            let (status, body) = send(&world, "GET", "").await;
            assert!(status == 200 && body.contains("ab"), "{settings} {body}");
            assert!(!body.ends_with("0\r\n\r\n"), "{settings} {body}");
        }
    }
}

#[tokio::test]
async fn a_request_has_an_end_however_slow_its_upstream_drips() {
    let hangs = Scripted::start(|_, _| Reply::Hang("HTTP/1.1 200 OK\r\n".to_owned())).await;
    for settings in ["first_byte_timeout = 1", "total_timeout = 1"] {
        let world = world(&hangs, settings).await;
        assert_eq!(send(&world, "GET", "").await.0, 504, "{settings}");
    }
}

#[tokio::test]
async fn the_upstream_waits_for_no_body_that_the_client_was_not_asked_for() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("\"http://{}\"", free.local_addr().unwrap());
    drop(free);
    let world = World::with(&public(&nowhere, "")).await;
    let head = "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\
                Connection: close\r\n\r\n";
    // No 100: there is nobody who would take the body.
    assert_eq!(world.send(head).await.status, 502);
}

#[tokio::test]
async fn trailers_of_an_answer_pass_to_who_takes_them() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Auth-Subject\
                  \r\n\r\n2\r\nab\r\n0\r\nX-Sum: 1\r\nX-Auth-Subject: mallory\r\n\r\n";
    let upstream = Scripted::start(move |_, _| Reply::Send(answer.to_owned())).await;
    let world = world(&upstream, "").await;
    let head = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let answer = world.send(format!("{head}TE: trailers\r\n\r\n")).await;
    assert!(answer.body.ends_with("0\r\nx-sum: 1\r\n\r\n"), "{answer:?}");
    let answer = world.send(format!("{head}\r\n")).await;
    assert!(answer.body.ends_with("ab\r\n0\r\n\r\n"), "{answer:?}");
    let seen = upstream.seen();
    assert!(seen[0].1.contains("te: trailers\r\n") && seen[0].1.contains("connection: te\r\n"));
    assert!(!seen[1].1.contains("te: trailers"), "{seen:?}");
}
