//! What a fetcher may do, and its TLS: authorities, the client's own certificate (RFC 8705 §2).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use crate::fetcher::{LARGEST, LONGEST, Limits};
use crate::resolver::Resolver;
use crate::target::{Loopback, Rules};
use crate::{BuildError, Fetcher};

/// Collects what a [`Fetcher`] may do.
#[must_use]
pub struct Builder {
    rules: Rules,
    authorities: Vec<Vec<u8>>,
    identity: Option<Identity>,
    limits: Limits,
}

/// A certificate chain and its private key, in PEM.
struct Identity {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            rules: Rules::default(),
            authorities: Vec::new(),
            identity: None,
            limits: Limits { size: LARGEST, time: LONGEST, connect: Duration::from_secs(2) },
        }
    }

    /// Trusts the certificate authorities of a PEM text as well.
    pub fn extra_authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(pem.into());
        self
    }

    /// Shows this certificate to each server that asks for one: to authenticate as a client
    /// (RFC 8705 §2). The chain begins with the client's own; both texts are PEM.
    pub fn client_identity(
        mut self,
        certificate_chain_pem: impl Into<Vec<u8>>,
        private_key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        let key = Zeroizing::new(private_key_pem.into());
        self.identity = Some(Identity { chain: certificate_chain_pem.into(), key });
        self
    }

    /// Lets one host have a private address; still over `https` only.
    pub fn allow_private_host(mut self, host: &str) -> Self {
        self.rules.private_hosts.insert(host.to_ascii_lowercase());
        self
    }

    /// Says whether this machine may be asked; allowed unless said otherwise.
    pub fn loopback(mut self, loopback: Loopback) -> Self {
        self.rules.loopback = loopback;
        self
    }

    /// Uses these addresses for a host instead of asking DNS; they are checked like any other.
    pub fn resolve(mut self, host: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.rules.resolved.insert(host.to_ascii_lowercase(), addresses.into_iter().collect());
        self
    }

    /// The largest answer, in bytes.
    pub fn largest(mut self, bytes: usize) -> Self {
        self.limits.size = bytes;
        self
    }

    /// The longest time from start to the last byte.
    pub fn longest(mut self, time: Duration) -> Self {
        self.limits.time = time;
        self
    }

    /// The longest time for a connection to stand.
    pub fn longest_connect(mut self, time: Duration) -> Self {
        self.limits.connect = time;
        self
    }

    /// Makes the fetcher.
    ///
    /// # Errors
    /// When an extra certificate authority cannot be read, or the client's certificate and key
    /// cannot, or do not belong together.
    pub fn build(self) -> Result<Fetcher, BuildError> {
        let tls = tls(&self.authorities, self.identity.as_ref())?;
        let rules = Arc::new(self.rules);
        let mut tcp = HttpConnector::new_with_resolver(Resolver(Arc::clone(&rules)));
        tcp.enforce_http(false); // TLS goes on top of it
        tcp.set_connect_timeout(Some(self.limits.connect));
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http() // which of them, `Rules::check` decides
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(4)
            .build(connector);
        Ok(Fetcher::new(client, rules, self.limits))
    }
}

fn tls(authorities: &[Vec<u8>], identity: Option<&Identity>) -> Result<ClientConfig, BuildError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for pem in authorities {
        for certificate in certificates(pem).map_err(BuildError::Certificate)? {
            roots.add(certificate).map_err(|why| BuildError::Certificate(why.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| BuildError::Tls(why.to_string()))?
        .with_root_certificates(roots);
    let Some(identity) = identity else { return Ok(config.with_no_client_auth()) };
    let chain = certificates(&identity.chain).map_err(BuildError::Identity)?;
    // The parser's own words might quote the key.
    let key = PrivateKeyDer::from_pem_slice(&identity.key)
        .map_err(|_| BuildError::Identity("it holds no private key".to_owned()))?;
    config.with_client_auth_cert(chain, key).map_err(|why| BuildError::Identity(why.to_string()))
}

/// The certificates of a PEM text, of which there is at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|why: rustls::pki_types::pem::Error| why.to_string())?;
    if found.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_authority_is_refused() {
        for pem in [
            &b""[..],
            b"rubbish",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let built = Fetcher::builder().extra_authorities(pem).build();
            assert!(matches!(built, Err(BuildError::Certificate(_))));
        }
    }
}
