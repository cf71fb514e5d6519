//! What upstreams learn of who asks; docs/gateway/identity.md says it in words.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use bailiwick_gateway::Config;
use bailiwick_jose::{Algorithm, Jwks, Jws};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::issuers::Folder;
use crate::support::{Answer, DRIVE, World};

const ROUTES: &str =
    "routes = [{ path = \"/files\", scopes = [\"read\"] }, { path = \"/open\", public = true }]";

async fn world(top: &str, settings: &str) -> World {
    World::with(&format!(
        "{top}\n[[resource]]\nidentifier = \"{DRIVE}\"\nissuer = \"ISSUER\"\nupstream = \
         \"UPSTREAM\"\n{ROUTES}\n{settings}"
    ))
    .await
}

/// What the upstream got under a name, in any spelling.
fn got(answer: &Answer, name: &str) -> Vec<String> {
    let headers = answer.json()["headers"].clone();
    let of = |header: &Value, at: usize| header[at].as_str().unwrap().to_owned();
    let headers = headers.as_array().unwrap().iter();
    headers.filter(|it| of(it, 0).replace('_', "-") == name).map(|it| of(it, 1)).collect()
}

async fn ask(world: &World, path: &str, token: &str, more: &str) -> Answer {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{more}Connection: close\r\n\r\n"
    );
    world.send(head).await
}

#[tokio::test]
async fn claims_go_on_in_headers_that_nobody_else_can_write() {
    let world = world(
        "",
        "identity = { claims = { \"X-Auth-Tenant\" = \"/org/id\", \"X-Auth-Groups\" = \"groups\" } }",
    )
    .await;
    let claims =
        json!({ "aud": DRIVE, "scope": "read", "org": { "id": "acme" }, "groups": ["a,b"] });
    let token = world.issuer.mint("at+jwt", &claims);
    let spoofed = "X-Auth-Tenant: evil\r\nX_Auth_Tenant: evil\r\nX-Auth-Groups: evil\r\n";
    let answer = ask(&world, "/files", &token, spoofed).await;
    assert_eq!(got(&answer, "x-auth-tenant"), ["acme"]);
    assert_eq!(got(&answer, "x-auth-groups"), ["[\"a,b\"]"]);
    assert_eq!(got(&answer, "x-auth-subject"), ["alice"]);
    let without = world.issuer.token(DRIVE, "read");
    for (path, token) in [("/files", &*without), ("/open", &*token)] {
        let answer = ask(&world, path, token, spoofed).await;
        assert!(got(&answer, "x-auth-tenant").is_empty(), "{answer:?}");
        assert!(!answer.body.contains("evil"), "{answer:?}");
    }
}

#[tokio::test]
async fn nothing_is_nothing() {
    let world = world("", "identity = { mode = \"none\" }").await;
    let token = world.issuer.token(DRIVE, "read");
    let answer = ask(&world, "/files", &token, "X-Auth-Subject: evil\r\n").await;
    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains("x-auth-") && !answer.body.contains("authorization"));
}

#[tokio::test]
async fn an_assertion_is_signed_for_the_upstream_alone_and_made_once() {
    let folder = Folder::new();
    let key = folder.key("gateway.pem");
    let world = world(
        &format!("signing = {{ issuer = \"https://gw.example\", key_file = \"{key}\" }}"),
        "identity = { mode = \"assertion\", audience = \"drive-backend\", lifetime = 30 }",
    )
    .await;
    let token = world.issuer.token(DRIVE, "read");
    let answer = ask(&world, "/files", &token, "X-Auth-Assertion: evil\r\n").await;
    let [assertion] = &got(&answer, "x-auth-assertion")[..] else { panic!("{answer:?}") };
    assert!(got(&answer, "x-auth-subject").is_empty());
    let keys = world.get("/.well-known/bailiwick-gateway/jwks.json", "a", None).await.json();
    let keys = Jwks::from_json(&keys).unwrap();
    let jws = Jws::parse(assertion).unwrap();
    assert!(jws.header().is_type("bailiwick-assertion+jwt"));
    let key = keys.find(jws.header().kid.as_deref(), Algorithm::Es256).unwrap();
    let claims: Value = serde_json::from_slice(&jws.verify(key).unwrap().payload).unwrap();
    assert_eq!(claims["iss"], "https://gw.example");
    assert_eq!(claims["aud"], "drive-backend");
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("alice"), &json!("shop")));
    assert_eq!((&claims["scope"], &claims["sub_iss"]), (&json!("read"), &json!(world.issuer.url)));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 30);

    let again = got(&ask(&world, "/files", &token, "").await, "x-auth-assertion");
    assert_eq!(
        again,
        std::slice::from_ref(assertion),
        "ECDSA never signs twice alike: this one was kept"
    );
    let bob = world.issuer.mint("at+jwt", &json!({ "aud": DRIVE, "scope": "read", "sub": "bob" }));
    let other = got(&ask(&world, "/files", &bob, "").await, "x-auth-assertion");
    assert_ne!(other, again);
    assert!(got(&ask(&world, "/open", &token, "").await, "x-auth-assertion").is_empty());
}

/// A token endpoint that notes what is asked and answers as it is told.
async fn endpoint() -> (String, Arc<Mutex<(u16, String)>>, Arc<Mutex<Vec<String>>>) {
    let answer = Arc::new(Mutex::new((200, String::new())));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (says, notes) = (answer.clone(), asked.clone());
    let count = Arc::new(AtomicUsize::new(1));
    let handler = move |body: String| {
        notes.lock().unwrap().push(body);
        let (status, text) = says.lock().unwrap().clone();
        let text = text.replace("COUNT", &count.fetch_add(1, Ordering::SeqCst).to_string());
        let status = axum::http::StatusCode::from_u16(status).unwrap();
        async move { (status, [("content-type", "application/json")], text) }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let router = Router::new().route("/token", post(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, answer, asked)
}

#[tokio::test]
async fn an_exchanged_token_goes_on_in_the_place_of_the_clients() {
    let (folder, (url, answer, asked)) = (Folder::new(), endpoint().await);
    let secret = folder.file("gateway.secret", "gateway's own");
    let world = world(
        "",
        &format!(
            "credentials = {{ client_id = \"gateway\", client_secret_file = \"{secret}\" }}\n\
             identity = {{ mode = \"exchange\", resource = \"https://inner.example\", \
             scopes = [\"inner\"], token_endpoint = \"{url}\" }}"
        ),
    )
    .await;
    let set = |status: u16, text: &str| *answer.lock().unwrap() = (status, text.to_owned());
    let good = r#"{"access_token":"inner-COUNT","token_type":"Bearer","expires_in":300,
        "issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}"#;
    let token = |jti: &str| {
        world.issuer.mint("at+jwt", &json!({ "aud": DRIVE, "scope": "read", "jti": jti }))
    };

    set(200, good);
    let one = token("1");
    for _ in 0..2 {
        let answer = ask(&world, "/files", &one, "").await;
        assert_eq!(got(&answer, "authorization"), ["Bearer inner-1"], "kept, and not the client's");
    }
    let form = asked.lock().unwrap()[0].clone();
    for part in [
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange",
        "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token",
        "resource=https%3A%2F%2Finner.example",
        "scope=inner",
        &one,
    ] {
        assert!(form.contains(part), "{part}: {form}");
    }
    let two = ask(&world, "/files", &token("2"), "").await;
    assert_eq!(got(&two, "authorization"), ["Bearer inner-2"], "another token, another exchange");
    assert_eq!(asked.lock().unwrap().len(), 2);
    let open = ask(&world, "/open", &one, "").await;
    assert!(got(&open, "authorization").is_empty());

    let before = world.upstream.seen().len();
    for (status, text, expected) in [
        (503, "{}", 503),
        (401, r#"{"error":"invalid_client"}"#, 503),
        (400, r#"{"error":"invalid_target"}"#, 503),
        (400, r#"{"error":"invalid_grant"}"#, 403),
        (200, r#"{"access_token":"x","token_type":"DPoP"}"#, 503),
        (200, r#"{"token_type":"Bearer"}"#, 503),
    ] {
        set(status, text);
        let answer = ask(&world, "/files", &token(text), "").await;
        assert_eq!(answer.status, expected, "{status} {text}");
        assert_eq!(answer.header("retry-after").is_some(), expected == 503);
    }
    assert_eq!(world.upstream.seen().len(), before, "without a token nothing goes on");
    assert_eq!(
        ask(&world, "/files", &one, "").await.status,
        200,
        "what is kept outlives an outage"
    );
}

#[test]
fn what_says_nothing_or_too_much_is_refused() {
    let with = |identity: &str| {
        let text = format!(
            "[[resource]]\nidentifier = \"{DRIVE}\"\nissuer = \"https://id.example\"\n\
             upstream = \"http://127.0.0.1:1\"\n{ROUTES}\nidentity = {identity}\n"
        );
        Config::parse("g.toml", &text).map(|_| ()).map_err(|error| error.to_string())
    };
    for (identity, expected) in [
        ("{ mode = \"jwt\" }", "expected \"headers\""),
        ("{ mode = \"assertion\" }", "no `audience`"),
        ("{ mode = \"assertion\", audience = \"a\" }", "add [signing]"),
        ("{ mode = \"exchange\", resource = \"https://a\" }", "add [resource.credentials]"),
        ("{ mode = \"none\", audience = \"a\" }", "has no effect with mode \"none\""),
        ("{ lifetime = 5 }", "has no effect with mode \"headers\""),
        ("{ claims = { Host = \"a\" } }", "not a header of the gateway's own"),
        ("{ claims = { \"X-Forwarded-For\" = \"a\" } }", "not a header of the gateway's own"),
        ("{ claims = { \"X-Auth-Subject\" = \"a\" } }", "not a header of the gateway's own"),
        ("{ claims = { \"X_Real.IP\" = \"a\" } }", "not a header of the gateway's own"),
    ] {
        let said = with(identity).unwrap_err();
        assert!(said.starts_with("g.toml:6:") && said.contains(expected), "{identity}: {said}");
    }
    assert_eq!(with("{}"), Ok(()));
}

#[test]
fn the_examples_of_the_documentation_are_configurations() {
    let page = include_str!("../../../../docs/gateway/identity.md");
    let folder = Folder::new();
    folder.file("gateway.secret", "the secret of the gateway");
    folder.key("gateway.pem");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 3, "{examples:?}");
    for example in examples {
        if let Err(error) = Config::parse(&folder.path("gateway.toml"), example) {
            panic!("{error}\n{example}");
        }
    }
}
