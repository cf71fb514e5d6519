//! Tokens that are bound to a key, and the proofs that go with them, through the layer (RFC 9449).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bailiwick_jose::{Algorithm, SealingKey, SigningKey};
use bailiwick_resource_server::{
    Asked, Binding, ConfigError, Dpop, FirstUse, ResourceServer, Rule,
};
use bailiwick_window::MemoryFirstUse;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use world::{API, Id, METADATA, NOW, Site, clock, proof_claims, prove, tally, with_proof};

/// A client with a key, and a token that is bound to it.
struct Client {
    key: SigningKey,
    token: String,
}

impl Client {
    fn of(id: &Id) -> Self {
        Self::with(id, json!({}))
    }

    fn with(id: &Id, mut changes: Value) -> Self {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        changes["cnf"] = json!({ "jkt": key.kid() });
        let token = id.token(changes);
        Self { key, token }
    }

    /// A proof for a GET of [`API`].
    fn proof(&self) -> String {
        self.proof_with(&json!({}))
    }

    /// The same with some claims changed; `null` takes one away.
    fn proof_with(&self, changes: &Value) -> String {
        let mut claims = proof_claims(&self.token, "GET", API);
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        prove(&self.key, &claims)
    }
}

fn with_nonces(seconds: u64) -> Dpop {
    let key = SealingKey::from_bytes(&[7; 32]).unwrap();
    Dpop::new().nonces(key, Duration::from_secs(seconds))
}

// RFC 9449 §11.1.
#[tokio::test]
async fn a_proof_passes_once() {
    let id = Id::up().await;
    let site = Site::new(id.protect().build().unwrap());
    let client = Client::of(&id);
    let proof = client.proof();
    site.dpop("GET", "/orders", &client.token, &proof).await.is(200, "admitted");
    for _ in 0..2 {
        let answer = site.dpop("GET", "/orders", &client.token, &proof).await;
        answer.is(401, "proof_replayed").names("DPoP", "invalid_dpop_proof");
    }
    site.dpop("GET", "/orders", &client.token, &client.proof()).await.is(200, "admitted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_send_one_proof_at_the_same_time_one_gets_in() {
    let id = Id::up().await;
    let site = Site::new(id.protect().build().unwrap());
    let client = Client::of(&id);
    let proof = client.proof();
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let site = site.clone();
        let request = with_proof("GET", "/orders", &client.token, &proof);
        tasks.spawn(async move { site.send_beside_others(request).await.status.as_u16() });
    }
    assert_eq!(tally(tasks.join_all().await), [(200, 1), (401, 49)].into());
}

#[tokio::test]
async fn a_proof_is_for_one_request_of_one_token_by_one_key() {
    let id = Id::up().await;
    let site = Site::new(id.protect().build().unwrap());
    let (alice, mallory) = (Client::of(&id), Client::of(&id));
    let cases = [
        ("another method", "POST", "/orders", alice.proof(), "proof_invalid"),
        (
            "method in small letters",
            "GET",
            "/orders",
            alice.proof_with(&json!({ "htm": "get" })),
            "proof_invalid",
        ),
        ("another path", "GET", "/orders/1", alice.proof(), "proof_invalid"),
        (
            "a path above",
            "GET",
            "/orders",
            alice.proof_with(&json!({ "htu": "https://api.example.com/" })),
            "proof_invalid",
        ),
        (
            "another host",
            "GET",
            "/orders",
            alice.proof_with(&json!({ "htu": "https://evil.example/orders" })),
            "proof_invalid",
        ),
        (
            "another scheme",
            "GET",
            "/orders",
            alice.proof_with(&json!({ "htu": "http://api.example.com/orders" })),
            "proof_invalid",
        ),
        (
            "another port",
            "GET",
            "/orders",
            alice.proof_with(&json!({ "htu": "https://api.example.com:8443/orders" })),
            "proof_invalid",
        ),
        (
            "another token",
            "GET",
            "/orders",
            alice.proof_with(&json!({ "ath": "x" })),
            "proof_invalid",
        ),
        ("no token", "GET", "/orders", alice.proof_with(&json!({ "ath": null })), "proof_invalid"),
        (
            "too old",
            "GET",
            "/orders",
            alice.proof_with(&json!({ "iat": NOW - 71 })),
            "proof_invalid",
        ),
        (
            "from the future",
            "GET",
            "/orders",
            alice.proof_with(&json!({ "iat": NOW + 11 })),
            "proof_invalid",
        ),
        (
            "without jti",
            "GET",
            "/orders",
            alice.proof_with(&json!({ "jti": null })),
            "proof_invalid",
        ),
        ("another key's", "GET", "/orders", mallory.proof(), "proof_invalid"),
        (
            "another key's for this token",
            "GET",
            "/orders",
            prove(&mallory.key, &proof_claims(&alice.token, "GET", API)),
            "binding_mismatch",
        ),
        ("rubbish", "GET", "/orders", "rubbish".to_owned(), "proof_invalid"),
        ("the token itself", "GET", "/orders", alice.token.clone(), "proof_invalid"),
    ];
    for (case, method, path, proof, reason) in cases {
        let answer = site.dpop(method, path, &alice.token, &proof).await;
        assert_eq!(answer.reasons, [reason], "{case}");
        answer.is(401, reason);
    }
    // As another client of the same user has it, and as the URI may be written.
    site.dpop("GET", "/orders?page=2", &mallory.token, &mallory.proof()).await.is(200, "admitted");
    for htu in ["HTTPS://API.example.com:443/orders", "https://api.example.com/%6frders?x#y"] {
        let proof = alice.proof_with(&json!({ "htu": htu }));
        site.dpop("GET", "/orders", &alice.token, &proof).await.is(200, "admitted");
    }
    site.dpop("GET", "/orders", &alice.token, &alice.proof_with(&json!({ "iat": NOW - 70 })))
        .await
        .is(200, "admitted");
}

#[tokio::test]
async fn a_bound_token_is_no_bearer_token_and_the_reverse() {
    let id = Id::up().await;
    let site = Site::new(id.protect().build().unwrap());
    let client = Client::of(&id);
    let answer = site.bearer(&client.token).await;
    answer.is(401, "proof_missing").names("Bearer", "invalid_token");
    let told = answer.challenges();
    assert_eq!(told.len(), 2);
    assert!(told[1].starts_with("DPoP algs=\""), "{told:?}");
    // A proof beside it does not make a bearer token of it (RFC 9449 §7.2).
    let request = world::with_bearer("/orders", &client.token).header("dpop", client.proof());
    site.send(request).await.is(401, "proof_missing");
    let without =
        http::Request::get("/orders").header("authorization", format!("DPoP {}", client.token));
    site.send(without).await.is(401, "proof_missing");
    let twice = with_proof("GET", "/orders", &client.token, &client.proof());
    site.send(twice.header("dpop", client.proof())).await.is(401, "proof_invalid");
    let unbound = id.token(json!({}));
    let claims = proof_claims(&unbound, "GET", API);
    let answer = site.dpop("GET", "/orders", &unbound, &prove(&client.key, &claims)).await;
    answer.is(401, "binding_mismatch").names("DPoP", "invalid_token");
}

#[tokio::test]
async fn only_bound_tokens_pass_where_they_are_required() {
    let id = Id::up().await;
    let site = Site::new(id.protect().binding(Binding::Dpop).build().unwrap());
    let client = Client::of(&id);
    site.dpop("GET", "/orders", &client.token, &client.proof()).await.is(200, "admitted");
    let answer = site.bearer(&id.token(json!({}))).await;
    answer.is(401, "binding_required").names("DPoP", "invalid_token");
    assert_eq!(answer.challenges().len(), 1);
    let answer = site.send(http::Request::get("/orders")).await;
    answer.is(401, "no_credentials");
    let expected =
        format!("DPoP algs=\"ES256 RS256 EdDSA PS256 ES384\", resource_metadata=\"{METADATA}\"");
    let (mut told, mut expected) = (words(answer.challenges()[0]), words(&expected));
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);
}

fn words(challenge: &str) -> Vec<&str> {
    challenge.split([' ', '"', ',']).filter(|word| !word.is_empty()).collect()
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-9
//= type=test
//# Resource servers use an HTTP 401 (Unauthorized) error code with an
//# accompanying WWW-Authenticate: DPoP value and DPoP-Nonce value to
//# accomplish this.
#[tokio::test]
async fn a_nonce_is_given_and_then_taken() {
    let id = Id::up().await;
    let (time, read) = clock();
    let api = id.protect().clock(read).dpop(with_nonces(120)).build().unwrap();
    let site = Site::new(api);
    let (alice, mallory) = (Client::of(&id), Client::of(&id));
    let refused = site.dpop("GET", "/orders", &alice.token, &alice.proof()).await;
    refused.is(401, "nonce_required").names("DPoP", "use_dpop_nonce");
    assert_eq!(refused.headers["access-control-expose-headers"], "WWW-Authenticate, DPoP-Nonce");
    let nonce = refused.nonce().unwrap();
    let proof = alice.proof_with(&json!({ "nonce": nonce }));
    let passed = site.dpop("GET", "/orders", &alice.token, &proof).await;
    passed.is(200, "admitted");
    assert!(passed.nonce().is_some());
    // Not again with the same proof, but with the same nonce.
    site.dpop("GET", "/orders", &alice.token, &proof).await.is(401, "proof_replayed");
    let again = alice.proof_with(&json!({ "nonce": nonce }));
    site.dpop("GET", "/orders", &alice.token, &again).await.is(200, "admitted");
    let stolen = mallory.proof_with(&json!({ "nonce": nonce }));
    site.dpop("GET", "/orders", &mallory.token, &stolen).await.is(401, "nonce_required");
    for wrong in [json!(""), json!("x"), json!(format!("{nonce}x")), json!(nonce[1..])] {
        let proof = alice.proof_with(&json!({ "nonce": wrong }));
        site.dpop("GET", "/orders", &alice.token, &proof).await.is(401, "nonce_required");
    }
    time.store(NOW + 121, Ordering::Relaxed);
    let late = json!({ "nonce": nonce, "iat": NOW + 121 });
    let answer = site.dpop("GET", "/orders", &alice.token, &alice.proof_with(&late)).await;
    answer.is(401, "nonce_required");
    let fresh = json!({ "nonce": answer.nonce().unwrap(), "iat": NOW + 121 });
    let answer = site.dpop("GET", "/orders", &alice.token, &alice.proof_with(&fresh)).await;
    answer.is(200, "admitted");
}

#[tokio::test]
async fn nodes_with_one_key_take_each_others_nonces() {
    let id = Id::up().await;
    let node = || Site::new(id.protect().dpop(with_nonces(120)).build().unwrap());
    let (one, other) = (node(), node());
    let client = Client::of(&id);
    let refused = one.dpop("GET", "/orders", &client.token, &client.proof()).await;
    let proof = client.proof_with(&json!({ "nonce": refused.nonce().unwrap() }));
    other.dpop("GET", "/orders", &client.token, &proof).await.is(200, "admitted");
}

#[tokio::test]
async fn a_client_that_lacks_the_scope_gets_a_nonce_for_its_next_try() {
    let id = Id::up().await;
    let site = Site::ruled(
        id.protect().dpop(with_nonces(120)).build().unwrap(),
        Rule::from(bailiwick_resource_server::Scope::parse("write:orders").unwrap()),
    );
    let client = Client::of(&id);
    let refused = site.dpop("GET", "/orders", &client.token, &client.proof()).await;
    let proof = client.proof_with(&json!({ "nonce": refused.nonce().unwrap() }));
    let refused = site.dpop("GET", "/orders", &client.token, &proof).await;
    refused.is(403, "insufficient_scope").names("DPoP", "insufficient_scope");
    assert!(refused.nonce().is_some());
}

#[tokio::test]
async fn a_route_inside_another_one_uses_no_proof_up() {
    let id = Id::up().await;
    let site = Site::new(id.protect().build().unwrap());
    let client = Client::with(&id, json!({ "scope": "write:orders" }));
    let htu = "https://api.example.com/write";
    let proof = client.proof_with(&json!({ "htu": htu }));
    site.dpop("GET", "/write", &client.token, &proof).await.is(200, "admitted");
}

#[tokio::test]
async fn a_nested_router_does_not_change_what_the_client_called() {
    let id = Id::up().await;
    let api = id.protect().build().unwrap();
    let inside = Router::new().route("/orders", get(|| async { "alice" })).layer(api.layer());
    let app = Router::new().nest("/v1", Router::new().nest("/shop", inside));
    let site = Site { api, app };
    let client = Client::of(&id);
    let htu = |path: &str| json!({ "htu": format!("https://api.example.com{path}") });
    let proof = client.proof_with(&htu("/v1/shop/orders"));
    site.dpop("GET", "/v1/shop/orders", &client.token, &proof).await.is(200, "admitted");
    let proof = client.proof_with(&htu("/orders"));
    site.dpop("GET", "/v1/shop/orders", &client.token, &proof).await.is(401, "proof_invalid");
}

#[tokio::test]
async fn behind_a_proxy_the_origin_is_what_the_operator_says() {
    let id = Id::up().await;
    let builder = || id.protect().origin("https://public.example:8443/");
    let site = Site::new(builder().build().unwrap());
    let client = Client::of(&id);
    let htu = |origin: &str| json!({ "htu": format!("{origin}/orders") });
    let proof = client.proof_with(&htu("https://public.example:8443"));
    // Whatever the request itself says of its host.
    let request = with_proof("GET", "/orders", &client.token, &proof);
    site.send(request.header("host", "evil.example")).await.is(200, "admitted");
    for wrong in ["https://api.example.com", "https://evil.example", "http://public.example:8443"] {
        let proof = client.proof_with(&htu(wrong));
        let request = with_proof("GET", "/orders", &client.token, &proof)
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("forwarded", "host=evil.example;proto=https");
        site.send(request).await.is(401, "proof_invalid");
    }
    // Nor in the absolute form.
    let proof = client.proof_with(&htu("https://evil.example"));
    let answer = site.dpop("GET", "https://evil.example/orders", &client.token, &proof).await;
    answer.is(401, "proof_invalid");
}

#[tokio::test]
async fn a_full_window_refuses_nobody_for_good_and_lets_nothing_in_twice() {
    let id = Id::up().await;
    let window: Arc<dyn FirstUse> = Arc::new(MemoryFirstUse::new(16));
    let (time, read) = clock();
    let api = id.protect().clock(read).dpop(Dpop::new().window(window)).build().unwrap();
    let site = Site::new(api);
    let client = Client::of(&id);
    let mut used = Vec::new();
    let mut refused = 0;
    for _ in 0..200 {
        let proof = client.proof();
        let answer = site.dpop("GET", "/orders", &client.token, &proof).await;
        if answer.status == 200 {
            used.push(proof);
        } else {
            answer.is(503, "replay_unknown");
            refused += 1;
        }
    }
    assert!((1..=16).contains(&used.len()) && refused >= 184, "{} {refused}", used.len());
    for proof in used {
        site.dpop("GET", "/orders", &client.token, &proof).await.is(401, "proof_replayed");
    }
    time.store(NOW + 100, Ordering::Relaxed);
    let proof = client.proof_with(&json!({ "iat": NOW + 100 }));
    site.dpop("GET", "/orders", &client.token, &proof).await.is(200, "admitted");
}

#[tokio::test]
async fn apis_that_share_a_window_take_a_proof_once_altogether() {
    let id = Id::up().await;
    let window: Arc<dyn FirstUse> = Arc::new(MemoryFirstUse::default());
    let node = |window: &Arc<dyn FirstUse>| {
        let dpop = Dpop::new().window(Arc::clone(window));
        Site::new(id.protect().dpop(dpop).build().unwrap())
    };
    let (one, other) = (node(&window), node(&window));
    let alone = Site::new(id.protect().build().unwrap());
    let client = Client::of(&id);
    let proof = client.proof();
    one.dpop("GET", "/orders", &client.token, &proof).await.is(200, "admitted");
    other.dpop("GET", "/orders", &client.token, &proof).await.is(401, "proof_replayed");
    alone.dpop("GET", "/orders", &client.token, &proof).await.is(200, "admitted");
}

#[tokio::test]
async fn an_old_proof_is_refused_though_nobody_remembers_it() {
    let id = Id::up().await;
    let (time, read) = clock();
    let site = Site::new(id.protect().clock(read).build().unwrap());
    let client = Client::of(&id);
    let proof = client.proof();
    site.dpop("GET", "/orders", &client.token, &proof).await.is(200, "admitted");
    for (later, reason) in [(1, "proof_replayed"), (70, "proof_replayed"), (71, "proof_invalid")] {
        time.store(NOW + later, Ordering::Relaxed);
        site.dpop("GET", "/orders", &client.token, &proof).await.is(401, reason);
    }
}

#[tokio::test]
async fn an_explanation_uses_no_proof_up() {
    let id = Id::up().await;
    let site = Site::new(id.protect().build().unwrap());
    let client = Client::of(&id);
    let proof = client.proof();
    let request = with_proof("GET", "/orders", &client.token, &proof).body(()).unwrap();
    for _ in 0..2 {
        let checks = site.api.explain(&Asked::from(&request), &Rule::ANY_TOKEN).await;
        let checks = serde_json::to_value(checks).unwrap();
        assert!(
            checks.as_array().unwrap().iter().all(|check| check["outcome"] != "failed"),
            "{checks}"
        );
    }
    site.dpop("GET", "/orders", &client.token, &proof).await.is(200, "admitted");
}

#[tokio::test]
async fn an_api_without_a_web_address_needs_an_origin_for_proofs() {
    let id = Id::up().await;
    let urn = "urn:example:orders";
    let client = Client::with(&id, json!({ "aud": urn }));
    let build = |origin: Option<&str>| {
        let builder = ResourceServer::builder(&id.url, urn).unwrap().clock(|| NOW);
        match origin {
            Some(origin) => builder.origin(origin),
            None => builder,
        }
        .build()
        .unwrap()
    };
    let outcome = async |api: &ResourceServer| {
        let proof = client.proof();
        let request = with_proof("GET", "/orders", &client.token, &proof).body(()).unwrap();
        let admitted = api.admit(&Asked::from(&request), &Rule::ANY_TOKEN).await;
        admitted.map_err(|refused| refused.refusal().reason().as_str()).map(|_| ())
    };
    assert_eq!(outcome(&build(Some("https://api.example.com"))).await, Ok(()));
    assert_eq!(outcome(&build(None)).await, Err("proof_missing"));
}

#[tokio::test]
async fn an_origin_is_scheme_and_authority_alone() {
    let build = |origin: &str| {
        let api = ResourceServer::builder("https://id.example.com", "urn:example:orders");
        api.unwrap().origin(origin).build()
    };
    for good in ["https://api.example.com", "https://api.example.com/", "http://127.0.0.1:8080"] {
        assert!(build(good).is_ok(), "{good}");
    }
    for bad in
        ["", "api.example.com", "https://", "https://a/b", "https://u@a", "ftp://a", "https://a?b"]
    {
        assert!(matches!(build(bad), Err(ConfigError::Origin(_))), "{bad}");
    }
}
