//! Client certificates: what binds tokens, and what says who a client is (RFC 8705 §2, §3).

mod header;
mod name;

use std::net::IpAddr;

use bailiwick_jose::digest;
use serde::{Deserialize, Serialize};

pub use header::CertificateHeader;
pub use name::{DistinguishedName, MalformedName};

/// A certificate as somebody shows it, not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The certificate itself, in DER.
    Der(Vec<u8>),
    /// Its SHA-256 digest alone: enough to bind tokens, too little to say who a client is.
    Digest([u8; 32]),
}

impl Shown {
    /// The SHA-256 digest of the certificate (RFC 8705 §3.1 `x5t#S256`).
    pub fn digest(&self) -> [u8; 32] {
        match self {
            Self::Der(der) => digest::sha256(der),
            Self::Digest(digest) => *digest,
        }
    }
}

/// A certificate of which the client proved to have the key, in the TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its SHA-256 digest (RFC 8705 §3.1 `x5t#S256`).
    pub digest: [u8; 32],
    /// What stands in it; absent when it is not known or cannot be read.
    pub identity: Option<Identity>,
}

/// What stands in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Whether an authority that is trusted for clients vouches for it at this time.
    pub is_vouched_for: bool,
    /// Its subject; absent when it has values that are no text.
    pub subject: Option<DistinguishedName>,
    /// The DNS names it is for.
    pub dns: Vec<String>,
    /// The URIs it is for.
    pub uris: Vec<String>,
    /// The addresses it is for.
    pub ips: Vec<IpAddr>,
    /// The mail addresses it is for.
    pub emails: Vec<String>,
    /// The thumbprint of its public key (RFC 7638); absent for keys of an unsupported kind.
    pub key: Option<String>,
}

/// Which certificates are a client's, if an authority vouches for them (RFC 8705 §2.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// Those of this subject.
    #[serde(rename = "tls_client_auth_subject_dn")]
    Name(DistinguishedName),
    /// Those with this DNS name.
    #[serde(rename = "tls_client_auth_san_dns")]
    Dns(String),
    /// Those with this URI.
    #[serde(rename = "tls_client_auth_san_uri")]
    Uri(String),
    /// Those with this address.
    #[serde(rename = "tls_client_auth_san_ip")]
    Ip(IpAddr),
    /// Those with this mail address.
    #[serde(rename = "tls_client_auth_san_email")]
    Email(String),
}

impl Subject {
    /// Whether a certificate is of this subject. Names are compared as a whole: `*` is no wildcard.
    pub fn is_of(&self, identity: &Identity) -> bool {
        match self {
            Self::Name(name) => identity.subject.as_ref() == Some(name),
            // RFC 4343 §3: in ASCII, case does not count.
            Self::Dns(name) => identity.dns.iter().any(|dns| dns.eq_ignore_ascii_case(name)),
            Self::Uri(uri) => identity.uris.contains(uri),
            Self::Ip(ip) => identity.ips.contains(ip),
            Self::Email(email) => identity.emails.contains(email),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_of_the_subject_that_stands_in_it() {
        let name = |text| DistinguishedName::parse(text).unwrap();
        let identity = Identity {
            is_vouched_for: true,
            subject: Some(name("CN=a,O=Example")),
            dns: vec!["a.example".to_owned(), "*.b.example".to_owned()],
            uris: vec!["spiffe://a/b".to_owned()],
            ips: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
            emails: vec!["a@example.com".to_owned()],
            key: None,
        };
        let cases = [
            (Subject::Name(name("CN=a, O=Example")), true),
            (Subject::Name(name("O=Example,CN=a")), false),
            (Subject::Name(name("CN=a")), false),
            (Subject::Dns("A.example".to_owned()), true),
            (Subject::Dns("x.b.example".to_owned()), false),
            (Subject::Dns("example".to_owned()), false),
            (Subject::Uri("spiffe://a/b".to_owned()), true),
            (Subject::Uri("spiffe://a/b/".to_owned()), false),
            (Subject::Ip("2001:0db8:0::1".parse().unwrap()), true),
            (Subject::Ip("192.0.2.2".parse().unwrap()), false),
            (Subject::Email("a@example.com".to_owned()), true),
            (Subject::Email("A@example.com".to_owned()), false),
        ];
        for (subject, expected) in cases {
            assert_eq!(subject.is_of(&identity), expected, "{subject:?}");
            assert!(!subject.is_of(&Identity::default()), "{subject:?}");
        }
    }
}
