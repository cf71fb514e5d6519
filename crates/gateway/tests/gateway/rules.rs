//! What routes ask of tokens beside scopes, end to end; docs/gateway/rules.md says it in words.

use bailiwick_gateway::Config;
use serde_json::json;

use crate::support::{DRIVE, World};

const ROUTES: &str = r#"
[[resource]]
identifier = "https://api.example.com/drive"
issuer = "ISSUER"
upstream = "UPSTREAM"
implies = { "write:files" = ["read:files"], admin = ["write:files"] }
routes = [
  { path = "/all", scopes = ["read:files", "list:files"] },
  { path = "/implied", scopes = ["read:files"] },
  { path = "/any", any_scope = ["read:files", "search"] },
  { path = "/role", any_role = ["clerk", "manager"] },
  { path = "/tenant", claims = { "/org/id" = ["acme", "umbrella"], groups = { contains = "staff" } } },
  { path = "/client", clients = ["shop"] },
  { path = "/subject", subjects = ["alice"] },
  { path = "/login", acr = ["urn:mfa"], max_age = 300 },
  { path = "/pay", scopes = [], authorization_details = [{ type = "payment", actions = ["send"] }] },
]
"#;

#[tokio::test]
async fn each_part_of_a_rule_decides() {
    let world = World::with(ROUTES).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let details = |action: &str| json!([{ "type": "payment", "actions": [action] }]);
    let cases = [
        ("/all", json!({ "scope": "read:files list:files" }), 200),
        ("/all", json!({ "scope": "read:files" }), 403),
        ("/implied", json!({ "scope": "admin" }), 200),
        ("/implied", json!({ "scope": "list:files" }), 403),
        ("/any", json!({ "scope": "search" }), 200),
        ("/any", json!({ "scope": "write:files" }), 200),
        ("/any", json!({ "scope": "list:files" }), 403),
        ("/role", json!({ "roles": ["manager"] }), 200),
        ("/role", json!({ "roles": ["visitor"] }), 403),
        ("/role", json!({ "scope": "clerk" }), 403),
        ("/tenant", json!({ "org": { "id": "acme" }, "groups": ["staff"] }), 200),
        ("/tenant", json!({ "org": { "id": "acme" }, "groups": ["staffers"] }), 403),
        ("/tenant", json!({ "org": { "id": "evil" }, "groups": ["staff"] }), 403),
        ("/tenant", json!({ "groups": ["staff"] }), 403),
        ("/client", json!({}), 200),
        ("/client", json!({ "client_id": "shops" }), 403),
        ("/subject", json!({}), 200),
        ("/subject", json!({ "sub": "bob" }), 403),
        ("/login", json!({ "acr": "urn:mfa", "auth_time": now }), 200),
        ("/login", json!({ "acr": "urn:mfa", "auth_time": now - 900 }), 401),
        ("/login", json!({ "acr": "urn:pwd", "auth_time": now }), 401),
        ("/pay", json!({ "authorization_details": details("send") }), 200),
        ("/pay", json!({ "authorization_details": details("read") }), 403),
    ];
    for (path, mut claims, expected) in cases {
        claims["aud"] = DRIVE.into();
        let answer = world.get(path, "a", Some(&world.issuer.mint("at+jwt", &claims))).await;
        assert_eq!(answer.status, expected, "{path} {claims}: {answer:?}");
    }
    let seen = world.upstream.seen();
    assert_eq!(seen.len(), 10, "what was refused went no further: {seen:?}");
}

// RFC 9470 §3: both parts are told at once, so that the user signs in again once only.
#[tokio::test]
async fn a_weak_login_is_told_what_would_do() {
    let world = World::with(ROUTES).await;
    let token = world.issuer.mint("at+jwt", &json!({ "aud": DRIVE, "acr": "urn:pwd" }));
    let answer = world.get("/login", "a", Some(&token)).await;
    let challenge = answer.header("www-authenticate").unwrap();
    for part in ["insufficient_user_authentication", "acr_values=\"urn:mfa\"", "max_age=\"300\""] {
        assert!(challenge.contains(part), "{challenge}");
    }
}

#[tokio::test]
async fn every_scope_of_a_rule_is_told_to_clients() {
    let world = World::with(ROUTES).await;
    let place = "/.well-known/oauth-protected-resource/drive";
    let metadata = world.get(place, "a", None).await.json();
    assert_eq!(metadata["scopes_supported"], json!(["read:files", "list:files", "search"]));
}

#[test]
fn the_examples_of_the_documentation_are_configurations() {
    let page = include_str!("../../../../docs/gateway/rules.md");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 2, "{examples:?}");
    for example in examples {
        if let Err(error) = Config::parse("rules.md", example) {
            panic!("{error}\n{example}");
        }
    }
}
