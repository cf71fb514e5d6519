//! Web pages of other origins: what a browser is told, and what the upstream hears of it.

use crate::support::{Answer, World};

const API: &str = "https://api.example.com";
const PAGE: &str = "https://app.example.com";

async fn world(origins: &str) -> World {
    World::with(&format!(
        r#"
        [[resource]]
        identifier = "https://api.example.com"
        issuer = "ISSUER"
        upstream = "UPSTREAM"
        {origins}
        routes = [
          {{ path = "/mcp", methods = ["GET", "POST", "DELETE"], scopes = ["mcp"] }},
          {{ path = "/challenge", scopes = [] }},
        ]
        "#
    ))
    .await
}

async fn ask(world: &World, line: &str, headers: &str) -> Answer {
    let host = "Host: api.example.com";
    world.send(format!("{line} HTTP/1.1\r\n{host}\r\n{headers}Connection: close\r\n\r\n")).await
}

fn preflight(origin: &str) -> String {
    format!(
        "Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: \
         authorization,content-type,dpop,last-event-id,mcp-method,mcp-name,mcp-param-region,\
         mcp-protocol-version,mcp-session-id\r\n"
    )
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token_and_without_the_upstream() {
    let world = world(&format!("cors_origins = [\"https://b.example\", \"{PAGE}\"]")).await;
    let answer = ask(&world, "OPTIONS /mcp", &preflight(PAGE)).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    let allowed = answer.header("access-control-allow-headers").unwrap();
    assert!(allowed.contains("mcp-session-id") && allowed.contains("mcp-param-region"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert!(answer.headers("vary").contains(&"origin"));

    for origin in ["https://evil.example", "https://app.example.com.evil.example", "null"] {
        let answer = ask(&world, "OPTIONS /mcp", &preflight(origin)).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(answer.header("access-control-allow-headers"), None, "{origin}");
    }
    // What is no preflight is decided as ever.
    let asked = [
        ("OPTIONS /mcp", format!("Origin: {PAGE}\r\n"), 405),
        ("OPTIONS /mcp", format!("{}Authorization: Bearer x\r\n", preflight(PAGE)), 405),
        ("OPTIONS /mcp", preflight(PAGE).replace("POST", "PUT"), 405),
        ("OPTIONS /other", preflight(PAGE), 404),
        ("GET /mcp", preflight(PAGE), 401),
    ];
    for (line, headers, status) in asked {
        assert_eq!(ask(&world, line, &headers).await.status, status, "{line} {headers}");
    }
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn pages_of_allowed_origins_can_read_every_answer() {
    let world = world(&format!("cors_origins = [\"{PAGE}\"]")).await;
    let token = format!("Authorization: Bearer {}\r\n", world.issuer.token(API, "mcp"));
    for (line, token, status) in [
        ("GET /mcp", token.as_str(), 200),
        ("GET /mcp", "", 401),
        ("GET /other", "", 404),
        ("PUT /mcp", "", 405),
        ("GET /challenge", token.as_str(), 401),
    ] {
        let answer = ask(&world, line, &format!("Origin: {PAGE}\r\n{token}")).await;
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE), "{line}");
        assert_eq!(answer.header("vary"), Some("origin"), "{line}");
        let exposed = answer.headers("access-control-expose-headers").join(", ");
        for name in ["WWW-Authenticate", "DPoP-Nonce", "Mcp-Session-Id"] {
            assert!(exposed.contains(name), "{line}: {exposed}");
        }
        let foreign = ask(&world, line, &format!("Origin: https://evil.example\r\n{token}")).await;
        assert_eq!(foreign.header("access-control-allow-origin"), None, "{line}");
        assert_eq!(foreign.header("vary"), Some("origin"), "{line}");
    }
}

#[tokio::test]
async fn every_origin_is_allowed_where_the_configuration_says_so() {
    let world = world("cors_origins = [\"*\"]").await;
    let answer = ask(&world, "OPTIONS /mcp", &preflight("null")).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let answer = ask(&world, "GET /mcp", "Origin: https://any.example\r\n").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn without_the_setting_the_upstream_says_what_pages_may_do() {
    let world = world("").await;
    let token = format!("Authorization: Bearer {}\r\n", world.issuer.token(API, "mcp"));
    assert_eq!(ask(&world, "OPTIONS /mcp", &preflight(PAGE)).await.status, 405);
    let answer = ask(&world, "GET /mcp", &format!("Origin: {PAGE}\r\n{token}")).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert!(answer.body.contains(PAGE), "the upstream sees the origin");
}
