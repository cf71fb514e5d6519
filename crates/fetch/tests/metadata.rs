//! Metadata is found at its places and refused when it is somebody else's (RFC 8414, RFC 9728).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod server;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use bailiwick_fetch::{FetchError, Fetcher, metadata};
use bailiwick_oauth::{Issuer, Resource};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use server::serve;

/// Serves one document at one path; `ORIGIN` in it becomes the server's own.
async fn publish(path: &str, document: &'static str) -> String {
    async fn answer(State(text): State<&'static str>, headers: HeaderMap) -> impl IntoResponse {
        let origin = format!("http://{}", headers["host"].to_str().unwrap());
        ([(CONTENT_TYPE, "application/json")], text.replace("ORIGIN", &origin))
    }
    serve(Router::new().route(path, get(answer)).with_state(document)).await
}

async fn of_issuer(path: &str, document: &'static str) -> Result<String, FetchError> {
    let origin = publish(path, document).await;
    let issuer = Issuer::parse(&format!("{origin}/t1")).unwrap();
    let fetcher = Fetcher::builder().build().unwrap();
    let found = metadata::authorization_server(&fetcher, &issuer).await?;
    Ok(found.jwks_uri.unwrap().replace(&origin, "ORIGIN"))
}

const GOOD: &str = r#"{"issuer":"ORIGIN/t1","jwks_uri":"ORIGIN/keys"}"#;
const PLACE: &str = "/.well-known/oauth-authorization-server/t1";

#[tokio::test]
async fn metadata_is_found_at_each_of_the_three_places() {
    for place in
        [PLACE, "/.well-known/openid-configuration/t1", "/t1/.well-known/openid-configuration"]
    {
        assert_eq!(of_issuer(place, GOOD).await.unwrap(), "ORIGIN/keys", "{place}");
    }
}

#[tokio::test]
async fn metadata_that_is_nowhere_is_said_with_its_places() {
    let refused = of_issuer("/elsewhere", GOOD).await.unwrap_err();
    let FetchError::NotPublished { tried, .. } = refused else { panic!("{refused}") };
    assert_eq!(tried.len(), 3);
}

//= https://www.rfc-editor.org/rfc/rfc8414#section-3.3
//= type=test
//# The "issuer" value returned MUST be identical to the authorization
//# server's issuer identifier value into which the well-known URI string
//# was inserted to create the URL used to retrieve the metadata.
#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    for document in [
        r#"{"issuer":"https://evil.example","jwks_uri":"ORIGIN/keys"}"#,
        r#"{"issuer":"ORIGIN/t1/","jwks_uri":"ORIGIN/keys"}"#,
        r#"{"issuer":"ORIGIN/T1","jwks_uri":"ORIGIN/keys"}"#,
        r#"{"issuer":"ORIGIN","jwks_uri":"ORIGIN/keys"}"#,
    ] {
        let refused = of_issuer(PLACE, document).await;
        assert!(matches!(refused, Err(FetchError::Mismatch { .. })), "{document}");
    }
}

#[tokio::test]
async fn endpoints_on_the_wrong_side_or_without_tls_are_refused() {
    for document in [
        r#"{"issuer":"ORIGIN/t1","jwks_uri":"http://keys.example/keys"}"#,
        r#"{"issuer":"ORIGIN/t1","jwks_uri":"https://keys.example/keys"}"#,
        r#"{"issuer":"ORIGIN/t1","jwks_uri":"file:///keys"}"#,
        r#"{"issuer":"ORIGIN/t1","jwks_uri":"ORIGIN/keys","authorization_endpoint":"javascript:x"}"#,
        r#"{"issuer":"ORIGIN/t1","jwks_uri":"ORIGIN/keys","token_endpoint":"/token"}"#,
    ] {
        let refused = of_issuer(PLACE, document).await;
        assert!(matches!(refused, Err(FetchError::Url { .. })), "{document}: {refused:?}");
    }
}

#[tokio::test]
async fn broken_metadata_is_refused() {
    for document in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"issuer":1}"#,
        r#"{"issuer":"ORIGIN/t1","issuer":"ORIGIN/t1"}"#,
        r#"{"issuer":"ORIGIN/t1"} x"#,
    ] {
        let refused = of_issuer(PLACE, document).await;
        assert!(matches!(refused, Err(FetchError::Malformed { .. })), "{document}");
    }
}

#[tokio::test]
async fn an_error_at_one_place_does_not_hide_the_next() {
    async fn page() -> impl IntoResponse {
        ([(CONTENT_TYPE, "text/html")], "<h1>Welcome</h1>")
    }
    async fn document(headers: HeaderMap) -> impl IntoResponse {
        let origin = format!("http://{}", headers["host"].to_str().unwrap());
        ([(CONTENT_TYPE, "application/json")], format!(r#"{{"issuer":"{origin}/t1"}}"#))
    }
    let router = Router::new()
        .route(PLACE, get(page))
        .route("/.well-known/openid-configuration/t1", get(|| async { StatusCode::FORBIDDEN }))
        .route("/t1/.well-known/openid-configuration", get(document));
    let issuer = Issuer::parse(&format!("{}/t1", serve(router).await)).unwrap();
    let fetcher = Fetcher::builder().build().unwrap();
    assert!(metadata::authorization_server(&fetcher, &issuer).await.is_ok());
}

//= https://www.rfc-editor.org/rfc/rfc9728#section-3.3
//= type=test
//# The resource value returned MUST be identical to the protected
//# resource's resource identifier value into which the well-known URI
//# path suffix was inserted to create the URL used to retrieve the
//# metadata.
#[tokio::test]
async fn resource_metadata_is_for_the_resource_asked_for() {
    let cases = [
        (r#"{"resource":"ORIGIN/orders","scopes_supported":["read"]}"#, "taken"),
        (r#"{"resource":"ORIGIN/orders/"}"#, "mismatch"),
        (r#"{"resource":"https://evil.example/orders"}"#, "mismatch"),
        (r#"{"scopes_supported":["read"]}"#, "malformed"),
    ];
    let fetcher = Fetcher::builder().build().unwrap();
    for (document, expected) in cases {
        let origin = publish("/.well-known/oauth-protected-resource/orders", document).await;
        let resource = Resource::parse(&format!("{origin}/orders")).unwrap();
        let verdict = match metadata::protected_resource(&fetcher, &resource).await {
            Ok(metadata) => {
                assert_eq!(metadata.scopes_supported, ["read"]);
                "taken"
            }
            Err(FetchError::Mismatch { .. }) => "mismatch",
            Err(FetchError::Malformed { .. }) => "malformed",
            Err(other) => panic!("{other}"),
        };
        assert_eq!(verdict, expected, "{document}");
        let other = Resource::parse(&format!("{origin}/other")).unwrap();
        let refused = metadata::protected_resource(&fetcher, &other).await;
        assert!(matches!(refused, Err(FetchError::NotPublished { .. })));
    }
}

#[tokio::test]
async fn an_identifier_that_is_no_web_address_has_no_metadata() {
    let fetcher = Fetcher::builder().build().unwrap();
    let resource = Resource::parse("urn:orders").unwrap();
    let refused = metadata::protected_resource(&fetcher, &resource).await;
    assert!(matches!(refused, Err(FetchError::Url { .. })));
}
