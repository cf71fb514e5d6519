//! TLS on a real socket: client certificates by the name that the client calls.

use std::path::PathBuf;
use std::sync::Arc;

use bailiwick_authorization_server::{AskForCertificate, Limits, Tls, TlsFiles, serve_tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::mtls::config;
use super::server::{ISSUER, Server};

fn file(name: &str) -> PathBuf {
    PathBuf::from(format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR")))
}

/// A client that trusts the server and has this certificate.
fn client(certificate: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("server")).unwrap()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![CertificateDer::from_pem_file(file(certificate)).unwrap()],
            PrivateKeyDer::from_pem_file(file(&format!("{certificate}.key"))).unwrap(),
        )
        .unwrap();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn a_certificate_is_asked_for_where_clients_with_certificates_go() {
    let server = Server::with(ISSUER, &config()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let files = TlsFiles { certificate: file("server"), key: file("server.key") };
    let ask = AskForCertificate::At("mtls.example.com".to_owned());
    let tls = Arc::new(Tls::new(files, ask).unwrap());
    let limits = Limits::default();
    tokio::spawn(serve_tls(listener, tls, server.router.clone(), limits, std::future::pending()));

    let exchange = async |host: &'static str, certificate: &str| {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from(host).unwrap();
        let mut stream = client(certificate).connect(name, stream).await.unwrap();
        let body = "grant_type=client_credentials&client_id=bank&scope=read\
                    &resource=https://api.example.com";
        let request = format!(
            "POST /token HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    };
    let answer = exchange("mtls.example.com", "vouched").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = exchange("mtls.example.com", "self-signed").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "shaken hands, but not the bank's: {answer}");
    let answer = exchange("id.example.com", "vouched").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "nobody asked: {answer}");
    // Plain HTTP is no handshake.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{}", answer.escape_ascii());
}
