//! Clients that register themselves (RFC 7591), and manage that (RFC 7592).

use axum::body::Body;
use bailiwick_grant::Change;
use bailiwick_grant::state::{Client, InitialAccessToken};
use bailiwick_oauth::Secret;
use bailiwick_store::{Store, StoreExt};
use http::Request;
use serde_json::{Value, json};

use super::browser::{Browser, parameter};
use super::server::{API, Answer, CHALLENGE, CONFIG, ISSUER, Server, VERIFIER};

fn config(door: &str) -> String {
    format!(
        "{CONFIG}\n[unknown_clients]\nregistration = \"{door}\"\nscopes = [\"openid\"]\n\
         resources = {{ \"https://api.example.com\" = [\"read\"] }}\nmost = 30\n"
    )
}

async fn open() -> Server {
    Server::with(ISSUER, &config("open")).await
}

/// Sends JSON, with a token if there is one.
async fn sent(server: &Server, method: &str, path: &str, token: &str, body: &Value) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = if body.is_null() {
        Body::empty()
    } else {
        request = request.header("content-type", "application/json");
        Body::from(body.to_string())
    };
    server.send(request.body(body).unwrap()).await
}

async fn register(server: &Server, metadata: &Value) -> Answer {
    sent(server, "POST", "/register", "", metadata).await
}

/// The path at which a registration is managed.
fn place(answer: &Answer) -> String {
    answer.text("registration_client_uri").strip_prefix(ISSUER).unwrap().to_owned()
}

fn app() -> Value {
    json!({
        "client_name": "Example App",
        "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid read write delete",
    })
}

/// From the authorization request of a client to its code.
async fn code(server: &Server, client_id: &str) -> String {
    let mut browser = Browser::new(server);
    let pairs = [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", "https://app.example/cb"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("scope", "read write"),
        ("resource", API),
    ];
    let login = browser.open("/authorize", &pairs).await;
    let consent = browser.sign_in(&login, "ada").await;
    assert!(consent.body.contains("It registered itself; nobody here checked"), "{}", consent.body);
    parameter(&browser.allow(&consent).await, "code")
}

async fn redeem(server: &Server, registered: &Answer, code: &str) -> Answer {
    let (id, secret) = (registered.text("client_id"), registered.text("client_secret"));
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", "https://app.example/cb"),
        ("code_verifier", VERIFIER),
    ];
    server.post_as(&id, &secret, "/token", &pairs).await
}

async fn refresh(server: &Server, registered: &Answer, token: &str) -> Answer {
    let (id, secret) = (registered.text("client_id"), registered.text("client_secret"));
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token)];
    server.post_as(&id, &secret, "/token", &pairs).await
}

//= https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1
//= type=test
//# Additionally, the authorization server MUST return all registered
//# metadata about this client, including any fields provisioned by the
//# authorization server itself.
#[tokio::test]
async fn a_registration_is_answered_with_everything_that_was_registered() {
    let server = open().await;
    let answer = register(&server, &app()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut said = answer.json();
    let members = said.as_object_mut().unwrap();
    for (member, octets) in
        [("client_id", 22), ("client_secret", 43), ("registration_access_token", 43)]
    {
        let text = members.remove(member).unwrap();
        let text = text.as_str().unwrap();
        assert_eq!(text.len(), octets, "{member}");
        assert!(text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c)), "{text}");
    }
    members.remove("registration_client_uri");
    assert_eq!(
        said,
        json!({
            "client_id_issued_at": server.now(),
            "client_secret_expires_at": 0,
            "client_name": "Example App",
            "redirect_uris": ["https://app.example/cb"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": "openid read",
        }),
        "write and delete are above the operator's ceiling"
    );
    let metadata = server.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata.text("registration_endpoint"), format!("{ISSUER}/register"));
}

#[tokio::test]
async fn a_registered_client_gets_what_the_ceiling_holds_until_it_is_removed() {
    let server = open().await;
    let registered = register(&server, &app()).await;
    let code = code(&server, &registered.text("client_id")).await;
    // It sends no `resource` here: the sole API that was granted (rules §5.3).
    let tokens = redeem(&server, &registered, &code).await;
    assert_eq!(tokens.claims()["aud"], API);
    assert_eq!(tokens.text("scope"), "read");
    let (token, access) = (tokens.text("refresh_token"), tokens.text("access_token"));
    let tokens = refresh(&server, &registered, &token).await;
    let token = tokens.text("refresh_token");

    let management = registered.text("registration_access_token");
    let gone = sent(&server, "DELETE", &place(&registered), &management, &Value::Null).await;
    assert_eq!(gone.status, 204);
    assert!(gone.body.is_empty());
    refresh(&server, &registered, &token).await.expect(401, "invalid_client");
    let asker = (API, super::server::OF_API);
    let looked = server.post_as(asker.0, asker.1, "/introspect", &[("token", &access)]).await;
    assert_eq!(looked.json()["active"], false);
    sent(&server, "GET", &place(&registered), &management, &Value::Null)
        .await
        .expect(401, "invalid_token");
}

#[tokio::test]
async fn a_native_client_needs_no_secret() {
    let server = open().await;
    for redirect in ["com.example.app:/cb", "http://127.0.0.1/cb", "http://[::1]:4000/cb"] {
        let answer = register(&server, &json!({ "redirect_uris": [redirect] })).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(answer.text("token_endpoint_auth_method"), "none");
        assert!(answer.json().get("client_secret").is_none());
        assert_eq!(answer.json()["redirect_uris"], json!([redirect]));
    }
}

#[tokio::test]
async fn nobody_registers_unless_the_operator_says_so() {
    let server = Server::new().await;
    register(&server, &app()).await.expect(404, "invalid_request");
    let metadata = server.get("/.well-known/oauth-authorization-server").await;
    assert!(metadata.json().get("registration_endpoint").is_none());
}

#[tokio::test]
async fn an_initial_access_token_admits_as_often_as_it_says() {
    let server = Server::with(ISSUER, &config("token")).await;
    let token = |text: &str, left, expires_at| InitialAccessToken {
        digest: Secret::new(text).digest(),
        label: "ci".to_owned(),
        left,
        expires_at,
    };
    let records = [token("good", 2, server.now() + 60), token("old", 2, server.now())];
    let records = records.into_iter().map(Change::insert).collect();
    server.store.commit(records).await.unwrap();
    for (presented, status) in [("", 401), ("bad", 401), ("old", 401), ("good", 201), ("good", 201)]
    {
        let answer = sent(&server, "POST", "/register", presented, &app()).await;
        assert_eq!(answer.status, status, "{presented}: {}", answer.body);
        if status == 401 {
            assert!(
                answer.header("www-authenticate").starts_with("Bearer error=\"invalid_token\"")
            );
        }
    }
    sent(&server, "POST", "/register", "good", &app()).await.expect(401, "invalid_token");
}

#[tokio::test]
async fn what_is_no_metadata_is_refused() {
    let server = open().await;
    let with = |member: &str, value: Value| {
        let mut metadata = app();
        metadata[member] = value;
        metadata
    };
    for (metadata, error) in [
        (with("redirect_uris", json!(["javascript:alert(1)"])), "invalid_redirect_uri"),
        (with("redirect_uris", json!(["https://app.example/cb#x"])), "invalid_redirect_uri"),
        (with("redirect_uris", json!([])), "invalid_redirect_uri"),
        (with("logo_uri", json!("data:image/svg+xml,x")), "invalid_client_metadata"),
        (with("client_uri", json!("javascript:alert(1)")), "invalid_client_metadata"),
        (with("grant_types", json!(["password"])), "invalid_client_metadata"),
        (with("scope", json!("delete")), "invalid_client_metadata"),
        (with("software_statement", json!("a.b.c")), "unapproved_software_statement"),
        (json!([]), "invalid_client_metadata"),
    ] {
        let answer = register(&server, &metadata).await;
        answer.expect(400, error);
        assert!(!answer.text("error_description").is_empty(), "{}", answer.body);
    }
    for (content_type, body, status) in [
        ("application/x-www-form-urlencoded", "a=b".to_owned(), 415),
        ("application/json", "{".to_owned(), 400),
        ("application/json", "{\"scope\":\"a\",\"scope\":\"b\"}".to_owned(), 400),
        ("application/json", format!("{{\"x\":\"{}\"}}", "a".repeat(32 * 1024)), 413),
    ] {
        let request = Request::post("/register").header("content-type", content_type);
        let answer = server.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    assert!(
        !server.store.all::<Client>().await.unwrap().iter().any(|c| c.value.unvetted.is_some())
    );
}

#[tokio::test]
async fn a_registration_is_read_and_replaced_with_its_own_token() {
    let server = open().await;
    let (mine, other) = (register(&server, &app()).await, register(&server, &app()).await);
    let token = mine.text("registration_access_token");
    let strange = other.text("registration_access_token");
    let read = sent(&server, "GET", &place(&mine), &token, &Value::Null).await;
    assert_eq!(read.status, 200);
    assert_eq!(read.text("client_id"), mine.text("client_id"));
    assert_eq!(read.text("registration_access_token"), token);
    assert!(read.json().get("client_secret").is_none(), "it was told once");
    for (method, token, status) in
        [("GET", "", 401), ("GET", &*strange, 401), ("DELETE", &*strange, 401)]
    {
        let answer = sent(&server, method, &place(&mine), token, &Value::Null).await;
        assert_eq!(answer.status, status, "{method} {token}");
    }
    sent(&server, "GET", "/register/shop", &token, &Value::Null).await.expect(401, "invalid_token");

    let id = mine.text("client_id");
    let new = |more: Value| {
        let mut metadata = app();
        metadata["client_id"] = id.as_str().into();
        metadata["client_name"] = "Another Name".into();
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        metadata
    };
    for bad in [
        json!({ "client_id": "other" }),
        json!({ "client_id": null }),
        json!({ "client_secret": "chosen" }),
        json!({ "registration_access_token": token }),
        json!({ "registration_client_uri": "https://id.example.com/x" }),
        json!({ "client_id_issued_at": 1 }),
        json!({ "redirect_uris": ["javascript:x"] }),
    ] {
        let answer = sent(&server, "PUT", &place(&mine), &token, &new(bad.clone())).await;
        assert_eq!(answer.status, 400, "{bad}: {}", answer.body);
    }
    let good = new(json!({ "client_secret": mine.text("client_secret"), "scope": null }));
    let replaced = sent(&server, "PUT", &place(&mine), &token, &good).await;
    assert_eq!(replaced.status, 200, "{}", replaced.body);
    assert_eq!(replaced.text("client_name"), "Another Name");
    assert!(replaced.json().get("scope").is_none(), "what is left out is taken away");
    // The secret still holds: it was not replaced.
    let code = code(&server, &id).await;
    assert_eq!(redeem(&server, &mine, &code).await.status, 200);
}

#[tokio::test]
async fn unused_registrations_are_forgotten() {
    let server = open().await;
    let (used, unused) = (register(&server, &app()).await, register(&server, &app()).await);
    let code = code(&server, &used.text("client_id")).await;
    let tokens = redeem(&server, &used, &code).await;
    server.pass(24 * 3600);
    let token = unused.text("registration_access_token");
    let pairs = [("grant_type", "client_credentials")];
    let (id, secret) = (unused.text("client_id"), unused.text("client_secret"));
    server.post_as(&id, &secret, "/token", &pairs).await.expect(401, "invalid_client");
    server.store.sweep(server.now(), 100).await.unwrap();
    sent(&server, "GET", &place(&unused), &token, &Value::Null).await.expect(401, "invalid_token");
    // One that is used stays, and each use keeps it longer.
    let tokens = refresh(&server, &used, &tokens.text("refresh_token")).await;
    server.pass(29 * 24 * 3600 + 23 * 3600);
    server.store.sweep(server.now(), 100).await.unwrap();
    assert_eq!(refresh(&server, &used, &tokens.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn registrations_are_bounded_in_number_and_by_address() {
    let server = open().await;
    for _ in 0..20 {
        assert_eq!(register(&server, &app()).await.status, 201);
    }
    let answer = register(&server, &app()).await;
    answer.expect(429, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "10");
    // With the waits kept, the number is bounded all the same.
    let mut registered = 20;
    let full = loop {
        server.pass(3700);
        let answer = register(&server, &app()).await;
        if answer.status != 201 {
            break answer;
        }
        registered += 1;
        assert!(registered <= 30, "more than the configuration allows");
    };
    assert_eq!(registered, 30);
    full.expect(503, "temporarily_unavailable");
    // What is forgotten makes room.
    server.pass(24 * 3600);
    server.store.sweep(server.now(), 100).await.unwrap();
    assert_eq!(register(&server, &app()).await.status, 201);
}

#[tokio::test]
async fn the_operators_ceiling_counts_as_it_is_now() {
    let server = open().await;
    let registered = register(&server, &app()).await;
    let code = code(&server, &registered.text("client_id")).await;
    let tokens = redeem(&server, &registered, &code).await;
    let stored = server.store.all::<Client>().await.unwrap();
    let mut client = stored.into_iter().find(|c| c.value.unvetted.is_some()).unwrap().value;
    // Whatever the record says: what the client may do is not its record's to say.
    client.ceiling.others = bailiwick_grant::state::Reach::Everything;
    client.ceiling.global = bailiwick_grant::state::Reach::Everything;
    client.first_party = true;
    server.store.commit(vec![Change::put(client)]).await.unwrap();
    let tokens = refresh(&server, &registered, &tokens.text("refresh_token")).await;
    assert_eq!(tokens.text("scope"), "read");
    let mut browser = Browser::new(&server);
    let id = registered.text("client_id");
    let pairs = [
        ("response_type", "code"),
        ("client_id", &*id),
        ("redirect_uri", "https://app.example/cb"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", super::server::ANOTHER),
    ];
    let refused = browser.open("/authorize", &pairs).await;
    assert_eq!(parameter(&refused, "error"), "invalid_target");
}
