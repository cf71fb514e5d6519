//! Where the server is, and how it is used.

use std::fmt;
use std::time::Duration;

use redis::{Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, TlsCertificates};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use zeroize::Zeroizing;

/// Where the server is, and how it is used.
pub struct Settings {
    pub(crate) url: Zeroizing<String>,
    pub(crate) prefix: String,
    pub(crate) limit: Duration,
    pub(crate) digest_key: Zeroizing<Vec<u8>>,
    pub(crate) certificate_authority: Option<Vec<u8>>,
}

/// Why settings cannot be used: the operator's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The URL is none of a Redis server, or its certificate authority is not PEM.
    #[error("the address of the Redis server cannot be used: {0}")]
    Address(String),
    /// The URL asks not to check whose server it is.
    #[error("a Redis server is always authenticated; remove `#insecure` from its address")]
    Insecure,
}

impl Settings {
    /// A server by its URL: `redis://` (plain), `rediss://` (TLS) or `redis+unix://` (a socket),
    /// with user, password and database as is usual: `rediss://user:password@host:6379/0`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Zeroizing::new(url.into()),
            prefix: "bailiwick".to_owned(),
            limit: Duration::from_millis(500),
            digest_key: Zeroizing::default(),
            certificate_authority: None,
        }
    }

    /// What the server's keys begin with, `bailiwick` if not said. Nodes with the same prefix share
    /// their windows.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long an answer may take, connecting included; half a second if not said.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// A secret for the digests, the same at all nodes: who reads the server then cannot find a
    /// user's name by trying names. Without one the digests are unkeyed.
    pub fn digest_key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.digest_key = Zeroizing::new(key.into());
        self
    }

    /// The certificates (PEM) that may vouch for the server, in place of the system's own.
    pub fn certificate_authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificate_authority = Some(pem.into());
        self
    }

    /// Makes the client; nothing is connected yet.
    pub(crate) fn client(&self) -> Result<Client, SettingsError> {
        let address = |error: redis::RedisError| SettingsError::Address(error.to_string());
        let server = self.url.as_str().into_connection_info().map_err(address)?;
        // The older protocol does not tell that a connection is over.
        let redis = server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let server = server.set_redis_settings(redis);
        match server.addr() {
            ConnectionAddr::TcpTls { insecure: true, .. } => return Err(SettingsError::Insecure),
            ConnectionAddr::TcpTls { .. } => {}
            _ => return Client::open(server).map_err(address),
        }
        if CryptoProvider::get_default().is_none() {
            // An error says that another thread was first.
            let _ = aws_lc_rs::default_provider().install_default();
        }
        match &self.certificate_authority {
            None => Client::open(server),
            Some(pem) => {
                let root_cert = Some(pem.clone());
                Client::build_with_tls(server, TlsCertificates { client_tls: None, root_cert })
            }
        }
        .map_err(address)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &"[redacted]")
            .field("prefix", &self.prefix)
            .field("limit", &self.limit)
            .field("digest_key", &"[redacted]")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(url: &str, expected: &Result<(), SettingsError>) {
        assert_eq!(Settings::new(url).client().map(drop), *expected, "{url}");
    }

    #[test]
    fn plain_encrypted_and_local_servers_are_known() {
        for url in [
            "redis://127.0.0.1",
            "redis://user:password@cache.example:6380/3",
            "rediss://cache.example",
            "valkeys://cache.example",
            "redis+unix:///run/redis.sock",
        ] {
            verdict(url, &Ok(()));
        }
    }

    #[test]
    fn other_addresses_are_refused_and_their_passwords_kept() {
        for url in ["", "cache.example", "https://u:secret@cache.example", "redis://u:secret@::1"] {
            let error = Settings::new(url).client().map(drop).unwrap_err();
            assert!(matches!(error, SettingsError::Address(_)), "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_server_that_nobody_vouches_for_is_refused() {
        verdict("rediss://127.0.0.1/#insecure", &Err(SettingsError::Insecure));
    }

    #[test]
    fn a_certificate_authority_is_pem() {
        let settings = Settings::new("rediss://127.0.0.1").certificate_authority("-----BEGIN X");
        assert!(matches!(settings.client(), Err(SettingsError::Address(_))));
    }

    #[test]
    fn neither_password_nor_key_is_printed() {
        let settings = Settings::new("redis://:secret@127.0.0.1").digest_key("secret");
        assert!(!format!("{settings:?}").contains("secret"));
    }
}
