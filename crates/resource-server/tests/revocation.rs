//! Revocations that an issuer pushes, and the tokens that they end (RFC 8417, RFC 8935).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

#[allow(dead_code, reason = "other tests use the rest of it")]
mod issuer;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use bailiwick_oauth::Scopes;
use bailiwick_oauth::event::{
    ACCOUNT_DISABLED, GRANT_REVOKED, SESSION_REVOKED, SESSIONS_REVOKED, TOKEN_REVOKED,
};
use bailiwick_resource_server::{
    Algorithm, Asked, Denial, DenyList, EventReceiver, Fetcher, Issuer, IssuerKeys, Jwks,
    KeySettings, Name, ResourceServer, Rule, ScopeRule, Secret, SigningKey,
};
use http::header::{AUTHORIZATION, CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use issuer::{API, NOW, TestIssuer};
use serde_json::{Value, json};
use tower::ServiceExt;

/// An API, the place where its issuer pushes events to, and what they deny.
struct Api {
    issuer: TestIssuer,
    app: Router,
    denied: Arc<DenyList>,
}

impl Api {
    async fn new() -> Self {
        Self::of(TestIssuer::up().await, DenyList::default(), |receiver| receiver)
    }

    fn of(
        issuer: TestIssuer,
        denied: DenyList,
        change: impl FnOnce(EventReceiver) -> EventReceiver,
    ) -> Self {
        let denied = Arc::new(denied);
        let name = Issuer::parse(&issuer.url).unwrap();
        // Short waits, so that no test takes long.
        let settings = KeySettings {
            retry: Duration::from_millis(20),
            retry_most: Duration::from_millis(20),
            unknown_kid: Duration::from_millis(20),
            ..KeySettings::default()
        };
        let keys = IssuerKeys::new(name.clone(), Fetcher::builder().build().unwrap(), settings);
        let receiver = EventReceiver::new(name, Arc::clone(&keys), API, Arc::clone(&denied));
        let receiver = change(receiver.clock(|| NOW));
        let api = issuer.protect(API).keys(keys).denials(denied.clone()).build().unwrap();
        let app = Router::new()
            .route("/orders", get(|| async { "orders" }))
            .layer(api.layer())
            .nest("/events", receiver.router());
        Self { issuer, app, denied }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.app.clone().oneshot(request).await.unwrap()
    }

    /// What a call with this token is answered.
    async fn call(&self, token: &str) -> StatusCode {
        let request = Request::get("/orders").header(AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await.status()
    }

    /// A security event token with these claims.
    fn event(&self, changes: &Value) -> String {
        self.signed("secevent+jwt", changes)
    }

    /// The same of another type.
    fn signed(&self, typ: &str, changes: &Value) -> String {
        let mut claims = json!({ "exp": null, "sub": null, "client_id": null, "scope": null });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.issuer.sign(typ, claims)
    }

    /// An event of this kind about alice.
    fn about_alice(&self, kind: &str) -> String {
        self.event(&json!({ "sub_id": self.alice(), "events": { kind: {} } }))
    }

    fn alice(&self) -> Value {
        json!({ "format": "iss_sub", "iss": self.issuer.url, "sub": "alice" })
    }

    async fn push(&self, event: String) -> Response<Body> {
        self.send(posted(event)).await
    }
}

fn posted(body: impl Into<Body>) -> Request<Body> {
    let request = Request::post("/events").header(CONTENT_TYPE, "application/secevent+jwt");
    request.body(body.into()).unwrap()
}

async fn body(response: Response<Body>) -> Vec<u8> {
    to_bytes(response.into_body(), 100_000).await.unwrap().to_vec()
}

/// The error of an answer that is in the form of RFC 8935 §2.3.
async fn error(response: Response<Body>) -> String {
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(response.headers()[CONTENT_LANGUAGE], "en");
    let failure: Value = serde_json::from_slice(&body(response).await).unwrap();
    assert!(failure["description"].as_str().is_some_and(|text| !text.is_empty()), "{failure}");
    failure["err"].as_str().unwrap().to_owned()
}

// RFC 8935 §2.2.
#[tokio::test]
async fn an_event_that_is_taken_gets_an_empty_202() {
    let api = Api::new().await;
    let answer = api.push(api.about_alice(SESSIONS_REVOKED)).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(body(answer).await, b"");
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_though_it_was_seen_before() {
    let api = Api::new().await;
    let (token, other) = (api.issuer.token("a"), api.issuer.token_with(json!({ "jti": "2" })));
    for _ in 0..2 {
        assert_eq!(api.call(&token).await, StatusCode::OK);
    }
    let subject = json!({ "format": "jwt_id", "iss": api.issuer.url, "jti": "1" });
    let event = api.event(&json!({ "sub_id": subject, "events": { TOKEN_REVOKED: {} } }));
    assert_eq!(api.push(event).await.status(), StatusCode::ACCEPTED);
    assert_eq!(api.call(&token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(api.call(&other).await, StatusCode::OK);
}

#[tokio::test]
async fn what_goes_on_can_be_looked_at_again() {
    let issuer = TestIssuer::up().await;
    let denied = Arc::new(DenyList::default());
    let api = issuer.protect(API).denials(denied.clone()).build().unwrap();
    let request = Request::get("/orders")
        .header(AUTHORIZATION, format!("Bearer {}", issuer.token("a")))
        .body(())
        .unwrap();
    let permit = api.admit(&Asked::from(&request), &Rule::ANY_TOKEN).await.unwrap();
    assert!(!api.is_revoked(&permit));
    let name = Issuer::parse(&issuer.url).unwrap();
    let denial = |subject: &str| Denial::new(name.clone(), Name::Subject(subject.into()), NOW);
    denied.add(&denial("bob"), NOW).unwrap();
    assert!(!api.is_revoked(&permit));
    denied.add(&denial("alice"), NOW).unwrap();
    assert!(api.is_revoked(&permit));

    let still = |api: &ResourceServer, rule: &Rule| {
        api.still_allows(&permit, rule, request.method(), request.uri())
    };
    let rule = |scope| Rule::from(ScopeRule::AllOf(Scopes::parse(scope).unwrap()));
    assert!(still(&api, &rule("a")) && !still(&api, &rule("b")));
    let other = issuer.protect("https://other.example").build().unwrap();
    assert!(!still(&other, &Rule::ANY_TOKEN), "another resource");
    let stranger = TestIssuer::up().await.protect(API).build().unwrap();
    assert!(!still(&stranger, &Rule::ANY_TOKEN), "another issuer");
}

#[tokio::test]
async fn an_event_denies_what_it_is_about_and_nothing_else() {
    let in_session = json!({ "sid": "s" });
    let of_grant = json!({ "jti": "g.1" });
    let cases = [
        (SESSIONS_REVOKED, json!({}), "alice", json!({}), true),
        (SESSIONS_REVOKED, json!({}), "alice", json!({ "sub": "bob" }), false),
        (ACCOUNT_DISABLED, json!({}), "alice", json!({}), true),
        (SESSION_REVOKED, json!({}), "alice", json!({}), true),
        // Who signs in again, gets in.
        (SESSION_REVOKED, json!({ "event_timestamp": NOW - 1 }), "alice", json!({}), false),
        (SESSION_REVOKED, json!({}), "s", in_session.clone(), true),
        (SESSION_REVOKED, json!({}), "s", json!({}), false),
        (GRANT_REVOKED, json!({ "grant": "g" }), "", of_grant.clone(), true),
        (GRANT_REVOKED, json!({ "grant": "g" }), "", json!({}), false),
        (GRANT_REVOKED, json!({ "client_id": "shop" }), "", json!({}), true),
        (GRANT_REVOKED, json!({ "client_id": "till" }), "", json!({}), false),
        (GRANT_REVOKED, json!({ "client_id": "shop", "sub": "alice" }), "", json!({}), true),
        (GRANT_REVOKED, json!({ "client_id": "shop", "sub": "bob" }), "", json!({}), false),
        (GRANT_REVOKED, json!({ "grant": "g", "client_id": "till" }), "", of_grant, false),
    ];
    for (kind, event, about, token, is_denied) in cases {
        let api = Api::new().await;
        let mut claims = json!({ "events": { kind: event } });
        match about {
            "" => {}
            "s" => {
                claims["sub_id"] = json!({
                    "format": "complex", "session": { "format": "opaque", "id": "s" },
                });
            }
            _ => claims["sub_id"] = api.alice(),
        }
        let token = api.issuer.token_with(token);
        assert_eq!(api.call(&token).await, StatusCode::OK);
        assert_eq!(api.push(api.event(&claims)).await.status(), StatusCode::ACCEPTED, "{claims}");
        let expected = if is_denied { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        assert_eq!(api.call(&token).await, expected, "{claims}");
    }
}

#[tokio::test]
async fn what_takes_nothing_back_is_acknowledged_and_has_no_effect() {
    let api = Api::new().await;
    for kind in [
        "https://schemas.openid.net/secevent/caep/event-type/credential-change",
        "https://schemas.openid.net/secevent/ssf/event-type/verification",
        "urn:example:other",
    ] {
        assert_eq!(api.push(api.about_alice(kind)).await.status(), StatusCode::ACCEPTED);
    }
    assert!(api.denied.is_empty());
}

#[tokio::test]
async fn an_event_that_names_no_key_is_taken_after_the_key_has_changed() {
    let api = Api::new().await;
    let claims = json!({
        "iss": api.issuer.url, "aud": API, "jti": "e", "iat": NOW,
        "sub_id": api.alice(), "events": { SESSIONS_REVOKED: {} },
    });
    let claims = claims.to_string();
    let nameless = |key: &SigningKey| {
        key.sign_with("secevent+jwt", &serde_json::Map::new(), claims.as_bytes()).unwrap()
    };
    let old = nameless(&api.issuer.key());
    assert_eq!(api.push(old.clone()).await.status(), StatusCode::ACCEPTED);
    api.issuer.rotate();
    let new = nameless(&api.issuer.key());
    assert_eq!(api.push(new).await.status(), StatusCode::ACCEPTED);
    assert_eq!(error(api.push(old).await).await, "invalid_key");
}

#[tokio::test]
async fn a_token_of_another_kind_is_no_event() {
    let api = Api::new().await;
    let claims = json!({ "sub_id": api.alice(), "events": { SESSIONS_REVOKED: {} } });
    let of_type = |typ| api.signed(typ, &claims);
    let logout = json!({
        "sub": "alice", "sid": "s",
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    let cases = [
        ("an access token", api.issuer.token("read:orders")),
        ("an access token with events", of_type("at+jwt")),
        ("a logout token", api.signed("logout+jwt", &logout)),
        ("a logout token with such events", of_type("logout+jwt")),
        ("an ID token", api.issuer.sign("JWT", json!({ "nonce": "n" }))),
        ("an ID token with events", of_type("JWT")),
        ("a DPoP proof", of_type("dpop+jwt")),
        ("a longer type", of_type("secevent+jwt+x")),
        ("an empty type", of_type("")),
        ("nothing", String::new()),
        ("rubbish", "a.b.c".to_owned()),
        ("an opaque token", "rubbish".to_owned()),
    ];
    for (what, token) in cases {
        assert_eq!(error(api.push(token).await).await, "invalid_request", "{what}");
    }
    assert!(api.denied.is_empty());
}

#[tokio::test]
async fn an_event_is_no_access_token() {
    let api = Api::new().await;
    let claims = json!({
        "sub": "alice", "client_id": "shop", "scope": "read:orders", "exp": NOW + 300,
        "sub_id": api.alice(), "events": { SESSIONS_REVOKED: {} },
    });
    assert_eq!(api.call(&api.event(&claims)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(api.call(&api.signed("at+jwt", &claims)).await, StatusCode::OK); // its type alone
}

#[tokio::test]
async fn an_event_that_is_not_as_it_must_be_is_refused() {
    let api = Api::new().await;
    let cases = [
        (json!({ "iss": "https://other.example" }), "invalid_issuer"),
        (json!({ "iss": format!("{}/", api.issuer.url) }), "invalid_issuer"),
        (json!({ "iss": null }), "invalid_request"),
        (json!({ "iss": [api.issuer.url] }), "invalid_request"),
        (json!({ "aud": null }), "invalid_audience"),
        (json!({ "aud": [] }), "invalid_audience"),
        (json!({ "aud": format!("{API}/") }), "invalid_audience"),
        (json!({ "aud": ["https://other.example"] }), "invalid_audience"),
        (json!({ "jti": null }), "invalid_request"),
        (json!({ "jti": 1 }), "invalid_request"),
        (json!({ "iat": null }), "invalid_request"),
        (json!({ "iat": "1" }), "invalid_request"),
        (json!({ "iat": NOW + 11 }), "invalid_request"),
        (json!({ "exp": NOW - 10 }), "invalid_request"),
        (json!({ "exp": "never" }), "invalid_request"),
        (json!({ "events": null }), "invalid_request"),
        (json!({ "events": {} }), "invalid_request"),
        (json!({ "events": [SESSIONS_REVOKED] }), "invalid_request"),
        (json!({ "events": { GRANT_REVOKED: {} } }), "invalid_request"),
        (json!({ "sub_id": null }), "invalid_request"),
        (json!({ "sub_id": { "format": "iss_sub", "sub": "alice" } }), "invalid_request"),
        (
            json!({ "sub_id": { "format": "iss_sub", "iss": "https://o.example", "sub": "alice" } }),
            "access_denied",
        ),
    ];
    for (changes, expected) in cases {
        let mut claims = json!({ "sub_id": api.alice(), "events": { SESSIONS_REVOKED: {} } });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let refused = error(api.push(api.event(&claims)).await).await;
        assert_eq!(refused, expected, "{changes}");
    }
    assert!(api.denied.is_empty());
    // Several audiences, and clocks that differ.
    let good = json!({
        "aud": ["https://other.example", API], "iat": NOW + 10, "exp": NOW - 9,
        "sub_id": api.alice(), "events": { SESSIONS_REVOKED: {} },
    });
    assert_eq!(api.push(api.event(&good)).await.status(), StatusCode::ACCEPTED);
    assert_eq!(api.denied.len(), 1);
}

#[tokio::test]
async fn an_event_must_be_signed_by_its_issuer() {
    let api = Api::new().await;
    let good = api.about_alice(SESSIONS_REVOKED);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = signed.split_once('.').unwrap();
    let another = TestIssuer::up().await;
    let forged = another.sign(
        "secevent+jwt",
        json!({
            "iss": api.issuer.url, "exp": null,
            "sub_id": api.alice(), "events": { SESSIONS_REVOKED: {} },
        }),
    );
    let header = |text: &str| bailiwick_jose::base64url::encode(text.as_bytes());
    let none = header(r#"{"typ":"secevent+jwt","alg":"none"}"#);
    let hmac = header(r#"{"typ":"secevent+jwt","alg":"HS256"}"#);
    let other = api.event(&json!({ "events": { "urn:a": {} } }));
    for (what, token) in [
        ("a key of somebody else", forged),
        (
            "the signature of another event",
            format!("{signed}.{}", other.rsplit_once('.').unwrap().1),
        ),
        ("no signature", format!("{none}.{payload}.")),
        ("a shared secret", format!("{hmac}.{payload}.{signature}")),
    ] {
        assert_eq!(error(api.push(token).await).await, "invalid_key", "{what}");
    }
    assert!(api.denied.is_empty());
    assert_eq!(api.push(good).await.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_key_that_its_set_gives_to_another_issuer_signs_no_event() {
    let (issuer, key) = ("https://id.example", SigningKey::generate(Algorithm::Es256).unwrap());
    let event = json!({
        "iss": issuer, "aud": API, "jti": "1", "iat": NOW,
        "events": { GRANT_REVOKED: { "sub": "alice" } },
    });
    let event = key.sign_json("secevent+jwt", &event).unwrap();
    for (owner, expected) in [
        ("https://other.example", StatusCode::BAD_REQUEST),
        ("https://id.example/", StatusCode::BAD_REQUEST),
        (issuer, StatusCode::ACCEPTED),
    ] {
        let mut set = Jwks::from_keys(vec![key.verifying_key().clone()]).to_json();
        set["keys"][0]["issuer"] = owner.into();
        let keys = IssuerKeys::fixed(Jwks::from_json(&set).unwrap());
        let name = Issuer::parse(issuer).unwrap();
        let receiver = EventReceiver::new(name, keys, API, Arc::default());
        let answer = receiver.receive(posted("").headers(), event.clone().into(), NOW).await;
        assert_eq!(answer.status(), expected, "{owner}");
    }
}

// RFC 8935 §2: what was not acknowledged in time is sent again.
#[tokio::test]
async fn an_event_that_comes_twice_has_one_effect() {
    let api = Api::new().await;
    let event = api.about_alice(SESSIONS_REVOKED);
    for _ in 0..3 {
        assert_eq!(api.push(event.clone()).await.status(), StatusCode::ACCEPTED);
        assert_eq!(api.denied.len(), 1);
    }
    // Nor does it outlive the tokens that it means: whenever it came, they have expired by then.
    api.denied.sweep(NOW + 24 * 60 * 60 + 5 * 60 + 1);
    assert!(api.denied.is_empty());
}

#[tokio::test]
async fn an_event_may_come_late() {
    let api = Api::new().await;
    let issued = |iat| {
        api.event(&json!({
            "iat": iat, "sub_id": api.alice(), "events": { SESSIONS_REVOKED: {} },
        }))
    };
    let month = 30 * 24 * 60 * 60;
    assert_eq!(api.push(issued(NOW - month)).await.status(), StatusCode::ACCEPTED);
    assert!(api.denied.is_empty()); // no token of then is left
    assert_eq!(api.push(issued(NOW - 12 * 60 * 60)).await.status(), StatusCode::ACCEPTED);
    let token = |iat| api.issuer.token_with(json!({ "iat": iat }));
    assert_eq!(api.call(&token(NOW - 13 * 60 * 60)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(api.call(&token(NOW)).await, StatusCode::OK);
}

#[tokio::test]
async fn a_sender_without_the_secret_is_refused() {
    let secret = |receiver: EventReceiver| receiver.authorization(Secret::new("correct horse"));
    let api = Api::of(TestIssuer::up().await, DenyList::default(), secret);
    let event = api.about_alice(SESSIONS_REVOKED);
    let shown = |values: &[&str]| {
        let mut request = posted(event.clone());
        for value in values {
            request.headers_mut().append(AUTHORIZATION, value.parse().unwrap());
        }
        request
    };
    for values in [
        vec![],
        vec!["Bearer wrong"],
        vec!["Bearer correct hors"],
        vec!["Bearer correct horse "],
        vec!["Bearer"],
        vec!["Basic correct horse"],
        vec!["correct horse"],
        vec!["Bearer correct horse", "Bearer correct horse"],
    ] {
        let refused = error(api.send(shown(&values)).await).await;
        assert_eq!(refused, "authentication_failed", "{values:?}");
    }
    assert!(api.denied.is_empty());
    for value in ["Bearer correct horse", "bearer correct horse"] {
        assert_eq!(api.send(shown(&[value])).await.status(), StatusCode::ACCEPTED);
    }
}

#[tokio::test]
async fn what_is_posted_must_be_said_to_be_an_event_and_be_short() {
    let api = Api::new().await;
    let event = api.about_alice(SESSIONS_REVOKED);
    for (stated, expected) in [
        ("application/secevent+jwt", StatusCode::ACCEPTED),
        ("Application/SecEvent+JWT; charset=utf-8", StatusCode::ACCEPTED),
        ("application/jwt", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("secevent+jwt", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/secevent+jwtx", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let request = Request::post("/events").header(CONTENT_TYPE, stated);
        let answer = api.send(request.body(event.clone().into()).unwrap()).await;
        assert_eq!(answer.status(), expected, "{stated}");
    }
    let unsaid = Request::post("/events").body(Body::from(event)).unwrap();
    assert_eq!(api.send(unsaid).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let long = "a".repeat(EventReceiver::LONGEST + 1);
    assert_eq!(api.push(long).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let get = Request::get("/events").body(Body::empty()).unwrap();
    assert_eq!(api.send(get).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn while_the_issuers_keys_cannot_be_had_an_event_is_to_be_sent_again() {
    let api = Api::of(TestIssuer::down().await, DenyList::default(), |receiver| receiver);
    let event = api.about_alice(SESSIONS_REVOKED);
    let answer = api.push(event.clone()).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key(RETRY_AFTER));
    assert!(api.denied.is_empty());
    api.issuer.rise().await;
    let taken = async {
        while api.push(event.clone()).await.status() != StatusCode::ACCEPTED {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), taken).await.unwrap();
    assert_eq!(api.denied.len(), 1);
}

#[tokio::test]
async fn an_event_signed_with_a_new_key_is_taken() {
    let api = Api::new().await;
    assert_eq!(api.push(api.about_alice("urn:a")).await.status(), StatusCode::ACCEPTED);
    api.issuer.rotate();
    assert_eq!(api.push(api.about_alice(SESSIONS_REVOKED)).await.status(), StatusCode::ACCEPTED);
    assert_eq!(api.denied.len(), 1);
}

#[tokio::test]
async fn while_the_list_is_full_an_event_is_to_be_sent_again() {
    let list = DenyList::new(1, Duration::from_hours(1));
    let api = Api::of(TestIssuer::up().await, list, |receiver| receiver);
    assert_eq!(api.push(api.about_alice(SESSIONS_REVOKED)).await.status(), StatusCode::ACCEPTED);
    let bob = api.event(&json!({ "events": { GRANT_REVOKED: { "sub": "bob" } } }));
    let answer = api.push(bob.clone()).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key(RETRY_AFTER));
    assert_eq!(api.denied.len(), 1);
    api.denied.sweep(NOW + 60 * 60 + 1);
    assert_eq!(api.push(bob).await.status(), StatusCode::ACCEPTED);
    assert_eq!(
        api.call(&api.issuer.token_with(json!({ "sub": "bob" }))).await,
        StatusCode::UNAUTHORIZED
    );
}
