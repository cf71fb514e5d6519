//! The client certificate of a request: shown in TLS, or told by a proxy (RFC 8705 §2, §3).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bailiwick_jose::{VerifyingKey, base64url};
use bailiwick_oauth::certificate::{
    CertificateHeader, ClientCertificate, DistinguishedName, Identity, Shown,
};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use serde_json::json;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::app::App;
use crate::serve::Peer;

/// The certificates that a client showed in the TLS handshake, its own first: an extension of each
/// request of the connection.
#[derive(Debug, Clone)]
pub struct PeerCertificates(pub Arc<Vec<CertificateDer<'static>>>);

/// Who vouches for client certificates, and who else may say which one was shown.
#[derive(Debug, Clone, Default)]
pub struct ClientCertificates {
    /// Where clients with certificates go instead of the issuer's origin (RFC 8705 §5).
    pub origin: Option<String>,
    /// The header in which the proxies in front say it.
    pub header: Option<CertificateHeader>,
    /// The authorities of clients that authenticate with `tls_client_auth`.
    pub authorities: Option<Authorities>,
}

/// Authorities that vouch for client certificates.
#[derive(Debug, Clone)]
pub struct Authorities(Arc<dyn ClientCertVerifier>);

/// Why there are no authorities.
#[derive(Debug, thiserror::Error)]
#[error("there is no certificate of an authority in PEM in it")]
pub struct NoAuthority;

impl Authorities {
    /// Reads authorities in PEM.
    ///
    /// # Errors
    /// When there is none, or one is malformed.
    pub fn from_pem(pem: &[u8]) -> Result<Self, NoAuthority> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.map_err(|_| NoAuthority)?).map_err(|_| NoAuthority)?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        verifier.build().map(Self).map_err(|_| NoAuthority)
    }

    /// Whether one of them vouches for the first certificate as a client's, at this time, by way of
    /// the others (RFC 5280 §6).
    fn vouch_for(&self, chain: &[CertificateDer<'_>], now: i64) -> bool {
        let Some((own, between)) = chain.split_first() else { return false };
        let now = Duration::from_secs(u64::try_from(now).unwrap_or_default());
        self.0.verify_client_cert(own, between, UnixTime::since_unix_epoch(now)).is_ok()
    }
}

impl ClientCertificates {
    /// The certificate of a request, if one was shown.
    ///
    /// A connection that comes from a proxy is the proxy's: what it says about the client counts,
    /// and nobody else's header does.
    fn of(&self, request: &Request, proxies: &[IpAddr], now: i64) -> Option<ClientCertificate> {
        let peer = request.extensions().get::<Peer>().map(|Peer(peer)| peer.to_canonical());
        let is_proxy = proxies.iter().any(|proxy| Some(proxy.to_canonical()) == peer);
        let chain = match &self.header {
            Some(header) if is_proxy => match header.read(request.headers())? {
                Shown::Der(der) => Arc::new(vec![CertificateDer::from(der)]),
                Shown::Digest(digest) => return Some(ClientCertificate { digest, identity: None }),
            },
            _ => Arc::clone(&request.extensions().get::<PeerCertificates>()?.0),
        };
        let own = chain.first()?;
        let is_vouched_for =
            self.authorities.as_ref().is_some_and(|authorities| authorities.vouch_for(&chain, now));
        Some(ClientCertificate {
            digest: Shown::Der(own.to_vec()).digest(),
            identity: identity(own).map(|identity| Identity { is_vouched_for, ..identity }),
        })
    }
}

/// Puts the certificate of each request beside it.
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(certificates) = &app.certificates
        && let Some(certificate) = certificates.of(&request, &app.proxies, app.now())
    {
        request.extensions_mut().insert(certificate);
    }
    next.run(request).await
}

/// What stands in a certificate (RFC 5280 §4.1); nothing vouches for it yet.
fn identity(der: &[u8]) -> Option<Identity> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let mut identity = Identity {
        subject: subject(&certificate),
        key: thumbprint(&certificate),
        ..Identity::default()
    };
    let names = certificate.subject_alternative_name().ok()?;
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::DNSName(name) => identity.dns.push((*name).to_owned()),
            GeneralName::URI(uri) => identity.uris.push((*uri).to_owned()),
            GeneralName::RFC822Name(email) => identity.emails.push((*email).to_owned()),
            GeneralName::IPAddress(octets) => identity.ips.extend(address(octets)),
            _ => {}
        }
    }
    Some(identity)
}

fn subject(certificate: &X509Certificate<'_>) -> Option<DistinguishedName> {
    let parts = certificate.subject().iter_rdn().map(|part| {
        let attribute = |it: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            Some((it.attr_type().to_id_string(), it.as_str().ok()?.to_owned()))
        };
        part.iter().map(attribute).collect::<Option<Vec<_>>>()
    });
    parts.collect::<Option<Vec<_>>>().map(DistinguishedName::of_certificate)
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// The thumbprint of the public key, as the client's keys have it (RFC 7638, RFC 7518 §6).
fn thumbprint(certificate: &X509Certificate<'_>) -> Option<String> {
    let key = certificate.public_key();
    let text = |octets: &[u8]| base64url::encode(octets);
    let jwk = match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let unsigned = |number: &[u8]| {
                let leading = number.iter().take_while(|octet| **octet == 0).count();
                text(&number[leading..])
            };
            json!({ "kty": "RSA", "n": unsigned(rsa.modulus), "e": unsigned(rsa.exponent) })
        }
        // An uncompressed point: 4, then both coordinates (RFC 5480 §2.2).
        Ok(PublicKey::EC(point)) => {
            let (crv, size) = match point.data().len() {
                65 => ("P-256", 32),
                97 => ("P-384", 48),
                _ => return None,
            };
            let coordinates = point.data().strip_prefix(&[4])?;
            let (x, y) = coordinates.split_at(size);
            json!({ "kty": "EC", "crv": crv, "x": text(x), "y": text(y) })
        }
        _ if key.algorithm.algorithm.to_id_string() == ED25519 => {
            let x = text(&key.subject_public_key.data);
            json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
        }
        _ => return None,
    };
    VerifyingKey::from_jwk(&jwk).ok().map(|key| key.thumbprint().to_owned())
}

/// The algorithm of Ed25519 keys (RFC 8410 §3).
const ED25519: &str = "1.3.101.112";

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
