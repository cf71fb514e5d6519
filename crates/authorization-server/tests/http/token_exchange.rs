//! Token exchange, from the user's token to what the API calls on its turn (RFC 8693).

use bailiwick_oauth::exchange::GRANT_TYPE;

use super::browser::Browser;
use super::server::{
    ANOTHER, API, Answer, FILES, OF_ANOTHER, OF_API, OF_FILES, SECRET, Server, claims,
};

const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The tokens of a user of the shop for the API.
async fn tokens(server: &Server) -> Answer {
    let mut browser = Browser::new(server);
    let asked = [("scope", "openid offline_access read write"), ("resource", API)];
    let code = browser.code(&asked).await;
    server.redeem(&code, &[("resource", API)]).await
}

async fn exchange(server: &Server, token: &str, more: &[(&str, &str)]) -> Answer {
    let mut pairs = vec![("grant_type", GRANT_TYPE), ("subject_token", token)];
    if !more.iter().any(|(name, _)| *name == "subject_token_type") {
        pairs.push(("subject_token_type", ACCESS));
    }
    pairs.extend(more);
    server.post_as("the-api", SECRET, "/token", &pairs).await
}

async fn introspect(server: &Server, token: &str, at: &str, secret: &str) -> Answer {
    server.post_as(at, secret, "/introspect", &[("token", token)]).await
}

//= https://www.rfc-editor.org/rfc/rfc8693#section-2.2.1
//= type=test
//# issued_token_type
//# REQUIRED.  An identifier, as described in Section 3, for the
//# representation of the issued security token.
#[tokio::test]
async fn an_api_calls_another_in_the_name_of_its_user() {
    let server = Server::new().await;
    let sent = tokens(&server).await.text("access_token");
    let answer = exchange(&server, &sent, &[("resource", ANOTHER)]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.text("issued_token_type"), ACCESS);
    assert_eq!((answer.text("token_type"), answer.text("scope")), ("Bearer".into(), "read".into()));
    assert_eq!(answer.json().get("refresh_token"), None);
    let got = answer.claims();
    assert_eq!((&got["aud"], &got["sub"]), (&ANOTHER.into(), &"s-ada".into()));
    assert_eq!((&got["client_id"], &got["act"]["sub"]), (&"the-api".into(), &"the-api".into()));
    assert!(got["exp"].as_i64() <= claims(&sent)["exp"].as_i64());

    let token = answer.text("access_token");
    let active = introspect(&server, &token, ANOTHER, OF_ANOTHER).await.json();
    assert_eq!((&active["active"], &active["act"]["sub"]), (&true.into(), &"the-api".into()));
    assert_eq!(introspect(&server, &token, API, OF_API).await.json()["active"], false);
}

#[tokio::test]
async fn a_token_is_made_narrower_for_the_same_api() {
    let server = Server::new().await;
    let sent = tokens(&server).await.text("access_token");
    let more = [("resource", API), ("scope", "read"), ("requested_token_type", JWT)];
    let answer = exchange(&server, &sent, &more).await;
    assert_eq!(
        (answer.text("scope"), answer.text("issued_token_type")),
        ("read".into(), JWT.into())
    );
    let again = [("resource", API), ("scope", "write")];
    exchange(&server, &answer.text("access_token"), &again).await.expect(400, "invalid_scope");
}

#[tokio::test]
async fn an_opaque_token_is_got_and_ends_with_the_grant() {
    let server = Server::new().await;
    let first = tokens(&server).await;
    let sent = first.text("access_token");
    let got = exchange(&server, &sent, &[("resource", FILES)]).await.text("access_token");
    assert_eq!(introspect(&server, &got, FILES, OF_FILES).await.json()["active"], true);
    let refresh = first.text("refresh_token");
    let revoke = [("client_id", "shop"), ("token", &*refresh)];
    assert_eq!(server.post("/revoke", &revoke).await.status, 200);
    assert_eq!(introspect(&server, &got, FILES, OF_FILES).await.json()["active"], false);
    exchange(&server, &sent, &[("resource", FILES)]).await.expect(400, "invalid_request");
}

#[tokio::test]
async fn what_cannot_be_exchanged_is_refused() {
    let server = Server::new().await;
    let first = tokens(&server).await;
    let sent = first.text("access_token");
    let to = ("resource", ANOTHER);
    for (token, kind) in [
        ("rubbish", ACCESS),
        (&*first.text("id_token"), ACCESS),
        (&*first.text("id_token"), JWT),
        (&*first.text("refresh_token"), ACCESS),
        (&*format!("{sent}x"), ACCESS),
        (&*sent, "urn:ietf:params:oauth:token-type:refresh_token"),
        (&*sent, "urn:ietf:params:oauth:token-type:saml2"),
    ] {
        let answer = exchange(&server, token, &[to, ("subject_token_type", kind)]).await;
        answer.expect(400, "invalid_request");
        assert!(!answer.body.contains(token), "{}", answer.body);
    }
    exchange(&server, &sent, &[("resource", "https://graph.example.com")])
        .await
        .expect(400, "invalid_target");
    exchange(&server, &sent, &[to, ("resource", API)]).await.expect(400, "invalid_target");
    exchange(&server, &sent, &[]).await.expect(400, "invalid_target");
    exchange(&server, &sent, &[to, ("subject_token", "x")]).await.expect(400, "invalid_request");
    let more = [to, ("actor_token", &*sent), ("actor_token_type", ACCESS)];
    exchange(&server, &sent, &more).await.expect(400, "invalid_request");
    let pairs =
        [("grant_type", GRANT_TYPE), ("subject_token", &*sent), ("subject_token_type", ACCESS), to];
    server.post_as("warehouse", SECRET, "/token", &pairs).await.expect(400, "unauthorized_client");
    server.post_as("the-api", "wrong", "/token", &pairs).await.expect(401, "invalid_client");
    let mut anonymous = pairs.to_vec();
    anonymous.push(("client_id", "shop"));
    server.post("/token", &anonymous).await.expect(400, "unauthorized_client");
    server.pass(600);
    exchange(&server, &sent, &[to]).await.expect(400, "invalid_request");
}

#[tokio::test]
async fn the_client_may_say_with_its_own_token_that_it_acts() {
    let server = Server::new().await;
    let sent = tokens(&server).await.text("access_token");
    let own = [("grant_type", "client_credentials"), ("resource", API), ("scope", "read")];
    let own = server.post_as("the-api", SECRET, "/token", &own).await.text("access_token");
    let more = [("resource", ANOTHER), ("actor_token", &*own), ("actor_token_type", ACCESS)];
    let answer = exchange(&server, &sent, &more).await;
    assert_eq!(answer.claims()["act"]["sub"], "the-api");
}
