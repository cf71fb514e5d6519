//! TLS on the listening side: the handshake, and files that change (RFC 8446, RFC 7301).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use bailiwick_resource_server::ClientCertificate;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{
    ClientHello, ParsedCertificate, ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::{CertificateFiles, ClientCertificates, ListenTls};

/// Shakes hands with clients, by the files as they were when they were last good.
#[derive(Debug)]
pub(crate) struct Handshake {
    files: ListenTls,
    current: ArcSwap<ServerConfig>,
}

/// What is wrong with the files of TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadTls {
    #[error("cannot read {}: {source}", file.display())]
    Pem { file: PathBuf, source: pem::Error },
    #[error("{} has no certificate in PEM", .0.display())]
    Empty(PathBuf),
    #[error("{} and {} do not go together: {source}", files.certificate.display(), files.key.display())]
    Pair { files: CertificateFiles, source: rustls::Error },
    #[error("{} has what is no certificate of an authority: {source}", file.display())]
    Authority { file: PathBuf, source: rustls::Error },
    #[error("{} has no authority for clients: {source}", file.display())]
    Clients { file: PathBuf, source: VerifierBuilderError },
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

impl Handshake {
    /// Reads the files.
    pub(crate) fn new(files: ListenTls) -> Result<Self, BadTls> {
        let current = ArcSwap::from_pointee(server_config(&files)?);
        Ok(Self { files, current })
    }

    /// Shakes hands.
    pub(super) async fn accept<T>(&self, stream: T) -> io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.current.load_full()).accept(stream).await
    }

    /// Looks at the files again and again, and takes them when they have changed and are good.
    pub(crate) async fn keep_fresh(self: Arc<Self>, every: Duration) {
        let mut seen = self.stamps();
        loop {
            // The period of a chore: files tell nobody that they have changed.
            tokio::time::sleep(every).await;
            match self.look(&mut seen) {
                Ok(Look::Same) => {}
                Ok(Look::Taken) => tracing::info!("the files of TLS have changed and are taken"),
                Err(error) => tracing::error!(
                    %error,
                    "the files of TLS have changed and are not taken; those before stay"
                ),
            }
        }
    }

    fn look(&self, seen: &mut Stamps) -> Result<Look, BadTls> {
        // Before the files are read: what changes meanwhile is then a change to the next look.
        let stamps = self.stamps();
        if stamps == *seen {
            return Ok(Look::Same);
        }
        *seen = stamps;
        self.current.store(Arc::new(server_config(&self.files)?));
        Ok(Look::Taken)
    }

    fn stamps(&self) -> Stamps {
        let mut files: Vec<&Path> = Vec::new();
        for CertificateFiles { certificate, key } in &self.files.certificates {
            files.extend([certificate.as_path(), key.as_path()]);
        }
        if let ClientCertificates::IssuedBy(authorities) = &self.files.clients {
            files.push(authorities);
        }
        files.into_iter().map(Stamp::of).collect()
    }
}

/// What a client has proved to be, and what it wants to speak.
pub(super) fn outcome<T>(stream: &TlsStream<T>) -> (Option<ClientCertificate>, bool) {
    let (_, connection) = stream.get_ref();
    let end_entity = connection.peer_certificates().and_then(<[_]>::first);
    let speaks_http2 = connection.alpn_protocol() == Some(b"h2");
    (end_entity.map(|certificate| ClientCertificate::from_der(certificate)), speaks_http2)
}

/// What became of a look at the files.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    Same,
    Taken,
}

type Stamps = Vec<Option<Stamp>>;

/// What tells one state of a file from another.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Stamp {
    /// `None` when there is no such file.
    fn of(file: &Path) -> Option<Self> {
        let of = std::fs::metadata(file).ok()?;
        Some(Self {
            modified: of.modified().ok(),
            length: of.len(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&of),
        })
    }
}

fn server_config(files: &ListenTls) -> Result<ServerConfig, BadTls> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let certificates: Result<_, _> =
        files.certificates.iter().map(|files| certified(files).map(Arc::new)).collect();
    let clients = match &files.clients {
        ClientCertificates::None => WebPkiClientVerifier::no_client_auth(),
        ClientCertificates::Any => Arc::new(AnyCertificate {
            is_required: files.client_required,
            provider: provider.clone(),
        }),
        ClientCertificates::IssuedBy(file) => {
            let roots = Arc::new(authorities(file)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
            let verifier =
                if files.client_required { verifier } else { verifier.allow_unauthenticated() };
            verifier.build().map_err(|source| BadTls::Clients { file: file.clone(), source })?
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(ByHost(certificates?)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(config)
}

/// Reads a certificate and its key, which must go together.
pub(crate) fn certified(files: &CertificateFiles) -> Result<CertifiedKey, BadTls> {
    let CertificateFiles { certificate, key } = files;
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|source| BadTls::Pem { file: key.clone(), source })?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
        .map_err(|source| BadTls::Pair { files: files.clone(), source })
}

/// Reads the authorities that issue clients' certificates.
pub(crate) fn authorities(file: &Path) -> Result<RootCertStore, BadTls> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|source| BadTls::Authority { file: file.to_owned(), source })?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, BadTls> {
    let failed = |source| BadTls::Pem { file: file.to_owned(), source };
    let all = CertificateDer::pem_file_iter(file).map_err(failed)?;
    let all = all.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if all.is_empty() { Err(BadTls::Empty(file.to_owned())) } else { Ok(all) }
}

/// Chooses a certificate by the host that the client names (RFC 6066 §3).
#[derive(Debug)]
struct ByHost(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByHost {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let is_for = |key: &&Arc<CertifiedKey>| {
            let certificate = key.end_entity_cert().ok().map(ParsedCertificate::try_from);
            match (&host, certificate) {
                (Some(host), Some(Ok(certificate))) => {
                    verify_server_name(&certificate, host).is_ok()
                }
                _ => false,
            }
        };
        let can_sign =
            |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        // Of two for the same host, one with RSA and one without, the one that the client knows.
        let all = || self.0.iter();
        let chosen = all().filter(is_for).find(can_sign).or_else(|| all().find(can_sign));
        chosen.or_else(|| self.0.first()).cloned()
    }
}

/// Takes any certificate, also a self-signed one, of which the client proves to have the key
/// (RFC 8705 §2.2): the token says which one it must be.
#[derive(Debug)]
struct AnyCertificate {
    is_required: bool,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Where certificates for tests are.
    fn pem(name: &str) -> String {
        format!("{}/../resource-server/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"))
    }

    fn end_entity(config: &CertifiedKey) -> Vec<u8> {
        config.end_entity_cert().unwrap().to_vec()
    }

    #[test]
    fn changed_files_are_taken_when_all_of_them_are_good() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = ["server.pem", "key.pem"].map(|name| folder.path().join(name));
        fs::copy(pem("server"), &certificate).unwrap();
        fs::copy(pem("server.key"), &key).unwrap();
        let handshake = Handshake::new(ListenTls {
            certificates: vec![CertificateFiles {
                certificate: certificate.clone(),
                key: key.clone(),
            }],
            clients: ClientCertificates::None,
            client_required: false,
            redirect_from: None,
        })
        .unwrap();
        let first = handshake.current.load_full();
        let mut seen = handshake.stamps();
        assert_eq!(handshake.look(&mut seen).unwrap(), Look::Same);

        // One of two: they do not go together.
        fs::remove_file(&certificate).unwrap();
        fs::copy(pem("mallory"), &certificate).unwrap();
        let error = handshake.look(&mut seen).unwrap_err().to_string();
        assert!(error.contains("do not go together"), "{error}");
        assert!(Arc::ptr_eq(&first, &handshake.current.load_full()));
        assert_eq!(handshake.look(&mut seen).unwrap(), Look::Same, "it is said once");

        fs::write(&key, "no key").unwrap();
        assert!(handshake.look(&mut seen).is_err());
        fs::remove_file(&key).unwrap();
        assert!(handshake.look(&mut seen).is_err());
        assert!(Arc::ptr_eq(&first, &handshake.current.load_full()));

        fs::copy(pem("mallory.key"), &key).unwrap();
        assert_eq!(handshake.look(&mut seen).unwrap(), Look::Taken);
        assert!(!Arc::ptr_eq(&first, &handshake.current.load_full()));
        let now = certified(&handshake.files.certificates[0]).unwrap();
        assert_eq!(end_entity(&now), certificates(Path::new(&pem("mallory"))).unwrap()[0].to_vec());
    }
}
