//! An authorization server on a socket of this machine, for tests of both halves together.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bailiwick_authorization_server::{Limits, serve};
use bailiwick_resource_server::{Builder, Issuer, Resource};
use http::{Request, StatusCode};
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::server::{SECRET, START, Server};

/// A server that APIs reach by its issuer's URL.
pub(crate) struct Live {
    pub(crate) server: Server,
    pub(crate) issuer: String,
}

/// A confidential client that may get everything on its own behalf.
pub(crate) const MACHINE: &str = r#"
[[client]]
id = "machine"
name = "Machine"
authentication = "client_secret_basic"
secret = { env = "WAREHOUSE" }
grants = ["client_credentials"]
resources = { "*" = "*" }
"#;

impl Live {
    pub(crate) async fn new(config: &str) -> Self {
        let (listener, url) = listen().await;
        let server = Server::with(&url, config).await;
        let router = server.router.clone();
        tokio::spawn(serve(listener, router, Limits::default(), std::future::pending()));
        Self { server, issuer: url }
    }

    /// An API of this issuer, by its clock at the start.
    pub(crate) fn api(&self, resource: &str) -> Builder {
        let issuer = Issuer::parse(&self.issuer).unwrap();
        Builder::new(issuer, Resource::parse(resource).unwrap()).clock(|| START)
    }

    /// A token of the machine for an API, with its default scopes.
    pub(crate) async fn token(&self, resource: &str) -> String {
        self.token_with(resource, "").await
    }

    /// A token of the machine for an API.
    pub(crate) async fn token_with(&self, resource: &str, scope: &str) -> String {
        let pairs =
            [("grant_type", "client_credentials"), ("resource", resource), ("scope", scope)];
        self.server.post_as("machine", SECRET, "/token", &pairs).await.text("access_token")
    }
}

/// A socket of this machine, and its URL.
pub(crate) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Serves a router, beside the test.
pub(crate) fn spawn(listener: TcpListener, router: Router) {
    tokio::spawn(serve(listener, router, Limits::default(), std::future::pending()));
}

/// The API as a router with one place, which needs a token.
pub(crate) fn protected(api: Builder) -> Router {
    let api = api.build().unwrap();
    Router::new().route("/", get(|| async { "in" })).layer(api.layer())
}

/// What an API answers to a token.
pub(crate) async fn call(api: &Router, token: &str) -> StatusCode {
    let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    api.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
}
