//! The operator's listener: metrics, health, explanations.

use std::net::SocketAddr;
use std::time::Instant;

use bailiwick_gateway::Config;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Answer, DRIVE, LONGEST, World, send};

/// Serves the admin listener of a world.
async fn admin(world: &World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(world.admin.clone().serve(listener));
    address
}

async fn get(admin: SocketAddr, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    send(admin, request.as_bytes()).await
}

async fn explain(admin: SocketAddr, kind: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "POST /explain HTTP/1.1\r\nHost: localhost:1\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    send(admin, request.as_bytes()).await
}

#[tokio::test]
async fn metrics_count_decisions_by_reason() {
    let world = World::usual().await;
    let admin = admin(&world).await;
    let good = world.issuer.token(DRIVE, "read:files");
    for token in [Some(&*good), Some(&*good), None] {
        world.get("/drive/files/a", "a", token).await;
    }
    let poor = world.issuer.token(DRIVE, "");
    world.get("/drive/files/a", "a", Some(&poor)).await;
    world.get("/nowhere", "orders.example.com", None).await;
    world.get("/drive//files", "a", None).await;
    let metrics = get(admin, "/metrics").await;
    assert_eq!(
        metrics.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let drive = "resource=\"https://api.example.com/drive\"";
    let orders = "resource=\"https://orders.example.com\"";
    let named = |name: &str, labels: &str| format!("bailiwick_gateway_{name}{{{labels}}}");
    let decided = |resource: &str, verdict: &str, reason: &str| {
        let labels = format!("{resource},verdict=\"{verdict}\",reason=\"{reason}\"");
        named("decisions_total", &labels)
    };
    let issuer = format!("issuer=\"{}\"", world.issuer.url);
    for (line, count) in [
        (decided(drive, "permitted", ""), "2"),
        (decided(drive, "refused", "no_credentials"), "1"),
        (decided(drive, "refused", "insufficient_scope"), "1"),
        (decided(orders, "unrouted", "not_found"), "1"),
        (decided("resource=\"\"", "malformed", "ambiguous_path"), "1"),
        (named("answers_total", &format!("{drive},class=\"2xx\"")), "2"),
        (named("answers_total", &format!("{drive},class=\"4xx\"")), "2"),
        (named("answer_seconds_count", drive), "4"),
        (named("tokens_total", &format!("{drive},memory=\"hit\"")), "1"),
        (named("tokens_total", &format!("{drive},memory=\"miss\"")), "2"),
        (named("tokens_remembered", drive), "2"),
        (named("keys", &issuer), "1"),
        (named("reloads_total", "outcome=\"done\""), "0"),
        ("bailiwick_gateway_connections_most".to_owned(), "10000"),
    ] {
        let found = metrics.body.lines().find(|found| found.starts_with(&line));
        let value = found.and_then(|found| found.rsplit(' ').next());
        assert_eq!(value, Some(count), "{line} in {}", metrics.body);
    }
    assert!(metrics.body.contains(&named("key_age_seconds", &issuer)));
    assert!(metrics.body.ends_with("# EOF\n"));
    assert!(!metrics.body.contains("alice") && !metrics.body.contains("shop"));
}

#[tokio::test]
async fn an_upstream_that_is_down_is_counted() {
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = World::with(&format!(
        r#"
        [[resource]]
        identifier = "https://api.example.com/drive"
        issuer = "ISSUER"
        upstream = "http://{nowhere}"
        routes = [{{ path = "/open", public = true }}]
        "#
    ))
    .await;
    let admin = admin(&world).await;
    assert_eq!(world.get("/open", "a", None).await.status, 502);
    let expected = "bailiwick_gateway_upstream_errors_total{\
                    resource=\"https://api.example.com/drive\",reason=\"bad_gateway\"} 1";
    let metrics = get(admin, "/metrics").await.body;
    assert!(metrics.contains(expected), "{metrics}");
}

#[tokio::test]
async fn it_is_ready_with_keys_and_until_the_drain() {
    let mut world = World::usual().await;
    let admin = admin(&world).await;
    assert_eq!(get(admin, "/healthz").await.json(), json!({ "live": true }));
    // Keys are fetched without being asked for.
    let start = Instant::now();
    while get(admin, "/readyz").await.status != 200 {
        assert!(start.elapsed() < LONGEST);
    }
    let wrong = Config::parse("g.toml", "listen = 1").unwrap_err();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("g.toml");
    std::fs::write(&file, "listen = 1").unwrap();
    world.reloader.load(&file).unwrap_err();
    let ready = get(admin, "/readyz").await;
    let said = ready.json();
    assert_eq!((ready.status, &said["ready"]), (200, &json!(true)));
    assert_eq!(
        (&said["issuers"][0]["issuer"], &said["issuers"][0]["keys"]),
        (&json!(world.issuer.url), &json!(1))
    );
    let error = said["reloads"]["error"].as_str().unwrap();
    assert!(error.ends_with(wrong.to_string().trim_start_matches("g.toml")), "{error}");

    // A request that goes on keeps the gateway.
    let mut slow = TcpStream::connect(world.gateway).await.unwrap();
    let token = world.issuer.token(DRIVE, "write:files");
    let head = format!(
        "POST /drive/files/echo HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\nContent-Length: 2\r\n\r\na"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    while world.upstream.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    world.stop();
    let start = Instant::now();
    while get(admin, "/readyz").await.status != 503 {
        assert!(start.elapsed() < LONGEST);
    }
    let draining = get(admin, "/readyz").await;
    assert_eq!(draining.json()["draining"], json!(true));
    assert_eq!(get(admin, "/healthz").await.status, 200);
    slow.write_all(b"b").await.unwrap();
    let mut read = String::new();
    slow.read_to_string(&mut read).await.unwrap();
    assert!(read.starts_with("HTTP/1.1 200"), "{read}");
}

#[tokio::test]
async fn it_is_not_ready_without_an_issuers_keys() {
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = World::with(&format!(
        r#"
        [[resource]]
        identifier = "https://api.example.com/drive"
        issuer = "http://{nowhere}"
        upstream = "UPSTREAM"
        routes = [{{ path = "/**", scopes = [] }}]
        "#
    ))
    .await;
    let admin = admin(&world).await;
    let ready = get(admin, "/readyz").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)));
}

#[tokio::test]
async fn a_request_is_explained_and_its_token_never_told() {
    let world = World::usual().await;
    let admin = admin(&world).await;
    let ask = async |scope: &str| {
        let token = world.issuer.token(DRIVE, scope);
        let question = json!({
            "method": "GET", "url": "https://a/drive/files/a", "token": token,
        });
        let answer = explain(admin, "application/json", &question.to_string()).await;
        assert!(!answer.body.contains(token.split('.').nth(1).unwrap()));
        answer.json()
    };
    let good = ask("read:files").await;
    assert_eq!((&good["passes"], &good["outcome"]), (&json!(true), &json!("checked")));
    let poor = ask("").await;
    assert_eq!(poor["passes"], json!(false));
    let text = poor["text"].as_str().unwrap();
    assert!(text.contains("FAILED: insufficient_scope"), "{text}");
    assert_eq!(world.upstream.seen(), Vec::<String>::new());

    let token = world.issuer.token(DRIVE, "read:files");
    let by_header = json!({
        "method": "GET", "url": "https://a/drive/files/a",
        "headers": { "Authorization": format!("Bearer {token}") },
    });
    let answer = explain(admin, "application/json", &by_header.to_string()).await;
    assert_eq!(answer.json()["passes"], json!(true));

    let wrong = format!("{{\"method\": \"GET\", \"url\": \"https://a/\", \"tokn\": \"{token}\"}}");
    for (kind, body) in [
        ("text/plain", by_header.to_string()),
        ("application/json", wrong),
        ("application/json", json!({ "method": "GET", "url": "/x" }).to_string()),
        ("application/json", " ".repeat(200_000)),
    ] {
        let answer = explain(admin, kind, &body).await;
        assert_eq!(answer.status, 400, "{kind} {answer:?}");
        assert!(!answer.body.contains(&token));
    }
}

#[tokio::test]
async fn it_answers_to_addresses_and_localhost_alone() {
    let world = World::usual().await;
    let admin = admin(&world).await;
    for (host, status) in [
        ("localhost", 200),
        ("127.0.0.1:9901", 200),
        ("[::1]:9901", 200),
        ("rebound.example", 421),
        ("localhost.example", 421),
    ] {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(send(admin, request.as_bytes()).await.status, status, "{host}");
    }
    assert_eq!(get(admin, "/").await.status, 404);
    assert_eq!(get(admin, "/explain").await.status, 405);
}
