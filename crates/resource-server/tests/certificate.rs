//! Tokens that are bound to a client certificate, and who may say which one was shown (RFC 8705,
//! RFC 9440).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

#[allow(dead_code, reason = "other tests use the rest of it")]
mod issuer;

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::get;
use bailiwick_jose::base64url;
use bailiwick_resource_server::{
    CertificateHeader, ClientCertificate, FromProxy, PeerAddress, TrustedProxies,
};
use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use issuer::{API, TestIssuer};
use serde_json::json;
use tower::ServiceExt;

/// Alice's certificate, and another one.
const ALICE: &[u8] = b"\x30\x03\x02\x01\x01";
const MALLORY: &[u8] = b"\x30\x03\x02\x01\x02";

/// The same two as a proxy states them (RFC 9440 §2.2).
const STATES_ALICE: &str = ":MAMCAQE=:";
const STATES_MALLORY: &str = ":MAMCAQI=:";

/// As HAProxy writes it; from another program.
const SHA256_OF_ALICE: &str = "1B65F68A522C858715F5DD951CD0402DC16691778814BF0759822B7A257421D0";

const PROXY: &str = "10.1.2.3";
const STRANGER: &str = "203.0.113.7";

/// An API behind a proxy at 10.1.0.0/16, and a token that is bound to alice's certificate.
struct Api {
    app: Router,
    token: String,
}

impl Api {
    async fn behind_a_proxy() -> Self {
        let proxies = TrustedProxies::parse(["10.1.0.0/16"]).unwrap();
        Self::new(Some(FromProxy { header: CertificateHeader::ClientCert, proxies })).await
    }

    async fn new(from_proxy: Option<FromProxy>) -> Self {
        let issuer = TestIssuer::up().await;
        let builder = issuer.protect(API);
        let builder = match from_proxy {
            Some(from_proxy) => builder.certificates_from(from_proxy),
            None => builder,
        };
        let api = builder.build().unwrap();
        let app = Router::new().route("/", get(|| async { "orders" })).layer(api.layer());
        let digest = base64url::encode(ClientCertificate::from_der(ALICE).digest());
        let token = issuer.token_with(json!({ "cnf": { "x5t#S256": digest } }));
        Self { app, token }
    }

    /// What a request with the bound token is answered.
    async fn call(&self, change: impl FnOnce(&mut Request<Body>)) -> StatusCode {
        let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {}", self.token));
        let mut request = request.body(Body::empty()).unwrap();
        change(&mut request);
        self.app.clone().oneshot(request).await.unwrap().status()
    }

    /// The same from an address, with these values of the header.
    async fn call_from(&self, peer: &str, stated: &[&str]) -> StatusCode {
        self.call(|request| {
            comes_from(request, peer);
            states(request, stated);
        })
        .await
    }
}

fn comes_from(request: &mut Request<Body>, peer: &str) {
    let peer: IpAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer, 50_000)));
}

fn states(request: &mut Request<Body>, values: &[&str]) {
    for value in values {
        request.headers_mut().append("client-cert", value.parse().unwrap());
    }
}

fn shows(request: &mut Request<Body>, der: &[u8]) {
    request.extensions_mut().insert(ClientCertificate::from_der(der));
}

// RFC 8705 §3: the certificate of the connection must be the one that the token is bound to.
#[tokio::test]
async fn a_bound_token_passes_with_its_certificate_only() {
    let api = Api::new(None).await;
    assert_eq!(api.call(|request| shows(request, ALICE)).await, StatusCode::OK);
    assert_eq!(api.call(|request| shows(request, MALLORY)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(api.call(|_| {}).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_proxy_that_is_trusted_states_the_certificate() {
    let api = Api::behind_a_proxy().await;
    assert_eq!(api.call_from(PROXY, &[STATES_ALICE]).await, StatusCode::OK);
    assert_eq!(api.call_from("::ffff:10.1.2.3", &[STATES_ALICE]).await, StatusCode::OK);
    for stated in [
        &[STATES_MALLORY][..],
        &[],
        &[""],
        &["MAMCAQE="],
        &[STATES_ALICE, STATES_ALICE], // one of them the client's own
        &[STATES_MALLORY, STATES_ALICE],
    ] {
        assert_eq!(api.call_from(PROXY, stated).await, StatusCode::UNAUTHORIZED, "{stated:?}");
    }
}

#[tokio::test]
async fn a_header_from_anybody_else_means_nothing() {
    let api = Api::behind_a_proxy().await;
    for peer in [STRANGER, "10.2.2.3", "::1", "127.0.0.1", "::10.1.2.3"] {
        let answer = api.call_from(peer, &[STATES_ALICE]).await;
        assert_eq!(answer, StatusCode::UNAUTHORIZED, "{peer}");
    }
    // Nobody knows where it comes from; headers do not say so.
    let unknown = |request: &mut Request<Body>| {
        states(request, &[STATES_ALICE]);
        request.headers_mut().insert("x-forwarded-for", PROXY.parse().unwrap());
        request.headers_mut().insert("forwarded", "for=10.1.2.3".parse().unwrap());
    };
    assert_eq!(api.call(unknown).await, StatusCode::UNAUTHORIZED);
    // No proxy is trusted at all.
    let alone = Api::new(None).await;
    assert_eq!(alone.call_from(PROXY, &[STATES_ALICE]).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn another_header_than_the_configured_one_means_nothing() {
    let proxies = TrustedProxies::parse([PROXY]).unwrap();
    let header = CertificateHeader::Sha256Hex { name: "x-client-sha256".parse().unwrap() };
    let api = Api::new(Some(FromProxy { header, proxies })).await;
    assert_eq!(api.call_from(PROXY, &[STATES_ALICE]).await, StatusCode::UNAUTHORIZED);
    let stated = |request: &mut Request<Body>| {
        comes_from(request, PROXY);
        request.headers_mut().insert("x-client-sha256", SHA256_OF_ALICE.parse().unwrap());
    };
    assert_eq!(api.call(stated).await, StatusCode::OK);
}

#[tokio::test]
async fn the_certificate_of_the_proxy_itself_is_not_the_clients() {
    let api = Api::behind_a_proxy().await;
    let proxy_shows = |request: &mut Request<Body>| {
        comes_from(request, PROXY);
        shows(request, ALICE);
    };
    assert_eq!(api.call(proxy_shows).await, StatusCode::UNAUTHORIZED);
    let both = |request: &mut Request<Body>| {
        proxy_shows(request);
        states(request, &[STATES_MALLORY]);
    };
    assert_eq!(api.call(both).await, StatusCode::UNAUTHORIZED);
    // Past the proxy a client shows its own, and the header still means nothing.
    let direct = |request: &mut Request<Body>| {
        comes_from(request, STRANGER);
        shows(request, ALICE);
        states(request, &[STATES_MALLORY]);
    };
    assert_eq!(api.call(direct).await, StatusCode::OK);
}

#[tokio::test]
async fn our_own_peer_address_goes_before_that_of_axum() {
    let api = Api::behind_a_proxy().await;
    for (ours, of_axum, expected) in
        [(PROXY, STRANGER, StatusCode::OK), (STRANGER, PROXY, StatusCode::UNAUTHORIZED)]
    {
        let change = |request: &mut Request<Body>| {
            comes_from(request, of_axum);
            request.extensions_mut().insert(PeerAddress(ours.parse().unwrap()));
            states(request, &[STATES_ALICE]);
        };
        assert_eq!(api.call(change).await, expected, "{ours}");
    }
}
