//! Changes under load: another configuration, another upstream process, and the way out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use bailiwick_gateway::{Config, ReloadError};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::load::Load;
use crate::support::{DRIVE, LONGEST, Upstream, World};

const ONE_ROUTE: &str = r#"
    [[resource]]
    identifier = "https://api.example.com/drive"
    issuer = "ISSUER"
    upstream = "UPSTREAM"
    routes = [{ path = "/files/**", scopes = ["read:files"] }]
"#;

fn config(world: &World, upstream: SocketAddr, text: &str) -> Config {
    let text = text
        .replace("ISSUER", &world.issuer.url)
        .replace("UPSTREAM", &format!("http://{upstream}"));
    Config::parse("next.toml", &text).unwrap()
}

fn all_good(counts: &BTreeMap<String, u64>) -> bool {
    counts.keys().eq(["200 OK"])
}

#[tokio::test]
async fn a_reload_under_load_fails_no_request() {
    let world = World::with(ONE_ROUTE).await;
    let other = Upstream::start().await;
    let load = Load::begin(8, world.gateway, "/files/a", &world.issuer.token(DRIVE, "read:files"));
    load.goes_on(50).await;
    for round in 0..20 {
        let upstream = if round % 2 == 0 { other.address } else { world.upstream.address };
        let text = ONE_ROUTE.replace("/files/**", ["/files/*", "/files/**"][round / 2 % 2]);
        world.reloader.replace(config(&world, upstream, &text)).unwrap();
        load.goes_on(20).await;
    }
    let counts = load.end().await;
    assert!(all_good(&counts), "{counts:?}");
    assert!(other.seen().len() > 100 && world.upstream.seen().len() > 100);
}

#[tokio::test]
async fn the_next_request_is_decided_by_the_new_configuration() {
    let world = World::with(ONE_ROUTE).await;
    let token = world.issuer.token(DRIVE, "read:files");
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    let mut status = async || {
        let request =
            format!("GET /files/a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        while !read.windows(4).any(|end| end == b"\r\n\r\n") {
            timeout(LONGEST, stream.read_buf(&mut read)).await.unwrap().unwrap();
        }
        let body = read.split_off(read.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4);
        let head = String::from_utf8(read).unwrap().to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let mut left = vec![0; length.unwrap().parse::<usize>().unwrap() - body.len()];
        stream.read_exact(&mut left).await.unwrap();
        head[9..12].parse::<u16>().unwrap()
    };
    assert_eq!(status().await, 200);
    let text = ONE_ROUTE.replace("read:files", "admin");
    let next = config(&world, world.upstream.address, &text);
    assert!(world.reloader.replace(next).unwrap().needs_restart.is_empty());
    assert_eq!(status().await, 403);
    let next = config(
        &world,
        world.upstream.address,
        &format!("workers = 7\nhead_timeout = 5{ONE_ROUTE}"),
    );
    assert_eq!(world.reloader.replace(next).unwrap().needs_restart, ["workers", "head_timeout"]);
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn a_file_is_followed_and_refused_whole_when_it_is_wrong() {
    let world = World::with(ONE_ROUTE).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let good = ONE_ROUTE
        .replace("ISSUER", &world.issuer.url)
        .replace("UPSTREAM", &format!("http://{}", world.upstream.address));
    std::fs::write(&file, &good).unwrap();

    let asked = Arc::new(Notify::new());
    let (followed, reloader, hears) = (file.clone(), world.reloader.clone(), asked.clone());
    let following = tokio::spawn(async move { reloader.follow(&followed, &hears).await });
    let until = async |path: &str, status: u16| {
        let start = Instant::now();
        while world.get(path, "a", None).await.status != status {
            assert!(start.elapsed() < LONGEST, "{path} {status}");
            tokio::task::yield_now().await;
        }
    };
    until("/new", 404).await;

    // A change of the file is enough.
    std::fs::write(&file, good.replace("/files/**", "/new")).unwrap();
    until("/new", 401).await;

    // With one mistake nothing of it is taken, however often it is asked for.
    let wrong = format!("{good}[[resource]]\nidentifier = \"https://b.example\"\n");
    std::fs::write(&file, wrong.replace("/files/**", "/newer")).unwrap();
    let error = world.reloader.load(&file).unwrap_err();
    assert!(matches!(error, ReloadError::Config(_)), "{error}");
    assert!(error.to_string().contains("gateway.toml:7:1: missing field `upstream`"), "{error}");
    let reloads = world.reloader.reloads();
    assert_eq!(reloads.error, Some(error.to_string()));
    assert!(reloads.done == 1 && reloads.refused >= 1, "{reloads:?}");
    until("/newer", 404).await;
    until("/new", 401).await;

    // Asked for, without a wait.
    std::fs::write(&file, good.replace("/files/**", "/newest")).unwrap();
    asked.notify_one();
    until("/newest", 401).await;
    following.abort();
}

/// A process of the upstream, which shares its port with its successor.
fn process(address: SocketAddr) -> (SocketAddr, oneshot::Sender<()>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(128).unwrap();
    let listener = TcpListener::from_std(socket.into()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let router = Router::new().fallback(async || "here");
        let stopped = async { drop(stopped.await) };
        axum::serve(listener, router).with_graceful_shutdown(stopped).await
    });
    (address, stop)
}

#[tokio::test]
async fn a_restart_of_the_upstream_under_load_fails_no_request() {
    let (address, mut stop) = process("127.0.0.1:0".parse().unwrap());
    let world = World::with(&ONE_ROUTE.replace("UPSTREAM", &format!("http://{address}"))).await;
    let load = Load::begin(8, world.gateway, "/files/a", &world.issuer.token(DRIVE, "read:files"));
    for _ in 0..10 {
        load.goes_on(50).await;
        let (_, next) = process(address);
        stop.send(()).unwrap();
        stop = next;
    }
    load.goes_on(50).await;
    let counts = load.end().await;
    assert!(all_good(&counts), "{counts:?}");
}

#[tokio::test]
async fn whoever_was_connected_before_the_drain_is_answered() {
    let mut world = World::with(ONE_ROUTE).await;
    let token = world.issuer.token(DRIVE, "read:files");
    let request = format!(
        "GET /files/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (address, request) = (world.gateway, request.clone());
        clients.spawn(async move {
            let mut answered = 0;
            // Nobody listens any more once the drain has begun.
            while let Ok(mut stream) = TcpStream::connect(address).await {
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut read = String::new();
                timeout(LONGEST, stream.read_to_string(&mut read)).await.unwrap().unwrap();
                assert!(read.starts_with("HTTP/1.1 200"), "{read}");
                answered += 1;
            }
            answered
        });
    }
    while world.upstream.seen().len() < 200 {
        tokio::task::yield_now().await;
    }
    timeout(LONGEST, world.stop()).await.unwrap().unwrap();
    let answered: usize = clients.join_all().await.into_iter().sum();
    assert_eq!(answered, world.upstream.seen().len());
}
