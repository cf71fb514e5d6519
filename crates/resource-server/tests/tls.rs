//! Certificate-bound tokens over real TLS: the certificate of the handshake itself (RFC 8705 §3).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::routing::get;
use axum::{Extension, Router};
use bailiwick_resource_server::ClientCertificate;
use bailiwick_resource_server::testing::TestIssuer;
use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme,
};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate and its private key.
#[derive(Clone, Copy)]
struct Identity {
    certificate: &'static [u8],
    key: &'static [u8],
}

const SERVER: Identity = Identity {
    certificate: include_bytes!("tls/server.pem"),
    key: include_bytes!("tls/server.key.pem"),
};
const ALICE: Identity = Identity {
    certificate: include_bytes!("tls/alice.pem"),
    key: include_bytes!("tls/alice.key.pem"),
};
const MALLORY: Identity = Identity {
    certificate: include_bytes!("tls/mallory.pem"),
    key: include_bytes!("tls/mallory.key.pem"),
};

impl Identity {
    fn certificate(self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate).unwrap()
    }

    fn key(self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key).unwrap()
    }
}

/// Whether the handshake fails without a client certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    Asked,
    Required,
}

/// Takes any certificate, also a self-signed one, of which the client proves to have the key
/// (RFC 8705 §2.2).
#[derive(Debug)]
struct AnyCertificate {
    demand: Demand,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        self.demand == Demand::Required
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion()) // the token says which one it must be
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Shows one certificate and signs with whatever key.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// An API that ends TLS itself, and a token that is bound to alice's certificate.
struct Api {
    port: u16,
    token: String,
}

impl Api {
    async fn up(demand: Demand) -> Self {
        let issuer = TestIssuer::new();
        let api = issuer.protect("https://api.example.com").unwrap();
        let alices = ClientCertificate::from_der(&ALICE.certificate());
        let token = issuer.token().bound_to_certificate(&alices).mint(&api);
        let app = Router::new().route("/", get(|| async { "orders" })).layer(api.layer());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(serve(listener, acceptor(demand), app));
        Self { port, token }
    }

    /// What a request with the token is answered; an error when the connection does not stand.
    async fn call(&self, client: ClientConfig) -> io::Result<StatusCode> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let name = ServerName::try_from("api.example.com").unwrap();
        let stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(connection);
        let request = Request::get("/")
            .header("host", "api.example.com")
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        let request = request.body(Body::empty()).unwrap();
        sender.send_request(request).await.map(|answer| answer.status()).map_err(broken)
    }
}

fn broken(error: hyper::Error) -> io::Error {
    io::Error::other(error)
}

fn acceptor(demand: Demand) -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = AnyCertificate { demand, provider: Arc::clone(&provider) };
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![SERVER.certificate()], SERVER.key())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// As any server that ends TLS itself: the certificate of the connection goes with each request.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, app: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, app) = (acceptor.clone(), app.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let app = match certificate(&stream) {
                Some(certificate) => app.layer(Extension(certificate)),
                None => app,
            };
            let service = TowerToHyperService::new(app);
            // A client that goes away is no failure.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn certificate(stream: &TlsStream<TcpStream>) -> Option<ClientCertificate> {
    let (_, connection) = stream.get_ref();
    connection.peer_certificates()?.first().map(|der| ClientCertificate::from_der(der))
}

/// A client that shows a certificate, signing with the key of another one if need be.
fn client(shows: Option<(Identity, Identity)>) -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(SERVER.certificate()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let Some((shown, signing)) = shows else { return config.with_no_client_auth() };
    let key = provider.key_provider.load_private_key(signing.key()).unwrap();
    let pair = CertifiedKey::new(vec![shown.certificate()], key);
    config.with_client_cert_resolver(Arc::new(Shows(Arc::new(pair))))
}

//= https://www.rfc-editor.org/rfc/rfc8705#section-3
//= type=test
//# If they
//# do not match, the resource access attempt MUST be rejected with an
//# error, per [RFC6750], using an HTTP 401 status code and the
//# "invalid_token" error code.
#[tokio::test]
async fn a_bound_token_passes_with_the_certificate_of_its_handshake_alone() {
    let api = Api::up(Demand::Asked).await;
    let cases = [
        ("its own", Some((ALICE, ALICE)), StatusCode::OK),
        ("another", Some((MALLORY, MALLORY)), StatusCode::UNAUTHORIZED),
        ("none", None, StatusCode::UNAUTHORIZED),
        ("its own again", Some((ALICE, ALICE)), StatusCode::OK),
    ];
    for (name, shows, expected) in cases {
        assert_eq!(api.call(client(shows)).await.unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_does_not_get_through_the_handshake() {
    let api = Api::up(Demand::Asked).await;
    let thief = client(Some((ALICE, MALLORY)));
    assert!(api.call(thief).await.is_err());
}

#[tokio::test]
async fn where_a_certificate_is_required_nobody_comes_in_without() {
    let api = Api::up(Demand::Required).await;
    assert_eq!(api.call(client(Some((ALICE, ALICE)))).await.unwrap(), StatusCode::OK);
    let stranger = client(Some((MALLORY, MALLORY)));
    assert_eq!(api.call(stranger).await.unwrap(), StatusCode::UNAUTHORIZED);
    assert!(api.call(client(None)).await.is_err());
}
