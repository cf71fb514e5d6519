//! The client certificate of a request, for tokens that are bound to one (RFC 8705 §3).
//!
//! It is known to whoever ends TLS. Where that is this process, it says so with each request, by an
//! extension, [`ClientCertificate`]:
//!
//! ```
//! use bailiwick_resource_server::ClientCertificate;
//! use tokio_rustls::server::TlsStream;
//!
//! /// For `request.extensions_mut()` of every request of the connection.
//! fn certificate<S>(stream: &TlsStream<S>) -> Option<ClientCertificate> {
//!     let (_, connection) = stream.get_ref();
//!     let end_entity = connection.peer_certificates()?.first()?; // the client's own stands first
//!     Some(ClientCertificate::from_der(end_entity))
//! }
//! ```
//!
//! The handshake must ask for a certificate without demanding a known authority where clients use
//! self-signed ones (RFC 8705 §2.2): the token says which certificate it is, and the handshake
//! proves that the client has its key.
//!
//! Where a proxy ends TLS, it says so by a header ([`FromProxy`]). Anybody can send such a header, so
//! it counts only from the addresses of the proxy, [`TrustedProxies`], and the proxy must remove
//! what its clients send. The address is that of the connection: axum's [`ConnectInfo`], as
//! `into_make_service_with_connect_info::<SocketAddr>()` provides it, or [`PeerAddress`]. Without
//! either the header does not count.

mod proxies;

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use bailiwick_jose::digest;
use http::{Extensions, HeaderMap};

pub use bailiwick_oauth::certificate::CertificateHeader;
pub use proxies::{MalformedNetwork, TrustedProxies};

/// The certificate that the client showed, and proved to have the key of, in the TLS handshake: its
/// SHA-256 digest (RFC 8705 §3.1 `x5t#S256`).
///
/// An extension of the request, made by whoever ended TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientCertificate([u8; 32]);

impl ClientCertificate {
    /// Takes a certificate in DER, the client's own, without its chain.
    pub fn from_der(der: &[u8]) -> Self {
        Self(digest::sha256(der))
    }

    /// Takes the SHA-256 digest of a certificate in DER.
    pub const fn from_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The address at the other end of the connection: an extension of the request, for servers without
/// axum's [`ConnectInfo`], which it goes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// How a proxy that ends TLS says which certificate the client showed.
///
/// ```
/// use bailiwick_resource_server::{CertificateHeader, FromProxy, TrustedProxies};
///
/// let nginx = FromProxy {
///     header: CertificateHeader::Pem { name: "x-client-cert".parse()? }, // $ssl_client_escaped_cert
///     proxies: TrustedProxies::parse(["10.1.0.0/16", "::1"])?,
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct FromProxy {
    /// The header, and what stands in it.
    pub header: CertificateHeader,
    /// From whom the header counts.
    pub proxies: TrustedProxies,
}

/// The digest of the client's certificate, if the client showed one.
///
/// A connection that comes from the proxy is the proxy's: what it says about the client counts, and
/// a certificate of the connection itself does not. On any other connection the header means
/// nothing. A header that is malformed or stands there twice is none; so a bound token is refused.
pub fn of(
    extensions: &Extensions,
    headers: &HeaderMap,
    from_proxy: Option<&FromProxy>,
) -> Option<[u8; 32]> {
    let shown = match from_proxy {
        Some(proxy) if peer(extensions).is_some_and(|peer| proxy.proxies.contains(peer)) => {
            proxy.header.read(headers).map(|shown| ClientCertificate(shown.digest()))
        }
        _ => extensions.get::<ClientCertificate>().copied(),
    };
    shown.map(|certificate| certificate.0)
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let stated = extensions.get::<PeerAddress>().map(|peer| peer.0);
    stated.or_else(|| extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip()))
}
