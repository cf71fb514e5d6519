//! Who gets in, and what the others are told.

use bailiwick_gateway::{Config, Explained, Gateway};
use bailiwick_guard::{Outcome, Step};
use bailiwick_jose::{Algorithm, SigningKey};
use http::Request;
use serde_json::json;

use crate::support::{DRIVE, ORDERS, World, mint};

#[tokio::test]
async fn a_request_with_the_right_token_reaches_the_upstream() {
    let world = World::usual().await;
    let token = world.issuer.token(DRIVE, "read:files other");
    let answer = world.get("/drive/files/a%20b?q=%2e%2e//", "any.example:80", Some(&token)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let saw = answer.json();
    assert_eq!(saw["target"], "/files/a%20b?q=%2e%2e//");
    let header = |name: &str| {
        let headers = saw["headers"].as_array().unwrap();
        let mut values = headers.iter().filter(|header| header[0] == name);
        let value = values.next().map(|header| header[1].as_str().unwrap().to_owned());
        assert!(values.next().is_none(), "{name} twice");
        value
    };
    assert_eq!(header("x-auth-subject").as_deref(), Some("alice"));
    assert_eq!(header("x-auth-client").as_deref(), Some("shop"));
    assert_eq!(header("x-auth-scope").as_deref(), Some("read:files other"));
    assert_eq!(header("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(header("x-forwarded-host").as_deref(), Some("any.example:80"));
    assert_eq!(header("x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(header("host"), Some(world.upstream.address.to_string()));
    assert_eq!(header("via").as_deref(), Some("1.1 bailiwick"));
    assert_eq!(header("authorization"), None);
    assert_eq!(header("connection"), None);
}

#[tokio::test]
async fn refusals_are_the_librarys_and_never_reach_the_upstream() {
    let world = World::usual().await;
    let metadata = "resource_metadata=\
                    \"https://api.example.com/.well-known/oauth-protected-resource/drive\"";

    let none = world.get("/drive/files/a", "a", None).await;
    assert_eq!((none.status, none.body.as_str()), (401, ""));
    let challenge = none.header("www-authenticate").unwrap();
    assert!(challenge.contains(metadata) && !challenge.contains("error="), "{challenge}");

    let narrow = world.issuer.token(DRIVE, "write:files");
    let narrow = world.get("/drive/files/a", "a", Some(&narrow)).await;
    assert_eq!(narrow.status, 403);
    let challenge = narrow.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
    assert!(challenge.contains("scope=\"read:files\""), "{challenge}");

    let twice = "GET /drive/files/a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\n\
         Authorization: Bearer b\r\nConnection: close\r\n\r\n";
    assert_eq!(world.send(twice).await.status, 400);
    let token = world.issuer.token(DRIVE, "read:files");
    let query = world.get(&format!("/drive/files/a?access_token={token}"), "a", None).await;
    assert_eq!(query.status, 400);
    assert_eq!(query.json()["error"], "invalid_request");
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn hostile_tokens_are_refused() {
    let world = World::usual().await;
    let issuer = &world.issuer;
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let good = json!({ "aud": DRIVE, "scope": "read:files" });
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[name] = value;
        issuer.mint("at+jwt", &claims)
    };
    let token = issuer.mint("at+jwt", &good);
    let [head, payload, _] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let tokens = [
        ("of a stranger", mint(&stranger, &issuer.url, "at+jwt", &good)),
        ("an ID token", issuer.mint("JWT", &good)),
        ("expired", with("exp", json!(1_000_000_000))),
        ("early", with("nbf", json!(9_000_000_000_u64))),
        ("of another issuer", with("iss", json!("https://evil.example"))),
        ("for a longer name", with("aud", json!(format!("{DRIVE}/files")))),
        ("for a shorter name", with("aud", json!("https://api.example.com"))),
        ("for nobody", with("aud", json!([]))),
        ("bound to a key", with("cnf", json!({ "jkt": "x" }))),
        ("with a subject that breaks lines", with("sub", json!("a\r\nX-Auth-Scope: all"))),
        ("unsigned", format!("{head}.{payload}.")),
        // {"alg":"none","typ":"at+jwt"}
        ("alg none", format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{payload}.")),
        ("rubbish", "a.b.c".to_owned()),
    ];
    for (what, token) in tokens {
        let answer = world.get("/drive/files/a", "a", Some(&token)).await;
        assert_eq!(answer.status, 401, "{what}");
        assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"), "{what}");
    }
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_token_for_one_resource_is_refused_at_the_other() {
    let world = World::usual().await;
    let drive = world.issuer.token(DRIVE, "read:files read:orders");
    let orders = world.issuer.token(ORDERS, "read:files read:orders");
    let host = "Orders.Example.com";
    assert_eq!(world.get("/drive/files/a", "a", Some(&drive)).await.status, 200);
    assert_eq!(world.get("/drive/files/a", "a", Some(&orders)).await.status, 401);
    assert_eq!(world.get("/orders", host, Some(&orders)).await.status, 200);
    assert_eq!(world.get("/orders", host, Some(&drive)).await.status, 401);
    // By neither host nor prefix does one resource's path lead to the other.
    assert_eq!(world.get("/drive/files/a", host, Some(&orders)).await.status, 404);
    assert_eq!(world.get("/orders", "a", Some(&orders)).await.status, 404);
}

#[tokio::test]
async fn what_no_route_names_is_not_reachable() {
    let world = World::usual().await;
    let token = world.issuer.token(DRIVE, "read:files write:files");
    for path in ["/", "/files/a", "/drive", "/drive/", "/drive/other", "/drivefiles/a"] {
        let answer = world.get(path, "a", Some(&token)).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["error"], "not_found");
    }
    let delete = format!(
        "DELETE /drive/files/a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\n\r\n"
    );
    let answer = world.send(delete).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, PUT, POST")));
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_public_route_needs_no_token_and_has_no_identity() {
    let world = World::usual().await;
    let token = world.issuer.token(DRIVE, "read:files");
    for token in [None, Some(token.as_str()), Some("rubbish")] {
        let answer = world.get("/drive/healthz", "a", token).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.body.contains("x-auth-") && !answer.body.contains("authorization"));
    }
}

#[tokio::test]
async fn the_token_is_forwarded_only_where_the_route_says_so() {
    let world = World::usual().await;
    let token = world.issuer.token(DRIVE, "read:files");
    let forwarded = world.get("/drive/as-client", "a", Some(&token)).await;
    assert_eq!(forwarded.status, 200);
    assert!(forwarded.body.contains(&format!("Bearer {token}")));
    let withheld = world.get("/drive/files/a", "a", Some(&token)).await;
    assert_eq!(withheld.status, 200);
    assert!(!withheld.body.contains(&token));
}

#[tokio::test]
async fn each_resource_publishes_its_metadata() {
    let world = World::usual().await;
    let drive = "/.well-known/oauth-protected-resource/drive";
    let answer = world.get(drive, "a", None).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let document = answer.json();
    assert_eq!(document["resource"], DRIVE);
    assert_eq!(document["authorization_servers"], json!([world.issuer.url]));
    assert_eq!(document["scopes_supported"], json!(["read:files", "write:files"]));
    assert_eq!(document["resource_name"], "Drive");

    let root = "/.well-known/oauth-protected-resource";
    assert_eq!(world.get(root, "orders.example.com", None).await.json()["resource"], ORDERS);
    assert_eq!(world.get(root, "a", None).await.status, 404);
    assert_eq!(world.get(drive, "orders.example.com", None).await.status, 404);
    assert_eq!(world.upstream.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn the_upstreams_own_challenge_passes_and_its_hop_headers_do_not() {
    let world = World::usual().await;
    let token = world.issuer.token(ORDERS, "");
    let answer = world.get("/challenge", "orders.example.com", Some(&token)).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"of the upstream\""));
    assert_eq!(answer.header("x-hop"), None);
    assert_eq!(answer.header("x-end"), Some("2"));
}

#[tokio::test]
async fn an_explanation_is_what_the_gateway_would_do() {
    let world = World::usual().await;
    let config = format!(
        r#"
        [[resource]]
        identifier = "{DRIVE}"
        issuer = "{}"
        upstream = "http://127.0.0.1:1"
        routes = [{{ path = "/files/**", scopes = ["read"] }}, {{ path = "/open", public = true }}]
        "#,
        world.issuer.url
    );
    let gateway = Gateway::new(Config::parse("test.toml", &config).unwrap()).unwrap();
    let explain = async |path: &str, scope: &str| {
        let token = world.issuer.token(DRIVE, scope);
        let request = Request::get(path).header("host", "a");
        let request = request.header("authorization", format!("Bearer {token}"));
        gateway.explain(&request.body(()).unwrap()).await
    };
    for (scope, expected) in [("read", None), ("write", Some(Step::Allowed))] {
        let explained = explain("/files/a", scope).await;
        let Explained::Checked { resource, route, needs, checks } = explained else {
            panic!("the route is protected")
        };
        assert_eq!(needs, ["the scopes read"]);
        assert_eq!((resource.as_str(), route.as_str()), (DRIVE, "/files/**"));
        let is_well =
            |outcome: &Outcome| matches!(outcome, Outcome::Passed | Outcome::NotApplicable);
        let failed = checks.iter().find(|check| !is_well(&check.outcome));
        assert_eq!(failed.map(|check| check.name), expected);
    }
    assert!(matches!(explain("/open", "").await, Explained::Public { .. }));
    for path in ["/other", "/files/..%2fopen", "/Open"] {
        assert!(matches!(explain(path, "read").await, Explained::Unrouted { .. }), "{path}");
    }
}
