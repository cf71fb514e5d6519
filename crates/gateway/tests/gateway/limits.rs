//! Limits: how often, by whom, and how many at once (RFC 6585 §4).

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Answer, DRIVE, LONGEST, World};
use crate::upgrade::{Echo, open};

async fn world(resource: &str, route: &str) -> World {
    World::with(&format!(
        r#"
        [[resource]]
        identifier = "https://api.example.com/drive"
        issuer = "ISSUER"
        upstream = "UPSTREAM"
        {resource}
        routes = [{{ path = "/files/**", scopes = [] {route} }}, {{ path = "/open", public = true }}]
        "#
    ))
    .await
}

fn is_limited(answer: &Answer) -> bool {
    let wait = answer.header("retry-after").map(|wait| wait.parse::<u64>().unwrap());
    match answer.status {
        200 => false,
        429 => {
            assert_eq!(answer.json()["error"], "rate_limited");
            assert!((1..=3600).contains(&wait.unwrap()), "{answer:?}");
            true
        }
        _ => panic!("{answer:?}"),
    }
}

/// Whether each of some requests was limited.
async fn asked(world: &World, path: &str, holders: &[(&str, &str)]) -> Vec<bool> {
    let mut limited = Vec::new();
    for (client, subject) in holders {
        let claims = json!({ "aud": DRIVE, "client_id": client, "sub": subject });
        let token = world.issuer.mint("at+jwt", &claims);
        limited.push(is_limited(&world.get(path, "a", Some(&token)).await));
    }
    limited
}

#[tokio::test]
async fn each_client_and_each_subject_has_a_rate_of_its_own() {
    let all = [("one", "alice"), ("one", "bob"), ("two", "alice"), ("one", "carol")];
    let by_client = world("", ", limits = { client = \"2/h\" }").await;
    assert_eq!(asked(&by_client, "/files/a", &all).await, [false, false, false, true]);
    assert_eq!(by_client.upstream.seen().len(), 3);
    let by_subject = world("limits = { subject = \"1/h\" }", "").await;
    assert_eq!(asked(&by_subject, "/files/a", &all).await, [false, false, true, false]);
}

#[tokio::test]
async fn an_address_has_a_rate_whatever_it_sends() {
    let world = world("limits = { address = \"3/h\" }", "").await;
    assert_eq!(world.get("/files/a", "a", None).await.status, 401);
    assert_eq!(world.get("/files/a", "a", Some("junk")).await.status, 401);
    assert!(!is_limited(&world.get("/open", "a", None).await));
    assert!(is_limited(&world.get("/open", "a", None).await));
    assert!(is_limited(&world.get("/files/a", "a", None).await));
}

#[tokio::test]
async fn a_reload_forgets_no_count() {
    let world = world("limits = { address = \"2/h\" }", "").await;
    assert!(!is_limited(&world.get("/open", "a", None).await));
    let text = format!(
        "[[resource]]\nidentifier = \"{DRIVE}\"\nissuer = \"{}\"\nupstream = \"http://{}\"\n\
         limits = {{ address = \"2/h\" }}\nroutes = [{{ path = \"/open\", public = true }}]",
        world.issuer.url, world.upstream.address
    );
    let next = bailiwick_gateway::Config::parse("next.toml", &text).unwrap();
    world.reloader.replace(next).unwrap();
    assert!(!is_limited(&world.get("/open", "a", None).await));
    assert!(is_limited(&world.get("/open", "a", None).await));
}

#[tokio::test]
async fn a_place_is_free_again_when_the_answer_has_ended() {
    let world = world("", ", limits = { concurrent = 1 }").await;
    let token = world.issuer.token(DRIVE, "");
    let mut slow = TcpStream::connect(world.gateway).await.unwrap();
    let head = format!(
        "POST /files/echo HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\nContent-Length: 2\r\n\r\na"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // Its answer has begun, and goes on.
    let mut read = Vec::new();
    while !read.ends_with(b"a") {
        timeout(LONGEST, slow.read_buf(&mut read)).await.unwrap().unwrap();
    }
    let full = world.get("/files/a", "a", Some(&token)).await;
    assert_eq!((full.status, full.header("retry-after")), (503, Some("1")), "{full:?}");
    assert_eq!(full.json()["error"], "too_many_at_once");
    assert_eq!(world.get("/open", "a", None).await.status, 200);
    slow.write_all(b"b").await.unwrap();
    timeout(LONGEST, slow.read_to_end(&mut read)).await.unwrap().unwrap();
    assert_eq!(world.get("/files/a", "a", Some(&token)).await.status, 200);
}

#[tokio::test]
async fn an_upgraded_connection_keeps_its_place() {
    let echo = Echo::websocket().await;
    let world = echo.gateway("limits = { concurrent = 1 }").await;
    let token = world.issuer.token(DRIVE, "socket");
    let (_, socket) = open(&world, "/socket", &token).await;
    assert_eq!(world.get("/plain", "a", Some(&token)).await.status, 503);
    drop(socket);
    timeout(LONGEST, async {
        while world.get("/plain", "a", Some(&token)).await.status == 503 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("its place is free again");
}
