//! The client against a tiny authorization server that says what it was sent.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bailiwick_client::{Authentication, Client, ClientError};
use bailiwick_fetch::Fetcher;
use bailiwick_oauth::{ClientId, CodeVerifier, Form, Issuer, RedirectUri, Scopes, Secret};
use bailiwick_oauth::{introspect, token};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

/// Serves a router with metadata for it; gives the issuer.
async fn serve(router: Router) -> Issuer {
    async fn metadata(headers: HeaderMap) -> Json<Value> {
        let issuer = format!("http://{}", headers["host"].to_str().unwrap());
        Json(json!({
            "issuer": issuer,
            "token_endpoint": format!("{issuer}/token"),
            "introspection_endpoint": format!("{issuer}/introspect"),
            "revocation_endpoint": format!("{issuer}/revoke"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
        }))
    }
    let router = router.route("/.well-known/oauth-authorization-server", get(metadata));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = Issuer::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    issuer
}

async fn client(router: Router, authentication: Authentication) -> Client {
    let issuer = serve(router).await;
    let fetcher = Fetcher::builder().build().unwrap();
    let id = ClientId::parse("shop").unwrap();
    Client::discover(fetcher, &issuer, id, authentication).await.unwrap()
}

/// Answers a token request with what it was, in place of the access token.
async fn echo(headers: HeaderMap, body: String) -> Json<Value> {
    let authorization = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    Json(json!({
        "access_token": format!("{authorization} {body}").trim(),
        "token_type": "Bearer",
        "expires_in": 60,
        "scope": "read",
    }))
}

/// Answers each request alike.
fn always(status: StatusCode, body: &'static str) -> Router {
    let answer = move || async move { (status, body) };
    let paths = ["/token", "/introspect", "/revoke"];
    let router =
        paths.into_iter().fold(Router::new(), |router, path| router.route(path, post(answer)));
    router.route("/userinfo", get(answer))
}

async fn sent(authentication: Authentication) -> String {
    let client = client(Router::new().route("/token", post(echo)), authentication).await;
    client.client_credentials(None, None).await.unwrap().access_token
}

#[tokio::test]
async fn a_client_authenticates_as_it_is_told() {
    let cases = [
        (Authentication::None, "grant_type=client_credentials&client_id=shop"),
        (
            Authentication::Basic(Secret::new("s:1")),
            "Basic c2hvcDpzJTNBMQ== grant_type=client_credentials",
        ),
        (
            Authentication::Post(Secret::new("s:1")),
            "grant_type=client_credentials&client_id=shop&client_secret=s%3A1",
        ),
    ];
    for (authentication, expected) in cases {
        assert_eq!(sent(authentication).await, expected);
    }
}

#[tokio::test]
async fn each_grant_is_sent_with_its_resource_and_scope() {
    let client = client(Router::new().route("/token", post(echo)), Authentication::None).await;
    let verifier = CodeVerifier::parse(&"v".repeat(43)).unwrap();
    let redirect_uri = RedirectUri::parse("https://shop.example/cb").unwrap();
    let (code, token) = (Secret::new("c1"), Secret::new("r1"));
    let (api, scope) = (Some("https://a.example"), Scopes::parse("read write").unwrap());
    let form = |response: token::Response| Form::parse(&response.access_token).unwrap();

    let redeemed = form(client.redeem(&code, &verifier, &redirect_uri, api).await.unwrap());
    assert_eq!(redeemed.one("grant_type"), Ok(Some("authorization_code")));
    assert_eq!(redeemed.one("code"), Ok(Some("c1")));
    assert_eq!(redeemed.one("code_verifier"), Ok(Some(verifier.expose())));
    assert_eq!(redeemed.one("redirect_uri"), Ok(Some("https://shop.example/cb")));
    assert_eq!(redeemed.one("resource"), Ok(api));

    let refreshed = form(client.refresh(&token, api, Some(&scope)).await.unwrap());
    assert_eq!(refreshed.one("grant_type"), Ok(Some("refresh_token")));
    assert_eq!(refreshed.one("refresh_token"), Ok(Some("r1")));
    assert_eq!(refreshed.one("scope"), Ok(Some("read write")));
    assert_eq!(refreshed.one("resource"), Ok(api));

    let bare = form(client.refresh(&token, None, None).await.unwrap());
    assert!(!bare.names("resource") && !bare.names("scope"));
}

#[tokio::test]
async fn an_absent_scope_is_the_one_asked_for() {
    let body = r#"{"access_token":"t","token_type":"Bearer"}"#;
    let client = client(always(StatusCode::OK, body), Authentication::None).await;
    let scope = Scopes::parse("read write").unwrap();
    let tokens = client.client_credentials(None, Some(&scope)).await.unwrap();
    assert_eq!((tokens.scope, tokens.expires_in), (scope, 0));
}

#[tokio::test]
async fn a_refusal_is_told_as_it_was_sent() {
    let body = r#"{"error":"invalid_target","error_description":"granted: https://a.example"}"#;
    let client = client(always(StatusCode::BAD_REQUEST, body), Authentication::None).await;
    let refused = ClientError::Refused {
        error: "invalid_target".to_owned(),
        description: Some("granted: https://a.example".to_owned()),
        status: Some(400),
    };
    let token = Secret::new("t");
    assert_eq!(client.client_credentials(None, None).await.err(), Some(refused.clone()));
    assert_eq!(client.introspect(&token).await.err(), Some(refused.clone()));
    assert_eq!(client.revoke(&token).await.err(), Some(refused.clone()));
    assert_eq!(client.userinfo(&token).await.err(), Some(refused));
}

#[tokio::test]
async fn a_malformed_answer_is_refused_without_showing_it() {
    for body in ["", "[]", "{}", "<html>", r#"{"access_token":{"hidden":1},"token_type":"x"}"#] {
        let client = client(always(StatusCode::OK, body), Authentication::None).await;
        let Err(refused) = client.client_credentials(None, None).await else { panic!("{body}") };
        assert!(matches!(refused, ClientError::Malformed { .. }), "{body}");
        assert!(!refused.to_string().contains("hidden"));
    }
    let client = client(always(StatusCode::BAD_GATEWAY, "oops"), Authentication::None).await;
    let refused = client.client_credentials(None, None).await.err().unwrap();
    assert!(refused.to_string().contains("status 502"), "{refused}");
}

#[tokio::test]
async fn a_token_is_asked_about_and_revoked() {
    let router = Router::new()
        .route("/introspect", post(|| async { Json(json!({ "active": false })) }))
        .route(
            "/revoke",
            post(|body: String| async move {
                if body == "token=t&client_id=shop" { StatusCode::OK } else { StatusCode::CONFLICT }
            }),
        );
    let client = client(router, Authentication::None).await;
    let token = Secret::new("t");
    assert_eq!(client.introspect(&token).await.unwrap(), introspect::Response::INACTIVE);
    client.revoke(&token).await.unwrap();
}

#[tokio::test]
async fn userinfo_is_asked_with_the_token_and_its_challenge_is_read() {
    async fn userinfo(headers: HeaderMap) -> Response {
        if headers["authorization"] == "Bearer good" {
            return Json(json!({ "sub": "alice" })).into_response();
        }
        let challenge = r#"Bearer error="invalid_token", error_description="not for userinfo""#;
        (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response()
    }
    let client =
        client(Router::new().route("/userinfo", get(userinfo)), Authentication::None).await;
    assert_eq!(client.userinfo(&Secret::new("good")).await.unwrap()["sub"], "alice");
    let refused = client.userinfo(&Secret::new("bad")).await.unwrap_err();
    assert_eq!(
        refused,
        ClientError::Refused {
            error: "invalid_token".to_owned(),
            description: Some("not for userinfo".to_owned()),
            status: Some(401),
        }
    );
}

#[tokio::test]
async fn a_missing_endpoint_is_said() {
    let client = client(Router::new(), Authentication::None).await;
    let redirect_uri = RedirectUri::parse("https://shop.example/cb").unwrap();
    let request = bailiwick_client::AuthorizationRequest::new(redirect_uri);
    let refused = client.authorization_url(request).unwrap_err();
    assert_eq!(refused, ClientError::Endpoint("authorization endpoint"));
}

#[tokio::test]
async fn a_secret_is_never_printed() {
    let client = client(Router::new(), Authentication::Post(Secret::new("hidden"))).await;
    assert!(
        !format!("{client:?} {:?}", Authentication::Post(Secret::new("hidden"))).contains("hidden")
    );
}
