//! The token endpoint's refusals (RFC 6749 §5.2, RFC 8707 §2.2).

use axum::body::Body;
use bailiwick_authorization_server::registry;
use bailiwick_grant::state::{ResourceServer, ScopeDefinition};
use bailiwick_jose::{Algorithm, Jws};
use bailiwick_oauth::credentials::JWT_BEARER;
use bailiwick_oauth::{Resource, Scope};
use http::Request;
use serde_json::json;

use super::browser::{Browser, parameter};
use super::server::{ANOTHER, API, CALLBACK, CONFIG, ISSUER, SECRET, Server, VERIFIER, robot};

fn post(path: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("content-type", content_type).body(body.into()).unwrap()
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let server = Server::new().await;
    for path in ["/token", "/introspect", "/revoke"] {
        server.send(post(path, "application/json", "{}")).await.expect(415, "invalid_request");
        let long = "a".repeat(64 * 1024 + 1);
        server.send(post(path, FORM, long)).await.expect(413, "invalid_request");
        server.send(post(path, FORM, "a=%ff")).await.expect(400, "invalid_request");
        server.send(post(path, FORM, vec![0xff, 0xfe])).await.expect(400, "invalid_request");
        let with_query = format!("{path}?client_id=shop");
        server.send(post(&with_query, FORM, "a=b")).await.expect(400, "invalid_request");
        let charset = format!("{FORM}; charset=UTF-8");
        server.send(post(path, &charset, "")).await.expect(401, "invalid_client");
    }
}

//= https://www.rfc-editor.org/rfc/rfc6749#section-3.2
//= type=test
//# Request and response parameters
//# MUST NOT be included more than once.
#[tokio::test]
async fn a_repeated_parameter_is_refused() {
    let server = Server::new().await;
    for repeated in ["client_id", "grant_type", "code", "redirect_uri", "code_verifier", "scope"] {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("client_id", "shop"),
            ("code", "c"),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("scope", "read"),
        ];
        pairs.push((repeated, "x"));
        server.post("/token", &pairs).await.expect(400, "invalid_request");
    }
}

//= https://www.rfc-editor.org/rfc/rfc6749#section-5.2
//= type=test
//# If the
//# client attempted to authenticate via the "Authorization"
//# request header field, the authorization server MUST
//# respond with an HTTP 401 (Unauthorized) status code and
//# include the "WWW-Authenticate" response header field
//# matching the authentication scheme used by the client.
#[tokio::test]
async fn a_client_that_fails_to_authenticate_is_challenged() {
    let server = Server::new().await;
    let pairs = [("grant_type", "client_credentials"), ("resource", API)];
    for (id, secret) in [("warehouse", "wrong"), ("nobody", SECRET), ("shop", SECRET)] {
        let answer = server.post_as(id, secret, "/token", &pairs).await;
        answer.expect(401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"https://id.example.com\"");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    for header in ["Basic !", "Bearer x", "Basic", ""] {
        let request = Request::post("/token")
            .header("content-type", FORM)
            .header("authorization", header)
            .body(Body::from("grant_type=client_credentials"))
            .unwrap();
        server.send(request).await.expect(401, "invalid_client");
    }
    let request = Request::post("/token")
        .header("content-type", FORM)
        .header("authorization", "Basic YTpi")
        .header("authorization", "Basic YTpi")
        .body(Body::empty())
        .unwrap();
    server.send(request).await.expect(400, "invalid_request");
}

#[tokio::test]
async fn unknown_and_missing_grant_types_are_told_apart() {
    let server = Server::new().await;
    let password = [("grant_type", "password"), ("client_id", "shop")];
    server.post("/token", &password).await.expect(400, "unsupported_grant_type");
    server.post("/token", &[("client_id", "shop")]).await.expect(400, "invalid_request");
    let own = [("grant_type", "client_credentials"), ("client_id", "shop")];
    server.post("/token", &own).await.expect(400, "unauthorized_client");
}

#[tokio::test]
async fn a_refused_resource_consumes_nothing() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid offline_access read"), ("resource", API)];
    let code = browser.code(&asked).await;
    for bad in [ANOTHER, "https://api.example.com/unknown", "relative", "https://a/#f"] {
        server.redeem(&code, &[("resource", bad)]).await.expect(400, "invalid_target");
    }
    let answer = server.redeem(&code, &[("resource", API)]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);

    let refresh = answer.text("refresh_token");
    server.refresh(&refresh, &[("resource", ANOTHER)]).await.expect(400, "invalid_target");
    let answer = server.refresh(&refresh, &[("resource", API)]).await;
    assert_eq!(answer.text("scope"), "read");
}

#[tokio::test]
async fn a_misspelt_resource_is_hinted_at_only_where_it_is_open_to_the_client() {
    let server = Server::new().await;
    let pairs = |resource| [("grant_type", "client_credentials"), ("resource", resource)];
    let near = pairs("https://api.example.con");
    let answer = server.post_as("warehouse", SECRET, "/token", &near).await;
    answer.expect(400, "invalid_target");
    assert!(answer.body.contains("did you mean 'https://api.example.com'"), "{}", answer.body);
    let closed = pairs("https://graph.example.con");
    let answer = server.post_as("warehouse", SECRET, "/token", &closed).await;
    answer.expect(400, "invalid_target");
    assert!(!answer.body.contains("did you mean"), "{}", answer.body);
}

#[tokio::test]
async fn a_code_used_twice_revokes_what_came_of_it() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid profile offline_access")]).await;
    let first = server.redeem(&code, &[]).await;
    assert_eq!(server.userinfo(&first.text("access_token")).await.status, 200);
    server.redeem(&code, &[]).await.expect(400, "invalid_grant");
    server.userinfo(&first.text("access_token")).await.expect(401, "invalid_token");
    server.refresh(&first.text("refresh_token"), &[]).await.expect(400, "invalid_grant");
}

#[tokio::test]
async fn of_many_redemptions_at_once_one_gets_tokens() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid")]).await;
    let (a, b, c) = tokio::join!(
        server.redeem(&code, &[]),
        server.redeem(&code, &[]),
        server.redeem(&code, &[])
    );
    let issued = [a, b, c].iter().filter(|answer| answer.status == 200).count();
    assert_eq!(issued, 1);
}

#[tokio::test]
async fn a_code_is_bound_to_verifier_redirect_uri_and_time() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid")]).await;
    let with = |verifier: &'static str, uri: &'static str| {
        [
            ("grant_type", "authorization_code"),
            ("client_id", "shop"),
            ("code_verifier", verifier),
            ("redirect_uri", uri),
        ]
    };
    let wrong = "wrong-verifier-wrong-verifier-wrong-verifier";
    for pairs in [with(wrong, CALLBACK), with(VERIFIER, "https://shop.example.com/other")] {
        let mut pairs = pairs.to_vec();
        pairs.push(("code", &code));
        server.post("/token", &pairs).await.expect(400, "invalid_grant");
    }
    server.pass(61);
    server.redeem(&code, &[]).await.expect(400, "invalid_grant");
}

#[tokio::test]
async fn two_refreshes_for_two_resources_both_work() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "offline_access read"), ("resource", API), ("resource", ANOTHER)];
    let code = browser.code(&asked).await;
    let first = server.redeem(&code, &[("resource", API)]).await;
    let refresh = first.text("refresh_token");
    let (a, b) = tokio::join!(
        server.refresh(&refresh, &[("resource", API)]),
        server.refresh(&refresh, &[("resource", ANOTHER)])
    );
    assert_eq!(a.claims()["aud"], API);
    assert_eq!(b.claims()["aud"], ANOTHER);
    server.pass(60);
    server.refresh(&refresh, &[("resource", API)]).await.expect(400, "invalid_grant");
    let sibling = b.text("refresh_token");
    server.refresh(&sibling, &[("resource", API)]).await.expect(400, "invalid_grant");
}

#[tokio::test]
async fn an_error_goes_back_with_state_and_issuer() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let answer = browser.authorize(&[("resource", "https://api.example.com/#x")]).await;
    assert_eq!(parameter(&answer, "error"), "invalid_target");
    assert_eq!(parameter(&answer, "state"), "s t&te");
    assert_eq!(parameter(&answer, "iss"), "https://id.example.com");
}

//= https://www.rfc-editor.org/rfc/rfc7523#section-3
//= type=test
//# The authorization server MAY ensure that JWTs are not replayed by
//# maintaining the set of used "jti" values for the length of time for
//# which the JWT would be considered valid based on the applicable "exp"
//# instant.
#[tokio::test]
async fn an_assertion_is_good_once() {
    let server = Server::new().await;
    let claims = json!({
        "iss": "robot", "sub": "robot", "aud": ISSUER, "jti": "1", "exp": server.now() + 60,
    });
    let assertion = robot().sign_json("JWT", &claims).unwrap();
    let pairs = [
        ("grant_type", "client_credentials"),
        ("resource", API),
        ("scope", "read"),
        ("client_assertion", assertion.as_str()),
        ("client_assertion_type", JWT_BEARER),
    ];
    let (a, b) = tokio::join!(server.post("/token", &pairs), server.post("/token", &pairs));
    let issued = [&a, &b].iter().filter(|answer| answer.status == 200).count();
    assert_eq!(issued, 1, "{} {}", a.body, b.body);
    server.post("/token", &pairs).await.expect(401, "invalid_client");
}

#[tokio::test]
async fn a_resource_server_registered_later_gets_its_own_kind_of_key() {
    let server = Server::new().await;
    let identifier = Resource::parse("https://later.example.com").unwrap();
    let mut later = ResourceServer::new(identifier, "Later");
    later.algorithm = Algorithm::Es384;
    later.scopes.push(ScopeDefinition {
        name: Scope::parse("see").unwrap(),
        description: "See".into(),
        default: true,
        sensitive: false,
    });
    registry::add_resource_server(&*server.store, later).await.unwrap();
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("resource", "https://later.example.com")]).await;
    let answer = server.redeem(&code, &[]).await;
    let token = answer.text("access_token");
    let jws = Jws::parse(&token).unwrap();
    assert_eq!(jws.header().alg, "ES384");
    assert!(server.get("/jwks").await.body.contains(jws.header().kid.as_deref().unwrap()));
}

// draft-mcguinness-oauth-resource-token-resp-03 §4: a string with the one resource that the token is
// for, as it is registered and whatever stands in `aud`; left out where there is no resource.
#[tokio::test]
async fn the_answer_says_which_resource_the_token_is_for() {
    let vault = "https://vault.example.com";
    let config = format!(
        "{CONFIG}\n[[resource]]\nidentifier = \"{vault}\"\nname = \"Vault\"\naudience = \"vault-v1\"\n\
         aliases = [\"urn:example:vault\"]\nscopes = {{ read = \"Read it\" }}\n"
    );
    let server = Server::with(ISSUER, &config).await;
    let mut browser = Browser::new(&server);
    let asked = [
        ("scope", "openid offline_access read"),
        ("resource", API),
        ("resource", "urn:example:vault"),
    ];
    let code = browser.code(&asked).await;
    let mut answer = server.redeem(&code, &[("resource", "HTTPS://API.example.com:443/")]).await;
    assert_eq!(answer.json()["resource"], API);
    for (asked, said, aud) in [
        ("urn:example:vault", Some(vault), "vault-v1"),
        (vault, Some(vault), "vault-v1"),
        (API, Some(API), API),
        ("", None, ISSUER),
    ] {
        let more = [("resource", asked)];
        let refreshed = server.refresh(&answer.text("refresh_token"), &more).await;
        let json = refreshed.json();
        assert_eq!(json.get("resource").and_then(|one| one.as_str()), said, "{asked}");
        assert_eq!(refreshed.claims()["aud"], aud, "{asked}");
        answer = refreshed;
    }
    // "MUST return an `invalid_target` error and MUST NOT issue an access token"
    let more = [("resource", ANOTHER)];
    server.refresh(&answer.text("refresh_token"), &more).await.expect(400, "invalid_target");
}
