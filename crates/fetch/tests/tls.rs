//! Certificates, the server's and the client's own, against real TLS servers (RFC 8705 §2).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::net::IpAddr;
use std::sync::Arc;

use bailiwick_fetch::{BuildError, Builder, FetchError, Fetcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

const AUTHORITY: &[u8] = include_bytes!("fixtures/authority.pem");
const CLIENT: &[u8] = include_bytes!("fixtures/client.pem");
const CLIENT_KEY: &[u8] = include_bytes!("fixtures/client.key.pem");

enum ClientCertificate {
    NotAskedFor,
    Required,
}

/// A TLS server for `id.example` that answers each connection with `{}`; gives its port.
async fn tls_server(client: ClientCertificate) -> u16 {
    let certificate = include_bytes!("fixtures/server.pem");
    let key = include_bytes!("fixtures/server.key.pem");
    let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match client {
        ClientCertificate::NotAskedFor => config.with_no_client_auth(),
        ClientCertificate::Required => {
            let mut roots = RootCertStore::empty();
            let authority = include_bytes!("fixtures/client-authority.pem");
            roots.add(CertificateDer::from_pem_slice(authority).unwrap()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            config.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let config =
        config.with_single_cert(chain, PrivateKeyDer::from_pem_slice(key).unwrap()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await?;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                stream.write_all(answer).await?;
                stream.shutdown().await
            });
        }
    });
    port
}

/// Leads `id.example` and `other.example` to this machine.
fn builder() -> Builder {
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    Fetcher::builder()
        .resolve("id.example", [here])
        .resolve("other.example", [here])
        .allow_private_host("id.example")
        .allow_private_host("other.example")
}

#[tokio::test]
async fn only_a_certificate_of_a_trusted_authority_for_this_very_name_is_taken() {
    let port = tls_server(ClientCertificate::NotAskedFor).await;
    let url = format!("https://id.example:{port}/");

    let trusting = builder().extra_authorities(AUTHORITY).build().unwrap();
    assert_eq!(trusting.get_json(&url).await.unwrap().bytes, "{}");
    let other = trusting.get_json(&format!("https://other.example:{port}/")).await;
    assert!(matches!(other, Err(FetchError::Connect { .. })));
    let untrusting = builder().build().unwrap();
    assert!(matches!(untrusting.get_json(&url).await, Err(FetchError::Connect { .. })));
}

#[tokio::test]
async fn a_client_with_a_certificate_gets_in_and_one_without_does_not() {
    let port = tls_server(ClientCertificate::Required).await;
    let url = format!("https://id.example:{port}/");
    let anonymous = builder().extra_authorities(AUTHORITY).build().unwrap();
    assert!(matches!(anonymous.get_json(&url).await, Err(FetchError::Connect { .. })));
    let known = builder().extra_authorities(AUTHORITY).client_identity(CLIENT, CLIENT_KEY);
    assert_eq!(known.build().unwrap().get_json(&url).await.unwrap().bytes, "{}");
    // Issued by somebody whom the server does not know.
    let stranger = builder().extra_authorities(AUTHORITY).client_identity(
        &include_bytes!("fixtures/server.pem")[..],
        &include_bytes!("fixtures/server.key.pem")[..],
    );
    let refused = stranger.build().unwrap().get_json(&url).await;
    assert!(matches!(refused, Err(FetchError::Connect { .. })));
}

#[test]
fn a_client_certificate_without_its_own_key_is_refused() {
    let other = &include_bytes!("fixtures/server.key.pem")[..];
    for (chain, key) in [
        (CLIENT, other),
        (CLIENT, b"".as_slice()),
        (CLIENT, CLIENT),
        (b"".as_slice(), CLIENT_KEY),
        (CLIENT_KEY, CLIENT_KEY),
    ] {
        let refused = Fetcher::builder().client_identity(chain, key).build().unwrap_err();
        let BuildError::Identity(why) = &refused else { panic!("{refused}") };
        assert!(!why.contains("MIG"), "{why}");
    }
}
