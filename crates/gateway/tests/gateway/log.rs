//! The access log: one line for each request, and nothing of a person or a secret in it.

use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use crate::support::{DRIVE, LONGEST, World};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn world(file: &Path, format: &str) -> World {
    World::with(&format!(
        r#"
        log = {{ format = "{format}", file = "{}" }}
        [[resource]]
        identifier = "https://api.example.com/drive"
        issuer = "ISSUER"
        upstream = "UPSTREAM"
        routes = [{{ path = "/files/**", scopes = ["read:files"] }}]
        "#,
        file.display()
    ))
    .await
}

/// The lines, as soon as there are so many.
async fn lines(file: &Path, number: usize) -> Vec<String> {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if text.lines().count() >= number {
            return text.lines().map(str::to_owned).collect();
        }
        assert!(start.elapsed() < LONGEST, "{text}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn each_request_is_one_line_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let world = world(&file, "json").await;
    let token = world.issuer.token(DRIVE, "read:files");
    let request = format!(
        "GET /files/alices?secret=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\nConnection: close\r\n\r\n"
    );
    let answer = world.send(request).await;
    assert_eq!(answer.status, 200);
    world.get("/files/alices", "a", None).await;
    world.get("/files//alices", "a", Some(&token)).await;
    let lines = lines(&file, 3).await;
    let read: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |at: usize, name: &str| read[at][name].to_string().replace('"', "");
    for (name, value) in [
        ("method", "GET"),
        ("resource", DRIVE),
        ("route", "/files/**"),
        ("status", "200"),
        ("verdict", "permitted"),
        ("client", "shop"),
        ("address", "127.0.0.1"),
        ("trace", TRACE),
    ] {
        assert_eq!(of(0, name), value, "{name}");
    }
    assert_eq!(read[0]["bytes"], answer.body.len());
    assert!(read[0]["milliseconds"].as_f64().unwrap() > 0.0);
    assert!(of(0, "time").ends_with('Z') && of(0, "time").starts_with("20"));
    assert_eq!((of(1, "verdict"), of(1, "reason")), ("refused".into(), "no_credentials".into()));
    assert_eq!((of(2, "verdict"), of(2, "reason")), ("malformed".into(), "ambiguous_path".into()));
    let all = lines.concat();
    let payload = token.split('.').nth(1).unwrap();
    for secret in ["alice", "secret", payload] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

#[tokio::test]
async fn lines_can_be_text() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let world = world(&file, "text").await;
    world.get("/files/a", "a", None).await;
    let line = lines(&file, 1).await.remove(0);
    let (_, after) = line.split_once(' ').unwrap();
    let expected = format!(
        "method=GET status=401 verdict=refused reason=no_credentials resource={DRIVE} \
         route=/files/** address=127.0.0.1 milliseconds="
    );
    assert!(after.starts_with(&expected), "{line}");
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_a_mistake() {
    let world = World::usual().await;
    let text = "log = { file = \"/nowhere/at/all\" }\n[[resource]]\nidentifier = \"https://a\"\n\
                issuer = \"https://b\"\nupstream = \"http://127.0.0.1:1\"\n\
                routes = [{ path = \"/**\", scopes = [] }]";
    let config = bailiwick_gateway::Config::parse("g.toml", text).unwrap();
    world.reloader.replace(config).unwrap_err();
    let error = world.reloader.reloads().error.unwrap();
    assert!(error.starts_with("/nowhere/at/all cannot be written: "), "{error}");
}
