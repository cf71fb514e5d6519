//! TLS on the listener: the handshake, client certificates, and files that change (RFC 8446).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{Acceptor, NoClientAuth};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// The files of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the server with its chain, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// Which clients are asked for a certificate; none has to have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskForCertificate {
    /// None.
    Nobody,
    /// All.
    Everybody,
    /// Those that call the server by this name: browsers that call it by another are not bothered.
    At(String),
}

/// Shakes hands with clients, by the files as they were when they were last good.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    ask: AskForCertificate,
    current: ArcSwap<Configs>,
}

/// What is wrong with the files of TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A file has no certificate.
    #[error("{} has no certificate in PEM", .0.display())]
    Empty(PathBuf),
    /// Certificate and key are not of one another, or unusable.
    #[error("{} and {} do not go together", .files.certificate.display(), .files.key.display())]
    Pair {
        /// The files.
        files: TlsFiles,
        /// Why.
        source: rustls::Error,
    },
    /// The library refuses.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

/// The same server, with and without asking for a certificate.
#[derive(Debug)]
struct Configs {
    plain: Arc<ServerConfig>,
    asking: Arc<ServerConfig>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be read, or do not go together.
    pub fn new(files: TlsFiles, ask: AskForCertificate) -> Result<Self, TlsError> {
        let current = ArcSwap::from_pointee(Configs::read(&files)?);
        Ok(Self { files, ask, current })
    }

    /// Looks at the files again and again, and takes them when they have changed and are good.
    pub async fn keep_fresh(&self, every: Duration) {
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

    /// Shakes hands.
    pub(super) async fn accept<T>(&self, stream: T) -> io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = start.client_hello();
        let asks = match &self.ask {
            AskForCertificate::Nobody => false,
            AskForCertificate::Everybody => true,
            AskForCertificate::At(host) => {
                hello.server_name().is_some_and(|name| name.eq_ignore_ascii_case(host))
            }
        };
        let configs = self.current.load_full();
        let config = if asks { &configs.asking } else { &configs.plain };
        start.into_stream(Arc::clone(config)).await
    }

    fn look(&self, seen: &mut Stamps) -> Result<Look, TlsError> {
        // Before the files are read: what changes meanwhile is then a change to the next look.
        let stamps = self.stamps();
        if stamps == *seen {
            return Ok(Look::Same);
        }
        *seen = stamps;
        self.current.store(Arc::new(Configs::read(&self.files)?));
        Ok(Look::Taken)
    }

    fn stamps(&self) -> Stamps {
        [&self.files.certificate, &self.files.key].map(|file| Stamp::of(file))
    }
}

impl Configs {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let any = Arc::new(AnyCertificate { provider: Arc::clone(&provider) });
        Ok(Self {
            plain: Arc::new(server_config(files, &provider, Arc::new(NoClientAuth))?),
            asking: Arc::new(server_config(files, &provider, any)?),
        })
    }
}

fn server_config(
    files: &TlsFiles,
    provider: &Arc<CryptoProvider>,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, TlsError> {
    let failed = |file: &Path| {
        let file = file.to_owned();
        |source| TlsError::Pem { file, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed(&files.certificate))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(files.certificate.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(failed(&files.key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|source| TlsError::Pair { files: files.clone(), source })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(config)
}

/// What became of a look at the files.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    Same,
    Taken,
}

type Stamps = [Option<Stamp>; 2];

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

/// Takes any certificate, also a self-signed one, of which the client proves to have the key, and
/// none (RFC 8705 §2.2): who it is of is decided with the client's registration at hand.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
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
    use std::fs;

    use super::*;

    fn pem(name: &str) -> String {
        format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn changed_files_are_taken_when_both_are_good() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = ["tls.pem", "tls.key.pem"].map(|name| folder.path().join(name));
        fs::copy(pem("server"), &certificate).unwrap();
        fs::copy(pem("server.key"), &key).unwrap();
        let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
        let tls = Tls::new(files, AskForCertificate::Nobody).unwrap();
        let first = tls.current.load_full();
        let mut seen = tls.stamps();
        assert_eq!(tls.look(&mut seen).unwrap(), Look::Same);

        // One of two: they do not go together.
        fs::remove_file(&certificate).unwrap();
        fs::copy(pem("self-signed"), &certificate).unwrap();
        assert!(matches!(tls.look(&mut seen), Err(TlsError::Pair { .. })));
        assert_eq!(tls.look(&mut seen).unwrap(), Look::Same, "it is said once");
        fs::write(&certificate, "nothing").unwrap();
        assert!(matches!(tls.look(&mut seen), Err(TlsError::Empty(_))));
        fs::remove_file(&certificate).unwrap();
        assert!(matches!(tls.look(&mut seen), Err(TlsError::Pem { .. })));
        assert!(Arc::ptr_eq(&first, &tls.current.load_full()));

        fs::copy(pem("self-signed"), &certificate).unwrap();
        fs::copy(pem("self-signed.key"), &key).unwrap();
        assert_eq!(tls.look(&mut seen).unwrap(), Look::Taken);
        assert!(!Arc::ptr_eq(&first, &tls.current.load_full()));
    }
}
