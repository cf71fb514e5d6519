//! The metadata (RFC 8414 §3, OpenID Connect Discovery §4).

use axum::body::Body;
use http::Request;

use super::server::{CONFIG, ISSUER, Server};

#[tokio::test]
async fn the_metadata_says_what_is_there() {
    let server = Server::new().await;
    let answer = server.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer.json()).unwrap());
}

//= https://www.rfc-editor.org/rfc/rfc8414#section-3.1
//= type=test
//# If the issuer identifier value contains a path component, any
//# terminating "/" MUST be removed before inserting "/.well-known/" and
//# the well-known URI suffix between the host component and the path
//# component.
#[tokio::test]
async fn an_issuer_with_a_path_has_its_metadata_at_three_places() {
    let issuer = format!("{ISSUER}/tenant");
    let server = Server::with(&issuer, CONFIG).await;
    for place in [
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/openid-configuration/tenant",
        "/tenant/.well-known/openid-configuration",
    ] {
        let answer = server.get(place).await;
        assert_eq!(answer.text("issuer"), issuer, "{place}");
        assert_eq!(answer.text("token_endpoint"), format!("{issuer}/token"));
    }
    assert_eq!(server.get("/.well-known/oauth-authorization-server").await.status, 404);
    assert_eq!(server.get("/tenant/jwks").await.status, 200);
    assert_eq!(server.get("/jwks").await.status, 404);
}

#[tokio::test]
async fn the_endpoints_of_browser_apps_allow_any_origin() {
    let server = Server::new().await;
    for path in ["/token", "/revoke", "/userinfo", "/jwks", "/.well-known/openid-configuration"] {
        let request = Request::options(path)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization");
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    for path in ["/authorize", "/login", "/consent", "/introspect"] {
        let request = Request::post(path).header("origin", "https://app.example");
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn the_key_set_holds_public_keys_only() {
    let server = Server::new().await;
    let answer = server.get("/jwks").await;
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    let algorithms: Vec<_> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert!(algorithms.contains(&"RS256") && algorithms.contains(&"ES256"), "{algorithms:?}");
    for key in keys {
        for private in ["d", "p", "q", "k"] {
            assert_eq!(key.get(private), None);
        }
    }
}

#[tokio::test]
async fn health_and_strange_paths_are_answered() {
    let server = Server::new().await;
    assert_eq!(server.get("/health").await.text("status"), "live");
    assert_eq!(server.get("/ready").await.text("status"), "ready");
    server.get("/nowhere").await.expect(404, "invalid_request");
    let answer = server.get("/token").await;
    answer.expect(405, "invalid_request");
    assert_eq!(answer.header("allow"), "POST");
}
