//! Signing in: sessions, forms of other sites, guessing (RFC 9700 §4.7, §4.16).

use super::browser::{Browser, parameter, ticket};
use super::server::{API, PASSWORD, Server};

const ASKED: [(&str, &str); 1] = [("scope", "openid profile")];

#[tokio::test]
async fn cookies_are_kept_from_scripts_and_other_sites() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let page = browser.authorize(&ASKED).await;
    let pairs = [("interaction", &*ticket(&page)), ("username", "ada"), ("password", PASSWORD)];
    let answer = browser.post("/login", &pairs).await;
    assert!(answer.headers.contains_key("set-cookie"));
    for cookie in
        page.headers.get_all("set-cookie").iter().chain(answer.headers.get_all("set-cookie"))
    {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-bailiwick-"), "{cookie}");
        for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    assert_eq!(browser.cookies.len(), 2);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let server = Server::new().await;
    for origin in [
        "https://evil.example",
        "null",
        "https://id.example.com.evil.example",
        "http://id.example.com",
    ] {
        let mut browser = Browser::new(&server);
        let page = browser.authorize(&ASKED).await;
        browser.origin = Some(origin);
        assert_eq!(browser.sign_in(&page, "ada").await.status, 403, "{origin}");
        browser.origin = Some("https://ID.example.com:443");
        let page = browser.sign_in(&page, "ada").await;
        assert_eq!(page.status, 200, "{}", page.body);
        browser.origin = Some(origin);
        assert_eq!(browser.allow(&page).await.status, 403, "{origin}");
    }
}

#[tokio::test]
async fn a_form_without_its_ticket_or_cookie_finds_nothing() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let page = browser.authorize(&ASKED).await;
    let credentials = [("username", "ada"), ("password", PASSWORD)];
    assert_eq!(browser.post("/login", &credentials).await.status, 400);
    let other = "A".repeat(43);
    let forged = [("interaction", other.as_str()), ("username", "ada"), ("password", PASSWORD)];
    assert_eq!(browser.post("/login", &forged).await.status, 400);

    let mut stranger = Browser::new(&server);
    stranger.authorize(&ASKED).await;
    let answer = stranger.sign_in(&page, "ada").await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("This page is over"), "{}", answer.body);
    assert_eq!(browser.sign_in(&page, "ada").await.status, 200);
}

#[tokio::test]
async fn an_answer_counts_once() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let login = browser.authorize(&ASKED).await;
    let page = browser.sign_in(&login, "ada").await;
    let first = browser.allow(&page).await;
    assert!(!parameter(&first, "code").is_empty());
    for answer in [browser.allow(&page).await, browser.sign_in(&login, "ada").await] {
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("This page is over"), "{}", answer.body);
    }
}

#[tokio::test]
async fn an_interaction_ends_with_its_time() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let page = browser.authorize(&ASKED).await;
    server.pass(3601);
    assert_eq!(browser.sign_in(&page, "ada").await.status, 400);
}

#[tokio::test]
async fn each_login_has_a_new_session_and_ends_the_old_one() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let page = browser.authorize(&ASKED).await;
    browser.sign_in(&page, "ada").await;
    let before = browser.cookies.clone();
    let page = browser.authorize(&[("scope", "openid"), ("prompt", "login")]).await;
    assert!(page.body.contains("name=\"password\""));
    browser.sign_in(&page, "ada").await;
    assert_ne!(before, browser.cookies);

    let mut thief = Browser::new(&server);
    thief.cookies = before;
    let page = thief.authorize(&ASKED).await;
    assert!(page.body.contains("name=\"password\""), "the old session is gone");
}

#[tokio::test]
async fn max_age_and_the_end_of_a_session_ask_again() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    browser.code(&ASKED).await;
    server.pass(100);
    let young = [("scope", "openid"), ("max_age", "200")];
    assert_eq!(browser.authorize(&young).await.status, 303);
    let old = [("scope", "openid"), ("max_age", "50")];
    let page = browser.authorize(&old).await;
    assert!(page.body.contains("name=\"password\""));
    let answer = browser.sign_in(&page, "ada").await;
    assert_eq!(answer.status, 303, "the login that was asked for suffices");
    server.pass(13 * 3600);
    assert!(browser.authorize(&ASKED).await.body.contains("name=\"password\""));
}

#[tokio::test]
async fn wrong_passwords_and_unknown_users_get_the_same_answer() {
    let server = Server::new().await;
    let mut bodies = Vec::new();
    for (username, password) in [("ada", "wrong"), ("nobody", PASSWORD), ("ada", "")] {
        let mut browser = Browser::new(&server);
        let page = browser.authorize(&ASKED).await;
        let ticket = ticket(&page);
        let pairs =
            [("interaction", ticket.as_str()), ("username", username), ("password", password)];
        let answer = browser.post("/login", &pairs).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("set-cookie"), "");
        bodies.push(answer.body.replace(&ticket, "T").replace(username, "U"));
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
}

#[tokio::test]
async fn who_guesses_waits_and_the_owner_elsewhere_does_not() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let page = browser.authorize(&ASKED).await;
    let ticket = ticket(&page);
    let pairs = [("interaction", ticket.as_str()), ("username", "ada"), ("password", "wrong")];
    for _ in 0..10 {
        assert_eq!(browser.post("/login", &pairs).await.status, 400);
    }
    let answer = browser.post("/login", &pairs).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), "2");
    assert!(answer.body.contains("Try again in 2 seconds"), "{}", answer.body);
    // The right password waits too, another account does not.
    assert_eq!(browser.sign_in(&page, "Ada").await.status, 429);
    assert_eq!(browser.sign_in(&page, "bob").await.status, 200);
    server.pass(2);
    assert_eq!(browser.sign_in(&page, "ada").await.status, 200);
}

#[tokio::test]
async fn a_user_may_switch_the_account() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let page = browser.authorize(&[("scope", "openid read"), ("resource", API)]).await;
    let consent = browser.sign_in(&page, "ada").await;
    let page = browser.answer(&consent, "switch", &[]).await;
    assert!(page.body.contains("name=\"password\""), "{}", page.body);
    let page = browser.sign_in(&page, "bob").await;
    assert!(page.body.contains("<strong>bob</strong>"), "{}", page.body);
    // The page that was made for ada does not answer for bob.
    let answer = browser.allow(&consent).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("<strong>bob</strong>"), "{}", answer.body);
    let code = parameter(&browser.allow(&answer).await, "code");
    let answer = server.redeem(&code, &[("resource", API)]).await;
    assert_eq!(answer.claims()["sub"], "s-bob");
}

#[tokio::test]
async fn going_back_and_reloading_break_nothing() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let page = browser.authorize(&ASKED).await;
    let consent = browser.sign_in(&page, "ada").await;
    let link = [("interaction", &*ticket(&consent))];
    let again = browser.open("/consent", &link).await;
    assert_eq!(again.body, consent.body);
    assert!(!parameter(&browser.allow(&again).await, "code").is_empty());
    let over = browser.open("/consent", &link).await;
    assert!(over.body.contains("This page is over"), "{}", over.body);
    assert_eq!(Browser::new(&server).open("/consent", &link).await.status, 400);
}
