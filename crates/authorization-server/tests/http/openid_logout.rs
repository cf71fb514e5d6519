//! Signing out (OpenID Connect RP-Initiated Logout §2, §3; OpenID Connect Back-Channel Logout §2).

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bailiwick_jose::{Algorithm, Jwks, Jws};
use bailiwick_oauth::Form;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::browser::{Browser, field, ticket};
use super::server::{Answer, CONFIG, ISSUER, START, Server, claims};

const AFTER: &str = "https://shop.example.com/bye";
const OPENID: (&str, &str) = ("scope", "openid");

/// A client that listens for logout tokens; it answers with the status that it was made with.
async fn listener(status: StatusCode) -> (String, UnboundedReceiver<String>) {
    type Heard = State<(UnboundedSender<String>, StatusCode)>;
    async fn hear(State((heard, status)): Heard, body: String) -> StatusCode {
        heard.send(body).unwrap();
        status
    }
    let (sender, heard) = unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/logout", listener.local_addr().unwrap());
    let router = Router::new().route("/logout", post(hear)).with_state((sender, status));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, heard)
}

/// A server whose shop and whose narrow client registered for logout.
async fn server(shop: &str, narrow: &str) -> Server {
    let after = format!("post_logout_redirect_uris = [\"{AFTER}\"]");
    let config = CONFIG
        .replacen("id = \"shop\"", &format!("id = \"shop\"\nopenid = {{ {after}{shop} }}"), 1)
        .replacen("id = \"narrow\"", &format!("id = \"narrow\"\nopenid = {{ {narrow} }}"), 1);
    Server::with(ISSUER, &config).await
}

fn told_at(url: &str) -> String {
    format!("backchannel_logout_uri = \"{url}\"")
}

/// Signs in and gives the shop's ID token.
async fn signed_in(browser: &mut Browser<'_>) -> String {
    let code = browser.code(&[OPENID]).await;
    browser.server.redeem(&code, &[]).await.text("id_token")
}

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    let answer = browser.authorize(&[OPENID, ("prompt", "none")]).await;
    answer.header("location").contains("code=")
}

/// Answers the question whether to sign out.
async fn decide(browser: &mut Browser<'_>, page: &Answer, decision: &str) -> Answer {
    assert!(page.body.contains("Sign out?"), "{}", page.body);
    let names = ["token", "id_token_hint", "client_id", "post_logout_redirect_uri", "state"];
    let fields: Vec<(&str, String)> =
        names.into_iter().filter_map(|name| Some((name, field(page, name)?))).collect();
    let mut pairs: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    pairs.push(("decision", decision));
    browser.post("/logout/confirm", &pairs).await
}

//= https://openid.net/specs/openid-connect-rpinitiated-1_0.html#section-2
//= type=test
//# OpenID Providers MUST support the use of the HTTP GET and POST methods defined in RFC 7231
//# [RFC7231] at the Logout Endpoint.
#[tokio::test]
async fn a_hint_of_this_session_signs_out_at_once() {
    let server = server("", "").await;
    for by_post in [false, true] {
        let mut browser = Browser::new(&server);
        let hint = signed_in(&mut browser).await;
        let pairs =
            [("id_token_hint", &*hint), ("post_logout_redirect_uri", AFTER), ("state", "s&1")];
        let answer = if by_post {
            browser.origin = Some("https://shop.example.com");
            let answer = browser.post("/logout", &pairs).await;
            assert_eq!(answer.status, 303, "no cookie comes with the post of another site");
            browser.origin = Some(ISSUER);
            let place = answer.header("location").to_owned();
            browser.follow(&place).await
        } else {
            browser.open("/logout", &pairs).await
        };
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(answer.header("location"), format!("{AFTER}?state=s%261"));
        assert!(answer.header("set-cookie").contains("Max-Age=0"));
        assert!(!is_signed_in(&mut browser).await);
    }
}

#[tokio::test]
async fn an_old_hint_will_do_but_a_forged_one_is_refused() {
    let server = server("", "").await;
    let mut browser = Browser::new(&server);
    let hint = signed_in(&mut browser).await;
    let (signed, signature) = hint.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{signed}.{other}{}", &signature[1..]);
    let page = browser.open("/logout", &[("id_token_hint", &forged)]).await;
    assert_eq!(page.status, 400);
    assert!(is_signed_in(&mut browser).await);
    server.pass(3600);
    let answer = browser.open("/logout", &[("id_token_hint", &hint)]).await;
    assert!(answer.body.contains("You are signed out"), "{}", answer.body);
    assert!(!is_signed_in(&mut browser).await);
    // Once more does no harm.
    let pairs = [("id_token_hint", &*hint), ("post_logout_redirect_uri", AFTER)];
    assert_eq!(browser.open("/logout", &pairs).await.header("location"), AFTER);
}

//= https://openid.net/specs/openid-connect-rpinitiated-1_0.html#section-3
//= type=test
//# The OP MUST NOT perform post-logout redirection if the post_logout_redirect_uri value supplied
//# does not exactly match one of the previously registered post_logout_redirect_uris values.
#[tokio::test]
async fn nobody_is_sent_to_a_place_that_is_not_registered() {
    let server = server("", "").await;
    let mut browser = Browser::new(&server);
    let hint = signed_in(&mut browser).await;
    let with_query = format!("{AFTER}?x=1");
    for bad in ["https://evil.example/", &with_query, "https://shop.example.com/cb", "javascript:x"]
    {
        let pairs = [("id_token_hint", &*hint), ("post_logout_redirect_uri", bad)];
        let page = browser.open("/logout", &pairs).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (400, ""), "{bad}");
    }
    let nameless = browser.open("/logout", &[("post_logout_redirect_uri", AFTER)]).await;
    assert_eq!(nameless.status, 400);
    let pairs = [("id_token_hint", &*hint), ("client_id", "narrow")];
    assert_eq!(browser.open("/logout", &pairs).await.status, 400);
    assert!(is_signed_in(&mut browser).await, "what is refused signs nobody out");
}

#[tokio::test]
async fn without_a_hint_of_this_session_the_user_is_asked() {
    let server = server("", "").await;
    let mut browser = Browser::new(&server);
    signed_in(&mut browser).await;
    let mut other = Browser::new(&server);
    let foreign = signed_in(&mut other).await; // the same user, another session
    let nothing: &[(&str, &str)] = &[];
    let by_name: &[(&str, &str)] = &[("client_id", "shop"), ("post_logout_redirect_uri", AFTER)];
    let by_other: &[(&str, &str)] = &[("id_token_hint", &foreign)];
    for pairs in [nothing, by_name, by_other] {
        let page = browser.open("/logout", pairs).await;
        let kept = decide(&mut browser, &page, "deny").await;
        assert!(kept.body.contains("You are still signed in"), "{}", kept.body);
        assert!(is_signed_in(&mut browser).await);
    }
    let page = browser.open("/logout", by_name).await;
    assert!(page.body.contains("<strong>Example Shop</strong>"), "{}", page.body);
    assert_eq!(page.header("x-frame-options"), "DENY");
    let answer = decide(&mut browser, &page, "accept").await;
    assert_eq!(answer.header("location"), AFTER);
    assert!(!is_signed_in(&mut browser).await);
    assert!(is_signed_in(&mut other).await, "the other browser stays signed in");
}

// Threats: CSRF on every form.
#[tokio::test]
async fn another_site_cannot_answer_the_question() {
    let server = server("", "").await;
    let mut browser = Browser::new(&server);
    signed_in(&mut browser).await;
    let page = browser.open("/logout", &[]).await;
    let token = field(&page, "token").unwrap();
    let good = [("token", &*token), ("decision", "accept")];
    browser.origin = Some("https://evil.example");
    assert_eq!(browser.post("/logout/confirm", &good).await.status, 403);
    browser.origin = Some(ISSUER);
    for pairs in [vec![("decision", "accept")], vec![("token", "x"), ("decision", "accept")]] {
        assert_eq!(browser.post("/logout/confirm", &pairs).await.status, 400);
    }
    let mut other = Browser::new(&server);
    signed_in(&mut other).await;
    let theirs = other.open("/logout", &[]).await;
    assert_ne!(field(&theirs, "token").unwrap(), token, "a token is of one session");
    assert!(is_signed_in(&mut browser).await);
}

/// The claims of a logout token, verified as a client does (Back-Channel Logout §2.6).
async fn verified(server: &Server, body: &str) -> Value {
    let token = Form::parse(body).unwrap().one("logout_token").unwrap().unwrap().to_owned();
    let keys = Jwks::parse(server.get("/jwks").await.body.as_bytes()).unwrap();
    let jws = Jws::parse(&token).unwrap();
    let key = keys.find(jws.header().kid.as_deref(), Algorithm::Rs256).unwrap();
    let verified = jws.verify(key).unwrap();
    assert!(verified.header.is_type("logout+jwt"));
    serde_json::from_slice(&verified.payload).unwrap()
}

//= https://openid.net/specs/openid-connect-backchannel-1_0.html#section-2.5
//= type=test
//# The OP uses an HTTP POST to the registered back-channel logout URI to trigger the logout actions
//# by the RP.
#[tokio::test]
async fn every_client_of_the_session_is_told() {
    let (shop_url, mut shop) = listener(StatusCode::OK).await;
    let (narrow_url, mut narrow) = listener(StatusCode::BAD_REQUEST).await;
    let server = server(&format!(", {}", told_at(&shop_url)), &told_at(&narrow_url)).await;
    let mut browser = Browser::new(&server);
    let hint = signed_in(&mut browser).await;
    let redirect_uri = "https://narrow.example.com/cb";
    let mut pairs = super::browser::request(&[OPENID]);
    pairs.retain(|(name, _)| !["client_id", "redirect_uri"].contains(name));
    pairs.extend([("client_id", "narrow"), ("redirect_uri", redirect_uri)]);
    let page = browser.open("/authorize", &pairs).await;
    browser.allow(&page).await;

    let answer = browser.open("/logout", &[("id_token_hint", &hint)]).await;
    assert_eq!(answer.status, 200);
    let sid = claims(&hint)["sid"].clone();
    for (heard, client) in [(&mut shop, "shop"), (&mut narrow, "narrow")] {
        let told = verified(&server, &heard.recv().await.unwrap()).await;
        let expected = json!({
            "iss": ISSUER, "aud": client, "sub": "s-ada", "sid": sid,
            "iat": START, "exp": START + 120, "jti": told["jti"],
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        assert_eq!(told, expected);
        assert!(heard.try_recv().is_err(), "told once");
    }
}

#[tokio::test]
async fn a_client_that_does_not_answer_delays_nobody() {
    // A port that takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/logout", silent.local_addr().unwrap());
    let server = server(&format!(", {}", told_at(&url)), "").await;
    let mut browser = Browser::new(&server);
    let hint = signed_in(&mut browser).await;
    let pairs = [("id_token_hint", &*hint)];
    // Less than an outgoing request may take.
    let bound = std::time::Duration::from_secs(4);
    let answer = tokio::time::timeout(bound, browser.open("/logout", &pairs)).await.unwrap();
    assert_eq!(answer.status, 200);
    drop(silent);
}

#[tokio::test]
async fn what_was_given_for_the_session_ends_with_it() {
    let server = server("", "").await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid offline_access")]).await;
    let kept = server.redeem(&code, &[]).await;
    let code = browser.code(&[OPENID]).await;
    let ended = server.redeem(&code, &[]).await;
    assert_eq!(server.userinfo(&ended.text("access_token")).await.status, 200);
    browser.open("/logout", &[("id_token_hint", &ended.text("id_token"))]).await;
    server.userinfo(&ended.text("access_token")).await.expect(401, "invalid_token");
    assert_eq!(server.userinfo(&kept.text("access_token")).await.status, 200);
    assert_eq!(server.refresh(&kept.text("refresh_token"), &[]).await.status, 200);
}

#[tokio::test]
async fn a_session_that_another_user_takes_over_is_told_too() {
    for by_switch in [true, false] {
        let (url, mut shop) = listener(StatusCode::OK).await;
        let server = server(&format!(", {}", told_at(&url)), "").await;
        let mut browser = Browser::new(&server);
        let hint = signed_in(&mut browser).await;
        let page = if by_switch {
            let page = browser.authorize(&[OPENID, ("prompt", "consent")]).await;
            let ticket = ticket(&page);
            browser.post("/consent", &[("interaction", &ticket), ("decision", "switch")]).await
        } else {
            browser.authorize(&[OPENID, ("prompt", "login")]).await
        };
        if !by_switch {
            // The same user goes on with the session: nobody is told.
            browser.sign_in(&page, "ada").await;
            assert!(shop.try_recv().is_err());
            let page = browser.authorize(&[OPENID, ("prompt", "login")]).await;
            browser.sign_in(&page, "bob").await;
        }
        let told = verified(&server, &shop.recv().await.unwrap()).await;
        assert_eq!((&told["sub"], &told["sid"]), (&json!("s-ada"), &claims(&hint)["sid"]));
    }
}

#[tokio::test]
async fn the_metadata_says_where_and_how_to_sign_out() {
    let metadata = Server::new().await.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["end_session_endpoint"], format!("{ISSUER}/logout"));
    assert_eq!(metadata["backchannel_logout_supported"], true);
    assert_eq!(metadata["backchannel_logout_session_supported"], true);
}
