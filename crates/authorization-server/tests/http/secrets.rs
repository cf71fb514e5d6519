//! Secrets stay where they belong: in the store as digests, in no address and no answer about errors.

use bailiwick_grant::Kind;
use bailiwick_store::Store;

use super::browser::Browser;
use super::server::{API, FILES, OF_API, OF_FILES, PASSWORD, SECRET, Server, VERIFIER};

#[tokio::test]
async fn the_store_holds_no_secret_that_somebody_could_use() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "openid offline_access read"), ("resource", API)];
    let code = browser.code(&asked).await;
    let answer = server.redeem(&code, &[("resource", API)]).await;
    let pairs = [("grant_type", "client_credentials"), ("resource", FILES), ("scope", "list")];
    let opaque = server.post_as("warehouse", SECRET, "/token", &pairs).await.text("access_token");
    let mut secrets = vec![
        code,
        opaque,
        answer.text("access_token"),
        answer.text("refresh_token"),
        answer.text("id_token"),
    ];
    secrets.extend(browser.cookies.values().cloned());
    secrets.extend([PASSWORD, SECRET, OF_API, OF_FILES, VERIFIER].map(str::to_owned));
    for kind in Kind::ALL {
        for record in server.store.list_raw(*kind, None, 1000).await.unwrap() {
            let body = String::from_utf8(record.raw.body).unwrap();
            for secret in &secrets {
                assert!(!body.contains(secret.as_str()), "{} holds {secret}", kind.name());
                assert!(!record.key.contains(secret.as_str()), "a key of {}", kind.name());
            }
        }
    }
}

#[tokio::test]
async fn a_token_in_an_address_is_refused_and_not_repeated() {
    let server = Server::new().await;
    let token = "a-token-that-nobody-shall-see";
    for (path, name) in [
        ("/introspect", "token"),
        ("/revoke", "token"),
        ("/token", "refresh_token"),
        ("/token", "code"),
        ("/token", "client_secret"),
    ] {
        let answer = server.post(&format!("{path}?{name}={token}"), &[("client_id", "shop")]).await;
        answer.expect(400, "invalid_request");
        assert!(!answer.body.contains(token), "{path}: {}", answer.body);
    }
    let answer = server.get(&format!("/userinfo?access_token={token}")).await;
    assert!(answer.status.is_client_error() && !answer.body.contains(token), "{}", answer.body);
}

#[tokio::test]
async fn an_error_repeats_no_token() {
    let server = Server::new().await;
    let token = "a-token-that-nobody-shall-see";
    let answers = [
        server
            .post(
                "/token",
                &[("grant_type", "refresh_token"), ("client_id", "shop"), ("refresh_token", token)],
            )
            .await,
        server.redeem(token, &[]).await,
        server.post_as("warehouse", token, "/revoke", &[("token", token)]).await,
        server.post_as(API, token, "/introspect", &[("token", token)]).await,
        server.post("/revoke", &[("token", token), ("token", token), ("client_id", "shop")]).await,
        server.userinfo(token).await,
        server.get(&format!("/consent?interaction={token}")).await,
    ];
    for answer in answers {
        assert!(answer.status.is_client_error(), "{}", answer.body);
        assert!(!answer.body.contains(token), "{}", answer.body);
        for value in answer.headers.values() {
            assert!(!value.to_str().unwrap().contains(token), "{value:?}");
        }
    }
}
