//! Servers that are gone, silent, full, forgetful, read-only, or somebody else's.

use std::time::{Duration, Instant};

use bailiwick_window::{Attempt, FirstUse, Pace, Throttle, WindowError};
use bailiwick_window_redis::{Redis, Settings};
use tokio::net::UnixListener;

use crate::server::Server;

/// What a window says that cannot be asked.
fn why<T: std::fmt::Debug>(answer: Result<T, WindowError>) -> String {
    match answer {
        Err(WindowError::Unavailable(why)) => why,
        other => panic!("answered {other:?}"),
    }
}

/// Asks until there is an answer, within a deadline.
async fn heals(node: &Redis) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(error) = node.check().await {
        assert!(Instant::now() < deadline, "does not heal: {error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_until_it_is() {
    let mut server = Server::stopped(&[]);
    let node = server.node();
    why(node.check().await);
    why(node.first_use("dpop").first_use("a", 10, 0).await);
    let throttle = node.throttle("accounts", Pace::default(), 10);
    why(throttle.attempt("alice", 0).await);
    why(throttle.succeeded("alice").await);
    why(throttle.give_back("alice").await);
    // What is past its time is no first use, whatever the server says.
    assert_eq!(node.first_use("dpop").first_use("a", 10, 11).await, Ok(false));
    server.resume().await;
    heals(&node).await;
    assert_eq!(node.first_use("dpop").first_use("a", 10, 0).await, Ok(true));
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let mut server = Server::start(&[]).await;
    let node = server.node();
    let window = node.first_use("dpop");
    assert_eq!(window.first_use("a", 10, 0).await, Ok(true));
    server.stop();
    why(window.first_use("b", 10, 0).await);
    server.resume().await;
    heals(&node).await;
    assert_eq!(window.first_use("b", 10, 0).await, Ok(true)); // its script is there again
    assert_eq!(window.first_use("b", 10, 0).await, Ok(false));
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_no_answer() {
    let server = Server::start(&[]).await;
    let window = server.node().first_use("dpop");
    assert_eq!(window.first_use("a", 10, 0).await, Ok(true));
    let killed: i64 = server.command(&["CLIENT", "KILL", "TYPE", "normal"]).await;
    assert!(killed >= 1);
    for _ in 0..10 {
        let _: String = server.command(&["PING"]).await; // what was closed before is seen by now
    }
    assert_eq!(window.first_use("a", 10, 0).await, Ok(false));
}

#[tokio::test]
async fn while_nothing_answers_connecting_rests() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _silent = UnixListener::bind(&socket).unwrap(); // takes connections, says nothing
    let url = format!("redis+unix://{}", socket.display());
    let node = Redis::open(Settings::new(url).limit(Duration::from_millis(100))).unwrap();
    let window = node.first_use("dpop");
    let begin = Instant::now();
    assert_eq!(why(window.first_use("a", 10, 0).await), "no answer within 100ms");
    assert_eq!(why(window.first_use("a", 10, 0).await), "connecting failed a moment ago");
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_in_time_and_found_again() {
    let server = Server::start(&[]).await;
    let node = Redis::open(server.settings().limit(Duration::from_millis(500))).unwrap();
    heals(&node).await;
    let window = node.first_use("dpop");
    assert_eq!(window.first_use("a", 10, 0).await, Ok(true));
    let _: () = server.command(&["CLIENT", "PAUSE", "60000", "WRITE"]).await;
    let begin = Instant::now();
    assert_eq!(why(window.first_use("b", 10, 0).await), "no answer within 500ms");
    assert!(begin.elapsed() < Duration::from_secs(10));
    let _: () = server.command(&["CLIENT", "UNPAUSE"]).await;
    heals(&node).await;
    assert_eq!(window.first_use("a", 10, 0).await, Ok(false));
}

#[tokio::test]
async fn a_full_server_refuses_rather_than_forgets() {
    let server = Server::start(&["--maxmemory", "0"]).await;
    let node = server.node();
    let (window, throttle) =
        (node.first_use("dpop"), node.throttle("accounts", Pace::default(), 100));
    assert_eq!(window.first_use("a", 1000, 0).await, Ok(true));
    for _ in 0..10 {
        assert_eq!(throttle.attempt("alice", 0).await, Ok(Attempt::Allowed));
    }
    let _: () = server.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(window.first_use("b", 1000, 0).await, Err(WindowError::Full));
    assert_eq!(window.first_use("a", 1000, 0).await, Ok(false));
    assert_eq!(throttle.attempt("bob", 0).await, Err(WindowError::Full));
    assert_eq!(throttle.attempt("alice", 2).await, Err(WindowError::Full));
    assert_eq!(throttle.attempt("alice", 1).await, Ok(Attempt::Wait { seconds: 1 }));
    let _: () = server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(window.first_use("b", 1000, 0).await, Ok(true)); // room again
    assert_eq!(throttle.attempt("alice", 2).await, Ok(Attempt::Allowed));
    assert_eq!(throttle.attempt("alice", 2).await, Ok(Attempt::Wait { seconds: 4 }));
}

#[tokio::test]
async fn a_server_that_would_forget_is_not_used() {
    let options = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let server = Server::start(&options).await;
    let node = server.node();
    assert!(why(node.check().await).contains("noeviction"));
    why(node.first_use("dpop").first_use("a", 10, 0).await);
    let keys: Vec<String> = server.command(&["KEYS", "*"]).await;
    assert_eq!(keys, [""; 0]);
    let _: () = server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    heals(&node).await;
}

#[tokio::test]
async fn a_server_that_became_a_replica_is_left() {
    let server = Server::start(&[]).await;
    let node = server.node();
    let window = node.first_use("dpop");
    assert_eq!(window.first_use("a", 10, 0).await, Ok(true));
    let _: () = server.command(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let why = why(window.first_use("b", 10, 0).await);
    assert!(why.contains("read only"), "{why}");
    let _: () = server.command(&["REPLICAOF", "NO", "ONE"]).await;
    heals(&node).await;
    assert_eq!(window.first_use("a", 10, 0).await, Ok(false));
}

#[tokio::test]
async fn a_password_is_needed_and_never_told() {
    let options = ["--port", "{port}", "--bind", "127.0.0.1", "--requirepass", "open-sesame"];
    let (_server, port) = Server::on_a_port(&options).await;
    let node = |password: &str| {
        let url = format!("redis://:{password}@127.0.0.1:{port}");
        Redis::open(Settings::new(url).limit(Duration::from_secs(30))).unwrap()
    };
    assert_eq!(node("open-sesame").check().await, Ok(()));
    let refused = node("shut-sesame");
    assert!(!why(refused.check().await).contains("sesame"));
    assert!(!format!("{refused:?}").contains("sesame"));
}

#[tokio::test]
async fn a_restricted_user_needs_no_more_than_is_documented() {
    let options = ["--port", "{port}", "--bind", "127.0.0.1"];
    let (server, port) = Server::on_a_port(&options).await;
    let documented = include_str!("../../src/lib.rs")
        .lines()
        .map(|line| line.trim_start_matches("//!").trim())
        .filter(|line| line.starts_with(['~', '+']))
        .flat_map(str::split_whitespace);
    let user = ["ACL", "SETUSER", "node", "on", ">open-sesame"];
    let rights: Vec<_> = user.into_iter().chain(documented).collect();
    assert!(rights.len() > 15, "{rights:?}");
    let _: () = server.command(&rights).await;
    let settings = Settings::new(format!("redis://node:open-sesame@127.0.0.1:{port}"));
    let node = Redis::open(settings.limit(Duration::from_secs(30))).unwrap();
    assert_eq!(node.check().await, Ok(()));
    assert_eq!(node.first_use("dpop").first_use("a", 10, 0).await, Ok(true));
    let throttle = node.throttle("accounts", Pace { free: 1, ..Pace::default() }, 2);
    for (key, now) in [("alice", 0), ("alice", 10), ("bob", 320)] {
        assert_eq!(throttle.attempt(key, now).await, Ok(Attempt::Allowed));
    }
    throttle.give_back("bob").await.unwrap();
    throttle.succeeded("alice").await.unwrap();
    let roomy = node.throttle("networks", Pace::default(), 1);
    for key in ["a", "b"] {
        assert_eq!(roomy.attempt(key, 0).await, Ok(Attempt::Allowed)); // one makes room
    }
}

#[tokio::test]
async fn an_encrypted_server_is_believed_when_its_authority_is() {
    let fixture = |name| format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let (certificate, key) = (fixture("server.pem"), fixture("server.key.pem"));
    let options = ["--tls-port", "{port}", "--bind", "127.0.0.1", "--tls-auth-clients", "no"];
    let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key];
    let files = files.into_iter().chain(["--tls-ca-cert-file", &certificate]);
    let options: Vec<_> = options.into_iter().chain(files).collect();
    let (_server, port) = Server::on_a_port(&options).await;
    let settings =
        || Settings::new(format!("rediss://127.0.0.1:{port}")).limit(Duration::from_secs(30));
    let authority = std::fs::read(fixture("authority.pem")).unwrap();
    let node = Redis::open(settings().certificate_authority(authority)).unwrap();
    assert_eq!(node.first_use("dpop").first_use("a", 10, 0).await, Ok(true));
    let stranger = Redis::open(settings()).unwrap();
    assert!(why(stranger.check().await).contains("certificate"));
}
