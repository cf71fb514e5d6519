//! Client certificates: authentication and bound tokens (RFC 8705).

use std::sync::Arc;

use axum::body::Body;
use bailiwick_authorization_server::{Peer, PeerCertificates};
use bailiwick_jose::{base64url, digest};
use http::Request;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::browser::Browser;
use super::server::{API, Answer, CALLBACK, CONFIG, ISSUER, SECRET, Server, VERIFIER, body};

const MTLS: &str = "
[mtls]
origin = \"https://mtls.example.com\"
client_ca = \"ca.pem\"
[[client]]
id = \"bank\"
name = \"Bank\"
authentication = \"tls_client_auth\"
sender_constraint = \"mtls\"
tls = { subject_dn = 'CN=bank,O=Example\\, Inc.,C=DE' }
grants = [\"client_credentials\"]
resources = { \"https://api.example.com\" = [\"read\"] }
[[client]]
id = \"own\"
name = \"Own\"
authentication = \"self_signed_tls_client_auth\"
jwks = { keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"KEY\" }] }
grants = [\"client_credentials\"]
resources = { \"https://api.example.com\" = [\"read\"] }
";

/// The certificate of a file, in DER.
fn der(name: &str) -> Vec<u8> {
    let file = format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    CertificateDer::from_pem_file(file).unwrap().to_vec()
}

/// The server's configuration with the clients that have certificates.
pub(crate) fn config() -> String {
    // An Ed25519 key is the last thing before the extensions; it stands behind its own header.
    let der = der("self-signed");
    let header = b"\x06\x03\x2b\x65\x70\x03\x21\x00";
    let at = der.windows(header.len()).position(|window| window == header).unwrap();
    let key = &der[at + header.len()..][..32];
    format!("{CONFIG}{}", MTLS.replace("KEY", &base64url::encode(key)))
}

fn shown(name: &str) -> PeerCertificates {
    PeerCertificates(Arc::new(vec![der(name).into()]))
}

/// What `cnf` says of a token that is bound to this certificate.
fn cnf(name: &str) -> serde_json::Value {
    json!({ "x5t#S256": base64url::encode(&digest::sha256(&der(name))) })
}

async fn ask(server: &Server, certificate: Option<&str>, pairs: &[(&str, &str)]) -> Answer {
    let mut request =
        Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    if let Some(name) = certificate {
        request = request.extension(shown(name));
    }
    server.send(request.body(body(pairs)).unwrap()).await
}

fn own<'a>(client: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("resource", API),
        ("scope", "read"),
    ]
}

//= https://www.rfc-editor.org/rfc/rfc8705#section-2
//= type=test
//# The authorization server MUST enforce the
//# binding between client and certificate, as described in either
//# Section 2.1 or Section 2.2 below.
#[tokio::test]
async fn a_client_authenticates_with_its_certificate_alone() {
    let server = Server::with(ISSUER, &config()).await;
    let answer = ask(&server, Some("vouched"), &own("bank")).await;
    assert_eq!(answer.text("token_type"), "Bearer", "{}", answer.body);
    assert_eq!(answer.claims()["cnf"], cnf("vouched"));
    for other in [None, Some("self-signed"), Some("for-servers"), Some("server")] {
        ask(&server, other, &own("bank")).await.expect(401, "invalid_client");
    }
    let answer = ask(&server, Some("self-signed"), &own("own")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.claims().get("cnf"), None, "nobody asked for it");
    for other in [None, Some("vouched"), Some("server")] {
        ask(&server, other, &own("own")).await.expect(401, "invalid_client");
    }
    // No other method takes the place of the registered one, and no certificate that of a secret.
    let mut with_secret = own("bank");
    with_secret.push(("client_secret", SECRET));
    ask(&server, Some("vouched"), &with_secret).await.expect(401, "invalid_client");
    ask(&server, Some("vouched"), &own("warehouse")).await.expect(401, "invalid_client");
}

#[tokio::test]
async fn a_certificate_is_good_in_its_time_alone() {
    let server = Server::with(ISSUER, &config()).await;
    server.pass(101 * 366 * 24 * 3600);
    ask(&server, Some("vouched"), &own("bank")).await.expect(401, "invalid_client");
}

#[tokio::test]
async fn without_the_section_no_certificate_counts() {
    let server = Server::with(ISSUER, CONFIG).await;
    let answer = server.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(answer.get("mtls_endpoint_aliases"), None);
    assert!(!answer["token_endpoint_auth_methods_supported"].to_string().contains("tls_client"));
}

#[tokio::test]
async fn the_metadata_says_where_certificates_go() {
    let server = Server::with(ISSUER, &config()).await;
    let answer = server.get("/.well-known/oauth-authorization-server").await.json();
    let aliases = &answer["mtls_endpoint_aliases"];
    assert_eq!(aliases["token_endpoint"], "https://mtls.example.com/token");
    assert_eq!(aliases["userinfo_endpoint"], "https://mtls.example.com/userinfo");
    assert_eq!(answer["tls_client_certificate_bound_access_tokens"], true);
    let methods = answer["token_endpoint_auth_methods_supported"].to_string();
    assert!(methods.contains("\"tls_client_auth\""), "{methods}");
    assert!(methods.contains("\"self_signed_tls_client_auth\""), "{methods}");
}

//= https://www.rfc-editor.org/rfc/rfc8705#section-4
//= type=test
//# In order to support this constraint, the authorization
//# server MUST bind the refresh token to the client certificate
//# and check that binding during the presentation of the refresh token
#[tokio::test]
async fn a_public_clients_tokens_are_bound_where_it_asks_for_it() {
    let demanding =
        config().replacen("id = \"shop\"", "id = \"shop\"\nsender_constraint = \"mtls\"", 1);
    let server = Server::with(ISSUER, &demanding).await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid offline_access")]).await;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", "shop"),
        ("code", &*code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    ask(&server, None, &pairs).await.expect(400, "invalid_request");
    let answer = ask(&server, Some("self-signed"), &pairs).await;
    assert_eq!(answer.claims()["cnf"], cnf("self-signed"), "{}", answer.body);
    let refresh = answer.text("refresh_token");
    let token = answer.text("access_token");
    let pairs =
        [("grant_type", "refresh_token"), ("client_id", "shop"), ("refresh_token", &*refresh)];
    ask(&server, Some("vouched"), &pairs).await.expect(400, "invalid_grant");
    assert_eq!(ask(&server, Some("self-signed"), &pairs).await.status, 200);

    let userinfo = async |certificate: Option<&str>| {
        let mut request =
            Request::get("/userinfo").header("authorization", format!("Bearer {token}"));
        if let Some(name) = certificate {
            request = request.extension(shown(name));
        }
        server.send(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(userinfo(Some("self-signed")).await.text("sub"), "s-ada");
    userinfo(Some("vouched")).await.expect(401, "invalid_token");
    userinfo(None).await.expect(401, "invalid_token");
}

#[tokio::test]
async fn a_header_counts_from_the_configured_proxy_alone() {
    let told = config()
        .replace("[mtls]\n", "[mtls]\nheader = \"client-cert\"\nformat = \"client-cert\"\n");
    let server = Server::with(ISSUER, &format!("proxies = [\"10.0.0.1\"]\n{told}")).await;
    let file = format!("{}/tests/tls/vouched.pem", env!("CARGO_MANIFEST_DIR"));
    let lines = std::fs::read_to_string(file).unwrap();
    let value: String = lines.lines().filter(|line| !line.starts_with('-')).collect();
    let asked = async |peer: &str, more: Option<&str>| {
        let mut request = Request::post("/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("client-cert", format!(":{value}:"))
            .extension(Peer(peer.parse().unwrap()));
        if let Some(name) = more {
            request = request.extension(shown(name));
        }
        server.send(request.body(body(&own("bank"))).unwrap()).await
    };
    let answer = asked("10.0.0.1", None).await;
    assert_eq!(answer.claims()["cnf"], cnf("vouched"), "{}", answer.body);
    // The connection is the proxy's, and so is a certificate of it.
    assert_eq!(asked("10.0.0.1", Some("server")).await.claims()["cnf"], cnf("vouched"));
    asked("10.0.0.2", None).await.expect(401, "invalid_client");
    asked("10.0.0.2", Some("server")).await.expect(401, "invalid_client");
}
