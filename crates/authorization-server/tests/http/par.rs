//! Pushed authorization requests (RFC 9126).

use bailiwick_grant::Stored;
use bailiwick_grant::state::PushedRequest;
use bailiwick_store::StoreExt;
use http::Request;

use super::browser::{Browser, parameter, request, ticked};
use super::server::{ANOTHER, API, Answer, CALLBACK, CONFIG, ISSUER, SECRET, Server, claims};

/// A confidential client of the code, and one that must push.
const CLIENTS: &str = r#"
[[client]]
id = "office"
name = "Office"
authentication = "client_secret_post"
secret = { env = "WAREHOUSE" }
redirect_uris = ["https://office.example.com/cb"]
resources = { "*" = "*" }
[[client]]
id = "pushy"
name = "Pushy"
authentication = "none"
redirect_uris = ["https://shop.example.com/cb"]
requests = { require_pushed = true }
resources = { "*" = "*" }
"#;

async fn server() -> Server {
    Server::with(ISSUER, &format!("{CONFIG}{CLIENTS}")).await
}

async fn push(server: &Server, more: &[(&str, &str)]) -> Answer {
    server.post("/par", &request(more)).await
}

async fn pushed(server: &Server, more: &[(&str, &str)]) -> String {
    let answer = push(server, more).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.text("request_uri")
}

async fn open(browser: &mut Browser<'_>, client: &str, request_uri: &str) -> Answer {
    browser.open("/authorize", &[("client_id", client), ("request_uri", request_uri)]).await
}

#[track_caller]
fn is_shown(answer: &Answer, error: &str) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.header("location"), "");
    assert!(answer.body.contains(error), "{}", answer.body);
}

//= https://www.rfc-editor.org/rfc/rfc9126#section-4
//= type=test
//# Authorization servers SHOULD treat request_uri values as one-time use
//# but MAY allow for duplicate requests due to a user reloading/refreshing
//# their user agent.
#[tokio::test]
async fn a_pushed_request_is_good_once_and_its_page_for_as_long_as_the_user_needs() {
    let server = server().await;
    let answer = push(&server, &[("scope", "openid read"), ("resource", API)]).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json()["expires_in"], 60);
    let uri = answer.text("request_uri");
    assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"), "{uri}");

    let mut browser = Browser::new(&server);
    let begun = open(&mut browser, "shop", &uri).await;
    assert!(!begun.header("location").contains("request_uri"));
    let page = browser.follow(begun.header("location")).await;
    assert!(page.body.contains("name=\"password\""), "{}", page.body);
    is_shown(&open(&mut browser, "shop", &uri).await, "invalid_request_uri");
    // Reloading the page itself asks again, however long it takes.
    server.pass(120);
    let page = browser.follow(begun.header("location")).await;
    let page = browser.sign_in(&page, "ada").await;
    let answer = browser.allow(&page).await;
    assert_eq!(parameter(&answer, "state"), "s t&te");
    assert_eq!(parameter(&answer, "iss"), ISSUER);
    let code = parameter(&answer, "code");
    let tokens = server.redeem(&code, &[("resource", API)]).await;
    assert_eq!(tokens.claims()["aud"], API);
    is_shown(&open(&mut browser, "shop", &uri).await, "invalid_request_uri");
}

//= https://www.rfc-editor.org/rfc/rfc9126#section-4
//= type=test
//# An expired request_uri MUST be rejected as invalid.
#[tokio::test]
async fn nobody_else_may_use_it_and_not_for_ever() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let uri = pushed(&server, &[("scope", "openid")]).await;
    is_shown(&open(&mut browser, "narrow", &uri).await, "invalid_request_uri");
    is_shown(&open(&mut browser, "shop", &format!("{uri}x")).await, "invalid_request_uri");
    is_shown(&open(&mut browser, "shop", &uri[..uri.len() - 1]).await, "invalid_request_uri");
    let twice = [("client_id", "shop"), ("request_uri", &*uri), ("request_uri", &*uri)];
    assert_eq!(browser.open("/authorize", &twice).await.status, 400);
    let both = [("client_id", "shop"), ("request_uri", &*uri), ("request", "x")];
    is_shown(&browser.open("/authorize", &both).await, "invalid_request");
    // None of this has spent it.
    assert_eq!(open(&mut browser, "shop", &uri).await.status, 303);

    let uri = pushed(&server, &[("scope", "openid")]).await;
    server.pass(60);
    is_shown(&open(&mut browser, "shop", &uri).await, "has expired");
    // With a place that is the client's own, the error goes there.
    let place = [
        ("client_id", "shop"),
        ("request_uri", &*uri),
        ("redirect_uri", CALLBACK),
        ("state", "outer"),
    ];
    let answer = browser.open("/authorize", &place).await;
    assert_eq!(parameter(&answer, "error"), "invalid_request_uri");
    assert_eq!(parameter(&answer, "state"), "outer");
}

#[tokio::test]
async fn of_two_browsers_at_once_one_gets_it() {
    let server = server().await;
    let uri = pushed(&server, &[("scope", "openid")]).await;
    let (mut one, mut other) = (Browser::new(&server), Browser::new(&server));
    let (one, other) = tokio::join!(open(&mut one, "shop", &uri), open(&mut other, "shop", &uri));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400]);
}

#[tokio::test]
async fn what_the_browser_adds_does_not_count() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let uri = pushed(&server, &[("scope", "read"), ("resource", API)]).await;
    let conflicting = [
        ("client_id", "shop"),
        ("request_uri", &*uri),
        ("resource", ANOTHER),
        ("scope", "openid delete"),
        ("state", "other"),
        ("redirect_uri", "https://evil.example/cb"),
    ];
    let begun = browser.open("/authorize", &conflicting).await;
    let page = browser.follow(begun.header("location")).await;
    let page = browser.sign_in(&page, "ada").await;
    assert_eq!(ticked(&page), ["https://api.example.com read"]);
    let answer = browser.allow(&page).await;
    assert_eq!(parameter(&answer, "state"), "s t&te");
    assert!(answer.header("location").starts_with(CALLBACK));
    let tokens = server.redeem(&parameter(&answer, "code"), &[]).await;
    assert_eq!(claims(&tokens.text("access_token"))["aud"], API);
}

//= https://www.rfc-editor.org/rfc/rfc9126#section-2.1
//= type=test
//# The authorization server MUST process the request as follows:
#[tokio::test]
async fn a_request_is_checked_wholly_when_it_is_pushed() {
    let server = server().await;
    let cases: [(&[(&str, &str)], u16, &str); 11] = [
        (&[("resource", "https://unknown.example")], 400, "invalid_target"),
        (&[("resource", API), ("resource", "relative")], 400, "invalid_target"),
        (&[("resource", API), ("scope", "delete")], 400, "invalid_scope"),
        (&[("scope", "openid"), ("scope", "openid")], 400, "invalid_request"),
        (&[("scope", "openid"), ("state", "again")], 400, "invalid_request"),
        (&[("scope", "openid"), ("response_mode", "pigeon")], 400, "invalid_request"),
        (&[("scope", "openid"), ("redirect_uri", CALLBACK)], 400, "invalid_request"),
        // RFC 9126 §2.1: "The request_uri authorization request parameter MUST NOT be provided".
        (&[("request_uri", "urn:ietf:params:oauth:request_uri:x")], 400, "invalid_request"),
        (&[("request_uri", "https://shop.example.com/request")], 400, "invalid_request"),
        (&[("client_secret", "guessed")], 401, "invalid_client"),
        (&[("client_id", "narrow")], 400, "invalid_request"),
    ];
    for (case, status, error) in cases {
        push(&server, case).await.expect(status, error);
    }
    let unregistered: Vec<_> = request(&[("scope", "openid")])
        .into_iter()
        .map(|(name, value)| match name {
            "redirect_uri" => (name, "https://evil.example/cb"),
            _ => (name, value),
        })
        .collect();
    server.post("/par", &unregistered).await.expect(400, "invalid_request");
    let without_challenge: Vec<_> = request(&[("scope", "openid")])
        .into_iter()
        .filter(|(name, _)| !name.starts_with("code_challenge"))
        .collect();
    server.post("/par", &without_challenge).await.expect(400, "invalid_request");
    assert_eq!(server.get("/par").await.status, 405);
    let in_query = Request::post("/par?client_id=shop")
        .header("content-type", "application/x-www-form-urlencoded");
    server.send(in_query.body("".into()).unwrap()).await.expect(400, "invalid_request");
    assert!(server.store.all::<PushedRequest>().await.unwrap().is_empty(), "nothing is kept");
}

//= https://www.rfc-editor.org/rfc/rfc9126#section-2.1
//= type=test
//# Authenticate the client in the same way as at the token endpoint
#[tokio::test]
async fn a_client_authenticates_and_its_secret_is_not_kept() {
    let server = server().await;
    let mut pairs: Vec<_> = request(&[("scope", "read"), ("resource", API)])
        .into_iter()
        .filter(|(name, _)| !["client_id", "redirect_uri"].contains(name))
        .collect();
    pairs.push(("client_id", "office"));
    server.post("/par", &pairs).await.expect(401, "invalid_client");
    pairs.push(("client_secret", "wrong"));
    server.post("/par", &pairs).await.expect(401, "invalid_client");
    pairs.pop();
    pairs.push(("client_secret", SECRET));
    assert_eq!(server.post("/par", &pairs).await.status, 201);
    let [kept] = &server.store.all::<PushedRequest>().await.unwrap()[..] else { panic!("one") };
    let body = String::from_utf8(kept.value.clone().into_record().body().unwrap()).unwrap();
    assert!(body.contains("office") && !body.contains(SECRET), "{body}");
}

//= https://www.rfc-editor.org/rfc/rfc9126#section-4
//= type=test
//# In this case, the authorization server will refuse, using the
//# invalid_request error code, to process any request to the
//# authorization endpoint that does not have a request_uri parameter with
//# a value obtained from the PAR endpoint.
#[tokio::test]
async fn a_client_or_all_may_have_to_push() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let of = |client: &'static str| {
        let pairs = request(&[("scope", "read"), ("resource", API)]).into_iter();
        pairs
            .map(|(name, value)| if name == "client_id" { (name, client) } else { (name, value) })
            .collect::<Vec<_>>()
    };
    let answer = browser.open("/authorize", &of("pushy")).await;
    assert_eq!(parameter(&answer, "error"), "invalid_request");
    assert_eq!(parameter(&answer, "state"), "s t&te");
    let uri = server.post("/par", &of("pushy")).await.text("request_uri");
    let begun = open(&mut browser, "pushy", &uri).await;
    assert!(!parameter(&browser.through(begun).await, "code").is_empty());

    let all =
        Server::with(ISSUER, &format!("requests = {{ require_pushed = true }}\n{CONFIG}")).await;
    let metadata = all.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    assert_eq!(metadata["pushed_authorization_request_endpoint"], "https://id.example.com/par");
    let answer = Browser::new(&all).open("/authorize", &of("shop")).await;
    assert_eq!(parameter(&answer, "error"), "invalid_request");
}

#[tokio::test]
async fn what_was_registered_is_looked_at_again() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let uri = pushed(&server, &[("scope", "read"), ("resource", API)]).await;
    let mut shop =
        server.store.load::<bailiwick_grant::state::Client>("shop").await.unwrap().unwrap();
    shop.value.redirect_uris.clear();
    let change = bailiwick_grant::Change::put(shop.value);
    bailiwick_store::Store::commit(&*server.store, vec![change]).await.unwrap();
    is_shown(&open(&mut browser, "shop", &uri).await, "is not registered");
}
