//! HTTP/2 frame by frame, as a hostile client would send them (RFC 9113).

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{DRIVE, LONGEST, World};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literals without indexing (RFC 7541 §6.2.2).
fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            length(&mut block, text.len());
            block.extend(text.as_bytes());
        }
    }
    block
}

/// An integer with a prefix of seven bits (RFC 7541 §5.1).
fn length(block: &mut Vec<u8>, length: usize) {
    let Ok(short @ 0..127) = u8::try_from(length) else {
        block.push(127);
        let mut rest = length - 127;
        while rest >= 128 {
            block.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        block.push(u8::try_from(rest).unwrap());
        return;
    };
    block.push(short);
}

/// What became of the connection and of stream 1.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Outcome {
    /// The stream was answered with this status.
    Status(u16),
    /// The stream was reset, with this code.
    Reset(u32),
    /// The connection ends, with this code.
    GoAway(u32),
    /// The connection ended without a word.
    Closed,
}

/// Sends frames, and reads until stream 1 or the connection has an outcome.
async fn outcome(address: SocketAddr, frames: &[Vec<u8>]) -> Outcome {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let sent = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frames.concat()].concat();
    let writing = tokio::spawn(async move {
        // The other side may close before it has read everything.
        let _ = writer.write_all(&sent).await;
        writer
    });
    let reading = async {
        loop {
            let mut head = [0; 9];
            if reader.read_exact(&mut head).await.is_err() {
                return Outcome::Closed;
            }
            let size =
                usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let mut payload = vec![0; size];
            if reader.read_exact(&mut payload).await.is_err() {
                return Outcome::Closed;
            }
            let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
            match (head[3], head[8]) {
                (HEADERS, 1) => return Outcome::Status(status(&payload)),
                (RST_STREAM, 1) => return Outcome::Reset(number(0)),
                // A connection that ends well says so too; what its streams get comes after.
                (GOAWAY, _) if number(4) != 0 => return Outcome::GoAway(number(4)),
                _ => {}
            }
        }
    };
    let outcome = timeout(LONGEST, reading).await.expect("an outcome");
    drop(writing.await.unwrap());
    outcome
}

/// The status at the start of an answer's header block (RFC 7541 appendix A).
fn status(block: &[u8]) -> u16 {
    match block {
        [0x88, ..] => 200,
        [0x8b, ..] => 304,
        [0x8c, ..] => 400,
        [0x8d, ..] => 404,
        [0x8e, ..] => 500,
        // A literal with the name from the table, its value by Huffman's code or plain.
        [_, length, rest @ ..] if *length < 0x80 => {
            std::str::from_utf8(&rest[..usize::from(*length)]).unwrap().parse().unwrap()
        }
        [_, length, rest @ ..] => huffman(&rest[..usize::from(*length & 0x7f)]),
        _ => panic!("{block:?}"),
    }
}

/// Digits by Huffman's code (RFC 7541 appendix B): 0, 1 and 2 have five bits, the others six.
fn huffman(octets: &[u8]) -> u16 {
    let mut bits = octets.iter().flat_map(|octet| (0..8).rev().map(move |at| octet >> at & 1));
    let mut number = 0;
    for _ in 0..3 {
        let five = (0..5).fold(0, |code, _| code << 1 | bits.next().unwrap());
        let digit = if five < 3 { five } else { (five << 1 | bits.next().unwrap()) - 0x19 + 3 };
        number = number * 10 + u16::from(digit);
    }
    number
}

const USUAL: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/drive/healthz")];

/// A request that ends with its headers.
fn request(headers: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(headers))
}

/// The usual request with other headers behind.
fn with(more: &[(&str, &str)]) -> Vec<u8> {
    request(&[&USUAL, more].concat())
}

#[tokio::test]
async fn a_message_that_is_malformed_never_reaches_the_upstream() {
    let world = World::usual().await;
    let without = |name: &str| {
        let kept: Vec<_> = USUAL.into_iter().filter(|(this, _)| *this != name).collect();
        request(&kept)
    };
    let instead = |name: &str, value: &'static str| {
        let changed = USUAL.map(|(this, old)| (this, if this == name { value } else { old }));
        request(&changed)
    };
    let malformed = [
        // Pseudo-header fields (RFC 9113 §8.3).
        without(":method"),
        without(":scheme"),
        without(":path"),
        without(":authority"),
        with(&[(":method", "GET")]),
        with(&[(":path", "/drive/healthz")]),
        with(&[(":authority", "a")]),
        with(&[(":status", "200")]),
        with(&[(":odd", "1")]),
        with(&[("x", "1"), (":path", "/")]),
        with(&[(":protocol", "websocket")]),
        instead(":path", ""),
        instead(":path", "*"),
        instead(":path", "drive/healthz"),
        instead(":path", "/drive/heal\0thz"),
        instead(":path", "/drive/healthz HTTP/1.1\r\nX: y"),
        instead(":path", "/drive/heal\tthz"),
        instead(":path", "http://a/drive/healthz"),
        instead(":method", "GE T"),
        instead(":method", "GET / HTTP/1.1\r\n"),
        instead(":method", ""),
        instead(":scheme", "ht tp"),
        instead(":authority", "a\r\nX: y"),
        instead(":authority", "a b"),
        instead(":authority", "a@b"),
        instead(":authority", ""),
        instead(":authority", "a,b"),
        // Two hosts (RFC 9113 §8.3.1).
        with(&[("host", "b")]),
        with(&[("host", "a"), ("host", "a")]),
        // Names and values (RFC 9113 §8.2.1).
        with(&[("X", "1")]),
        with(&[("x-Y", "1")]),
        with(&[("x y", "1")]),
        with(&[("x:", "1")]),
        with(&[("", "1")]),
        with(&[("x\r\ny", "1")]),
        with(&[("x\0", "1")]),
        with(&[("x", "1\r\ny: z")]),
        with(&[("x", "1\ny: z")]),
        with(&[("x", "1\ry: z")]),
        with(&[("x", "1\0")]),
        // What is for one connection (RFC 9113 §8.2.2).
        with(&[("connection", "keep-alive")]),
        with(&[("connection", "x-auth-subject")]),
        with(&[("proxy-connection", "keep-alive")]),
        with(&[("keep-alive", "5")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("upgrade", "h2c")]),
        with(&[("te", "gzip")]),
        with(&[("te", "trailers, deflate")]),
        // Lengths (RFC 9113 §8.1.1).
        with(&[("content-length", "1")]),
        with(&[("content-length", "0"), ("content-length", "1")]),
        with(&[("content-length", "-1")]),
        with(&[("content-length", "+0")]),
        with(&[("content-length", "0, 0")]),
        with(&[("content-length", "99999999999999999999")]),
    ];
    let mut passed = Vec::new();
    for sent in &malformed {
        let outcome = outcome(world.gateway, std::slice::from_ref(sent)).await;
        let is_refused = matches!(
            outcome,
            Outcome::Status(400 | 501) | Outcome::Reset(_) | Outcome::GoAway(1..)
        );
        if !is_refused {
            passed.push(format!("{outcome:?} {}", sent.escape_ascii()));
        }
    }
    assert_eq!(passed, Vec::<String>::new());
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
    // The fragment is gone before anybody sees it: what is checked and forwarded is the rest.
    let fragment = instead(":path", "/drive/healthz#/../files/a");
    assert_eq!(outcome(world.gateway, &[fragment]).await, Outcome::Status(200));
    assert_eq!(world.upstream.seen(), ["GET /healthz"]);
    for good in [
        with(&[]),
        with(&[("host", "a")]),
        with(&[("te", "trailers")]),
        with(&[("content-length", "0")]),
    ] {
        assert_eq!(outcome(world.gateway, &[good]).await, Outcome::Status(200));
    }
}

#[tokio::test]
async fn a_body_is_as_long_as_it_says() {
    let world = World::usual().await;
    let token = format!("Bearer {}", world.issuer.token(DRIVE, "write:files"));
    for (says, parts) in [("3", ["ab", "cd"]), ("5", ["ab", "cd"]), ("0", ["", "a"])] {
        let headers = [
            (":method", "PUT"),
            (":scheme", "http"),
            (":authority", "a"),
            (":path", "/drive/files/a"),
            ("authorization", token.as_str()),
            ("content-length", says),
        ];
        let outcome = outcome(
            world.gateway,
            &[
                frame(HEADERS, END_HEADERS, 1, &block(&headers)),
                frame(DATA, 0, 1, parts[0].as_bytes()),
                frame(DATA, END_STREAM, 1, parts[1].as_bytes()),
            ],
        )
        .await;
        assert!(matches!(outcome, Outcome::Reset(_) | Outcome::Status(400)), "{says} {outcome:?}");
    }
}

#[tokio::test]
async fn spoofed_identities_are_removed_from_every_spelling() {
    let world = World::usual().await;
    let spoofed = with(&[
        ("x-auth-subject", "mallory"),
        ("x_auth_subject", "mallory"),
        ("x.auth.subject", "mallory"),
        ("x-forwarded-for", "mallory"),
        ("x_forwarded_for", "mallory"),
        ("forwarded", "for=mallory"),
    ]);
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    let sent = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &spoofed].concat();
    stream.write_all(&sent).await.unwrap();
    let mut read = Vec::new();
    timeout(LONGEST, async {
        while !String::from_utf8_lossy(&read).contains("\"target\":\"/healthz\"") {
            assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
        }
    })
    .await
    .unwrap();
    let read = String::from_utf8_lossy(&read);
    assert!(!read.contains("mallory") && read.contains("127.0.0.1"), "{read}");
}

#[tokio::test]
async fn frames_that_break_the_rules_end_the_connection() {
    let world = World::usual().await;
    let usual = block(&USUAL);
    let (first, second) = usual.split_at(5);
    let cases = [
        ("headers on stream 0", vec![frame(HEADERS, 5, 0, &usual)]),
        ("headers on an even stream", vec![frame(HEADERS, 5, 2, &usual)]),
        ("data on stream 0", vec![frame(DATA, 0, 0, b"a")]),
        ("data on an idle stream", vec![frame(DATA, 0, 1, b"a")]),
        ("a push from a client", vec![frame(5, END_HEADERS, 1, &usual)]),
        ("a block that is no block", vec![frame(HEADERS, 5, 1, &[0xff; 9])]),
        ("a continuation of nothing", vec![frame(CONTINUATION, 4, 1, &usual)]),
        ("something amid a block", vec![frame(HEADERS, 1, 1, first), frame(PING, 0, 0, &[0; 8])]),
        (
            "another stream's continuation",
            vec![frame(HEADERS, 1, 1, first), frame(CONTINUATION, 4, 3, second)],
        ),
        ("padding longer than its frame", vec![frame(DATA, 8, 1, &[9, 0])]),
        (
            "a window of more than there is",
            vec![
                frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
                frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            ],
        ),
        ("a window of nothing", vec![frame(WINDOW_UPDATE, 0, 0, &[0; 4])]),
        ("a reset of an idle stream", vec![frame(RST_STREAM, 0, 1, &[0; 4])]),
        ("a ping of seven octets", vec![frame(PING, 0, 0, &[0; 7])]),
        ("settings of five octets", vec![frame(SETTINGS, 0, 0, &[0; 5])]),
        ("an acknowledgement with settings", vec![frame(SETTINGS, ACK, 0, &[0; 6])]),
        ("settings of a stream", vec![frame(SETTINGS, 0, 1, &[])]),
        ("a frame longer than agreed", vec![frame(DATA, 0, 1, &[0; 16_385])]),
        (
            "a stream with a lower number",
            vec![frame(HEADERS, 5, 5, &usual), frame(HEADERS, 5, 3, &usual)],
        ),
    ];
    for (what, frames) in cases {
        let outcome = outcome(world.gateway, &frames).await;
        // Which error it is called differs; `h2spec` looks at that.
        let is_refused =
            matches!(outcome, Outcome::GoAway(1..) | Outcome::Reset(_) | Outcome::Closed);
        assert!(is_refused, "{what}: {outcome:?}");
    }
    assert_eq!(world.upstream.seen().iter().filter(|seen| *seen != "GET /healthz").count(), 0);
}

/// RFC 9113 §10.5: what a client can do over and over, at little cost to itself.
#[tokio::test]
async fn floods_end_the_connection_and_leave_the_gateway_well() {
    const ENHANCE_YOUR_CALM: u32 = 11;
    let world = World::usual().await;
    // Rapid reset: each stream is taken back before it is answered.
    let resets: Vec<Vec<u8>> = (0..2000)
        .flat_map(|number| {
            let stream = 2 * number + 3;
            [
                frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(&USUAL)),
                frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()),
            ]
        })
        .collect();
    assert_eq!(outcome(world.gateway, &resets).await, Outcome::GoAway(ENHANCE_YOUR_CALM));
    // Streams that the server must reset, one after the other.
    let errors: Vec<Vec<u8>> = (0..3000)
        .map(|number| {
            let bad = block(&[("x", "1"), (":path", "/")]);
            frame(HEADERS, END_STREAM | END_HEADERS, 2 * number + 3, &bad)
        })
        .collect();
    assert_eq!(outcome(world.gateway, &errors).await, Outcome::GoAway(ENHANCE_YOUR_CALM));
    // A head that never ends.
    let mut head = vec![frame(HEADERS, END_STREAM, 1, &block(&USUAL))];
    head.extend((0..20_000).map(|_| frame(CONTINUATION, 0, 1, &block(&[("x", "y")]))));
    let endless = outcome(world.gateway, &head).await;
    assert!(matches!(endless, Outcome::GoAway(1..) | Outcome::Reset(_)), "{endless:?}");
    // A head that is small on the wire and large in memory.
    let mut bomb = vec![0x40, 1, b'x', 0x7f, 0x81, 0x1e];
    bomb.extend([b'y'; 4000]);
    let mut bomb = [block(&USUAL), bomb].concat();
    bomb.extend([0xbe; 12_000]);
    let bomb = outcome(world.gateway, &[frame(HEADERS, 5, 1, &bomb)]).await;
    assert!(
        matches!(bomb, Outcome::Status(431) | Outcome::Reset(_) | Outcome::GoAway(1..)),
        "{bomb:?}"
    );
    // What must be acknowledged, from a client that does not read: nothing is piled up for it.
    for kind in [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, &[0; 8])] {
        let mut deaf = TcpStream::connect(world.gateway).await.unwrap();
        deaf.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
        let flood = kind.repeat(10_000);
        let mut written = 0_usize;
        // It is not read for ever: either the connection ends, or it takes no more.
        for _ in 0..500 {
            let part = timeout(std::time::Duration::from_millis(500), deaf.write_all(&flood)).await;
            match part {
                Ok(Ok(())) => written += flood.len(),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        assert!(written < flood.len() * 500, "all of {written} octets were taken");
    }
    assert_eq!(outcome(world.gateway, &[with(&[])]).await, Outcome::Status(200));
}
