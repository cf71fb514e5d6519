//! Several upstreams of one resource.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::net::TcpListener;

use crate::raw::{Reply, Scripted, ok, public};
use crate::support::{LONGEST, World};

async fn world(upstreams: &[SocketAddr], settings: &str) -> World {
    let urls: Vec<String> = upstreams.iter().map(|at| format!("\"http://{at}\"")).collect();
    World::with(&public(&format!("[{}]", urls.join(", ")), settings)).await
}

async fn named(name: &'static str) -> Scripted {
    Scripted::start(move |_, _| Reply::Send(ok(name))).await
}

async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn who(world: &World) -> String {
    let answer = world.get("/a", "a", None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[tokio::test]
async fn every_upstream_has_its_turn() {
    let (a, b) = (named("a").await, named("b").await);
    let world = world(&[a.address, b.address], "").await;
    for name in ["a", "b", "a", "b"] {
        assert_eq!(who(&world).await, name);
    }
}

#[tokio::test]
async fn the_least_loaded_upstream_is_next() {
    let held = Scripted::start(|_, _| {
        Reply::Hang("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nheld".to_owned())
    })
    .await;
    let free = named("free").await;
    let world = world(&[held.address, free.address], "balance = \"least_loaded\"").await;
    let mut first = tokio::net::TcpStream::connect(world.gateway).await.unwrap();
    let request = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut first, request).await.unwrap();
    let start = Instant::now();
    while held.seen().is_empty() {
        assert!(start.elapsed() < LONGEST);
        tokio::task::yield_now().await;
    }
    for _ in 0..4 {
        assert_eq!(who(&world).await, "free");
    }
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_passed_over() {
    let there = named("there").await;
    let world = world(&[nowhere().await, there.address], "").await;
    for _ in 0..4 {
        assert_eq!(who(&world).await, "there");
    }
    // A body is sent on too: nothing of it was sent before.
    let post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
    assert_eq!(world.send(post).await.body, "there");
}

#[tokio::test]
async fn when_none_can_be_reached_it_is_a_bad_gateway() {
    let world = world(&[nowhere().await, nowhere().await], "").await;
    for _ in 0..3 {
        assert_eq!(world.get("/a", "a", None).await.status, 502);
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_well_is_passed_over_until_it_is() {
    let is_ill = Arc::new(AtomicBool::new(true));
    let says = is_ill.clone();
    let ill = Scripted::start(move |_, _| {
        let is_ill = says.load(Ordering::SeqCst);
        let answer = ok("ill");
        Reply::Send(if is_ill { answer.replace("200 OK", "503 Ill") } else { answer })
    })
    .await;
    let well = named("well").await;
    let check = "health_check = { path = \"/healthz?deep\", interval = 1, failures = 1 }";
    let world = world(&[ill.address, well.address], check).await;
    let until = async |wanted: &dyn Fn(u16, &str) -> bool| {
        let start = Instant::now();
        loop {
            // Two in a row: both had their turn.
            let answers = [world.get("/a", "a", None).await, world.get("/a", "a", None).await];
            if answers.iter().all(|answer| wanted(answer.status, &answer.body)) {
                break;
            }
            assert!(start.elapsed() < LONGEST);
        }
    };
    until(&|_, body| body == "well").await;
    assert!(ill.seen().iter().any(|(_, head)| head.starts_with("GET /healthz?deep HTTP/1.1\r\n")));
    for _ in 0..4 {
        assert_eq!(who(&world).await, "well");
    }
    is_ill.store(false, Ordering::SeqCst);
    let start = Instant::now();
    while who(&world).await != "ill" {
        assert!(start.elapsed() < LONGEST);
    }
}
