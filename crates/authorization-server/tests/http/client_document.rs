//! Clients that describe themselves in a document (draft-ietf-oauth-client-id-metadata-document).

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bailiwick_fetch::Fetcher;
use bailiwick_oauth::credentials::JWT_BEARER;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::browser::{Browser, parameter};
use super::server::{API, Answer, CHALLENGE, CONFIG, ISSUER, OF_FILES, Server, VERIFIER, robot};

const AUTHORITY: &[u8] = include_bytes!("../../../fetch/tests/fixtures/authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../../fetch/tests/fixtures/server.pem");
const KEY: &[u8] = include_bytes!("../../../fetch/tests/fixtures/server.key.pem");

/// Appended to the configuration of the tests.
const DOCUMENTS: &str = "
[unknown_clients]
documents = true
scopes = [\"openid\", \"profile\"]
resources = { \"https://api.example.com\" = [\"read\"], \"https://files.example.com\" = \"*\" }
";

const BACK: &str = "http://127.0.0.1/cb";

/// The web server of the client's publisher: what it answers, and how often it was asked.
struct Publisher {
    port: u16,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    /// While it holds, answers wait for it.
    hold: Arc<Mutex<Option<Arc<Notify>>>>,
}

impl Publisher {
    async fn start() -> Self {
        let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()];
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_slice(KEY).unwrap())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let publisher = Self {
            port: listener.local_addr().unwrap().port(),
            answer: Arc::default(),
            asked: Arc::default(),
            hold: Arc::default(),
        };
        let (answer, asked) = (Arc::clone(&publisher.answer), Arc::clone(&publisher.asked));
        let hold = Arc::clone(&publisher.hold);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
                let (asked, hold) = (Arc::clone(&asked), Arc::clone(&hold));
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    let _ = stream.read(&mut [0; 4096]).await?;
                    asked.fetch_add(1, Ordering::SeqCst);
                    let held = hold.lock().unwrap().clone();
                    if let Some(held) = held {
                        held.notified().await;
                    }
                    let answer = answer.lock().unwrap().clone();
                    stream.write_all(answer.as_bytes()).await?;
                    stream.shutdown().await
                });
            }
        });
        publisher
    }

    /// The identifier of the client that is described here.
    fn client_id(&self) -> String {
        format!("https://id.example:{}/client", self.port)
    }

    fn answers(&self, head: &str, body: &str) {
        let text = format!(
            "HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        *self.answer.lock().unwrap() = text;
    }

    fn publishes(&self, document: &Value) {
        self.answers("200 OK\r\ncontent-type: application/json", &document.to_string());
    }

    /// The document of a native app.
    fn document(&self) -> Value {
        json!({
            "client_id": self.client_id(),
            "client_name": "Example Editor",
            "redirect_uris": [BACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A server that reaches this one under its name, and nobody else at a private address.
    async fn server(&self, config: &str) -> Server {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let fetcher = Fetcher::builder()
            .extra_authorities(AUTHORITY)
            .resolve("id.example", [here])
            .allow_private_host("id.example")
            .resolve("rebound.example", [here])
            .build()
            .unwrap();
        Server::asking(ISSUER, &format!("{CONFIG}{config}"), fetcher).await
    }
}

async fn started() -> (Publisher, Server) {
    let publisher = Publisher::start().await;
    publisher.publishes(&publisher.document());
    let server = publisher.server(DOCUMENTS).await;
    (publisher, server)
}

/// Asks for authorization as the client that is described at an address.
async fn authorize(browser: &mut Browser<'_>, client_id: &str, more: &[(&str, &str)]) -> Answer {
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", "http://127.0.0.1:5123/cb"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.extend(more);
    browser.open("/authorize", &pairs).await
}

/// From the request to the code.
async fn code(server: &Server, client_id: &str, more: &[(&str, &str)]) -> String {
    let mut browser = Browser::new(server);
    let login = authorize(&mut browser, client_id, more).await;
    let consent = browser.sign_in(&login, "ada").await;
    parameter(&browser.allow(&consent).await, "code")
}

fn redemption<'p>(client_id: &'p str, code: &'p str) -> Vec<(&'p str, &'p str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", code),
        ("redirect_uri", "http://127.0.0.1:5123/cb"),
        ("code_verifier", VERIFIER),
    ]
}

#[tokio::test]
async fn a_client_that_nobody_registered_gets_what_the_ceiling_holds() {
    let (publisher, server) = started().await;
    let id = publisher.client_id();
    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid email read write"), ("resource", API)];
    let login = authorize(&mut browser, &id, &asked).await;
    assert!(login.body.contains("Example Editor"), "{}", login.body);
    let consent = browser.sign_in(&login, "ada").await;
    for shown in ["It was described by id.example;", "127.0.0.1:5123", "Example Editor"] {
        assert!(consent.body.contains(shown), "{shown} is not in {}", consent.body);
    }
    let code = parameter(&browser.allow(&consent).await, "code");
    // It sends no `resource` here: the sole API that was granted (rules §5.3).
    let tokens = server.post("/token", &redemption(&id, &code)).await;
    assert_eq!(tokens.claims()["aud"], API);
    assert_eq!(tokens.claims()["client_id"], *id);
    assert_eq!(tokens.text("scope"), "read", "email and write are above the ceiling");
    // It said that it uses refresh tokens.
    let refresh = tokens.text("refresh_token");
    let pairs =
        [("grant_type", "refresh_token"), ("client_id", &*id), ("refresh_token", &*refresh)];
    assert_eq!(server.post("/token", &pairs).await.text("scope"), "read");
    assert_eq!(publisher.asked(), 1, "one fetch for all of it");
    let metadata = server.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata.json()["client_id_metadata_document_supported"], true);
}

#[tokio::test]
async fn documents_are_not_read_unless_the_operator_says_so() {
    let publisher = Publisher::start().await;
    publisher.publishes(&publisher.document());
    let hosts = "[unknown_clients]\ndocuments = true\ndocument_hosts = [\"apps.example\"]\n";
    for config in ["", hosts] {
        let server = publisher.server(config).await;
        let answer = authorize(&mut Browser::new(&server), &publisher.client_id(), &[]).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("no client is registered as"), "{}", answer.body);
        assert_eq!(publisher.asked(), 0);
    }
    let metadata = publisher.server("").await.get("/.well-known/oauth-authorization-server").await;
    assert!(metadata.json().get("client_id_metadata_document_supported").is_none());
}

/// What the user reads when a document is of no use.
async fn trouble(server: &Server, client_id: &str) -> String {
    let answer = authorize(&mut Browser::new(server), client_id, &[]).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.header("location"), "", "nobody is sent anywhere");
    answer.body
}

// draft-ietf-oauth-client-id-metadata-document §4: "The authorization server MUST NOT automatically
// follow HTTP redirects"; "The Client ID Metadata Document MUST be served with a 200 OK HTTP status
// code. The authorization server MUST treat all other HTTP status codes as an error response".
#[tokio::test]
async fn what_is_no_good_document_is_refused() {
    let (publisher, server) = started().await;
    let id = publisher.client_id();
    let other = json!({ "client_id": "https://id.example/other", "redirect_uris": [BACK] });
    let with = |member: &str, value: Value| {
        let mut document = publisher.document();
        document[member] = value;
        document.to_string()
    };
    let json = "200 OK\r\ncontent-type: application/json";
    let long = with("client_name", "a".repeat(6000).into());
    let cases: Vec<(&str, String, &str)> = vec![
        ("404 Not Found", String::new(), "status 404"),
        (
            "201 Created\r\ncontent-type: application/json",
            publisher.document().to_string(),
            "status 201",
        ),
        ("302 Found\r\nlocation: https://id.example/x", String::new(), "redirects"),
        (
            "200 OK\r\ncontent-type: text/html",
            publisher.document().to_string(),
            "not said to be JSON",
        ),
        (json, "{".to_owned(), "no JSON object"),
        (json, "[]".to_owned(), "no JSON object"),
        (json, long, "larger than 5120 bytes"),
        (json, other.to_string(), "client_id in the document is not its own address"),
        (json, with("client_secret", "x".into()), "client_secret cannot stand in a document"),
        (json, with("token_endpoint_auth_method", "client_secret_basic".into()), "none or private"),
        (json, with("redirect_uris", json!([])), "redirect_uris"),
        (json, with("redirect_uris", json!(["javascript:alert(1)"])), "redirect URI"),
        (json, with("logo_uri", "data:image/png,x".into()), "logo_uri is no address"),
        (json, with("client_name", "x\u{202e}y".into()), "client_name is not one line"),
    ];
    for (head, body, expected) in cases {
        publisher.answers(head, &body);
        let said = trouble(&server, &id).await;
        assert!(said.contains(expected), "{head} {body}: {said}");
        server.pass(11); // past the rest that a failure has
    }
}

// draft-ietf-oauth-client-id-metadata-document §8.6: "Authorization servers MUST NOT fetch a Client ID
// Metadata Document URL … that resolve to special-use IP addresses".
#[tokio::test]
async fn nobody_makes_the_server_ask_in_private_places() {
    let (publisher, server) = started().await;
    let port = publisher.port;
    for id in [
        format!("https://127.0.0.1:{port}/client"),
        format!("https://localhost:{port}/client"),
        format!("https://rebound.example:{port}/client"),
        format!("https://[::ffff:127.0.0.1]:{port}/client"),
        "https://10.0.0.1/client".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://[fe80::1]/client".to_owned(),
        "https://0.0.0.0/client".to_owned(),
    ] {
        let said = trouble(&server, &id).await;
        assert!(said.contains("of no use: "), "{id}: {said}");
        for hint in ["127.0.0.1 ", "refused", "no public address", "certificate"] {
            assert!(!said.contains(hint), "{id} tells of our network: {said}");
        }
    }
    assert_eq!(publisher.asked(), 0);
    for id in
        ["http://id.example/client", "https://id.example/a/../client", "https://u@id.example/x"]
    {
        let said = trouble(&server, id).await;
        assert!(said.contains("no client is registered as"), "{id}: {said}");
    }
}

#[tokio::test]
async fn a_document_is_fetched_again_when_it_is_no_longer_fresh() {
    let (publisher, server) = started().await;
    let id = publisher.client_id();
    let fresh_for = |seconds: &str, document: &Value| {
        let head =
            format!("200 OK\r\ncontent-type: application/json\r\ncache-control: max-age={seconds}");
        publisher.answers(&head, &document.to_string());
    };
    let ask =
        async || authorize(&mut Browser::new(&server), &id, &[("resource", API)]).await.status;
    fresh_for("600", &publisher.document());
    for (pass, fetches) in [(0, 1), (599, 1), (1, 2), (600, 3)] {
        server.pass(pass);
        assert_ne!(ask().await, 400);
        assert_eq!(publisher.asked(), fetches, "after {pass} more seconds");
    }
    // No shorter than a minute, whatever it says, and no longer than a day.
    server.pass(600);
    fresh_for("0", &publisher.document());
    for (pass, fetches) in [(0, 4), (59, 4), (1, 5)] {
        server.pass(pass);
        ask().await;
        assert_eq!(publisher.asked(), fetches);
    }
    fresh_for("99999999", &publisher.document());
    server.pass(60);
    ask().await;
    server.pass(24 * 3600);
    ask().await;
    assert_eq!(publisher.asked(), 7);
}

#[tokio::test]
async fn a_document_that_changes_or_goes_between_two_steps_counts_as_it_is_now() {
    let (publisher, server) = started().await;
    let id = publisher.client_id();
    let asked = [("scope", "read"), ("resource", API)];
    let first = code(&server, &id, &asked).await;
    let tokens = server.post("/token", &redemption(&id, &first)).await;
    let refresh = tokens.text("refresh_token");
    // The redirect URI goes while the user reads: nobody is sent there any more.
    let mut browser = Browser::new(&server);
    let login = authorize(&mut browser, &id, &asked).await;
    let consent = browser.sign_in(&login, "ada").await;
    let mut moved = publisher.document();
    moved["redirect_uris"] = json!(["http://127.0.0.1/elsewhere"]);
    publisher.publishes(&moved);
    server.pass(301);
    let refused = browser.allow(&consent).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    // An outage does not end anything at once.
    let pairs =
        [("grant_type", "refresh_token"), ("client_id", &*id), ("refresh_token", &*refresh)];
    publisher.answers("503 Service Unavailable", "");
    server.pass(301);
    let tokens = server.post("/token", &pairs).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let refresh = tokens.text("refresh_token");
    // But not for ever, and a document that is gone is gone at once.
    let pairs =
        [("grant_type", "refresh_token"), ("client_id", &*id), ("refresh_token", &*refresh)];
    server.pass(3601);
    server.post("/token", &pairs).await.expect(401, "invalid_client");
    publisher.publishes(&publisher.document());
    server.pass(11);
    assert_eq!(server.post("/token", &pairs).await.status, 200);
    publisher.answers("404 Not Found", "");
    server.pass(301);
    server.post("/token", &pairs).await.expect(401, "invalid_client");
}

#[tokio::test]
async fn a_failure_is_not_tried_again_at_once() {
    let (publisher, server) = started().await;
    let id = publisher.client_id();
    publisher.answers("500 Internal Server Error", "");
    for (pass, fetches) in [(0, 1), (9, 1), (1, 2)] {
        server.pass(pass);
        trouble(&server, &id).await;
        assert_eq!(publisher.asked(), fetches);
    }
    publisher.publishes(&publisher.document());
    server.pass(10);
    let answer = authorize(&mut Browser::new(&server), &id, &[("resource", API)]).await;
    assert_ne!(answer.status, 400, "an error is not kept: {}", answer.body);
}

#[tokio::test]
async fn many_at_once_fetch_once() {
    let (publisher, server) = started().await;
    let id = publisher.client_id();
    let gate = Arc::new(Notify::new());
    *publisher.hold.lock().unwrap() = Some(Arc::clone(&gate));
    let ask =
        async || authorize(&mut Browser::new(&server), &id, &[("resource", API)]).await.status;
    let release = async {
        while publisher.asked() == 0 {
            tokio::task::yield_now().await;
        }
        // All four have asked by now, and one of them is being answered.
        *publisher.hold.lock().unwrap() = None;
        gate.notify_waiters();
    };
    let (a, b, c, d, ()) = tokio::join!(ask(), ask(), ask(), ask(), release);
    assert!([a, b, c, d].iter().all(|status| *status != 400), "{a} {b} {c} {d}");
    assert_eq!(publisher.asked(), 1);
}

#[tokio::test]
async fn a_client_with_keys_authenticates_with_them() {
    let (publisher, server) = started().await;
    let id = publisher.client_id();
    let mut document = publisher.document();
    document["token_endpoint_auth_method"] = "private_key_jwt".into();
    document["jwks"] = json!({ "keys": [robot().verifying_key().to_jwk()] });
    publisher.publishes(&document);
    let code = code(&server, &id, &[("scope", "read"), ("resource", API)]).await;
    let without = redemption(&id, &code);
    server.post("/token", &without).await.expect(401, "invalid_client");
    let claims = json!({
        "iss": id, "sub": id, "aud": ISSUER, "jti": "1", "exp": server.now() + 60,
    });
    let assertion = robot().sign("JWT", claims.to_string().as_bytes()).unwrap();
    let mut pairs = redemption(&id, &code);
    pairs.extend([("client_assertion_type", JWT_BEARER), ("client_assertion", &*assertion)]);
    assert_eq!(server.post("/token", &pairs).await.status, 200);
}

#[tokio::test]
async fn a_token_of_such_a_client_is_looked_up_without_asking_anybody() {
    let (publisher, server) = started().await;
    let id = publisher.client_id();
    let files = "https://files.example.com";
    let code = code(&server, &id, &[("scope", "list"), ("resource", files)]).await;
    let tokens = server.post("/token", &redemption(&id, &code)).await;
    let token = tokens.text("access_token");
    publisher.answers("404 Not Found", "");
    server.pass(302);
    let asked = publisher.asked();
    let answer = server.post_as(files, OF_FILES, "/introspect", &[("token", &token)]).await;
    assert_eq!(answer.json()["active"], true, "{}", answer.body);
    assert_eq!(publisher.asked(), asked);
}

#[tokio::test]
async fn a_name_that_is_taken_is_no_address_of_a_document() {
    let publisher = Publisher::start().await;
    publisher.publishes(&publisher.document());
    let id = publisher.client_id();
    // An API of the operator's has that name.
    let config = format!("{DOCUMENTS}[[resource]]\nidentifier = \"{id}\"\nname = \"Taken\"\n");
    let server = publisher.server(&config).await;
    assert!(trouble(&server, &id).await.contains("no client is registered as"));
    // The operator registered the client itself: the document does not count.
    let config = format!(
        "{DOCUMENTS}[[client]]\nid = \"{id}\"\nname = \"Known\"\nauthentication = \"none\"\n\
         redirect_uris = [\"{BACK}\"]\nresources = {{ \"*\" = \"*\" }}\n"
    );
    let server = publisher.server(&config).await;
    let mut browser = Browser::new(&server);
    let login = authorize(&mut browser, &id, &[("scope", "read"), ("resource", API)]).await;
    assert!(login.body.contains("Known"), "{}", login.body);
    assert_eq!(publisher.asked(), 0);
}
