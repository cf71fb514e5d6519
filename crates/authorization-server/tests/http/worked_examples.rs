//! The worked examples of the rules (RFC 8707 §2), as far as an authorization server goes.

use serde_json::json;

use super::browser::{Browser, parameter, request};
use super::server::{ANOTHER, API, FILES, GRAPH, ISSUER, ORDERS, SECRET, Server};

#[tokio::test]
async fn one_resource_and_the_global_scopes_are_four_things() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid profile email read"), ("resource", API)];
    let page = browser.authorize(&asked).await;
    let page = browser.sign_in(&page, "ada").await;
    for shown in ["Example Shop", "Example API", API, "Read your things", "Ada Lovelace"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    assert!(!page.body.contains("Change your things"));
    let code = parameter(&browser.allow(&page).await, "code");

    let answer = server.redeem(&code, &[("resource", API)]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.text("scope"), "read");
    assert_eq!(answer.text("resource"), API);
    let claims = answer.claims();
    assert_eq!(claims["aud"], API);
    assert_eq!(claims["scope"], "read");
    assert_eq!(claims["sub"], "s-ada");
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["client_id"], "shop");
    let id_token = super::server::claims(&answer.text("id_token"));
    assert_eq!(id_token["aud"], "shop");
}

#[tokio::test]
async fn two_resources_share_the_scope_names_that_both_define() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [
        ("scope", "openid profile email offline_access read write delete"),
        ("resource", API),
        ("resource", ANOTHER),
    ];
    let code = browser.code(&asked).await;

    // 3: each token for one resource, with its own scopes
    let answer = server.redeem(&code, &[("resource", API)]).await;
    assert_eq!(answer.claims()["aud"], API);
    assert_eq!(answer.text("scope"), "read write");
    let answer = server.refresh(&answer.text("refresh_token"), &[("resource", ANOTHER)]).await;
    assert_eq!(answer.claims()["aud"], ANOTHER);
    assert_eq!(answer.text("scope"), "read delete");
    let answer = server.refresh(&answer.text("refresh_token"), &[]).await;
    assert_eq!(answer.text("scope"), "openid profile email");
    assert_eq!(answer.json().get("resource"), None);
    let userinfo = server.userinfo(&answer.text("access_token")).await;
    assert_eq!(
        userinfo.json(),
        json!({"sub": "s-ada", "name": "Ada Lovelace", "email": "ada@example.com"})
    );
}

#[tokio::test]
async fn a_qualified_scope_names_its_resource_by_itself() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let qualified = format!("{ORDERS}:read");
    let scope = format!("openid profile email {qualified}");
    let code = browser.code(&[("scope", &scope)]).await;
    let answer = server.redeem(&code, &[("resource", ORDERS)]).await;
    assert_eq!(answer.claims()["aud"], ORDERS);
    assert_eq!(answer.text("scope"), "read");
}

#[tokio::test]
async fn the_microsoft_v1_form_works() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = request(&[("resource", GRAPH), ("scope", "openid profile")]);
    for tenant in ["common", "default"] {
        let mut page = browser.open(&format!("/{tenant}/oauth2/authorize"), &asked).await;
        if page.body.contains("name=\"password\"") {
            page = browser.sign_in(&page, "ada").await;
        }
        if page.body.contains("name=\"decision\"") {
            page = browser.allow(&page).await;
        }
        let code = parameter(&page, "code");
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", "shop"),
            ("code", code.as_str()),
            ("redirect_uri", super::server::CALLBACK),
            ("code_verifier", super::server::VERIFIER),
        ];
        let answer = server.post(&format!("/{tenant}/oauth2/token"), &pairs).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.claims()["aud"], GRAPH);
        assert_eq!(answer.text("scope"), "User.Read");
    }
    assert_eq!(server.get("/elsewhere/oauth2/authorize").await.status, 404);
}

#[tokio::test]
async fn a_client_gets_a_token_on_its_own_behalf() {
    let server = Server::new().await;
    let pairs = [("grant_type", "client_credentials"), ("resource", API), ("scope", "read write")];
    let answer = server.post_as("warehouse", SECRET, "/token", &pairs).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.text("scope"), "read");
    assert_eq!(answer.claims()["client_id"], "warehouse");
    assert_eq!(answer.json().get("refresh_token"), None);
    assert_eq!(answer.header("cache-control"), "no-store");

    let pairs = [("grant_type", "client_credentials"), ("resource", FILES), ("scope", "list")];
    let answer = server.post_as("warehouse", SECRET, "/token", &pairs).await;
    assert!(!answer.text("access_token").contains('.'), "opaque tokens are no JWTs");
}
