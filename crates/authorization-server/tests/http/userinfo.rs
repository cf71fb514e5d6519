//! Userinfo (OpenID Connect Core §5.3): for the token without a resource only.

use axum::body::Body;
use http::Request;

use super::browser::Browser;
use super::server::{API, Server};

#[tokio::test]
async fn a_token_for_a_resource_and_an_id_token_are_refused() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid profile read offline_access"), ("resource", API)];
    let code = browser.code(&asked).await;
    let answer = server.redeem(&code, &[("resource", API)]).await;
    for token in [answer.text("access_token"), answer.text("id_token"), "rubbish".to_owned()] {
        let answer = server.userinfo(&token).await;
        answer.expect(401, "invalid_token");
        assert!(answer.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""));
    }
    let answer = server.refresh(&answer.text("refresh_token"), &[]).await;
    let answer = server.userinfo(&answer.text("access_token")).await;
    assert_eq!(answer.text("sub"), "s-ada");
    assert_eq!(answer.json().get("email"), None);
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn without_a_token_there_is_a_bare_challenge() {
    let server = Server::new().await;
    let answer = server.get("/userinfo").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert_eq!(answer.body, "", "an error code would say that something was presented");
    assert_eq!(server.get("/userinfo?access_token=x").await.status, 400);
    for (header, status) in [("Basic YTpi", 401), ("Bearer", 400), ("Bearer a b", 400)] {
        let request = Request::get("/userinfo").header("authorization", header);
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{header}");
        let expected = if status == 401 { "Bearer" } else { "Bearer error=\"invalid_request\"" };
        assert!(answer.header("www-authenticate").starts_with(expected), "{header}");
    }
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "openid")]).await;
    let token = server.redeem(&code, &[]).await.text("access_token");
    assert_eq!(server.userinfo(&token).await.status, 200);
    server.pass(601);
    server.userinfo(&token).await.expect(401, "invalid_token");
}
