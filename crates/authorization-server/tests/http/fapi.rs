//! FAPI 2.0 as a profile of a client (Security Profile §5.3.2, Message Signing §5).

use bailiwick_grant::state::{Client, Profile};
use bailiwick_jose::{Algorithm, SigningKey};
use bailiwick_oauth::credentials::JWT_BEARER;
use bailiwick_oauth::dpop::{ProofClaims, TYPE};
use bailiwick_store::{Store, StoreExt};
use http::{Method, Request};
use serde_json::{Value, json};

use super::browser::{Browser, parameter};
use super::server::{API, Answer, CHALLENGE, CONFIG, ISSUER, SECRET, Server, body, robot};

const BANK: &str = "
[[client]]
id = \"bank\"
name = \"Bank\"
authentication = \"private_key_jwt\"
jwks = { keys = [ROBOT] }
profile = \"PROFILE\"
redirect_uris = [\"https://bank.example/cb\"]
resources = { \"*\" = \"*\" }
";

async fn server(profile: &str) -> Server {
    Server::with(ISSUER, &format!("{CONFIG}{}", BANK.replace("PROFILE", profile))).await
}

fn assertion(server: &Server, aud: Value) -> String {
    let now = server.now();
    let jti = format!("{now} {aud}");
    let claims = json!({ "iss": "bank", "sub": "bank", "aud": aud, "jti": jti, "exp": now + 60 });
    robot().sign("JWT", claims.to_string().as_bytes()).unwrap()
}

fn proof(server: &Server, key: &SigningKey) -> String {
    let uri = format!("{ISSUER}/token");
    let jti = format!("{} {}", key.kid(), server.now());
    let claims = ProofClaims::new(jti, &Method::POST, &uri, server.now()).unwrap();
    let jwk = json!({ "jwk": key.verifying_key().to_bare_jwk() });
    let claims = serde_json::to_vec(&claims).unwrap();
    key.sign_with(TYPE, jwk.as_object().unwrap(), &claims).unwrap()
}

async fn ask(server: &Server, proof: Option<&str>, aud: Value) -> Answer {
    server.pass(1); // a new assertion each time
    let assertion = assertion(server, aud);
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", &*assertion),
        ("code", "nothing"),
    ];
    let mut request =
        Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    server.send(request.body(body(&pairs)).unwrap()).await
}

#[tokio::test]
async fn an_assertion_is_for_the_issuer_as_one_string() {
    let server = server("fapi2").await;
    ask(&server, None, json!(ISSUER)).await.expect(400, "invalid_grant");
    for aud in [
        json!([ISSUER]),
        json!([ISSUER, API]),
        json!(format!("{ISSUER}/token")),
        json!(format!("{ISSUER}/")),
    ] {
        ask(&server, None, aud).await.expect(401, "invalid_client");
    }
}

#[tokio::test]
async fn a_proof_is_signed_strongly() {
    let server = server("fapi2").await;
    for (algorithm, error) in [
        (Algorithm::Es256, "invalid_grant"),
        (Algorithm::EdDsa, "invalid_grant"),
        (Algorithm::Es384, "invalid_dpop_proof"),
        (Algorithm::Rs256, "invalid_dpop_proof"),
    ] {
        let key = SigningKey::generate(algorithm).unwrap();
        let proof = proof(&server, &key);
        ask(&server, Some(&proof), json!(ISSUER)).await.expect(400, error);
    }
}

async fn push(server: &Server, more: &[(&str, &str)]) -> Answer {
    server.pass(1); // a new assertion each time
    let assertion = assertion(server, json!(ISSUER));
    let mut pairs = vec![
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", &*assertion),
        ("response_type", "code"),
        ("client_id", "bank"),
        ("scope", "read"),
        ("resource", API),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.extend(more);
    server.post("/par", &pairs).await
}

#[tokio::test]
async fn a_request_is_pushed_and_says_where_the_answer_goes() {
    let server = server("fapi2").await;
    let back = ("redirect_uri", "https://bank.example/cb");
    let answer = push(&server, &[]).await;
    answer.expect(400, "invalid_request");
    assert_eq!(answer.text("error_description"), "send redirect_uri (FAPI 2.0)");
    assert_eq!(push(&server, &[back]).await.status, 201);
    let mut browser = Browser::new(&server);
    let direct = [
        ("response_type", "code"),
        ("client_id", "bank"),
        back,
        ("scope", "read"),
        ("resource", API),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let answer = browser.open("/authorize", &direct).await;
    assert_eq!(parameter(&answer, "error"), "invalid_request");
}

#[tokio::test]
async fn message_signing_wants_a_signed_request() {
    let server = server("fapi2-message-signing").await;
    let pairs = [("redirect_uri", "https://bank.example/cb"), ("response_mode", "jwt")];
    let answer = push(&server, &pairs).await;
    answer.expect(400, "invalid_request");
    assert!(answer.text("error_description").contains("signed request object"));
}

#[tokio::test]
async fn a_client_that_contradicts_the_profile_gets_nothing() {
    let server = Server::with(ISSUER, CONFIG).await;
    let mut stored = server.store.load::<Client>("warehouse").await.unwrap().unwrap();
    stored.value.profile = Profile::Fapi2;
    server.store.commit(vec![stored.update(stored.value.clone())]).await.unwrap();
    let pairs = [("grant_type", "client_credentials"), ("resource", API)];
    let answer = server.post_as("warehouse", SECRET, "/token", &pairs).await;
    answer.expect(400, "unauthorized_client");
}
