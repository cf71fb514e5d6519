//! What requests to others may do: whom they trust, and which private hosts they may reach.

use bailiwick_fetch::{BuildError, Fetcher, Loopback};
use bailiwick_oauth::Issuer;

use super::read::{At, FromText, Reader, Wrong, section};

section! {
    /// Requests to others: client metadata documents, keys of clients, notices of logout and
    /// revocation. They go to `https` URLs at public addresses, and to this machine only where the
    /// issuer itself is on this machine.
    struct Section("[outgoing]") {
        /// Files of further certificate authorities that are trusted, in PEM; the public ones
        /// always are.
        authorities: Vec<At<Authority>> = default "[]";
        /// For development: hosts that may be reached although their addresses are private. Any
        /// client that can name a URL can then make this server ask these hosts, over `https`
        /// only. Never list a host that trusts its network.
        dangerous_allow_private_hosts: Vec<At<Host>> = default "[]";
    }
}

/// What requests to others may do, beyond what they always may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Further certificate authorities, each a PEM text.
    pub authorities: Vec<Vec<u8>>,
    /// Hosts that may be at private addresses, in lower case.
    pub private_hosts: Vec<String>,
}

impl Outgoing {
    /// Makes what asks others on behalf of this issuer.
    ///
    /// The URLs are strangers' ones, so this machine is none to be asked, unless the issuer itself
    /// is on it: then everything is development.
    ///
    /// # Errors
    /// When a certificate authority cannot be read.
    pub fn fetcher(&self, issuer: &Issuer) -> Result<Fetcher, BuildError> {
        self.built(if is_here(issuer) { Loopback::Allowed } else { Loopback::Refused })
    }

    /// Makes what asks at URLs that the operator names on the command line: this machine as well.
    ///
    /// # Errors
    /// When a certificate authority cannot be read.
    pub fn operators_fetcher(&self) -> Result<Fetcher, BuildError> {
        self.built(Loopback::Allowed)
    }

    fn built(&self, loopback: Loopback) -> Result<Fetcher, BuildError> {
        let mut builder = Fetcher::builder().loopback(loopback);
        for pem in &self.authorities {
            builder = builder.extra_authorities(pem.clone());
        }
        for host in &self.private_hosts {
            builder = builder.allow_private_host(host);
        }
        builder.build()
    }
}

/// Plain `http` is for issuers on this machine alone (see [`Issuer::parse`]).
fn is_here(issuer: &Issuer) -> bool {
    issuer.as_str().starts_with("http://")
}

/// Turns what was read into what requests may do; private hosts draw a warning each.
pub(super) fn check(section: Section, reader: &mut Reader<'_>) -> Outgoing {
    for host in &section.dangerous_allow_private_hosts {
        let message = format!("requests to others may reach the private host `{}`", host.value.0);
        let help = "take it out of `dangerous_allow_private_hosts` outside development";
        reader.warning(&host.span, message, help);
    }
    let hosts = section.dangerous_allow_private_hosts.into_iter();
    Outgoing {
        authorities: section.authorities.into_iter().map(|at| at.value.0).collect(),
        private_hosts: hosts.map(|at| at.value.0).collect(),
    }
}

/// The certificates of an authority, in PEM.
#[derive(Debug, Clone)]
pub(super) struct Authority(Vec<u8>);

/// The name of a host, or its literal address.
#[derive(Debug, Clone)]
pub(super) struct Host(pub(super) String);

impl FromText for Authority {
    const KIND: &'static str = "the path of a PEM file, relative to the file's folder";
    fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, Wrong> {
        let path = reader.around.folder.join(text);
        let help = "name a file that holds the authority's certificate in PEM; paths start at \
                    this file's folder";
        let pem = std::fs::read(&path).map_err(|why| {
            Wrong::new(format!("cannot read the authority from {}: {why}", path.display()), help)
        })?;
        let tried = Fetcher::builder().extra_authorities(pem.clone()).build();
        tried.map_err(|why| Wrong::new(format!("{}: {why}", path.display()), help))?;
        Ok(Self(pem))
    }
}

impl FromText for Host {
    const KIND: &'static str = "a host's name or address, without scheme, port and wildcard";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        let is_address = text.parse::<std::net::IpAddr>().is_ok();
        let is_name = !text.is_empty()
            && text.len() <= LONGEST_NAME
            && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b".-_".contains(&octet));
        if is_address || is_name {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        let help = "write one host, such as \"idp.internal\" or \"10.0.0.7\"";
        Err(Wrong::new(format!("\"{}\" is no host", text.escape_debug()), help))
    }
}

/// The longest name of a host (RFC 1035 §2.3.4).
const LONGEST_NAME: usize = 253;

#[cfg(test)]
#[path = "outgoing_tests.rs"]
mod tests;
