//! DPoP at the token endpoint and at userinfo (RFC 9449 §5, §7, §8).

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bailiwick_jose::{Algorithm, SigningKey};
use bailiwick_oauth::dpop::{ProofClaims, TYPE, token_hash};
use http::{Method, Request};
use serde_json::{Value, json};

use super::browser::{Browser, parameter, request as request_of};
use super::server::{
    API, Answer, CALLBACK, CONFIG, FILES, ISSUER, OF_FILES, SECRET, Server, VERIFIER, body,
};

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());
static OTHER: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa).unwrap());

/// The claims of a proof that nobody made before.
fn claims(server: &Server, method: &Method, uri: &str) -> Value {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let jti = MADE.fetch_add(1, Ordering::Relaxed).to_string();
    serde_json::to_value(ProofClaims::new(jti, method, uri, server.now()).unwrap()).unwrap()
}

fn signed(key: &SigningKey, claims: &Value) -> String {
    let jwk = json!({ "jwk": key.verifying_key().to_bare_jwk() });
    key.sign_with(TYPE, jwk.as_object().unwrap(), claims.to_string().as_bytes()).unwrap()
}

/// A right proof for the token endpoint.
fn proof(server: &Server, key: &SigningKey) -> String {
    signed(key, &claims(server, &Method::POST, &format!("{ISSUER}/token")))
}

async fn ask(server: &Server, proofs: &[&str], pairs: &[(&str, &str)]) -> Answer {
    let mut request =
        Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    for proof in proofs {
        request = request.header("dpop", *proof);
    }
    server.send(request.body(body(pairs)).unwrap()).await
}

fn redemption(code: &str) -> [(&str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "shop"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

async fn userinfo(server: &Server, scheme: &str, token: &str, proof: Option<&str>) -> Answer {
    let mut request =
        Request::get("/userinfo").header("authorization", format!("{scheme} {token}"));
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    server.send(request.body(body(&[])).unwrap()).await
}

fn proof_for(server: &Server, key: &SigningKey, token: &str) -> String {
    let mut claims = claims(server, &Method::GET, &format!("{ISSUER}/userinfo"));
    claims["ath"] = token_hash(token).into();
    signed(key, &claims)
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-5
//= type=test
//# A token_type of DPoP MUST be
//# included in the access token response to signal to the client that
//# the access token was bound to its DPoP key
#[tokio::test]
async fn a_code_redeemed_with_a_proof_gives_a_bound_token() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid offline_access")]).await;
    let answer = ask(&server, &[&proof(&server, &KEY)], &redemption(&code)).await;
    assert_eq!(answer.text("token_type"), "DPoP", "{}", answer.body);
    assert_eq!(answer.claims()["cnf"], json!({ "jkt": KEY.kid() }));
    assert_eq!(answer.header("dpop-nonce"), "");

    let token = answer.text("access_token");
    let good = proof_for(&server, &KEY, &token);
    assert_eq!(userinfo(&server, "DPoP", &token, Some(&good)).await.text("sub"), "s-ada");
    let refresh = answer.text("refresh_token");
    let pairs =
        [("grant_type", "refresh_token"), ("client_id", "shop"), ("refresh_token", &*refresh)];
    ask(&server, &[], &pairs).await.expect(400, "invalid_dpop_proof");
    ask(&server, &[&proof(&server, &OTHER)], &pairs).await.expect(400, "invalid_grant");
    let answer = ask(&server, &[&proof(&server, &KEY)], &pairs).await;
    assert_eq!(answer.text("token_type"), "DPoP");
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-5
//= type=test
//# If
//# the DPoP proof is invalid, the authorization server issues an error
//# response per Section 5.2 of [RFC6749] with invalid_dpop_proof as the
//# value of the error parameter.
#[tokio::test]
async fn a_wrong_proof_is_refused_and_the_code_stays() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid")]).await;
    let endpoint = format!("{ISSUER}/token");
    let with = |name: &str, value: Value| {
        let mut claims = claims(&server, &Method::POST, &endpoint);
        claims[name] = value;
        signed(&KEY, &claims)
    };
    let private = {
        let (key, claims) = (&*KEY, claims(&server, &Method::POST, &endpoint));
        let mut jwk = key.verifying_key().to_bare_jwk();
        jwk["d"] = "AAAA".into();
        let header = json!({ "jwk": jwk });
        key.sign_with(TYPE, header.as_object().unwrap(), claims.to_string().as_bytes()).unwrap()
    };
    let good = proof(&server, &KEY);
    let bad = [
        vec!["x".to_owned()],
        vec![good.clone(), good],
        vec![with("htm", "GET".into())],
        vec![with("htu", format!("{ISSUER}/userinfo").into())],
        vec![with("htu", "https://other.example.com/token".into())],
        vec![with("iat", (server.now() - 120).into())],
        vec![with("iat", (server.now() + 120).into())],
        vec![private],
    ];
    for proofs in bad {
        let proofs: Vec<_> = proofs.iter().map(String::as_str).collect();
        let answer = ask(&server, &proofs, &redemption(&code)).await;
        answer.expect(400, "invalid_dpop_proof");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    // Once, whatever it is used for.
    let once = proof(&server, &KEY);
    ask(&server, &[&once], &redemption("nothing")).await.expect(400, "invalid_grant");
    ask(&server, &[&once], &redemption(&code)).await.expect(400, "invalid_dpop_proof");
    let answer = ask(&server, &[&proof(&server, &KEY)], &redemption(&code)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_proof_is_looked_at_after_the_clients_authentication() {
    let server = Server::new().await;
    let pairs = [
        ("grant_type", "client_credentials"),
        ("client_id", "warehouse"),
        ("client_secret", SECRET),
    ];
    ask(&server, &["x"], &pairs).await.expect(401, "invalid_client"); // it uses Basic
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-10
//= type=test
//# If they do not match, it MUST reject the
//# request.
#[tokio::test]
async fn a_code_named_for_a_key_is_for_that_key() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid"), ("dpop_jkt", KEY.kid())]).await;
    ask(&server, &[], &redemption(&code)).await.expect(400, "invalid_dpop_proof");
    ask(&server, &[&proof(&server, &OTHER)], &redemption(&code)).await.expect(400, "invalid_grant");
    let answer = ask(&server, &[&proof(&server, &KEY)], &redemption(&code)).await;
    assert_eq!(answer.text("token_type"), "DPoP");
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-8
//= type=test
//# In this case, the authorization
//# server responds to requests that do not include a nonce with an HTTP
//# 400 (Bad Request) error response per Section 5.2 of [RFC6749] using
//# use_dpop_nonce as the error code value.
#[tokio::test]
async fn a_required_nonce_is_given_and_then_taken() {
    let server = Server::with(ISSUER, &format!("dpop_nonce = \"required\"\n{CONFIG}")).await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid")]).await;
    let answer = ask(&server, &[&proof(&server, &KEY)], &redemption(&code)).await;
    answer.expect(400, "use_dpop_nonce");
    let nonce = answer.header("dpop-nonce").to_owned();
    let with = |key: &SigningKey, nonce: &str| {
        let mut claims = claims(&server, &Method::POST, &format!("{ISSUER}/token"));
        claims["nonce"] = nonce.into();
        signed(key, &claims)
    };
    let of_another = ask(&server, &[&with(&OTHER, &nonce)], &redemption(&code)).await;
    of_another.expect(400, "use_dpop_nonce");
    server.pass(301);
    let code = browser.code(&[("scope", "openid")]).await;
    let late = ask(&server, &[&with(&KEY, &nonce)], &redemption(&code)).await;
    late.expect(400, "use_dpop_nonce");
    let nonce = late.header("dpop-nonce").to_owned();
    let answer = ask(&server, &[&with(&KEY, &nonce)], &redemption(&code)).await;
    assert_eq!(answer.text("token_type"), "DPoP", "{}", answer.body);
    assert!(!answer.header("dpop-nonce").is_empty(), "the next one");

    let token = answer.text("access_token");
    let answer = userinfo(&server, "DPoP", &token, Some(&proof_for(&server, &KEY, &token))).await;
    answer.expect(401, "use_dpop_nonce");
    assert!(answer.header("www-authenticate").starts_with("DPoP error=\"use_dpop_nonce\""));
    let mut claims = claims(&server, &Method::GET, &format!("{ISSUER}/userinfo"));
    claims["ath"] = token_hash(&token).into();
    claims["nonce"] = answer.header("dpop-nonce").into();
    let answer = userinfo(&server, "DPoP", &token, Some(&signed(&KEY, &claims))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-10.1
//= type=test
//# It MUST further behave
//# as if the contained public key's thumbprint was provided using
//# dpop_jkt, i.e., reject the subsequent token request unless a DPoP
//# proof for the same key is provided.
#[tokio::test]
async fn a_pushed_request_with_a_proof_binds_the_code() {
    let server = Server::new().await;
    let endpoint = format!("{ISSUER}/par");
    let push = async |more: &[(&str, &str)]| {
        let proof = signed(&KEY, &claims(&server, &Method::POST, &endpoint));
        let request = Request::post("/par")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("dpop", proof);
        let pairs = [&request_of(&[("scope", "openid")])[..], more].concat();
        server.send(request.body(body(&pairs)).unwrap()).await
    };
    push(&[("dpop_jkt", OTHER.kid())]).await.expect(400, "invalid_dpop_proof");
    let pushed = push(&[("dpop_jkt", KEY.kid())]).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let request_uri = push(&[]).await.text("request_uri");
    let mut browser = Browser::new(&server);
    let page =
        browser.open("/authorize", &[("client_id", "shop"), ("request_uri", &*request_uri)]).await;
    let code = parameter(&browser.through(page).await, "code");
    ask(&server, &[&proof(&server, &OTHER)], &redemption(&code)).await.expect(400, "invalid_grant");
    let answer = ask(&server, &[&proof(&server, &KEY)], &redemption(&code)).await;
    assert_eq!(answer.text("token_type"), "DPoP", "{}", answer.body);
}

#[tokio::test]
async fn userinfo_wants_the_proof_of_a_bound_token() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid")]).await;
    let answer = ask(&server, &[&proof(&server, &KEY)], &redemption(&code)).await;
    let token = answer.text("access_token");
    let good = proof_for(&server, &KEY, &token);
    let answer = userinfo(&server, "Bearer", &token, Some(&good)).await;
    answer.expect(401, "invalid_token");
    let answer = userinfo(&server, "DPoP", &token, None).await;
    answer.expect(401, "invalid_token");
    assert!(answer.header("www-authenticate").starts_with("DPoP error="), "{:?}", answer.headers);
    assert!(answer.header("www-authenticate").contains("algs=\"RS256 "));
    let bad = [
        (proof_for(&server, &OTHER, &token), "invalid_token"),
        (proof_for(&server, &KEY, "another"), "invalid_dpop_proof"),
        (proof(&server, &KEY), "invalid_dpop_proof"),
    ];
    for (proof, error) in bad {
        userinfo(&server, "DPoP", &token, Some(&proof)).await.expect(401, error);
    }
    assert_eq!(userinfo(&server, "DPoP", &token, Some(&good)).await.status, 200);
    userinfo(&server, "DPoP", &token, Some(&good)).await.expect(401, "invalid_dpop_proof");
    // A bearer token is not made a bound one by a proof.
    let code = browser.code(&[("scope", "openid")]).await;
    let token = server.redeem(&code, &[]).await.text("access_token");
    let proof = proof_for(&server, &KEY, &token);
    userinfo(&server, "DPoP", &token, Some(&proof)).await.expect(401, "invalid_token");
}

#[tokio::test]
async fn introspection_says_the_key() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid list"), ("resource", FILES)]).await;
    let mut pairs = redemption(&code).to_vec();
    pairs.push(("resource", FILES));
    let token = ask(&server, &[&proof(&server, &KEY)], &pairs).await.text("access_token");
    let answer = server.post_as(FILES, OF_FILES, "/introspect", &[("token", &token)]).await;
    assert_eq!(answer.json()["cnf"], json!({ "jkt": KEY.kid() }));
    assert_eq!(answer.text("token_type"), "DPoP");
}

#[tokio::test]
async fn a_client_an_api_or_the_server_can_demand_proofs() {
    let of_client =
        CONFIG.replacen("id = \"shop\"", "id = \"shop\"\nsender_constraint = \"dpop\"", 1);
    let of_api = CONFIG.replacen(
        "name = \"Example API\"",
        "name = \"Example API\"\nsender_constraint = \"dpop\"",
        1,
    );
    let of_all = format!("sender_constraint = \"dpop\"\n{CONFIG}");
    for config in [of_client, of_api, of_all] {
        let server = Server::with(ISSUER, &config).await;
        let mut browser = Browser::new(&server);
        let code = browser.code(&[("scope", "read"), ("resource", API)]).await;
        let answer = ask(&server, &[], &redemption(&code)).await;
        answer.expect(400, "invalid_dpop_proof");
        assert!(answer.text("error_description").contains("send a DPoP proof"));
        let answer = ask(&server, &[&proof(&server, &KEY)], &redemption(&code)).await;
        assert_eq!(answer.text("token_type"), "DPoP", "{}", answer.body);
    }
}

#[tokio::test]
async fn browser_apps_may_send_proofs_and_read_nonces() {
    let server = Server::new().await;
    let request = Request::options("/token")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "dpop");
    let answer = server.send(request.body(body(&[])).unwrap()).await;
    assert!(answer.header("access-control-allow-headers").contains("dpop"));
    let request = Request::post("/token").header("origin", "https://app.example");
    let answer = server.send(request.body(body(&[])).unwrap()).await;
    assert!(answer.header("access-control-expose-headers").contains("dpop-nonce"));
}
