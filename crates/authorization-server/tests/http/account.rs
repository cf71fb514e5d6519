//! The account page: seeing what applications hold, and taking it back.

use super::browser::{Browser, request};
use super::server::{ANOTHER, API, Answer, PASSWORD, Server};

/// The ticket of the first form of a page.
fn ticket(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("name=\"interaction\" value=\"").expect("a form");
    rest.split('"').next().unwrap().to_owned()
}

/// A server on which ada has given the shop both APIs, and her refresh token there.
async fn given(server: &Server) -> String {
    let mut browser = Browser::new(server);
    let asked = [("scope", "openid offline_access read"), ("resource", API), ("resource", ANOTHER)];
    let code = browser.code(&asked).await;
    server.redeem(&code, &[("resource", API)]).await.text("refresh_token")
}

async fn sign_in(browser: &mut Browser<'_>, username: &str) -> Answer {
    let page = browser.open("/account", &[]).await;
    assert!(page.body.contains("Sign in"), "{}", page.body);
    let ticket = ticket(&page);
    let pairs = [("interaction", &*ticket), ("username", username), ("password", PASSWORD)];
    let answer = browser.post("/account/login", &pairs).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/account"));
    browser.open("/account", &[]).await
}

#[tokio::test]
async fn a_user_sees_what_applications_hold_and_takes_one_api_back() {
    let server = Server::new().await;
    let refresh = given(&server).await;
    let mut browser = Browser::new(&server);
    let page = sign_in(&mut browser, "ada").await;
    for shown in ["Example Shop", "Example API", API, "Another API", "Read your things", "Ada"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    assert!(!page.body.contains("offline_access"));
    assert_eq!(page.header("x-frame-options"), "DENY");
    let ticket = ticket(&page);
    let one =
        [("interaction", &*ticket), ("account", "s-ada"), ("client_id", "shop"), ("resource", API)];
    let answer = browser.post("/account", &one).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/account"));
    let page = browser.open("/account", &[]).await;
    assert!(!page.body.contains("Example API") && page.body.contains("Another API"));
    server.refresh(&refresh, &[("resource", API)]).await.expect(400, "invalid_target");
    let answer = server.refresh(&refresh, &[("resource", ANOTHER)]).await;
    assert_eq!(answer.status, 200);

    // The rest.
    let all = [("interaction", &*ticket), ("account", "s-ada"), ("client_id", "shop")];
    assert_eq!(browser.post("/account", &all).await.status, 303);
    let page = browser.open("/account", &[]).await;
    assert!(page.body.contains("No application has access"), "{}", page.body);
    let next = answer.text("refresh_token");
    server.refresh(&next, &[("resource", ANOTHER)]).await.expect(400, "invalid_grant");
    assert_eq!(browser.post("/account", &all).await.status, 303, "twice is as once");
}

#[tokio::test]
async fn what_was_taken_back_is_asked_for_again() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid read"), ("resource", API)];
    let code = browser.code(&asked).await;
    server.redeem(&code, &[("resource", API)]).await;
    // Remembered: no question.
    let answer = browser.open("/authorize", &request(&asked)).await;
    assert!(answer.header("location").contains("code="), "{}", answer.body);
    let page = browser.open("/account", &[]).await;
    let ticket = ticket(&page);
    let all = [("interaction", &*ticket), ("account", "s-ada"), ("client_id", "shop")];
    assert_eq!(browser.post("/account", &all).await.status, 303);
    let answer = browser.open("/authorize", &request(&asked)).await;
    assert_eq!(answer.header("location"), "");
    assert!(answer.body.contains("Allow"), "{}", answer.body);
}

#[tokio::test]
async fn another_site_browser_or_account_takes_nothing_back() {
    let server = Server::new().await;
    let refresh = given(&server).await;
    let mut browser = Browser::new(&server);
    let page = sign_in(&mut browser, "ada").await;
    let ours = ticket(&page);
    let mut stranger = Browser::new(&server);
    let theirs = ticket(&stranger.open("/account", &[]).await);
    let form = |ticket: &str, account: &str| {
        [("interaction", ticket), ("account", account), ("client_id", "shop")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    for (ticket, account) in [("", "s-ada"), (&*theirs, "s-ada"), (&*ours, "s-bob"), (&*ours, "")] {
        let form = form(ticket, account);
        let pairs: Vec<_> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(browser.post("/account", &pairs).await.status, 400, "{account}");
    }
    let good = form(&ours, "s-ada");
    let good: Vec<_> = good.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    browser.origin = Some("https://evil.example");
    assert_eq!(browser.post("/account", &good).await.status, 403);
    // A browser that is not signed in, though it knows the ticket.
    assert_eq!(stranger.post("/account", &good).await.status, 400);
    let answer = server.refresh(&refresh, &[("resource", API)]).await;
    assert_eq!(answer.status, 200, "nothing was taken back");
    // And the grants of others are not listed.
    let mut other = Browser::new(&server);
    let page = sign_in(&mut other, "bob").await;
    assert!(page.body.contains("No application has access"), "{}", page.body);
}

#[tokio::test]
async fn a_wrong_password_shows_the_page_again() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let ticket = ticket(&browser.open("/account", &[]).await);
    let pairs = [("interaction", &*ticket), ("username", "ada"), ("password", "wrong")];
    let answer = browser.post("/account/login", &pairs).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("is not right") && !answer.body.contains("wrong"));
    let blank = [("username", "ada"), ("password", PASSWORD)];
    assert_eq!(browser.post("/account/login", &blank).await.status, 400, "without a ticket");
}
