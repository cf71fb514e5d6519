//! Devices without a browser, from the first request to the tokens (RFC 8628).

use bailiwick_oauth::device::GRANT_TYPE;
use tokio::task::JoinSet;

use super::browser::{Browser, field, ticked, ticket};
use super::server::{ANOTHER, API, Answer, SECRET, Server};

const ASKED: [(&str, &str); 2] = [("scope", "openid read write"), ("resource", API)];

async fn begin(server: &Server, more: &[(&str, &str)]) -> Answer {
    let mut pairs = vec![("client_id", "tv")];
    pairs.extend(more);
    server.post("/device_authorization", &pairs).await
}

async fn poll(server: &Server, code: &str, more: &[(&str, &str)]) -> Answer {
    let mut pairs = vec![("grant_type", GRANT_TYPE), ("client_id", "tv"), ("device_code", code)];
    pairs.extend(more);
    server.post("/token", &pairs).await
}

/// Types the code in and says that it is the same.
async fn compare(browser: &mut Browser<'_>, user_code: &str) -> Answer {
    let page = browser.post("/device", &[("user_code", user_code)]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let pairs = [("interaction", &*ticket(&page)), ("decision", "same")];
    browser.post("/device", &pairs).await
}

/// A device whose user said yes to all that it asks for.
async fn allowed(server: &Server, more: &[(&str, &str)]) -> String {
    let begun = begin(server, more).await;
    let mut browser = Browser::new(server);
    let login = compare(&mut browser, &begun.text("user_code")).await;
    let consent = browser.sign_in(&login, "ada").await;
    let done = browser.allow(&consent).await;
    assert!(done.body.contains("Go back to your device"), "{}", done.body);
    begun.text("device_code")
}

//= https://www.rfc-editor.org/rfc/rfc8628#section-3.2
//= type=test
//# In response, the authorization server generates a unique device
//# verification code and an end-user code that are valid for a limited
//# time and includes them in the HTTP response body using the
//# "application/json" format [RFC8259] with a 200 (OK) status code.
#[tokio::test]
async fn a_device_gets_two_codes() {
    let server = Server::new().await;
    let answer = begin(&server, &ASKED).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let json = answer.json();
    assert_eq!((json["expires_in"].as_i64(), json["interval"].as_i64()), (Some(600), Some(5)));
    assert_eq!(answer.text("verification_uri"), "https://id.example.com/device");
    let code = answer.text("user_code");
    let complete = format!("https://id.example.com/device?user_code={code}");
    assert_eq!(answer.text("verification_uri_complete"), complete);
    assert!(answer.text("device_code").len() >= 43);
    assert_ne!(begin(&server, &ASKED).await.text("user_code"), code);
}

#[tokio::test]
async fn a_request_that_cannot_be_taken_is_answered_with_json() {
    let server = Server::new().await;
    begin(&server, &[]).await.expect(400, "invalid_scope");
    begin(&server, &[("scope", "a\"b")]).await.expect(400, "invalid_scope");
    begin(&server, &[("scope", "read"), ("scope", "read")]).await.expect(400, "invalid_request");
    for bad in ["https://nobody.example", "relative", "https://api.example.com/#f"] {
        begin(&server, &[("scope", "read"), ("resource", bad)]).await.expect(400, "invalid_target");
    }
    let misspelt = begin(&server, &[("resource", "https://api.exmple.com")]).await;
    assert!(misspelt.text("error_description").contains("did you mean"), "{}", misspelt.body);
    let shop = [("client_id", "shop"), ("scope", "openid")];
    server.post("/device_authorization", &shop).await.expect(400, "unauthorized_client");
    let nobody = [("client_id", "nobody"), ("scope", "openid")];
    server.post("/device_authorization", &nobody).await.expect(401, "invalid_client");
    let of_warehouse = [("client_id", "warehouse"), ("scope", "openid")];
    server.post("/device_authorization", &of_warehouse).await.expect(401, "invalid_client");
    assert_eq!(server.get("/device_authorization").await.status, 405);
}

#[tokio::test]
async fn a_user_connects_a_device() {
    let server = Server::new().await;
    let begun = begin(&server, &ASKED).await;
    let device_code = begun.text("device_code");
    poll(&server, &device_code, &[]).await.expect(400, "authorization_pending");
    poll(&server, &device_code, &[]).await.expect(400, "slow_down");

    let mut browser = Browser::new(&server);
    let page = browser.open("/device", &[]).await;
    assert!(page.body.contains("Type in the code"), "{}", page.body);
    let typed = begun.text("user_code").to_lowercase().replace('-', " ");
    let page = browser.post("/device", &[("user_code", &typed)]).await;
    for shown in [&*begun.text("user_code"), "Living Room TV", "Read your things", "Example API"] {
        assert!(page.body.contains(shown), "{shown} is not on {}", page.body);
    }
    let pairs = [("interaction", &*ticket(&page)), ("decision", "same")];
    let login = browser.post("/device", &pairs).await;
    let consent = browser.sign_in(&login, "ada").await;
    assert!(consent.body.contains("The device that showed you the code"), "{}", consent.body);
    poll(&server, &device_code, &[]).await.expect(400, "slow_down");
    let done = browser.answer(&consent, "accept", &["https://api.example.com read"]).await;
    assert_eq!(done.status, 200, "{}", done.body);

    let tokens = poll(&server, &device_code, &[("resource", API)]).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let claims = tokens.claims();
    assert_eq!((&claims["aud"], &claims["scope"]), (&API.into(), &"read".into()));
    assert_eq!((&claims["sub"], &claims["client_id"]), (&"s-ada".into(), &"tv".into()));
    assert!(!tokens.text("id_token").is_empty());
    poll(&server, &device_code, &[]).await.expect(400, "invalid_grant");
}

#[tokio::test]
async fn a_refusal_is_told_to_the_device() {
    let server = Server::new().await;
    let begun = begin(&server, &ASKED).await;
    let mut browser = Browser::new(&server);
    let login = compare(&mut browser, &begun.text("user_code")).await;
    let consent = browser.sign_in(&login, "ada").await;
    let page = browser.answer(&consent, "deny", &[]).await;
    assert!(page.body.contains("Nothing was given"), "{}", page.body);
    poll(&server, &begun.text("device_code"), &[]).await.expect(400, "access_denied");
}

#[tokio::test]
async fn codes_end_with_their_time() {
    let server = Server::new().await;
    let begun = begin(&server, &ASKED).await;
    let mut browser = Browser::new(&server);
    let login = compare(&mut browser, &begun.text("user_code")).await;
    server.pass(600);
    poll(&server, &begun.text("device_code"), &[]).await.expect(400, "expired_token");
    let page = browser.post("/device", &[("user_code", &begun.text("user_code"))]).await;
    assert_eq!(page.status, 400);
    let page = browser.sign_in(&login, "ada").await;
    assert!(page.body.contains("This page is over"), "{}", page.body);
}

#[tokio::test]
async fn a_refused_resource_consumes_nothing() {
    let server = Server::new().await;
    let code = allowed(&server, &ASKED).await;
    poll(&server, &code, &[("resource", ANOTHER)]).await.expect(400, "invalid_target");
    poll(&server, &code, &[("resource", API), ("resource", ANOTHER)])
        .await
        .expect(400, "invalid_target");
    let tokens = poll(&server, &code, &[("resource", API)]).await;
    assert_eq!(tokens.text("scope"), "read write");
    assert_eq!(tokens.text("resource"), API);
}

#[tokio::test]
async fn another_client_cannot_poll() {
    let server = Server::new().await;
    let code = allowed(&server, &ASKED).await;
    let pairs = [("grant_type", GRANT_TYPE), ("client_id", "shop"), ("device_code", &*code)];
    server.post("/token", &pairs).await.expect(400, "unauthorized_client");
    let pairs = [("grant_type", GRANT_TYPE), ("device_code", &*code)];
    server.post_as("warehouse", SECRET, "/token", &pairs).await.expect(400, "unauthorized_client");
    assert_eq!(poll(&server, &code, &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_polls_at_once_one_gets_the_tokens() {
    let server = std::sync::Arc::new(Server::new().await);
    let code = std::sync::Arc::new(allowed(&server, &ASKED).await);
    let mut polls = JoinSet::new();
    for _ in 0..64 {
        let (server, code) = (server.clone(), code.clone());
        polls.spawn(async move { poll(&server, &code, &[]).await.status.as_u16() });
    }
    let answers = polls.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
}

// threats.md: device-code approval by a stranger's session.
#[tokio::test]
async fn a_link_with_the_code_in_it_does_not_spare_the_comparison() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    browser.code(&[("scope", "openid")]).await; // signed in
    let begun = begin(&server, &ASKED).await;
    let link = [("user_code", &*begun.text("user_code"))];
    let page = browser.open("/device", &link).await;
    assert!(page.body.contains(&format!("value=\"{}\"", begun.text("user_code"))));
    assert_eq!(field(&page, "interaction"), None, "nothing began by following a link");
    let page = browser.post("/device", &link).await;
    assert!(page.body.contains("Did somebody send you this code"), "{}", page.body);
    // The steps that come later lead back to the comparison.
    let ticket = ticket(&page);
    let later = browser.open("/consent", &[("interaction", &ticket)]).await;
    assert!(later.body.contains("Did somebody send you this code"), "{}", later.body);
    let forced = [
        ("interaction", &*ticket),
        ("account", "s-ada"),
        ("decision", "accept"),
        ("permission", "https://api.example.com read"),
    ];
    let later = browser.post("/consent", &forced).await;
    assert!(later.body.contains("Did somebody send you this code"), "{}", later.body);
    let stopped = browser.post("/device", &[("interaction", &ticket), ("decision", "stop")]).await;
    assert!(stopped.body.contains("Nothing was given"), "{}", stopped.body);
    poll(&server, &begun.text("device_code"), &[]).await.expect(400, "authorization_pending");
}

#[tokio::test]
async fn a_form_of_another_site_or_browser_is_refused() {
    let server = Server::new().await;
    let begun = begin(&server, &ASKED).await;
    let mut browser = Browser::new(&server);
    let page = browser.post("/device", &[("user_code", &begun.text("user_code"))]).await;
    let same = [("interaction", &*ticket(&page)), ("decision", "same")];
    let mut stranger = Browser::new(&server);
    stranger.post("/device", &[("user_code", &begun.text("user_code"))]).await;
    assert_eq!(stranger.post("/device", &same).await.status, 400, "another browser's ticket");
    browser.origin = Some("https://evil.example");
    assert_eq!(browser.post("/device", &same).await.status, 403);
    let code = [("user_code", &*begun.text("user_code"))];
    assert_eq!(browser.post("/device", &code).await.status, 403);
}

#[tokio::test]
async fn one_device_is_answered_once() {
    let server = Server::new().await;
    let begun = begin(&server, &ASKED).await;
    let (mut ada, mut bob) = (Browser::new(&server), Browser::new(&server));
    let login = compare(&mut ada, &begun.text("user_code")).await;
    let of_ada = ada.sign_in(&login, "ada").await;
    let login = compare(&mut bob, &begun.text("user_code")).await;
    let of_bob = bob.sign_in(&login, "bob").await;
    assert!(ada.allow(&of_ada).await.body.contains("Go back to your device"));
    let late = bob.allow(&of_bob).await;
    assert!(late.body.contains("This page is over"), "{}", late.body);
    let tokens = poll(&server, &begun.text("device_code"), &[("resource", API)]).await;
    assert_eq!(tokens.claims()["sub"], "s-ada");
}

//= https://www.rfc-editor.org/rfc/rfc8628#section-5.1
//= type=test
//# it is recommended that the server
//# rate-limit user code attempts.
#[tokio::test]
async fn who_guesses_codes_waits() {
    let server = Server::new().await;
    let begun = begin(&server, &ASKED).await;
    let mut browser = Browser::new(&server);
    for guess in ["", "x", "no code at all", "<script>alert(1)</script>"] {
        let page = browser.post("/device", &[("user_code", guess)]).await;
        assert_eq!(page.status, 400, "{guess}");
        assert!(!page.body.contains("<script>"));
    }
    let wrong = [("user_code", "BBBB-BBBB")];
    for _ in 0..9 {
        assert_eq!(browser.post("/device", &wrong).await.status, 400);
    }
    // A code of one's own does not make the wrong ones forgotten.
    let right = [("user_code", &*begun.text("user_code"))];
    assert_eq!(browser.post("/device", &right).await.status, 200);
    assert_eq!(browser.post("/device", &wrong).await.status, 400);
    let page = browser.post("/device", &right).await;
    assert_eq!((page.status.as_u16(), page.header("retry-after")), (429, "2"));
    server.pass(2);
    assert_eq!(browser.post("/device", &right).await.status, 200);
}

#[tokio::test]
async fn each_device_is_asked_for_anew() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let begun = begin(&server, &ASKED).await;
    let login = compare(&mut browser, &begun.text("user_code")).await;
    let consent = browser.sign_in(&login, "ada").await;
    browser.allow(&consent).await;
    let begun = begin(&server, &ASKED).await;
    let page = compare(&mut browser, &begun.text("user_code")).await;
    assert_eq!(ticked(&page).len(), 2, "signed in, but asked again: {}", page.body);
}
