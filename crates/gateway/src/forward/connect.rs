//! Connecting: TCP, TLS where the server has `https`, and the protocol that both speak
//! (RFC 9110 §4.3.3, RFC 7301, RFC 9113 §3.3).

use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use http::Uri;
use http::uri::Scheme;
use hyper::client::conn::{http1, http2};
use hyper_rustls::{
    DefaultServerNameResolver, FixedServerNameResolver, HttpsConnector, MaybeHttpsStream,
    ResolveServerName,
};
use hyper_util::client::legacy::connect::{Connection as _, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::ServiceExt;

use super::upload::Upload;
use crate::config::{Protocol, Server, Tls, Upstream};

/// Makes connections to the servers of an upstream.
#[derive(Clone)]
pub(super) struct Connector {
    io: HttpsConnector<HttpConnector>,
    /// The same, for what only HTTP/1.1 has.
    http1: HttpsConnector<HttpConnector>,
    protocol: Protocol,
    timeout: Duration,
}

/// A connection that is ready for a request.
#[derive(Debug)]
pub(super) enum Connection {
    /// For one request at a time.
    Http1(http1::SendRequest<Upload>),
    /// For many at once.
    Http2(http2::SendRequest<Upload>),
}

/// Why TLS towards an upstream cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadUpstream {
    #[error("{file} cannot be read")]
    File { file: String, source: io::Error },
    #[error("{file} is no PEM file with what is needed")]
    Pem { file: String, source: pem::Error },
    #[error("{file} has no certificate in it")]
    Empty { file: String },
    #[error("a certificate in {file} cannot be used")]
    Certificate { file: String, source: rustls::Error },
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("the certificates of authorities cannot be used")]
    Authorities(#[from] rustls::client::VerifierBuilderError),
    #[error("the upstream's address is no header value")]
    Host(#[from] http::header::InvalidHeaderValue),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoConnection {
    #[error("not in time")]
    Slow,
    #[error("no connection")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    #[error("the protocol could not be agreed upon")]
    Handshake(#[from] hyper::Error),
    #[error("the server does not speak HTTP/2: ALPN did not choose it")]
    NotHttp2,
}

impl Connector {
    pub(super) fn new(upstream: &Upstream) -> Result<Self, BadUpstream> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_connect_timeout(Some(upstream.connect_timeout));
        let mut tls = client_config(&upstream.tls)?;
        tls.alpn_protocols = match upstream.protocol {
            Protocol::Http1 => vec![b"http/1.1".to_vec()],
            Protocol::Http2 => vec![b"h2".to_vec()],
            Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        let mut http1 = tls.clone();
        http1.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name: Arc<dyn ResolveServerName + Send + Sync> = match &upstream.tls.server_name {
            Some(name) => Arc::new(FixedServerNameResolver::new(name.clone())),
            None => Arc::new(DefaultServerNameResolver::default()),
        };
        Ok(Self {
            io: HttpsConnector::new(tcp.clone(), tls, false, name.clone()),
            http1: HttpsConnector::new(tcp, http1, false, name),
            protocol: upstream.protocol,
            timeout: upstream.connect_timeout,
        })
    }

    /// Whether the server's connections take many requests at once; `None` when ALPN will tell.
    pub(super) fn is_http2(&self, server: &Server) -> Option<bool> {
        match self.protocol {
            Protocol::Http1 => Some(false),
            Protocol::Http2 => Some(true),
            Protocol::Auto if server.scheme == Scheme::HTTP => Some(false),
            Protocol::Auto => None,
        }
    }

    pub(super) async fn connect(&self, server: &Server) -> Result<Connection, NoConnection> {
        let connecting = async {
            let io = open(&self.io, server).await?;
            let has_chosen_http2 = io.connected().is_negotiated_h2();
            match self.is_http2(server) {
                Some(true) if server.scheme == Scheme::HTTPS && !has_chosen_http2 => {
                    Err(NoConnection::NotHttp2)
                }
                Some(true) => http2(io).await,
                None if has_chosen_http2 => http2(io).await,
                _ => http1(io).await.map(Connection::Http1),
            }
        };
        timeout(self.timeout, connecting).await.unwrap_or(Err(NoConnection::Slow))
    }

    /// The same with HTTP/1.1, whatever else the server speaks.
    pub(super) async fn connect_http1(
        &self,
        server: &Server,
    ) -> Result<http1::SendRequest<Upload>, NoConnection> {
        let connecting = async { http1(open(&self.http1, server).await?).await };
        timeout(self.timeout, connecting).await.unwrap_or(Err(NoConnection::Slow))
    }
}

type Io = MaybeHttpsStream<TokioIo<TcpStream>>;

async fn open(
    connector: &HttpsConnector<HttpConnector>,
    server: &Server,
) -> Result<Io, NoConnection> {
    let uri = Uri::builder()
        .scheme(server.scheme.clone())
        .authority(server.authority.clone())
        .path_and_query("/")
        .build()
        .map_err(|error| NoConnection::Refused(error.into()))?;
    connector.clone().oneshot(uri).await.map_err(NoConnection::Refused)
}

async fn http1(io: Io) -> Result<http1::SendRequest<Upload>, NoConnection> {
    let (sender, connection) =
        http1::Builder::new().max_header_size(LONGEST_HEADERS as usize).handshake(io).await?;
    tokio::spawn(async move { log_end(connection.with_upgrades().await) });
    Ok(sender)
}

async fn http2(io: Io) -> Result<Connection, NoConnection> {
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(LONGEST_HEADERS)
        .keep_alive_interval(KEEP_ALIVE)
        .handshake(io)
        .await?;
    tokio::spawn(async move { log_end(connection.await) });
    Ok(Connection::Http2(sender))
}

fn log_end(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to an upstream ended with an error");
    }
}

fn client_config(tls: &Tls) -> Result<ClientConfig, BadUpstream> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = match &tls.ca_file {
        Some(file) => {
            let name = file.display().to_string();
            let mut roots = RootCertStore::empty();
            for certificate in certificates(&name)? {
                let added = roots.add(certificate);
                added.map_err(|source| BadUpstream::Certificate { file: name.clone(), source })?;
            }
            roots
        }
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_webpki_verifier(verifier);
    Ok(match &tls.identity {
        None => config.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = certificates(&chain.display().to_string())?;
            let file = key.display().to_string();
            let key = PrivateKeyDer::from_pem_slice(&read(&file)?)
                .map_err(|source| BadUpstream::Pem { file, source })?;
            config.with_client_auth_cert(chain, key)?
        }
    })
}

/// A digest of what the files hold, to see whether they have changed.
pub(super) fn content_of(tls: &Tls) -> u64 {
    let identity = tls.identity.iter().flat_map(|(certificates, key)| [certificates, key]);
    let mut digest = DefaultHasher::new();
    for file in tls.ca_file.iter().chain(identity) {
        fs::read(file).ok().hash(&mut digest);
    }
    digest.finish()
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, BadUpstream> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(file)?).collect();
    let found = found.map_err(|source| BadUpstream::Pem { file: file.to_owned(), source })?;
    if found.is_empty() {
        return Err(BadUpstream::Empty { file: file.to_owned() });
    }
    Ok(found)
}

fn read(file: &str) -> Result<Vec<u8>, BadUpstream> {
    fs::read(file).map_err(|source| BadUpstream::File { file: file.to_owned(), source })
}

/// How often a silent connection is asked whether the other side is there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// The longest head of an answer.
const LONGEST_HEADERS: u32 = 64 * 1024;
/// What a slow client may leave unread here of one HTTP/2 answer, and of all of a connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
