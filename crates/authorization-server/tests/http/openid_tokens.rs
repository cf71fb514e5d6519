//! ID tokens, userinfo and claims (OpenID Connect Core §2, §3.1.3, §5, §8, §12), as the Foundation's
//! profiles ask for them: by a client that knows nothing of resources.

use axum::body::Body;
use bailiwick_jose::{Algorithm, Jwks, Jws};
use bailiwick_oauth::id_token::access_token_hash;
use http::Request;
use serde_json::{Value, json};

use super::browser::{Browser, parameter};
use super::server::{API, Answer, CONFIG, ISSUER, OF_API, START, Server, body, claims};

const OPENID: (&str, &str) = ("scope", "openid");

/// The usual configuration, with further lines of the shop.
async fn with_shop(lines: &str) -> Server {
    let config = CONFIG
        .replacen("id = \"shop\"", &format!("id = \"shop\"\n{lines}"), 1)
        .replacen(
            "scopes = [\"openid\", \"profile\", \"email\", \"offline_access\"]",
            "scopes = \"*\"",
            1,
        )
        .replacen(
            "email = \"ada@example.com\" }",
            "email = \"ada@example.com\", email_verified = true, phone_number = \"+44 20\", \
             address = { country = \"GB\" }, birthdate = \"1815-12-10\" }",
            1,
        );
    Server::with(ISSUER, &config).await
}

/// The claims of a token, verified as a client does.
async fn verified(server: &Server, token: &str, algorithm: Algorithm) -> Value {
    let keys = Jwks::parse(server.get("/jwks").await.body.as_bytes()).unwrap();
    let jws = Jws::parse(token).unwrap();
    assert_eq!(jws.algorithm().unwrap(), algorithm);
    let key = keys.find(jws.header().kid.as_deref(), algorithm).unwrap();
    serde_json::from_slice(&jws.verify(key).unwrap().payload).unwrap()
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-2
//= type=test
//# It MUST NOT exceed 255 ASCII [RFC20] characters in length.
//= https://openid.net/specs/openid-connect-core-1_0.html#section-2
//= type=test
//# If present in the Authentication Request, Authorization Servers MUST include a nonce Claim in the
//# ID Token with the Claim Value being the nonce value sent in the Authentication Request.
//= https://openid.net/specs/openid-connect-core-1_0.html#section-2
//= type=test
//# When a max_age request is made or when auth_time is requested as an Essential Claim, then this
//# Claim is REQUIRED
#[tokio::test]
async fn an_id_token_says_who_when_how_and_for_whom() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [OPENID, ("nonce", "n-0S6_WzA2Mj"), ("max_age", "1000"), ("acr_values", "1 2")];
    let code = browser.code(&asked).await;
    server.pass(5);
    let answer = server.redeem(&code, &[]).await;
    let token = verified(&server, &answer.text("id_token"), Algorithm::Rs256).await;
    assert!(token["sid"].as_str().is_some_and(|sid| sid.len() == 22), "{token}");
    let hash = access_token_hash(Algorithm::Rs256, &answer.text("access_token"));
    let expected = json!({
        "iss": ISSUER, "sub": "s-ada", "aud": "shop", "nonce": "n-0S6_WzA2Mj",
        "auth_time": START, "iat": START + 5, "exp": START + 605,
        "acr": "pwd", "amr": ["pwd"], "at_hash": hash, "sid": token["sid"],
    });
    assert_eq!(token, expected);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.text("token_type"), "Bearer");
    let access = answer.claims();
    assert_eq!((&access["acr"], &access["amr"]), (&json!("pwd"), &json!(["pwd"])));
}

#[tokio::test]
async fn a_client_chooses_with_what_its_id_tokens_are_signed() {
    for (name, algorithm) in [
        ("PS256", Algorithm::Ps256),
        ("ES256", Algorithm::Es256),
        ("ES384", Algorithm::Es384),
        ("EdDSA", Algorithm::EdDsa),
    ] {
        let line = format!("openid = {{ id_token_signed_response_alg = \"{name}\" }}");
        let server = with_shop(&line).await;
        let mut browser = Browser::new(&server);
        let answer = server.redeem(&browser.code(&[OPENID]).await, &[]).await;
        let token = verified(&server, &answer.text("id_token"), algorithm).await;
        let hash = access_token_hash(algorithm, &answer.text("access_token"));
        assert_eq!(token["at_hash"], hash, "{name}");
    }
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-12.2
//= type=test
//# if the ID Token contains an auth_time Claim, its value MUST represent the time of the original
//# authentication - not the time that the new ID token is issued,
//= https://openid.net/specs/openid-connect-core-1_0.html#section-12.2
//= type=test
//# it SHOULD NOT have a nonce Claim, even when the ID Token issued at the time of the original
//# authentication contained nonce;
#[tokio::test]
async fn a_refresh_brings_the_same_id_token_anew() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid offline_access"), ("nonce", "n")];
    let first = server.redeem(&browser.code(&asked).await, &[]).await;
    server.pass(700);
    let next = server.refresh(&first.text("refresh_token"), &[]).await;
    let (before, after) = (claims(&first.text("id_token")), claims(&next.text("id_token")));
    for same in ["iss", "sub", "aud", "auth_time", "sid", "acr", "amr"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(after["iat"], START + 700);
    assert_eq!(after.get("nonce"), None);
    let hash = access_token_hash(Algorithm::Rs256, &next.text("access_token"));
    assert_eq!(after["at_hash"], hash);
}

// OpenID Connect Core §5.4.
#[tokio::test]
async fn each_scope_opens_its_claims_at_userinfo() {
    let server = with_shop("").await;
    for (scope, expected) in [
        ("openid", json!({ "sub": "s-ada" })),
        (
            "openid profile",
            json!({ "sub": "s-ada", "name": "Ada Lovelace", "birthdate": "1815-12-10" }),
        ),
        (
            "openid email",
            json!({ "sub": "s-ada", "email": "ada@example.com", "email_verified": true }),
        ),
        ("openid address", json!({ "sub": "s-ada", "address": { "country": "GB" } })),
        ("openid phone", json!({ "sub": "s-ada", "phone_number": "+44 20" })),
    ] {
        let mut browser = Browser::new(&server);
        let answer = server.redeem(&browser.code(&[("scope", scope)]).await, &[]).await;
        assert_eq!(answer.text("scope"), scope);
        let told = server.userinfo(&answer.text("access_token")).await;
        assert_eq!(told.header("content-type"), "application/json");
        assert_eq!(told.json(), expected, "{scope}");
    }
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-5.5
//= type=test
//# The claims parameter value is represented in an OAuth 2.0 request as UTF-8 encoded JSON
#[tokio::test]
async fn claims_by_name_are_asked_and_told_where_they_were_asked() {
    let server = with_shop("").await;
    let mut browser = Browser::new(&server);
    let wanted = r#"{"userinfo":{"name":{"essential":true}},"id_token":{"email":null}}"#;
    let page = browser.authorize(&[OPENID, ("claims", wanted)]).await;
    let page = browser.sign_in(&page, "ada").await;
    assert!(page.body.contains("See your name"), "{}", page.body);
    assert!(page.body.contains("<code>email</code>") && !page.body.contains("<code>claim#"));
    let code = parameter(&browser.allow(&page).await, "code");
    let answer = server.redeem(&code, &[]).await;
    assert_eq!(answer.text("scope"), "openid");
    assert_eq!(claims(&answer.text("id_token"))["email"], "ada@example.com");
    let told = server.userinfo(&answer.text("access_token")).await;
    assert_eq!(told.json(), json!({ "sub": "s-ada", "name": "Ada Lovelace" }));

    let answer = browser.authorize(&[OPENID, ("claims", "[]")]).await;
    assert_eq!(parameter(&answer, "error"), "invalid_request");
}

async fn userinfo_by(server: &Server, header: Option<&str>, form: Option<&str>) -> Answer {
    let mut request = Request::post("/userinfo");
    if let Some(token) = header {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = match form {
        None => Body::empty(),
        Some(token) => {
            request = request.header("content-type", "application/x-www-form-urlencoded");
            body(&[("access_token", token)])
        }
    };
    server.send(request.body(body).unwrap()).await
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-5.3
//= type=test
//# The UserInfo Endpoint MUST support the use of the HTTP GET and HTTP POST methods defined in RFC
//# 7231 [RFC7231].
//= https://www.rfc-editor.org/rfc/rfc6750#section-2
//= type=test
//# Clients MUST NOT use more than one method to transmit the token in each
//# request.
#[tokio::test]
async fn userinfo_takes_the_token_in_header_or_form_and_not_in_both() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let answer = server.redeem(&browser.code(&[OPENID]).await, &[]).await;
    let token = answer.text("access_token");
    for (header, form, status) in [
        (Some(&*token), None, 200),
        (None, Some(&*token), 200),
        (Some(&*token), Some(&*token), 400),
        (None, Some("rubbish"), 401),
        (None, None, 401),
        (None, Some("a b"), 400),
    ] {
        let answer = userinfo_by(&server, header, form).await;
        assert_eq!(answer.status, status, "{header:?} {form:?}: {}", answer.body);
        if status == 200 {
            assert_eq!(answer.text("sub"), "s-ada");
        }
    }
    assert_eq!(server.get(&format!("/userinfo?access_token={token}")).await.status, 400);
    let twice =
        Request::post("/userinfo").header("content-type", "application/x-www-form-urlencoded");
    let pairs = [("access_token", &*token), ("access_token", &*token)];
    assert_eq!(server.send(twice.body(body(&pairs)).unwrap()).await.status, 400);
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-5.3.2
//= type=test
//# If the UserInfo Response is signed and/or encrypted, then the Claims are returned in a JWT and
//# the content-type MUST be application/jwt.
#[tokio::test]
async fn userinfo_is_signed_for_a_client_that_wants_it_so() {
    let server = with_shop("openid = { userinfo_signed_response_alg = \"ES256\" }").await;
    let mut browser = Browser::new(&server);
    let answer = server.redeem(&browser.code(&[("scope", "openid email")]).await, &[]).await;
    let told = server.userinfo(&answer.text("access_token")).await;
    assert_eq!(told.header("content-type"), "application/jwt");
    let expected = json!({ "iss": ISSUER, "aud": "shop", "sub": "s-ada",
        "email": "ada@example.com", "email_verified": true });
    assert_eq!(verified(&server, &told.body, Algorithm::Es256).await, expected);
    // It is no ID token, so it is no hint either.
    let hint = [OPENID, ("id_token_hint", &told.body)];
    assert_eq!(parameter(&browser.authorize(&hint).await, "error"), "invalid_request");
}

#[tokio::test]
async fn a_pairwise_client_is_told_one_name_everywhere_and_no_other_client_s() {
    let server = with_shop("openid = { subject_type = \"pairwise\" }").await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid read offline_access"), ("resource", API)];
    let first = server.redeem(&browser.code(&asked).await, &[("resource", API)]).await;
    let sub = claims(&first.text("id_token"))["sub"].as_str().unwrap().to_owned();
    assert_ne!(sub, "s-ada");
    assert_eq!(first.claims()["sub"], sub, "an access token hides what the ID token hides");
    let token = first.text("access_token");
    let looked = server.post_as(API, OF_API, "/introspect", &[("token", &token)]).await;
    assert_eq!((looked.json()["active"] == true, looked.text("sub")), (true, sub.clone()));
    let next = server.refresh(&first.text("refresh_token"), &[]).await;
    let told = server.userinfo(&next.text("access_token")).await;
    assert_eq!(told.text("sub"), sub);
    // As a hint it means the same user.
    let hint = first.text("id_token");
    let silent = [OPENID, ("prompt", "none"), ("id_token_hint", &*hint)];
    assert!(!parameter(&browser.authorize(&silent).await, "code").is_empty());
    // Another salt, another name: it does not depend on sector and user alone.
    let other = with_shop("openid = { subject_type = \"pairwise\" }").await;
    let answer = other.redeem(&Browser::new(&other).code(&[OPENID]).await, &[]).await;
    assert_ne!(claims(&answer.text("id_token"))["sub"], sub);
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-3.1.2.1
//= type=test
//# The Authorization Server MUST NOT display any authentication or consent user interface pages.
//= https://openid.net/specs/openid-connect-core-1_0.html#section-3.1.2.1
//= type=test
//# If this parameter contains none with any other value, an error is returned.
#[tokio::test]
async fn prompt_says_what_the_user_is_asked() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let error = browser.authorize(&[OPENID, ("prompt", "none")]).await;
    assert_eq!(parameter(&error, "error"), "login_required");
    browser.code(&[OPENID]).await;
    assert!(!parameter(&browser.authorize(&[OPENID, ("prompt", "none")]).await, "code").is_empty());
    let error = browser.authorize(&[OPENID, ("prompt", "none login")]).await;
    assert_eq!(parameter(&error, "error"), "invalid_request");
    for (prompt, field) in [
        ("login", "name=\"password\""),
        ("select_account", "name=\"password\""),
        ("consent", "name=\"decision\""),
        ("login consent", "name=\"password\""),
    ] {
        let page = browser.authorize(&[OPENID, ("prompt", prompt)]).await;
        assert!(page.body.contains(field), "{prompt}: {}", page.body);
    }
    // Signing in anew is a new time and the same session.
    server.pass(100);
    let before = browser.code(&[OPENID]).await;
    let before = claims(&server.redeem(&before, &[]).await.text("id_token"));
    let after = browser.code(&[OPENID, ("prompt", "login")]).await;
    let after = claims(&server.redeem(&after, &[]).await.text("id_token"));
    assert_eq!((&before["auth_time"], &after["auth_time"]), (&json!(START), &json!(START + 100)));
    assert_eq!(before["sid"], after["sid"]);
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-3.1.2.1
//= type=test
//# If the elapsed time is greater than this value, the OP MUST attempt to actively re-authenticate
//# the End-User.
#[tokio::test]
async fn a_login_that_is_too_old_is_made_anew() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    browser.code(&[OPENID]).await;
    server.pass(10);
    assert!(
        !parameter(&browser.authorize(&[OPENID, ("max_age", "10000")]).await, "code").is_empty()
    );
    for age in ["1", "0"] {
        let page = browser.authorize(&[OPENID, ("max_age", age)]).await;
        assert!(page.body.contains("name=\"password\""), "{age}");
    }
    let silent = browser.authorize(&[OPENID, ("max_age", "1"), ("prompt", "none")]).await;
    assert_eq!(parameter(&silent, "error"), "login_required");
    let code = browser.code(&[OPENID, ("max_age", "1")]).await;
    let token = claims(&server.redeem(&code, &[]).await.text("id_token"));
    assert_eq!(token["auth_time"], START + 10);
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-3.1.2.1
//= type=test
//# If the End-User identified by the ID Token is already logged in or is logged in as a result of
//# the request
#[tokio::test]
async fn a_hint_names_the_user_even_when_it_is_old() {
    let server = Server::new().await;
    let mut ada = Browser::new(&server);
    let answer = server.redeem(&ada.code(&[OPENID]).await, &[]).await;
    let (hint, access) = (answer.text("id_token"), answer.text("access_token"));
    server.pass(3600); // the hint expired long ago
    let silent = [OPENID, ("prompt", "none"), ("id_token_hint", &*hint)];
    assert!(!parameter(&ada.authorize(&silent).await, "code").is_empty());

    let mut bob = Browser::new(&server);
    let page = bob.authorize(&[OPENID]).await;
    let page = bob.sign_in(&page, "bob").await;
    bob.allow(&page).await;
    assert_eq!(parameter(&bob.authorize(&silent).await, "error"), "login_required");
    let page = bob.authorize(&[OPENID, ("id_token_hint", &*hint)]).await;
    assert!(page.body.contains("name=\"password\""), "the user of the hint may sign in");
    let answer = bob.sign_in(&page, "bob").await;
    assert_eq!(parameter(&answer, "error"), "login_required", "another user is no answer");
    let page = bob.authorize(&[OPENID, ("id_token_hint", &*hint)]).await;
    assert!(!parameter(&bob.sign_in(&page, "ada").await, "code").is_empty());

    let (signed, signature) = hint.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{signed}.{other}{}", &signature[1..]);
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", hint.split('.').nth(1).unwrap());
    for bad in [access.as_str(), &forged, &unsigned, "rubbish"] {
        let answer = ada.authorize(&[OPENID, ("id_token_hint", bad)]).await;
        assert_eq!(parameter(&answer, "error"), "invalid_request", "{bad}");
    }
}

#[tokio::test]
async fn an_essential_acr_that_no_login_has_fails_and_a_wish_does_not() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let essential = r#"{"id_token":{"acr":{"essential":true,"values":["gold"]}}}"#;
    let answer = browser.authorize(&[OPENID, ("claims", essential)]).await;
    assert_eq!(parameter(&answer, "error"), "unmet_authentication_requirements");
    let met = r#"{"id_token":{"acr":{"essential":true,"values":["gold","pwd"]}}}"#;
    let code = browser.code(&[OPENID, ("claims", met), ("acr_values", "gold")]).await;
    let token = claims(&server.redeem(&code, &[]).await.text("id_token"));
    assert_eq!(token["acr"], "pwd");
}

//= https://openid.net/specs/openid-connect-discovery-1_0.html#section-3
//= type=test
//# This list MUST include the value "RS256".
#[tokio::test]
async fn discovery_says_all_that_a_client_must_know() {
    let server = Server::new().await;
    let metadata = server.get("/.well-known/openid-configuration").await;
    assert_eq!(metadata.header("content-type"), "application/json");
    let metadata = metadata.json();
    for (name, endpoint) in [
        ("issuer", ""),
        ("authorization_endpoint", "/authorize"),
        ("token_endpoint", "/token"),
        ("userinfo_endpoint", "/userinfo"),
        ("jwks_uri", "/jwks"),
    ] {
        assert_eq!(metadata[name], format!("{ISSUER}{endpoint}"), "{name}");
    }
    for (name, value) in [
        ("response_types_supported", "code"),
        ("response_modes_supported", "form_post"),
        ("subject_types_supported", "public"),
        ("subject_types_supported", "pairwise"),
        ("id_token_signing_alg_values_supported", "RS256"),
        ("userinfo_signing_alg_values_supported", "RS256"),
        ("scopes_supported", "openid"),
        ("claims_supported", "sub"),
        ("claims_supported", "phone_number_verified"),
        ("claim_types_supported", "normal"),
        ("acr_values_supported", "pwd"),
        ("display_values_supported", "page"),
        ("ui_locales_supported", "en"),
    ] {
        let values = metadata[name].as_array().unwrap_or_else(|| panic!("no {name}"));
        assert!(values.contains(&value.into()), "{name}: {values:?}");
    }
    assert_eq!(metadata["claims_parameter_supported"], true);
}
