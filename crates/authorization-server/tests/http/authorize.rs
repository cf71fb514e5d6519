//! The authorization endpoint (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.1).

use super::browser::{Browser, parameter, request, ticked};
use super::server::{ANOTHER, API, ORDERS, Server};

#[tokio::test]
async fn without_a_client_and_its_redirect_uri_nobody_is_redirected() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let cases: [&[(&str, &str)]; 6] = [
        &[],
        &[("client_id", "nobody"), ("redirect_uri", "https://shop.example.com/cb")],
        &[("client_id", "shop"), ("redirect_uri", "https://evil.example/cb")],
        &[("client_id", "shop"), ("redirect_uri", "https://shop.example.com/cb/../x")],
        &[("client_id", "shop"), ("redirect_uri", "javascript:alert(1)")],
        &[("client_id", "narrow")],
    ];
    for case in cases {
        let answer = browser.open("/authorize", case).await;
        assert_eq!(answer.status, 400, "{case:?}");
        assert_eq!(answer.header("location"), "");
        assert!(answer.body.contains("This request cannot be taken"), "{}", answer.body);
        assert!(answer.header("content-security-policy").contains("form-action 'none'"));
    }
    let twice = [("client_id", "shop"), ("client_id", "shop")];
    assert_eq!(browser.open("/authorize", &twice).await.status, 400);
    assert_eq!(server.get("/authorize?client_id=%ff").await.status, 400);
}

#[tokio::test]
async fn a_page_repeats_nothing_unescaped() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let bad = "<script>alert(1)</script>";
    let answer = browser.open("/authorize", &[("client_id", bad)]).await;
    assert!(!answer.body.contains("<script"), "{}", answer.body);
    let answer = browser.authorize(&[("scope", "openid"), ("login_hint", "\"><script>")]).await;
    assert!(answer.body.contains("name=\"password\"") && !answer.body.contains("<script"));
}

#[tokio::test]
async fn what_a_client_gets_wrong_goes_back_to_it() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let cases: [(&[(&str, &str)], &str); 7] = [
        (&[("resource", "relative")], "invalid_target"),
        (&[("resource", API), ("resource", "https://unknown.example")], "invalid_target"),
        (&[("resource", API), ("scope", "delete")], "invalid_scope"),
        (&[("scope", "openid\"")], "invalid_scope"),
        (&[("scope", "openid"), ("scope", "openid")], "invalid_request"),
        (&[("scope", "openid"), ("prompt", "none")], "login_required"),
        (&[("scope", "openid"), ("request", "x")], "invalid_request_object"),
    ];
    for (case, error) in cases {
        let answer = browser.authorize(case).await;
        assert_eq!(parameter(&answer, "error"), error, "{case:?}");
        assert_eq!(parameter(&answer, "state"), "s t&te");
    }
    let without_challenge: Vec<_> = request(&[("scope", "openid")])
        .into_iter()
        .filter(|(name, _)| !name.starts_with("code_challenge"))
        .collect();
    let answer = browser.open("/authorize", &without_challenge).await;
    assert_eq!(parameter(&answer, "error"), "invalid_request");
}

#[tokio::test]
async fn a_page_keeps_to_itself() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let page = browser.authorize(&[("scope", "openid")]).await;
    let policy = page.header("content-security-policy");
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "same-origin");
    assert!(!page.body.contains("<script") && !page.body.contains("style="));
    let style = page.body.split("rel=\"stylesheet\" href=\"").nth(1).unwrap();
    let sheet = server.get(style.split('"').next().unwrap()).await;
    assert_eq!(sheet.status, 200);
    assert_eq!(sheet.header("content-type"), "text/css; charset=utf-8");
}

#[tokio::test]
async fn remembered_answers_are_spared_and_sensitive_ones_asked_again() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid read"), ("resource", API)];
    browser.code(&asked).await;
    let again = browser.authorize(&asked).await;
    assert!(!parameter(&again, "code").is_empty());
    let silent = [("scope", "openid read"), ("resource", API), ("prompt", "none")];
    assert!(!parameter(&browser.authorize(&silent).await, "code").is_empty());

    let more = [("scope", "openid read"), ("resource", API), ("resource", ORDERS)];
    let page = browser.authorize(&more).await;
    assert!(page.body.contains("already allowed"), "{}", page.body);
    assert_eq!(ticked(&page), [format!("{ORDERS} read")]);
    let silent = [("scope", "openid delete"), ("resource", ANOTHER), ("prompt", "none")];
    let answer = browser.authorize(&silent).await;
    assert_eq!(parameter(&answer, "error"), "consent_required");

    let sensitive = [("scope", "delete"), ("resource", ANOTHER)];
    browser.code(&sensitive).await;
    let page = browser.authorize(&sensitive).await;
    assert!(page.body.contains("class=\"mark warn\">sensitive"), "{}", page.body);
}

#[tokio::test]
async fn the_user_may_untick_and_nothing_else_gets_in() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid read write"), ("resource", API)];
    let page = browser.authorize(&asked).await;
    let page = browser.sign_in(&page, "ada").await;
    // `delete` was never asked for
    let ticked =
        ["https://api.example.com read", "https://api.another.com delete", "email", "rubbish x y"];
    let answer = browser.answer(&page, "accept", &ticked).await;
    let code = parameter(&answer, "code");
    let answer = server.redeem(&code, &[("resource", API)]).await;
    assert_eq!(answer.text("scope"), "read");
    // The refused pair is asked for again, and `prompt=none` cannot ask.
    let page = browser.authorize(&asked).await;
    assert_eq!(super::browser::ticked(&page), ["https://api.example.com write"]);
}

#[tokio::test]
async fn refusing_everything_is_access_denied() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let page = browser.authorize(&[("scope", "read"), ("resource", API)]).await;
    let page = browser.sign_in(&page, "ada").await;
    let answer = browser.answer(&page, "deny", &[]).await;
    assert_eq!(parameter(&answer, "error"), "access_denied");
    let page = browser.authorize(&[("scope", "read"), ("resource", API)]).await;
    let answer = browser.answer(&page, "accept", &[]).await;
    assert_eq!(parameter(&answer, "error"), "access_denied");
}
