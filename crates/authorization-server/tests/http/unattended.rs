//! The development mode in which a user signs in and allows everything by itself.

use super::browser::{Browser, request};
use super::server::{CONFIG, Server};

const HERE: &str = "http://127.0.0.1:9000";

#[tokio::test]
async fn one_redirect_is_all_it_takes() {
    let text = format!("dangerous_sign_in_as = \"ada\"\n{CONFIG}");
    let server = Server::with(HERE, &text).await;
    let asked =
        request(&[("scope", "openid profile read write"), ("resource", "https://api.example.com")]);
    let answer = Browser::new(&server).open("/authorize", &asked).await;
    let location = answer.header("location");
    let code = location.split(['?', '&']).find_map(|pair| pair.strip_prefix("code="));
    let answer = server.redeem(code.unwrap(), &[("resource", "https://api.example.com")]).await;
    assert_eq!(answer.claims()["sub"], "s-ada");
    assert_eq!(answer.text("scope"), "read write");
    assert!(answer.headers.get("set-cookie").is_none(), "no browser is signed in by it");
}

#[tokio::test]
async fn without_the_setting_a_page_asks() {
    let server = Server::with(HERE, CONFIG).await;
    let answer = Browser::new(&server).open("/authorize", &request(&[("scope", "openid")])).await;
    assert!(answer.body.contains("Sign in"), "{}", answer.body);
}

#[tokio::test]
async fn what_the_client_may_not_have_is_not_given_either() {
    let text = format!("dangerous_sign_in_as = \"ada\"\n{CONFIG}");
    let server = Server::with(HERE, &text).await;
    let asked = [
        ("response_type", "code"),
        ("client_id", "narrow"),
        ("redirect_uri", "https://narrow.example.com/cb"),
        ("code_challenge", super::server::CHALLENGE),
        ("code_challenge_method", "S256"),
        ("scope", "read"),
        ("resource", "https://api.another.com"),
    ];
    let answer = Browser::new(&server).open("/authorize", &asked).await;
    assert!(
        answer.header("location").contains("error=invalid_target"),
        "{}",
        answer.header("location")
    );
}
