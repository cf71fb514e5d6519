//! How authorization requests come and how their answers travel (OpenID Connect Core §3.1.2.1,
//! OAuth 2.0 Form Post Response Mode §2, JARM §2, RFC 9207).

use axum::body::Body;
use bailiwick_jose::{Algorithm, Jwks, Jws};
use bailiwick_oauth::Form;
use http::Request;
use serde_json::Value;

use super::browser::{Browser, field, parameter, request};
use super::server::{Answer, CALLBACK, CONFIG, ISSUER, START, Server, body};

const OPENID: (&str, &str) = ("scope", "openid");

/// A parameter of the fragment that an answer sends the browser to.
fn in_fragment(answer: &Answer, name: &'static str) -> Option<String> {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let (place, fragment) = answer.header("location").split_once('#').unwrap();
    assert_eq!(place, CALLBACK);
    Form::parse(fragment).unwrap().one(name).unwrap().map(str::to_owned)
}

/// The claims of a signed response, verified as a client does.
async fn verified(server: &Server, token: &str, algorithm: Algorithm) -> Value {
    let keys = Jwks::parse(server.get("/jwks").await.body.as_bytes()).unwrap();
    let jws = Jws::parse(token).unwrap();
    assert_eq!(jws.algorithm().unwrap(), algorithm);
    let key = keys.find(jws.header().kid.as_deref(), algorithm).unwrap();
    serde_json::from_slice(&jws.verify(key).unwrap().payload).unwrap()
}

fn with_client(settings: &str) -> String {
    CONFIG.replacen("id = \"shop\"", &format!("id = \"shop\"\n{settings}"), 1)
}

//= https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html#section-2.1
//= type=test
//# In this mode, Authorization Response parameters are encoded in the fragment added to the
//# redirect_uri when redirecting back to the Client.
#[tokio::test]
async fn a_fragment_carries_code_and_error() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [OPENID, ("response_mode", "fragment")];
    let answer =
        browser.authorize(&[OPENID, ("response_mode", "fragment"), ("prompt", "none")]).await;
    assert_eq!(in_fragment(&answer, "error").as_deref(), Some("login_required"));
    assert_eq!(in_fragment(&answer, "state").as_deref(), Some("s t&te"));
    browser.code(&[OPENID]).await;
    let answer = browser.authorize(&asked).await;
    let code = in_fragment(&answer, "code").unwrap();
    assert_eq!(in_fragment(&answer, "iss").as_deref(), Some(ISSUER));
    assert_eq!(server.redeem(&code, &[]).await.status, 200);
}

//= https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html#section-2
//= type=test
//# Because the Authorization Response is intended to be used only once, the Authorization Server
//# MUST instruct the User Agent (and any intermediaries) not to store or reuse the content of the
//# response.
#[tokio::test]
async fn a_form_carries_code_and_error() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    browser.code(&[OPENID]).await;
    let page = browser.authorize(&[OPENID, ("response_mode", "form_post")]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains(&format!("<form method=\"post\" action=\"{CALLBACK}\">")));
    assert!(page.body.contains("<button class=\"primary\" type=\"submit\">"), "for no scripts");
    assert_eq!(field(&page, "state").unwrap(), "s t&#38;te");
    assert_eq!(field(&page, "iss").unwrap(), ISSUER);
    let code = field(&page, "code").unwrap();
    assert_eq!(server.redeem(&code, &[]).await.status, 200);
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("pragma"), "no-cache");

    let error =
        browser.authorize(&[OPENID, ("response_mode", "form_post"), ("resource", "x")]).await;
    assert_eq!(error.status, 200);
    assert_eq!(field(&error, "error").unwrap(), "invalid_target");
    assert_eq!(field(&error, "code"), None);
}

#[tokio::test]
async fn the_page_of_a_form_runs_its_own_script_and_no_other() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let state = "\"><script>alert(1)</script>";
    let mut pairs = request(&[OPENID, ("response_mode", "form_post"), ("prompt", "none")]);
    pairs.retain(|(name, _)| *name != "state");
    pairs.push(("state", state));
    let page = browser.open("/authorize", &pairs).await;
    assert_eq!(page.body.matches("<script").count(), 1, "{}", page.body);
    assert!(page.body.contains("<script>document.forms[0].submit()</script>"));
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "; script-src 'sha256-", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    // With `no-referrer` browsers would say `Origin: null` to the client.
    assert_eq!(page.header("referrer-policy"), "origin");
}

//= https://openid.net/specs/oauth-v2-jarm-final.html#section-2.3.4
//= type=test
//# The response mode "jwt" is a shortcut and indicates the default
//# redirect encoding (query, fragment) for the requested response type.
#[tokio::test]
async fn a_signed_answer_is_verified_with_the_published_keys() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    browser.code(&[OPENID]).await;
    let answer = browser.authorize(&[OPENID, ("response_mode", "jwt")]).await;
    assert!(!answer.header("location").contains("code="), "{}", answer.header("location"));
    assert!(!answer.header("location").contains("state="), "the token alone speaks");
    let claims = verified(&server, &parameter(&answer, "response"), Algorithm::Rs256).await;
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], "shop");
    assert_eq!(claims["exp"], START + 600);
    assert_eq!(claims["state"], "s t&te");
    let code = claims["code"].as_str().unwrap();
    assert_eq!(server.redeem(code, &[]).await.status, 200);

    let error = browser.authorize(&[OPENID, ("response_mode", "jwt"), ("resource", "x")]).await;
    let claims = verified(&server, &parameter(&error, "response"), Algorithm::Rs256).await;
    assert_eq!(claims["error"], "invalid_target");
    assert_eq!(claims.get("code"), None);
    let answer = browser.authorize(&[OPENID, ("response_mode", "fragment.jwt")]).await;
    let token = in_fragment(&answer, "response").unwrap();
    assert!(verified(&server, &token, Algorithm::Rs256).await["code"].is_string());
    let page = browser.authorize(&[OPENID, ("response_mode", "form_post.jwt")]).await;
    let token = field(&page, "response").unwrap();
    assert!(verified(&server, &token, Algorithm::Rs256).await["code"].is_string());
}

#[tokio::test]
async fn a_client_chooses_with_what_its_answers_are_signed() {
    for (name, algorithm) in
        [("PS256", Algorithm::Ps256), ("ES256", Algorithm::Es256), ("EdDSA", Algorithm::EdDsa)]
    {
        let settings = format!("openid = {{ authorization_signed_response_alg = \"{name}\" }}");
        let server = Server::with(ISSUER, &with_client(&settings)).await;
        let mut browser = Browser::new(&server);
        let asked = [OPENID, ("response_mode", "jwt"), ("prompt", "none")];
        let answer = browser.authorize(&asked).await;
        let claims = verified(&server, &parameter(&answer, "response"), algorithm).await;
        assert_eq!(claims["error"], "login_required");
    }
}

#[tokio::test]
async fn an_unknown_mode_is_refused_in_the_query() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let answer = browser.authorize(&[OPENID, ("response_mode", "web_message")]).await;
    assert_eq!(parameter(&answer, "error"), "invalid_request");
    assert_eq!(parameter(&answer, "state"), "s t&te");
}

// RFC 9207 §3: what the metadata promises, clients insist on.
#[tokio::test]
async fn the_switch_of_iss_takes_it_from_answers_and_from_the_metadata() {
    let flag = "authorization_response_iss_parameter_supported";
    let place = "/.well-known/openid-configuration";
    let one = with_client("openid = { response_iss = \"omit\" }");
    let all = format!("response_iss = \"omit\"\n{CONFIG}");
    for (config, promised, sent) in
        [(CONFIG, true, true), (one.as_str(), true, false), (all.as_str(), false, false)]
    {
        let server = Server::with(ISSUER, config).await;
        let mut browser = Browser::new(&server);
        assert_eq!(server.get(place).await.json().get(flag).is_some(), promised);
        let error = browser.authorize(&[OPENID, ("prompt", "none")]).await;
        assert_eq!(error.header("location").contains("&iss="), sent);
        browser.code(&[OPENID]).await;
        let code = browser.authorize(&[OPENID]).await;
        assert_eq!(code.header("location").contains("&iss="), sent);
    }
}

/// A post from a page of the client: with it comes no cookie of ours.
async fn posted_from_the_client(server: &Server, pairs: &[(&str, &str)]) -> Answer {
    let post = Request::post("/authorize")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "https://shop.example.com")
        .header("sec-fetch-site", "cross-site");
    server.send(post.body(body(pairs)).unwrap()).await
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-3.1.2.1
//= type=test
//# Authorization Servers MUST support the use of the HTTP GET and POST
//# methods defined in RFC 7231 [RFC7231] at the Authorization Endpoint.
#[tokio::test]
async fn a_posted_request_finds_the_session() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    browser.code(&[OPENID]).await;
    let asked = request(&[OPENID, ("prompt", "none")]);
    let answer = posted_from_the_client(&server, &asked).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(answer.header("set-cookie"), "", "the cookies of other tabs stay");
    let place = answer.header("location");
    assert!(place.starts_with("/authorize/posted?request="), "{place}");
    let answer = browser.follow(place).await;
    let code = parameter(&answer, "code");
    assert_eq!(server.redeem(&code, &[]).await.status, 200);
    // The address is no better than a link: another browser is asked to sign in.
    let mut other = Browser::new(&server);
    assert_eq!(parameter(&other.follow(place).await, "error"), "login_required");
}

#[tokio::test]
async fn a_posted_request_is_checked_at_once_and_waits_for_its_time() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let bad = posted_from_the_client(&server, &request(&[("scope", "openid\"")])).await;
    assert_eq!(parameter(&bad, "error"), "invalid_scope");
    let page = posted_from_the_client(&server, &[("client_id", "nobody")]).await;
    assert_eq!(page.status, 400);

    let answer = posted_from_the_client(&server, &request(&[OPENID])).await;
    let place = answer.header("location");
    let page = browser.follow(place).await;
    assert!(page.body.contains("name=\"password\""), "{}", page.body);
    server.pass(3600);
    for place in [place, "/authorize/posted", "/authorize/posted?request=x"] {
        let page = browser.follow(place).await;
        assert_eq!(page.status, 400, "{place}");
        assert!(page.body.contains("This page is over"), "{}", page.body);
    }
    // What was put aside is answered by no form.
    let answer = posted_from_the_client(&server, &request(&[OPENID])).await;
    let ticket = answer.header("location").split_once('=').unwrap().1.to_owned();
    let answer = browser.post("/consent", &[("interaction", &ticket), ("decision", "deny")]).await;
    assert_eq!(answer.status, 400);
}

//= https://openid.net/specs/openid-connect-core-1_0.html#section-3.1.2.1
//= type=test
//# Other parameters MAY be sent.
#[tokio::test]
async fn parameters_that_nobody_knows_are_ignored() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    browser.code(&[OPENID]).await;
    let asked = [OPENID, ("extra", "1"), ("extra", "2"), ("foo[bar]", "baz"), ("prompt", "none")];
    assert!(!parameter(&browser.authorize(&asked).await, "code").is_empty());
    let get = Request::head("/authorize").body(Body::empty()).unwrap();
    assert_eq!(server.send(get).await.status, 400, "a head without a client");
}
