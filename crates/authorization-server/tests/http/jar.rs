//! Signed authorization requests (RFC 9101), alone and pushed.

use bailiwick_jose::{
    Algorithm, ContentEncryption, EncryptionKey, Jwks, KeyManagement, SigningKey,
};
use serde_json::{Value, json};

use super::browser::{Browser, parameter, request, ticked};
use super::publisher::Publisher;
use super::server::{ANOTHER, API, Answer, CALLBACK, CHALLENGE, CONFIG, ISSUER, Server, VERIFIER};

const TYPE: &str = "oauth-authz-req+jwt";

/// A client that signs, one that must, and one without keys, which all share one key.
struct Signing {
    server: Server,
    key: SigningKey,
    publisher: Publisher,
}

impl Signing {
    async fn new() -> Self {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let publisher = Publisher::new().await;
        let jwks = Jwks::from_keys(vec![key.verifying_key().clone()]).to_json();
        publisher.publish("/jwks", "application/json", jwks);
        let client = |id: &str, more: &str| {
            format!(
                r#"
                [[client]]
                id = "{id}"
                name = "{id}"
                authentication = "none"
                redirect_uris = ["{CALLBACK}"]
                scopes = ["openid", "offline_access"]
                resources = {{ "*" = "*" }}
                {more}
                "#
            )
        };
        let keys = format!("jwks_uri = \"{}\"", publisher.url("/jwks"));
        let uris = format!(
            "{keys}\nrequests.request_uris = [\"{}\", \"{}\"]",
            publisher.url("/request"),
            publisher.url("/nothing")
        );
        let clients = [
            client("signing", &uris),
            client("strict", &format!("{keys}\nrequests.require_signed = true")),
            client("keyless", ""),
        ];
        let server = Server::with(ISSUER, &format!("{CONFIG}{}", clients.concat())).await;
        Self { server, key, publisher }
    }

    /// The claims of a request of the client for the example API.
    fn claims(&self, client: &str) -> Value {
        let now = self.server.now();
        json!({
            "iss": client, "aud": ISSUER, "iat": now, "exp": now + 60,
            "client_id": client, "response_type": "code", "redirect_uri": CALLBACK,
            "scope": "read", "resource": [API], "state": "inner",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        })
    }

    fn sign(&self, claims: &Value) -> String {
        self.key.sign_json(TYPE, claims).unwrap()
    }
}

async fn open(browser: &mut Browser<'_>, client: &str, more: &[(&str, &str)]) -> Answer {
    let mut pairs = vec![("client_id", client)];
    pairs.extend(more);
    browser.open("/authorize", &pairs).await
}

#[track_caller]
fn is_shown(answer: &Answer, error: &str) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.header("location"), "");
    assert!(answer.body.contains(error), "{}", answer.body);
}

async fn token(server: &Server, client: &str, code: &str, more: &[(&str, &str)]) -> Answer {
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    pairs.extend(more);
    server.post("/token", &pairs).await
}

//= https://www.rfc-editor.org/rfc/rfc9101#section-6.3
//= type=test
//# The authorization server MUST only use the parameters in the Request
//# Object, even if the same parameter is provided in the query parameter.
#[tokio::test]
async fn only_what_is_signed_counts() {
    let signing = Signing::new().await;
    let mut browser = Browser::new(&signing.server);
    let object = signing.sign(&signing.claims("signing"));
    let beside = [
        ("request", &*object),
        ("resource", ANOTHER),
        ("scope", "openid delete"),
        ("state", "outer"),
        ("redirect_uri", "https://evil.example/cb"),
        ("response_type", "token"),
        ("prompt", "none"),
    ];
    let begun = open(&mut browser, "signing", &beside).await;
    let page = browser.follow(begun.header("location")).await;
    let page = browser.sign_in(&page, "ada").await;
    assert_eq!(ticked(&page), ["https://api.example.com read"]);
    let answer = browser.allow(&page).await;
    assert_eq!(parameter(&answer, "state"), "inner");
    assert!(answer.header("location").starts_with(CALLBACK));
    let tokens = token(&signing.server, "signing", &parameter(&answer, "code"), &[]).await;
    assert_eq!(tokens.claims()["aud"], API);
    assert_eq!(tokens.claims()["scope"], "read");
}

#[tokio::test]
async fn resource_inside_is_a_text_or_a_list() {
    let signing = Signing::new().await;
    let mut browser = Browser::new(&signing.server);
    let both = json!(["https://api.example.com read", "https://api.another.com read"]);
    for (resource, asked) in [(json!(API), json!([both[0]])), (json!([API, ANOTHER]), both.clone())]
    {
        let mut claims = signing.claims("signing");
        claims["resource"] = resource;
        claims["prompt"] = json!("consent");
        let begun = open(&mut browser, "signing", &[("request", &signing.sign(&claims))]).await;
        let mut page = browser.follow(begun.header("location")).await;
        if page.body.contains("name=\"password\"") {
            page = browser.sign_in(&page, "ada").await;
        }
        let mut ticked = ticked(&page);
        ticked.sort_by_key(|pair| pair.contains("another"));
        assert_eq!(json!(ticked), asked);
    }
    // What is wrong inside goes to the place inside, with the state inside.
    for (resource, error) in
        [(json!("relative"), "invalid_target"), (json!([API, 7]), "invalid_target")]
    {
        let mut claims = signing.claims("signing");
        claims["resource"] = resource;
        let object = signing.sign(&claims);
        let answer = open(&mut browser, "signing", &[("request", &object), ("state", "x")]).await;
        assert_eq!(parameter(&answer, "error"), error);
        assert_eq!(parameter(&answer, "state"), "inner");
    }
}

#[tokio::test]
async fn what_cannot_be_believed_is_refused() {
    let signing = Signing::new().await;
    let mut browser = Browser::new(&signing.server);
    let right = signing.claims("signing");
    let with = |name: &str, value: Value| {
        let mut claims = right.clone();
        claims[name] = value;
        signing.sign(&claims)
    };
    let unsigned = {
        let part = |value: Value| bailiwick_jose::base64url::encode(value.to_string().as_bytes());
        format!("{}.{}.", part(json!({ "alg": "none" })), part(right.clone()))
    };
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let bad = [
        unsigned,
        stranger.sign_json(TYPE, &right).unwrap(),
        signing.key.sign_json("at+jwt", &right).unwrap(),
        with("aud", json!("https://other.example")),
        with("iss", json!("shop")),
        with("client_id", json!("shop")),
        with("sub", json!("signing")),
        with("exp", json!(signing.server.now() - 60)),
        with("request", json!("x")),
        "x".to_owned(),
        "a.b.c.d.e".to_owned(),
    ];
    for object in &bad {
        let answer = open(&mut browser, "signing", &[("request", object)]).await;
        is_shown(&answer, "invalid_request_object");
    }
    // With a registered place beside it, the error goes there; never to one inside.
    let place = [("request", &*bad[0]), ("redirect_uri", CALLBACK), ("state", "outer")];
    let answer = open(&mut browser, "signing", &place).await;
    assert_eq!(parameter(&answer, "error"), "invalid_request_object");
    assert_eq!(parameter(&answer, "state"), "outer");
    // The object of one client, sent as another.
    let object = signing.sign(&right);
    is_shown(
        &open(&mut browser, "strict", &[("request", &object)]).await,
        "invalid_request_object",
    );
    let answer = open(&mut browser, "keyless", &[("request", &object)]).await;
    is_shown(&answer, "register jwks or jwks_uri");
    let both = [("request", &*object), ("request_uri", "https://shop.example/r")];
    is_shown(&open(&mut browser, "signing", &both).await, "exclude each other");
    let twice = [("request", &*object), ("request", &*object)];
    is_shown(&open(&mut browser, "signing", &twice).await, "more than once");
}

#[tokio::test]
async fn a_named_request_object_is_good_once_and_its_page_stays() {
    let signing = Signing::new().await;
    let mut browser = Browser::new(&signing.server);
    let mut claims = signing.claims("signing");
    claims["jti"] = json!("1");
    let object = signing.sign(&claims);
    let begun = open(&mut browser, "signing", &[("request", &object)]).await;
    assert!(!begun.header("location").contains("request"), "{}", begun.header("location"));
    is_shown(&open(&mut browser, "signing", &[("request", &object)]).await, "was used before");
    let push = [("client_id", "signing"), ("request", &*object)];
    signing.server.post("/par", &push).await.expect(400, "invalid_request_object");
    assert_eq!(browser.follow(begun.header("location")).await.status, 200);
    assert_eq!(browser.follow(begun.header("location")).await.status, 200);
}

//= https://www.rfc-editor.org/rfc/rfc9126#section-3
//= type=test
//# Clients MAY use the request parameter as defined in JAR [RFC9101] to
//# push a Request Object JWT to the authorization server.
#[tokio::test]
async fn a_request_object_can_be_pushed() {
    let signing = Signing::new().await;
    let mut browser = Browser::new(&signing.server);
    let object = signing.sign(&signing.claims("strict"));
    let mut pairs = request(&[("resource", ANOTHER), ("request", &object)]);
    pairs.retain(|(name, _)| *name != "client_id");
    pairs.push(("client_id", "strict"));
    let answer = signing.server.post("/par", &pairs).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let uri = answer.text("request_uri");
    let begun = open(&mut browser, "strict", &[("request_uri", &uri), ("resource", ANOTHER)]).await;
    let answer = browser.through(begun).await;
    assert_eq!(parameter(&answer, "state"), "inner");
    let tokens = token(&signing.server, "strict", &parameter(&answer, "code"), &[]).await;
    assert_eq!(tokens.claims()["aud"], API);
    // Of another client than the one that pushes, or with something wrong inside.
    let other = signing.sign(&signing.claims("signing"));
    let pairs = [("client_id", "strict"), ("request", &*other)];
    signing.server.post("/par", &pairs).await.expect(400, "invalid_request_object");
    let mut claims = signing.claims("strict");
    claims["resource"] = json!("https://unknown.example");
    let wrong = signing.sign(&claims);
    let pairs = [("client_id", "strict"), ("request", &*wrong)];
    signing.server.post("/par", &pairs).await.expect(400, "invalid_target");
}

//= https://www.rfc-editor.org/rfc/rfc9126#section-2.3
//= type=test
//# the authorization server MUST only accept requests complying
//# with the definition given in Section 3 and MUST refuse any other
//# request with HTTP status code 400 and error code invalid_request.
#[tokio::test]
async fn a_client_may_have_to_sign() {
    let signing = Signing::new().await;
    let mut browser = Browser::new(&signing.server);
    let mut plain = request(&[("scope", "read"), ("resource", API)]);
    plain.retain(|(name, _)| *name != "client_id");
    plain.push(("client_id", "strict"));
    let answer = browser.open("/authorize", &plain).await;
    assert_eq!(parameter(&answer, "error"), "invalid_request");
    assert!(parameter(&answer, "error_description").contains("signed request object"));
    signing.server.post("/par", &plain).await.expect(400, "invalid_request");
    let object = signing.sign(&signing.claims("strict"));
    assert_eq!(open(&mut browser, "strict", &[("request", &object)]).await.status, 303);
}

#[tokio::test]
async fn an_encrypted_request_is_opened_and_still_has_to_be_signed() {
    let signing = Signing::new().await;
    let mut browser = Browser::new(&signing.server);
    let jwks = signing.server.get("/jwks").await.json();
    let of = |alg: KeyManagement| {
        let keys = jwks["keys"].as_array().unwrap();
        let jwk = keys.iter().find(|key| key["alg"] == alg.name()).unwrap();
        assert_eq!(jwk["use"], "enc");
        assert!(jwk.get("d").is_none(), "a private member is published");
        EncryptionKey::from_jwk(jwk).unwrap()
    };
    let object = signing.sign(&signing.claims("signing"));
    for alg in [KeyManagement::EcdhEs, KeyManagement::RsaOaep256] {
        for enc in ContentEncryption::ALL {
            let closed = of(alg).encrypt(enc, Some("JWT"), object.as_bytes()).unwrap();
            let begun = open(&mut browser, "signing", &[("request", &closed)]).await;
            assert_eq!(begun.status, 303, "{alg} {enc}: {}", begun.body);
        }
    }
    let claims = signing.claims("signing").to_string();
    let key = of(KeyManagement::EcdhEs);
    let unsigned = key.encrypt(ContentEncryption::A256Gcm, None, claims.as_bytes()).unwrap();
    let answer = open(&mut browser, "signing", &[("request", &unsigned)]).await;
    is_shown(&answer, "invalid_request_object");
    let metadata = signing.server.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["request_parameter_supported"], true);
    assert_eq!(
        metadata["request_object_encryption_alg_values_supported"],
        json!(["ECDH-ES", "RSA-OAEP-256"])
    );
}

//= https://www.rfc-editor.org/rfc/rfc9101#section-10.4
//= type=test
//# The introduction of "request_uri" introduces several attack possibilities.
#[tokio::test]
async fn only_a_registered_address_is_asked() {
    let signing = Signing::new().await;
    let publisher = &signing.publisher;
    let mut browser = Browser::new(&signing.server);
    let object = signing.sign(&signing.claims("signing"));
    publisher.publish("/request", "application/oauth-authz-req+jwt", &object);
    publisher.publish("/other", "application/oauth-authz-req+jwt", &object);
    let registered = publisher.url("/request");
    for uri in [registered.clone(), format!("{registered}#digest")] {
        let begun = open(&mut browser, "signing", &[("request_uri", &uri)]).await;
        assert!(begun.header("location").starts_with("/consent?"), "{}", begun.body);
    }
    assert_eq!(publisher.fetched("/request"), 2, "what may change is not kept");
    let answer = open(&mut browser, "signing", &[("request_uri", &publisher.url("/other"))]).await;
    is_shown(&answer, "invalid_request_uri");
    let with_query = format!("{registered}?x=1");
    let answer = open(&mut browser, "signing", &[("request_uri", &with_query)]).await;
    is_shown(&answer, "invalid_request_uri");
    assert_eq!(publisher.fetched("/other"), 0, "nobody was asked");
    let answer = open(&mut browser, "strict", &[("request_uri", &registered)]).await;
    is_shown(&answer, "request_uri_not_supported");
    let nothing = publisher.url("/nothing");
    let answer = open(&mut browser, "signing", &[("request_uri", &nothing)]).await;
    is_shown(&answer, "invalid_request_uri");
    publisher.publish("/request", "text/plain", "x".repeat(600 * 1024));
    let answer = open(&mut browser, "signing", &[("request_uri", &registered)]).await;
    is_shown(&answer, "invalid_request_uri");
    publisher.publish("/request", "text/plain", "<html>");
    let answer = open(&mut browser, "signing", &[("request_uri", &registered)]).await;
    is_shown(&answer, "invalid_request_object");
}
