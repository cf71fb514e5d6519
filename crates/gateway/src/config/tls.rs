//! TLS on the listening side (RFC 9110 §4.2.2), and what clients must show (RFC 8705 §2).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::reading::{Checked, Fault, fault, parsed};
use super::tables::tables;
use crate::listen::tls;

/// TLS on the listening side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenTls {
    /// The certificates; the first is for who names no host, or one that no other has.
    pub certificates: Vec<CertificateFiles>,
    /// Which certificates clients may show.
    pub clients: ClientCertificates,
    /// Whether a client without a certificate is turned away.
    pub client_required: bool,
    /// Where to send those on who come without TLS.
    pub redirect_from: Option<SocketAddr>,
}

/// A certificate and its private key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate with its chain, its own first.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// Which certificates clients may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked for one.
    None,
    /// Those that one of the authorities in this file issued.
    IssuedBy(PathBuf),
    /// Any that they have the key of (RFC 8705 §2.2).
    Any,
}

tables! {
    /// TLS on the listening side: 1.2 and 1.3, with HTTP/2 and HTTP/1.1. Without this table the
    /// gateway speaks plain HTTP, for a proxy in front or on this machine alone. The files are
    /// looked at every few seconds: new ones are taken as a whole when all of them are good, and
    /// else the old ones stay. Their paths are relative to this file's.
    "`[tls]`" TlsTable {
        /// The certificate with its chain, its own first.
        certificate: Spanned<String>, "PEM file", "required";
        /// Its private key.
        key: Spanned<String>, "PEM file", "required";
        /// Further ones, `{ certificate = "…", key = "…" }`, for the hosts that they are made out
        /// to.
        more: Option<Vec<CertificateTable>>, "tables", "none";
        /// Ask clients for a certificate, and take those that an authority in this file issued: for
        /// tokens that are bound to one (RFC 8705).
        client_ca: Option<Spanned<String>>, "PEM file", "none";
        /// Ask clients for a certificate, and take any that they have the key of: the token says
        /// which one it must be (RFC 8705 §2.2).
        client_self_signed: Option<Spanned<bool>>, "boolean", "`false`";
        /// Turn away clients that show none.
        client_required: Option<Spanned<bool>>, "boolean", "`false`";
        /// An address and port where plain HTTP is answered with the way to HTTPS: a redirect for
        /// `GET` and `HEAD`, and 403 for whoever has sent a token there in the clear.
        redirect_from: Option<Spanned<String>>, "address", "none";
    }

    /// A further certificate.
    "`more` of `[tls]`" CertificateTable {
        /// The certificate with its chain, its own first.
        certificate: Spanned<String>, "PEM file", "required";
        /// Its private key.
        key: Spanned<String>, "PEM file", "required";
    }
}

/// Checks the table, and that its files are good; `folder` is the configuration file's.
pub(super) fn check(table: &TlsTable, folder: &Path) -> Checked<ListenTls> {
    let at = |text: &Spanned<String>| folder.join(text.get_ref());
    let mut certificates = Vec::new();
    let more = table.more.iter().flatten().map(|more| (&more.certificate, &more.key));
    for (certificate, key) in std::iter::once((&table.certificate, &table.key)).chain(more) {
        let files = CertificateFiles { certificate: at(certificate), key: at(key) };
        tls::certified(&files).map_err(|error| fault(certificate, error))?;
        certificates.push(files);
    }
    let is = |setting: &Option<Spanned<bool>>| setting.as_ref().is_some_and(|on| *on.get_ref());
    let clients = match &table.client_ca {
        Some(authorities) if is(&table.client_self_signed) => {
            let what = "with `client_self_signed` any certificate does; remove one of the two";
            return Err(fault(authorities, what));
        }
        Some(authorities) => {
            let file = at(authorities);
            tls::authorities(&file).map_err(|error| fault(authorities, error))?;
            ClientCertificates::IssuedBy(file)
        }
        None if is(&table.client_self_signed) => ClientCertificates::Any,
        None => ClientCertificates::None,
    };
    let client_required = is(&table.client_required);
    if client_required && matches!(clients, ClientCertificates::None) {
        let span = table.client_required.as_ref().map_or(0..0, Spanned::span);
        let message = "which certificate? add `client_ca` or `client_self_signed`".to_owned();
        return Err(Fault { span, message });
    }
    let redirect_from = table.redirect_from.as_ref().map(|text| {
        let right = "expected an address and a port, such as \"0.0.0.0:80\"";
        parsed(text, str::parse, |_: std::net::AddrParseError| right)
    });
    Ok(ListenTls {
        certificates,
        clients,
        client_required,
        redirect_from: redirect_from.transpose()?,
    })
}
