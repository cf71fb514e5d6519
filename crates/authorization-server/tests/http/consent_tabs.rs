//! Two consent pages of one user at once (rules §4.8).

use super::browser::{Browser, parameter, ticked};
use super::server::{API, Answer, Server};

const READ: &str = "https://api.example.com read";
const WRITE: &str = "https://api.example.com write";
const ASKED: [(&str, &str); 2] = [("scope", "openid read write"), ("resource", API)];

/// Two pages with the same question, of which the first was answered with all of it.
async fn tabs(browser: &mut Browser<'_>) -> Answer {
    let login = browser.authorize(&ASKED).await;
    let first = browser.sign_in(&login, "ada").await;
    let second = browser.authorize(&ASKED).await;
    assert_eq!(ticked(&first), [READ, WRITE]);
    assert_eq!(ticked(&second), [READ, WRITE]);
    let answer = browser.allow(&first).await;
    assert!(!parameter(&answer, "code").is_empty());
    second
}

#[tokio::test]
async fn what_is_unticked_in_one_tab_is_not_given_though_another_tab_allowed_it() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let second = tabs(&mut browser).await;
    let answer = browser.answer(&second, "accept", &[READ]).await;
    let tokens = server.redeem(&parameter(&answer, "code"), &[("resource", API)]).await;
    assert_eq!(tokens.text("scope"), "read");
    assert_eq!(tokens.claims()["scope"], "read");
    // The last word counts: what was unticked is asked again, the rest is sent as it is shown.
    let page = browser.authorize(&ASKED).await;
    assert_eq!(ticked(&page), [WRITE]);
    let answer = browser.allow(&page).await;
    let tokens = server.redeem(&parameter(&answer, "code"), &[("resource", API)]).await;
    assert_eq!(tokens.text("scope"), "read write");
}

#[tokio::test]
async fn refusing_in_one_tab_gives_nothing_though_another_tab_allowed_it() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let second = tabs(&mut browser).await;
    let answer = browser.answer(&second, "deny", &[]).await;
    assert_eq!(parameter(&answer, "error"), "access_denied");
}
