//! Nothing right stays out.

use std::time::Duration;

use axum::body::Body;
use bailiwick_jose::KeyManagement;
use bailiwick_resource_server::testing::{TestClient, TestIssuer};
use bailiwick_resource_server::{
    Algorithm, Asked, ClientCertificate, DecryptionKey, Reason, ResourceServer,
};
use http::{Method, Request};
use tower::ServiceExt;

use crate::{API, ORDERS, SCOPE, app, rule};

fn request(authorization: &str, proof: Option<&str>) -> Request<Body> {
    let mut request = Request::get("/v1/orders").header("authorization", authorization);
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    request.body(Body::empty()).unwrap()
}

async fn status(api: &ResourceServer, request: Request<Body>) -> u16 {
    app(api).oneshot(request).await.unwrap().status().as_u16()
}

async fn bearer(api: &ResourceServer, token: &str) -> u16 {
    status(api, request(&format!("Bearer {token}"), None)).await
}

/// What a token is refused for.
async fn reason(api: &ResourceServer, token: &str) -> Reason {
    let request = request(&format!("Bearer {token}"), None);
    api.admit(&Asked::from(&request), &rule()).await.unwrap_err().refusal().reason()
}

#[tokio::test]
async fn good_tokens_of_each_algorithm_pass() {
    for algorithm in Algorithm::ALL {
        let issuer = TestIssuer::signing_with(algorithm);
        let api = issuer.protect(API).unwrap();
        let token = issuer.token().scope(SCOPE).mint(&api);
        assert_eq!(bearer(&api, &token).await, 200, "{algorithm}");
        assert_eq!(bearer(&api, &token).await, 200, "{algorithm}, seen before");
    }
}

#[tokio::test]
async fn the_scheme_and_the_claims_may_be_written_in_each_allowed_way() {
    let issuer = TestIssuer::new();
    let api = issuer.protect(API).unwrap();
    let token = issuer.token().scope(SCOPE).mint(API);
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer "] {
        assert_eq!(
            status(&api, request(&format!("{scheme} {token}"), None)).await,
            200,
            "{scheme}"
        );
    }
    let token = || issuer.token().scope(SCOPE);
    for (name, token) in [
        ("several audiences", token().audience(["https://other.example", API]).mint(API)),
        ("more scopes", token().scope("a read:orders b").mint(&api)),
        ("typ with its tree", token().typ("application/at+jwt").mint(&api)),
        ("typ in upper case", token().typ("AT+JWT").mint(&api)),
        ("unknown claims", token().claim("x", serde_json::json!({ "y": [1, null] })).mint(&api)),
        ("fractions of seconds", token().claim("nbf", 1.5).mint(&api)),
        ("clocks that differ", {
            let now = issuer.clock().now();
            token().claim("iat", now + 9).claim("nbf", now + 9).claim("exp", now - 9).mint(&api)
        }),
        ("all that is known of a user", {
            token()
                .subject("bob")
                .client("shop")
                .jti("1")
                .roles(["clerk"])
                .acr("gold")
                .auth_time(1)
                .details(serde_json::json!([{ "type": "order" }]))
                .expires_in(Duration::from_secs(1))
                .mint(&api)
        }),
    ] {
        assert_eq!(bearer(&api, &token).await, 200, "{name}");
    }
}

#[tokio::test]
async fn bound_tokens_pass_with_a_proof_of_each_algorithm_once() {
    let issuer = TestIssuer::new();
    let api = issuer.protect(API).unwrap();
    for algorithm in Algorithm::ALL {
        let client = TestClient::new(algorithm, issuer.clock().clone());
        let token = issuer.token().scope(SCOPE).bound_to(&client).mint(&api);
        let proof = client.proof(&Method::GET, ORDERS, &token, None);
        let send = || request(&format!("DPoP {token}"), Some(&proof));
        let asked = send();
        api.admit(&Asked::from(&asked), &rule()).await.unwrap();
        let again = api.admit(&Asked::from(&asked), &rule()).await.unwrap_err();
        assert_eq!(again.refusal().reason(), Reason::ProofReplayed, "{algorithm}");
        assert_eq!(status(&api, send()).await, 401, "{algorithm}");
        let proof = client.proof(&Method::GET, &format!("{ORDERS}?page=2"), &token, None);
        assert_eq!(status(&api, request(&format!("dpop {token}"), Some(&proof))).await, 200);
    }
}

#[tokio::test]
async fn a_bound_token_passes_with_the_nonce_that_its_refusal_gave() {
    let issuer = TestIssuer::new();
    let api = issuer.builder(API).unwrap().dpop(issuer.dpop()).build().unwrap();
    let client = issuer.client();
    let token = issuer.token().scope(SCOPE).bound_to(&client).mint(&api);
    let send = async |nonce: Option<&str>| {
        let proof = client.proof(&Method::GET, ORDERS, &token, nonce);
        app(&api).oneshot(request(&format!("DPoP {token}"), Some(&proof))).await.unwrap()
    };
    let first = send(None).await;
    assert_eq!(first.status(), 401);
    let nonce = first.headers()["dpop-nonce"].to_str().unwrap().to_owned();
    let second = send(Some(&nonce)).await;
    assert_eq!(second.status(), 200);
    assert!(second.headers().contains_key("dpop-nonce"));
}

#[tokio::test]
async fn certificate_bound_tokens_pass_with_their_certificate() {
    let issuer = TestIssuer::new();
    let api = issuer.protect(API).unwrap();
    let certificate = ClientCertificate::from_der(b"a certificate");
    let token = issuer.token().scope(SCOPE).bound_to_certificate(&certificate).mint(&api);
    let mut shown = request(&format!("Bearer {token}"), None);
    shown.extensions_mut().insert(certificate);
    assert_eq!(status(&api, shown).await, 200);
    assert_eq!(reason(&api, &token).await, Reason::CertificateMissing);
}

#[tokio::test]
async fn a_token_that_is_bound_twice_passes_with_both_proofs() {
    let issuer = TestIssuer::new();
    let api = issuer.protect(API).unwrap();
    let (client, certificate) = (issuer.client(), ClientCertificate::from_der(b"a certificate"));
    let token = issuer.token().scope(SCOPE).bound_to(&client).bound_to_certificate(&certificate);
    let token = token.mint(&api);
    let proof = client.proof(&Method::GET, ORDERS, &token, None);
    let mut both = request(&format!("DPoP {token}"), Some(&proof));
    both.extensions_mut().insert(certificate);
    assert_eq!(status(&api, both).await, 200);
}

#[tokio::test]
async fn encrypted_tokens_pass_by_each_algorithm() {
    let issuer = TestIssuer::new();
    let api = issuer.protect(API).unwrap();
    let token = issuer.token().scope(SCOPE).encrypted(&api);
    assert_eq!(token.split('.').count(), 5);
    assert_eq!(bearer(&api, &token).await, 200);
    for alg in KeyManagement::ALL {
        let key = DecryptionKey::generate(alg).unwrap();
        let token = issuer.token().scope(SCOPE).encrypted_for(&key, API);
        let api = issuer.builder(API).unwrap().decryption_key(key).build().unwrap();
        assert_eq!(bearer(&api, &token).await, 200, "{alg:?}");
    }
}

#[tokio::test]
async fn opaque_tokens_pass_until_they_are_revoked() {
    let issuer = TestIssuer::serve().await;
    let api = issuer.protect(API).unwrap();
    let (client, scoped) = (issuer.client(), || issuer.token().scope(SCOPE));
    let (kept, revoked) = (scoped().opaque(&api), scoped().opaque(&api));
    for token in [&kept, &revoked] {
        assert_eq!(bearer(&api, token).await, 200);
    }
    issuer.revoke(&revoked);
    assert_eq!(bearer(&api, &kept).await, 200);
    assert_eq!(reason(&api, &revoked).await, Reason::TokenInactive);
    let elsewhere = scoped().opaque("https://other.example");
    assert_eq!(reason(&api, &elsewhere).await, Reason::AudienceMismatch);
    assert_eq!(reason(&api, &issuer.token().opaque(&api)).await, Reason::InsufficientScope);
    let bound = scoped().bound_to(&client).opaque(&api);
    assert_eq!(reason(&api, &bound).await, Reason::ProofMissing);
    let proof = client.proof(&Method::GET, ORDERS, &bound, None);
    assert_eq!(status(&api, request(&format!("DPoP {bound}"), Some(&proof))).await, 200);
}

#[tokio::test]
async fn an_outage_is_no_verdict_and_ends() {
    let issuer = TestIssuer::serve().await;
    let api = issuer.protect(API).unwrap();
    issuer.go_down();
    let token = issuer.token().scope(SCOPE).mint(&api);
    assert_eq!(bearer(&api, &token).await, 503);
    assert_eq!(bearer(&api, &issuer.token().opaque(&api)).await, 503);
    issuer.come_up();
    let healed = async {
        while bearer(&api, &token).await != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), healed).await.unwrap();
}

#[tokio::test]
async fn a_rotation_is_followed_and_the_old_key_is_gone() {
    let issuer = TestIssuer::serve().await;
    let api = issuer.protect(API).unwrap();
    let old = issuer.token().scope(SCOPE).mint(&api);
    assert_eq!(bearer(&api, &old).await, 200);
    issuer.rotate();
    let new = issuer.token().scope(SCOPE).mint(&api);
    assert_eq!(bearer(&api, &new).await, 200);
    assert_eq!(reason(&api, &old).await, Reason::KeyUnknown);
}

#[tokio::test]
async fn in_memory_a_rotation_is_known_to_apis_that_are_made_later() {
    let issuer = TestIssuer::new();
    let before = issuer.protect(API).unwrap();
    let old = issuer.token().scope(SCOPE).mint(API);
    issuer.rotate();
    let after = issuer.protect(API).unwrap();
    let new = issuer.token().scope(SCOPE).mint(API);
    assert_eq!(bearer(&before, &old).await, 200);
    assert_eq!(bearer(&after, &new).await, 200);
    assert_eq!(reason(&before, &new).await, Reason::KeyUnknown);
    assert_eq!(reason(&after, &old).await, Reason::KeyUnknown);
}

#[tokio::test]
async fn a_token_ends_when_the_clock_says_so() {
    let issuer = TestIssuer::new();
    let api = issuer.protect(API).unwrap();
    let token = issuer.token().scope(SCOPE).expires_in(Duration::from_mins(1)).mint(&api);
    issuer.clock().advance(Duration::from_secs(69));
    assert_eq!(bearer(&api, &token).await, 200);
    issuer.clock().advance(Duration::from_secs(1));
    assert_eq!(reason(&api, &token).await, Reason::Expired);
    issuer.clock().set(issuer.clock().now() - 1);
    assert_eq!(bearer(&api, &token).await, 200);
}
