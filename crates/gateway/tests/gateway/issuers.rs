//! Whose tokens are taken and how they are looked at; docs/gateway/issuers.md says it in words.

use std::fs;

use bailiwick_gateway::Config;
use bailiwick_jose::{Algorithm, SigningKey};
use bailiwick_resource_server::ClientCertificate;
use bailiwick_resource_server::testing::TestIssuer;
use http::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Answer, DRIVE, World};

const ROUTES: &str = "routes = [{ path = \"/files\", scopes = [\"read\"] }]";

/// A folder of files that a configuration names.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file, and tells its name as a configuration has it.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The name of a file in it, as a configuration has it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Writes a key to sign with.
    pub(crate) fn key(&self, name: &str) -> String {
        use base64::Engine as _;
        let der = SigningKey::generate(Algorithm::Es256).unwrap().to_pkcs8();
        let text = base64::engine::general_purpose::STANDARD.encode(&*der);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let lines = lines.join("\n");
        self.file(
            name,
            &format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"),
        )
    }
}

async fn world(settings: &str) -> World {
    World::with(&format!(
        "trusted_proxies = [\"127.0.0.1\"]\n[[resource]]\nidentifier = \"{DRIVE}\"\n\
         upstream = \"UPSTREAM\"\n{ROUTES}\n{settings}"
    ))
    .await
}

async fn ask(world: &World, headers: &str) -> Answer {
    world
        .send(format!("GET /files HTTP/1.1\r\nHost: a\r\n{headers}Connection: close\r\n\r\n"))
        .await
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

#[tokio::test]
async fn tokens_of_several_issuers_pass_each_with_its_own_keys() {
    let (one, two, stranger) =
        (TestIssuer::serve().await, TestIssuer::serve().await, TestIssuer::serve().await);
    let world = world(&format!("issuer = [\"{}\", \"{}\"]", one.url(), two.url())).await;
    let token = |issuer: &TestIssuer| issuer.token().scope("read");
    for issuer in [&one, &two] {
        assert_eq!(ask(&world, &bearer(&token(issuer).mint(DRIVE))).await.status, 200);
    }
    assert_eq!(ask(&world, &bearer(&token(&stranger).mint(DRIVE))).await.status, 401);
    let crossed = token(&one).claim("iss", two.url()).mint(DRIVE);
    assert_eq!(ask(&world, &bearer(&crossed)).await.status, 401);
}

#[tokio::test]
async fn a_further_audience_and_another_profile_are_taken_where_they_are_configured() {
    let issuer = TestIssuer::serve().await;
    let plain = format!(
        "audience = [\"drive-api\"]\n[[resource.issuers]]\nissuer = \"{}\"\n\
         algorithms = [\"ES256\"]\nprofile = {{ plain_jwt = true, required = [\"sub\"], \
         client_id = [\"azp\"], scopes = [\"scp\"], fixed = {{ ver = [1, 2] }} }}",
        issuer.url()
    );
    let world = world(&plain).await;
    let token = || {
        let token = issuer.token().typ("JWT").without("scope").without("client_id");
        token.claim("scp", json!(["read"])).claim("ver", 1).claim("azp", "shop")
    };
    let answer = ask(&world, &bearer(&token().mint("drive-api"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("[\"x-auth-client\",\"shop\"]"), "{answer:?}");
    for refused in [
        token().mint("drive-apis"),
        token().claim("ver", 3).mint(DRIVE),
        token().claim("nonce", "n").mint(DRIVE),
    ] {
        assert_eq!(ask(&world, &bearer(&refused)).await.status, 401);
    }
}

#[tokio::test]
async fn opaque_tokens_are_looked_up_with_the_gateways_credentials() {
    let (issuer, folder) = (TestIssuer::serve().await, Folder::new());
    let secret = folder.file("gateway.secret", &format!("{}\n", TestIssuer::LOOKUP_SECRET));
    let settings = |secret: &str| {
        format!(
            "issuer = \"{}\"\nintrospection = {{ keep = 0 }}\ncredentials = {{ client_id = \
             \"{}\", client_secret_file = \"{secret}\" }}",
            issuer.url(),
            TestIssuer::LOOKUP_CLIENT
        )
    };
    let known = world(&settings(&secret)).await;
    let token = issuer.token().scope("read").opaque(DRIVE);
    assert_eq!(ask(&known, &bearer(&token)).await.status, 200);
    issuer.revoke(&token);
    assert_eq!(ask(&known, &bearer(&token)).await.status, 401);
    let other = issuer.token().scope("read").opaque("https://other.example");
    assert_eq!(ask(&known, &bearer(&other)).await.status, 401);

    let unknown = world(&settings(&folder.file("other.secret", "not this one"))).await;
    let token = issuer.token().scope("read").opaque(DRIVE);
    assert_eq!(ask(&unknown, &bearer(&token)).await.status, 503, "our fault, not the token's");
}

#[tokio::test]
async fn bound_tokens_alone_are_taken_where_the_resource_says_so() {
    let issuer = TestIssuer::serve().await;
    let world = world(&format!(
        "issuer = \"{}\"\ntokens = {{ binding = \"dpop\", origin = \"https://drive.example\" }}",
        issuer.url()
    ))
    .await;
    let client = issuer.client();
    let token = issuer.token().scope("read").bound_to(&client).mint(DRIVE);
    let proof = |uri: &str| {
        let proof = client.proof(&Method::GET, uri, &token, None);
        format!("Authorization: DPoP {token}\r\nDPoP: {proof}\r\n")
    };
    let good = proof("https://drive.example/files");
    let answer = ask(&world, &good).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.body.contains("dpop"), "the proof stays here");
    for refused in [
        good,
        proof("https://api.example.com/files"),
        bearer(&token),
        bearer(&issuer.token().scope("read").mint(DRIVE)),
    ] {
        assert_eq!(ask(&world, &refused).await.status, 401, "{refused}");
    }
}

#[tokio::test]
async fn a_trusted_proxys_word_on_the_clients_certificate_counts_and_goes_no_further() {
    let issuer = TestIssuer::serve().await;
    let settings = format!(
        "issuer = \"{}\"\ntokens = {{ client_certificate_header = \"X-Client-Digest\", \
         client_certificate_format = \"sha256\" }}",
        issuer.url()
    );
    let certificate = ClientCertificate::from_digest([7; 32]);
    let token = issuer.token().scope("read").bound_to_certificate(&certificate).mint(DRIVE);
    let shown = format!("{}X-Client-Digest: {}\r\n", bearer(&token), "07".repeat(32));

    let world = world(&settings).await;
    let answer = ask(&world, &shown.replace("Bearer", "bearer")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.body.contains("0707"), "{answer:?}");
    let forged = format!("{shown}X_Client_Digest: evil\r\nClient-Cert: :ZXZpbA==:\r\n");
    let answer = ask(&world, &forged).await;
    assert!(answer.status == 200 && !answer.body.contains("evil"), "{answer:?}");
    assert!(!answer.body.contains("ZXZpbA"), "{answer:?}");
    assert_eq!(ask(&world, &shown.replace("07", "08")).await.status, 401);
    assert_eq!(ask(&world, &bearer(&token)).await.status, 401);

    // Believed from nobody else: the client of this test is not at this address.
    let elsewhere = World::with(&format!(
        "trusted_proxies = [\"10.9.9.9\"]\n[[resource]]\nidentifier = \"{DRIVE}\"\n\
         upstream = \"UPSTREAM\"\n{ROUTES}\n{settings}"
    ))
    .await;
    assert_eq!(ask(&elsewhere, &shown).await.status, 401);
}

#[tokio::test]
async fn encrypted_tokens_are_read_with_a_key_from_a_file() {
    let (issuer, folder) = (TestIssuer::serve().await, Folder::new());
    let key = folder.file("key.jwk", &issuer.decryption_key().to_jwk().unwrap());
    let settings = format!("issuer = \"{}\"", issuer.url());
    let token = issuer.token().scope("read").encrypted(DRIVE);
    let without = world(&settings).await;
    assert_eq!(ask(&without, &bearer(&token)).await.status, 401);
    let with =
        world(&format!("{settings}\ntokens = {{ decryption_key_files = [\"{key}\"] }}")).await;
    assert_eq!(ask(&with, &bearer(&token)).await.status, 200);
}

// RFC 8935 §2.2: 202, and the revocation is in force; it still is after a reload.
#[tokio::test]
async fn a_pushed_revocation_is_in_force_at_once() {
    let folder = Folder::new();
    let secret = folder.file("events.secret", "the secret of whoever pushes");
    let world = world(&format!(
        "issuer = \"ISSUER\"\nevents = {{ path = \"/events\", secret_file = \"{secret}\" }}"
    ))
    .await;
    let token = world.issuer.token(DRIVE, "read");
    assert_eq!(ask(&world, &bearer(&token)).await.status, 200);
    let event = world.issuer.mint(
        "secevent+jwt",
        &json!({
            "aud": DRIVE, "sub": null, "client_id": null,
            "sub_id": { "format": "iss_sub", "iss": world.issuer.url, "sub": "alice" },
            "events": { "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {} },
        }),
    );
    let post = async |authorization: &str| {
        let length = event.len();
        let head = format!(
            "POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/secevent+jwt\r\n\
             Content-Length: {length}\r\n{authorization}Connection: close\r\n\r\n{event}"
        );
        world.send(head).await
    };
    assert_eq!(post("").await.status, 400, "without the secret");
    assert_eq!(ask(&world, &bearer(&token)).await.status, 200);
    let taken = post("Authorization: Bearer the secret of whoever pushes\r\n").await;
    assert_eq!(taken.status, 202, "{taken:?}");
    assert_eq!(ask(&world, &bearer(&token)).await.status, 401);
    assert_eq!(world.get("/events", "a", None).await.status, 405);
    assert_eq!(world.upstream.seen().len(), 2, "{:?}", world.upstream.seen());
}

#[tokio::test]
async fn the_metadata_is_signed_and_stands_at_the_root_where_that_is_wanted() {
    let folder = Folder::new();
    let (key, next) = (folder.key("gateway.pem"), folder.key("next.pem"));
    let world = World::with(&format!(
        "signing = {{ issuer = \"https://gateway.example.com\", key_file = \"{key}\", \
         other_key_files = [\"{next}\"], jwks_path = \"/keys\" }}\n\
         [[resource]]\nidentifier = \"{DRIVE}\"\nissuer = \"ISSUER\"\nupstream = \"UPSTREAM\"\n\
         {ROUTES}\nmetadata = {{ signed = true, at_root_too = true, \
         documentation = \"https://example.com/docs\" }}"
    ))
    .await;
    let root = world.get("/.well-known/oauth-protected-resource", "a", None).await.json();
    let usual = world.get("/.well-known/oauth-protected-resource/drive", "a", None).await.json();
    assert_eq!(root, usual);
    assert_eq!(usual["resource_documentation"], "https://example.com/docs");
    assert_eq!(usual["jwks_uri"], "https://gateway.example.com/keys");
    let keys = world.get("/keys", "a", None).await;
    assert_eq!(keys.header("content-type"), Some("application/jwk-set+json"));
    let set = bailiwick_jose::Jwks::from_json(&keys.json()).unwrap();
    assert_eq!(set.keys().len(), 2);
    assert!(!keys.body.contains("\"d\""), "no private part");
    let signed = usual["signed_metadata"].as_str().unwrap();
    let jws = bailiwick_jose::Jws::parse(signed).unwrap();
    let key = set.find(jws.header().kid.as_deref(), Algorithm::Es256).unwrap();
    assert!(jws.verify(key).is_ok());
}

#[tokio::test]
async fn a_preflight_passes_where_the_resource_lets_it_and_nothing_else_does() {
    let preflight = "Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n";
    let send = async |world: &World, path: &str, headers: &str| {
        let head =
            format!("OPTIONS {path} HTTP/1.1\r\nHost: a\r\n{headers}Connection: close\r\n\r\n");
        world.send(head).await.status
    };
    let closed = world("issuer = \"ISSUER\"").await;
    assert_eq!(send(&closed, "/files", preflight).await, 401);
    let open = world("issuer = \"ISSUER\"\nallow_preflight = true").await;
    assert_eq!(send(&open, "/files", preflight).await, 200);
    for (path, headers, expected) in [
        ("/files", "Origin: https://app.example\r\n", 401),
        ("/files", "Access-Control-Request-Method: GET\r\n", 401),
        ("/other", preflight, 404),
        ("/files", &*format!("{preflight}Authorization: Bearer x\r\n"), 401),
        ("/files", &*format!("{preflight}Access-Control-Request-Method: PUT\r\n"), 401),
    ] {
        assert_eq!(send(&open, path, headers).await, expected, "{path} {headers}");
    }
    assert_eq!(ask(&open, preflight).await.status, 401, "a GET is no preflight");
}

#[test]
fn the_examples_of_the_documentation_are_configurations() {
    let page = include_str!("../../../../docs/gateway/issuers.md");
    let folder = Folder::new();
    folder.file("gateway.secret", "the secret of the gateway");
    folder.file("nonce.secret", "32 characters and more, of nobody's guess");
    folder.key("gateway.pem");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 5, "{examples:?}");
    for example in examples {
        if let Err(error) = Config::parse(&folder.path("gateway.toml"), example) {
            panic!("{error}\n{example}");
        }
    }
}
