//! TLS of the listener, and the certificates of clients (RFC 8705).

use std::net::IpAddr;
use std::path::PathBuf;

use bailiwick_grant::state::SenderConstraint;
use bailiwick_oauth::certificate::{CertificateHeader, DistinguishedName, Subject};
use bailiwick_oauth::resource::PlainHttp;
use bailiwick_oauth::{Issuer, Resource};
use http::HeaderName;

use super::file::Root;
use super::read::{At, FromText, Reader, Wrong, section};
use super::value::{Method, Words};
use crate::certificate::{Authorities, ClientCertificates};
use crate::serve::tls::{AskForCertificate, TlsFiles};

section! {
    /// TLS on the listener. Without this section the server speaks plain HTTP: let a proxy in front
    /// add TLS. Both files are taken anew when they change.
    struct Tls("[tls]") {
        /// The certificate of the server with its chain, in PEM.
        certificate: PathBuf = required "\"tls.pem\"";
        /// Its private key, in PEM.
        key: PathBuf = required "\"tls.key.pem\"";
    }
}

section! {
    /// Client certificates (RFC 8705): for clients that authenticate with `tls_client_auth` or
    /// `self_signed_tls_client_auth`, and for tokens that are bound to a certificate. Without this
    /// section no certificate is looked at.
    struct Mtls("[mtls]") {
        /// Where clients with certificates go instead of the issuer's origin. Clients that call the
        /// server by this name are asked for a certificate in TLS, browsers at the issuer's are
        /// not. Without it every client is asked.
        origin: At<Origin> = optional "\"https://mtls.id.example.com\"";
        /// The authorities that vouch for the certificates of `tls_client_auth`, in PEM.
        client_ca: At<ClientCa> = optional "\"clients-ca.pem\"";
        /// The header in which the proxies in front (`proxies`) say which certificate a client
        /// showed. They must remove what their clients send.
        header: At<Header> = optional "\"x-client-cert\"";
        /// What stands in it: `pem` is percent-encoded PEM (NGINX, AWS), `client-cert` is RFC 9440,
        /// `xfcc` the `Hash` of Envoy's `x-forwarded-client-cert`, `sha256` a digest in hexadecimal
        /// (HAProxy). The last two bind tokens, but no client can authenticate by them.
        format: At<Words> = default "\"pem\"";
    }
}

section! {
    /// Which certificates are a client's, with `tls_client_auth` (RFC 8705 §2.1.2): one of these.
    struct ClientTls("[client.tls]") {
        /// Those of this subject, written as RFC 4514 has it. Compared octet for octet.
        subject_dn: At<DistinguishedName> = optional "\"CN=shop,O=Example,C=DE\"";
        /// Those with this DNS name; no wildcard.
        san_dns: Words = optional "\"shop.example.com\"";
        /// Those with this URI.
        san_uri: Words = optional "\"spiffe://example.com/shop\"";
        /// Those with this address.
        san_ip: IpAddr = optional "\"192.0.2.1\"";
        /// Those with this mail address.
        san_email: Words = optional "\"shop@example.com\"";
    }
}

impl ClientTls {
    /// The one subject that is named; `None` when there is none, or more than one.
    pub(super) fn subject(&self) -> Option<Subject> {
        let text = |words: &Option<Words>| words.as_ref().map(|words| words.0.clone());
        let named = [
            self.subject_dn.as_ref().map(|at| Subject::Name(at.value.clone())),
            text(&self.san_dns).map(Subject::Dns),
            text(&self.san_uri).map(Subject::Uri),
            self.san_ip.map(Subject::Ip),
            text(&self.san_email).map(Subject::Email),
        ];
        let mut named = named.into_iter().flatten();
        named.next().filter(|_| named.next().is_none())
    }

    /// Whether nothing is named.
    pub(super) fn is_empty(&self) -> bool {
        self.subject_dn.is_none()
            && self.san_dns.is_none()
            && self.san_uri.is_none()
            && self.san_ip.is_none()
            && self.san_email.is_none()
    }
}

/// TLS of the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenTls {
    /// Its files.
    pub files: TlsFiles,
    /// Whom it asks for a certificate.
    pub ask: AskForCertificate,
}

/// Notes what asks for certificates that nobody can show.
pub(super) fn bindings(root: &Root, reader: &mut Reader<'_>) {
    let constraints = std::iter::once(&root.sender_constraint)
        .chain(root.resource.iter().map(|entry| &entry.sender_constraint))
        .chain(root.client.iter().map(|entry| &entry.sender_constraint));
    let demands = constraints.filter(|at| at.value == SenderConstraint::Mtls).map(|at| &at.span);
    let methods = root.client.iter().map(|entry| &entry.authentication);
    let by = |method| methods.clone().filter(move |at| at.value == method).map(|at| &at.span);
    let (by_authority, by_key) = (by(Method::Tls), by(Method::SelfSignedTls));
    if root.mtls.is_none() {
        for span in demands.chain(by_authority).chain(by_key) {
            let help = "add the section [mtls]";
            reader.problem(span, "nobody can show a certificate to this server", help);
        }
    } else if root.mtls.as_ref().is_some_and(|mtls| mtls.client_ca.is_none()) {
        for span in by_authority {
            let help = "name the authorities in `client_ca` of [mtls]";
            reader.problem(span, "no authority vouches for certificates of clients", help);
        }
    }
}

/// Holds both sections against each other and against the issuer.
pub(super) fn check(
    tls: Option<&Tls>,
    mtls: Option<&Mtls>,
    proxies: &[IpAddr],
    issuer: &Issuer,
    reader: &mut Reader<'_>,
) -> (Option<ListenTls>, Option<ClientCertificates>) {
    let header = mtls.and_then(|mtls| header(mtls, proxies, reader));
    if let Some(origin) = mtls.and_then(|mtls| mtls.origin.as_ref())
        && crate::app::canonical_origin(issuer.origin()) == origin.value.0
    {
        let help = "give it another name than the issuer's, or leave it out";
        reader.problem(&origin.span, "this is the issuer's own origin", help);
    }
    let origin = mtls.and_then(|mtls| mtls.origin.as_ref()).map(|at| at.value.clone());
    let ask = match (mtls, &origin) {
        (None, _) => AskForCertificate::Nobody,
        (Some(_), None) => AskForCertificate::Everybody,
        (Some(_), Some(origin)) => AskForCertificate::At(origin.host().to_owned()),
    };
    let tls = tls.map(|tls| ListenTls {
        files: TlsFiles { certificate: tls.certificate.clone(), key: tls.key.clone() },
        ask,
    });
    let certificates = mtls.map(|mtls| ClientCertificates {
        origin: origin.map(|origin| origin.0),
        header,
        authorities: mtls.client_ca.as_ref().map(|at| at.value.0.clone()),
    });
    (tls, certificates)
}

fn header(mtls: &Mtls, proxies: &[IpAddr], reader: &mut Reader<'_>) -> Option<CertificateHeader> {
    let At { span, value: Header(name) } = mtls.header.as_ref()?;
    if proxies.is_empty() && !reader.is_tenants() {
        let help = "name the proxies that write it in `proxies`";
        reader.problem(span, "nobody is believed about client certificates", help);
    }
    let header = match mtls.format.value.0.as_str() {
        "pem" => CertificateHeader::Pem { name: name.clone() },
        "sha256" => CertificateHeader::Sha256Hex { name: name.clone() },
        "client-cert" => CertificateHeader::ClientCert,
        "xfcc" => CertificateHeader::Xfcc,
        _ => {
            let help = "write one of pem, client-cert, xfcc, sha256";
            reader.problem(&mtls.format.span, "unknown format of the header", help);
            return None;
        }
    };
    if header.name() != *name {
        let help = format!("write \"{}\"", header.name());
        reader.problem(span, "this format has a header of its own", help);
    }
    Some(header)
}

/// An `https` origin.
#[derive(Debug, Clone)]
pub(super) struct Origin(String);

impl Origin {
    /// The host, without its port.
    fn host(&self) -> &str {
        let authority = self.0.strip_prefix("https://").unwrap_or(&self.0);
        authority.rsplit_once(':').map_or(authority, |(host, _)| host)
    }
}

/// The authorities of clients.
#[derive(Debug, Clone)]
pub(super) struct ClientCa(Authorities);

/// The name of a header.
#[derive(Debug, Clone)]
pub(super) struct Header(HeaderName);

impl FromText for Origin {
    const KIND: &'static str = "an `https` origin with a DNS name";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        let wrong = || {
            let help = "write for example \"https://mtls.id.example.com\", without a path";
            Wrong::new("malformed origin", help)
        };
        let read = Resource::parse_with(text, PlainHttp::Loopback).map_err(|_| wrong())?;
        let is_origin = read.origin() == Some(read.as_str()) && read.as_str().starts_with("https:");
        // A name is sent in the handshake (RFC 6066 §3), an address is not.
        let origin = Self(read.as_str().to_owned());
        let is_name = origin.host().parse::<IpAddr>().is_err() && !origin.host().contains('[');
        if is_origin && is_name { Ok(origin) } else { Err(wrong()) }
    }
}

impl FromText for ClientCa {
    const KIND: &'static str = "the path of a PEM file, relative to the file's folder";
    fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, Wrong> {
        let path = reader.around.folder.join(text);
        let help = "name a file that holds the authorities of clients in PEM; paths start at this \
                    file's folder";
        let pem = std::fs::read(&path)
            .map_err(|why| Wrong::new(format!("cannot read {}: {why}", path.display()), help))?;
        Authorities::from_pem(&pem)
            .map(Self)
            .map_err(|why| Wrong::new(format!("{}: {why}", path.display()), help))
    }
}

impl FromText for Header {
    const KIND: &'static str = "the name of a header";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        let name = HeaderName::from_bytes(text.to_ascii_lowercase().as_bytes());
        name.map(Self).map_err(|_| Wrong::new("malformed name of a header", ""))
    }
}

impl FromText for DistinguishedName {
    const KIND: &'static str = "a distinguished name";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|why| {
            Wrong::new(why.to_string(), "write for example \"CN=shop,O=Example,C=DE\"")
        })
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
