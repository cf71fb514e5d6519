//! Introspection and revocation (RFC 7662 §2, RFC 7009 §2).

use serde_json::json;

use super::browser::Browser;
use super::server::{ANOTHER, API, Answer, FILES, OF_ANOTHER, OF_API, OF_FILES, SECRET, Server};

async fn looked_up(server: &Server, identifier: &str, secret: &str, token: &str) -> Answer {
    server.post_as(identifier, secret, "/introspect", &[("token", token)]).await
}

#[tokio::test]
async fn only_the_resource_of_a_token_learns_of_it() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let asked = [("scope", "read"), ("resource", API), ("resource", ANOTHER)];
    let code = browser.code(&asked).await;
    let token = server.redeem(&code, &[("resource", API)]).await.text("access_token");

    let answer = looked_up(&server, API, OF_API, &token).await;
    assert_eq!(answer.json()["active"], true, "{}", answer.body);
    assert_eq!(answer.json()["scope"], "read");
    assert_eq!(answer.json()["aud"], API);
    for (identifier, secret, token) in [
        (ANOTHER, OF_ANOTHER, token.as_str()),
        (API, OF_API, "rubbish"),
        (API, OF_API, "a.b.c"),
        (API, OF_API, &token[..token.len() - 1]),
    ] {
        let answer = looked_up(&server, identifier, secret, token).await;
        assert_eq!(answer.json(), json!({"active": false}));
    }
    server.pass(601);
    let answer = looked_up(&server, API, OF_API, &token).await;
    assert_eq!(answer.json(), json!({"active": false}));
}

#[tokio::test]
async fn a_stranger_learns_nothing_by_introspection() {
    let server = Server::new().await;
    for (id, secret) in [(API, OF_ANOTHER), ("warehouse", SECRET), ("https://x.example", OF_API)] {
        looked_up(&server, id, secret, "x").await.expect(401, "invalid_client");
    }
    server.post("/introspect", &[("token", "x")]).await.expect(401, "invalid_client");
    let answer = server.post_as(API, OF_API, "/introspect", &[]).await;
    answer.expect(400, "invalid_request");
}

#[tokio::test]
async fn a_revoked_token_is_inactive_at_once() {
    let server = Server::new().await;
    for (resource, secret, scope) in [(API, OF_API, "read"), (FILES, OF_FILES, "list")] {
        let pairs =
            [("grant_type", "client_credentials"), ("resource", resource), ("scope", scope)];
        let answer = server.post_as("warehouse", SECRET, "/token", &pairs).await;
        let token = answer.text("access_token");
        let active = looked_up(&server, resource, secret, &token).await;
        assert_eq!(active.json()["active"], true, "{resource}: {}", active.body);
        let pairs = [("token", token.as_str()), ("token_type_hint", "refresh_token")];
        let answer = server.post_as("warehouse", SECRET, "/revoke", &pairs).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
        let answer = looked_up(&server, resource, secret, &token).await;
        assert_eq!(answer.json(), json!({"active": false}), "{resource}");
    }
}

#[tokio::test]
async fn a_revoked_refresh_token_takes_the_grant_with_it() {
    let server = Server::new().await;
    let mut browser = Browser::new(&server);
    let code = browser.code(&[("scope", "offline_access read"), ("resource", API)]).await;
    let answer = server.redeem(&code, &[("resource", API)]).await;
    let (access, refresh) = (answer.text("access_token"), answer.text("refresh_token"));
    let stranger = [("token", refresh.as_str())];
    let answer = server.post_as("warehouse", SECRET, "/revoke", &stranger).await;
    answer.expect(400, "invalid_grant");
    let own = [("token", refresh.as_str()), ("client_id", "shop")];
    assert_eq!(server.post("/revoke", &own).await.status, 200);
    server.refresh(&refresh, &[("resource", API)]).await.expect(400, "invalid_grant");
    let answer = looked_up(&server, API, OF_API, &access).await;
    assert_eq!(answer.json(), json!({"active": false}));
}

//= https://www.rfc-editor.org/rfc/rfc7009#section-2.2
//= type=test
//# Note: invalid tokens do not cause an error response since the client
//# cannot handle such an error in a reasonable way.
#[tokio::test]
async fn revoking_what_is_unknown_succeeds() {
    let server = Server::new().await;
    let pairs = [("token", "rubbish"), ("client_id", "shop")];
    assert_eq!(server.post("/revoke", &pairs).await.status, 200);
    server.post("/revoke", &[("client_id", "shop")]).await.expect(400, "invalid_request");
}
