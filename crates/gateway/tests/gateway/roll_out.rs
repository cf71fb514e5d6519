//! Roll-out: routes that only report, and records to replay.

use std::path::Path;
use std::time::Instant;

use bailiwick_gateway::{Config, Replayed};
use serde_json::{Value, json};

use crate::support::{DRIVE, LONGEST, World};

fn config(records: &Path, report_only: bool) -> String {
    format!(
        r#"
        records = {{ file = "{}" }}
        [[resource]]
        identifier = "https://api.example.com/drive"
        issuer = "ISSUER"
        upstream = "UPSTREAM"
        routes = [
          {{ path = "/files/**", scopes = ["read:files"], report_only = {report_only} }},
          {{ path = "/strict", scopes = ["read:files"] }},
        ]
        "#,
        records.display()
    )
}

#[tokio::test]
async fn what_would_be_refused_passes_without_an_identity() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(&config(&folder.path().join("records"), true)).await;
    let forged = bailiwick_jose::SigningKey::generate(bailiwick_jose::Algorithm::Es256).unwrap();
    let claims = json!({ "aud": DRIVE, "scope": "read:files" });
    let forged = crate::support::mint(&forged, &world.issuer.url, "at+jwt", &claims);
    let poor = world.issuer.token(DRIVE, "other");
    let good = world.issuer.token(DRIVE, "read:files");
    for (token, identity) in
        [(None, None), (Some(&forged), None), (Some(&poor), None), (Some(&good), Some("alice"))]
    {
        let answer = world.get("/files/a", "a", token.map(String::as_str)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let saw = answer.json();
        let headers = saw["headers"].as_array().unwrap();
        let value = |name: &str| {
            let header = headers.iter().find(|header| header[0] == name);
            header.map(|header| header[1].as_str().unwrap())
        };
        assert_eq!(value("x-auth-subject"), identity, "{headers:?}");
        assert_eq!(
            (value("authorization"), value("x-auth-scope").is_some()),
            (None, identity.is_some())
        );
    }
    // Whoever spoofs is not believed there either.
    let spoofed =
        "GET /files/a HTTP/1.1\r\nHost: a\r\nX-Auth-Subject: root\r\nConnection: close\r\n\r\n";
    assert!(!world.send(spoofed).await.body.contains("root"));
    assert_eq!(world.get("/strict", "a", Some(&poor)).await.status, 403);

    // What has two readings is for nobody's upstream.
    let seen = world.upstream.seen().len();
    for bad in [
        format!(
            "GET /files/a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\nConnection: close\r\n\r\n"
        ),
        format!(
            "GET /files/a?access_token={good} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ),
        "GET /files//a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(),
    ] {
        assert_eq!(world.send(&bad).await.status, 400, "{bad}");
    }
    assert_eq!(world.upstream.seen().len(), seen);
}

#[tokio::test]
async fn recorded_decisions_tell_what_another_configuration_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    let text = config(&file, true);
    let world = World::with(&text).await;
    let (good, poor) =
        (world.issuer.token(DRIVE, "read:files"), world.issuer.token(DRIVE, "other"));
    for token in [Some(&good), Some(&poor), None] {
        world.get("/files/alices", "a", token.map(String::as_str)).await;
        world.get("/strict", "a", token.map(String::as_str)).await;
    }
    let start = Instant::now();
    let lines = loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if text.lines().count() >= 6 {
            break text;
        }
        assert!(start.elapsed() < LONGEST, "{text}");
        tokio::task::yield_now().await;
    };
    let mut records: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for record in &mut records {
        assert!(record.as_object_mut().unwrap().remove("time").is_some());
    }
    assert_eq!(
        records[2],
        json!({
            "resource": DRIVE, "route": "/files/**", "method": "GET", "verdict": "reported",
            "reason": "insufficient_scope", "issuer": world.issuer.url, "client": "shop",
            "scopes": "other",
        })
    );
    assert_eq!(
        (&records[3]["verdict"], &records[3]["scopes"]),
        (&json!("refused"), &json!("other"))
    );
    for secret in ["alice", good.split('.').nth(1).unwrap()] {
        assert!(!lines.contains(secret), "{secret} in {lines}");
    }

    let next = config(&file, false)
        .replace("\"/strict\", scopes = [\"read:files\"]", "\"/strict\", scopes = []");
    let next = next.replace("ISSUER", &world.issuer.url).replace("UPSTREAM", "http://127.0.0.1:1");
    let next = Config::parse("next.toml", &next).unwrap();
    let replayed = Replayed::of(lines.as_bytes(), &next).unwrap();
    assert!(replayed.refuses_more());
    let expected = format!(
        "{DRIVE} GET /files/**\n  \
           would be refused        1  insufficient_scope: shop with \"other\"\n  \
           would be refused        1  no_credentials: no good token\n\
         {DRIVE} GET /strict\n  \
           would pass              1  insufficient_scope: shop with \"other\"\n\
         6 decisions: 3 unchanged, 2 would be refused, 1 would pass, 0 undecidable"
    );
    assert_eq!(replayed.to_string(), expected);
}
