//! Encryption algorithms (RFC 7518 §4, §5): the closed lists this project accepts.
//!
//! Not on them, so that no token can ask for them: RSA1_5 and RSA-OAEP with SHA-1, PBES2 (whose
//! count the token chooses), keys wrapped under a shared one (A128KW, A128GCMKW and kin).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How the content encryption key reaches the recipient: `alg` (RFC 7518 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum KeyManagement {
    /// RSAES-OAEP with SHA-256 and MGF1 with SHA-256 (RFC 7518 §4.3).
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
    /// ECDH-ES, the agreed key used directly (RFC 7518 §4.6).
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
    /// ECDH-ES, the agreed key wrapping another with AES-128 (RFC 7518 §4.6).
    #[serde(rename = "ECDH-ES+A128KW")]
    EcdhEsA128Kw,
    /// ECDH-ES, the agreed key wrapping another with AES-256 (RFC 7518 §4.6).
    #[serde(rename = "ECDH-ES+A256KW")]
    EcdhEsA256Kw,
    /// A key both sides share already (RFC 7518 §4.5).
    #[serde(rename = "dir")]
    Dir,
}

impl KeyManagement {
    /// Every algorithm, in the order of their documentation.
    pub const ALL: [Self; 5] =
        [Self::RsaOaep256, Self::EcdhEs, Self::EcdhEsA128Kw, Self::EcdhEsA256Kw, Self::Dir];

    /// The value of `alg` in headers and keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
            Self::Dir => "dir",
        }
    }

    /// Whether it is one of the three that agree on a key (RFC 7518 §4.6).
    pub(super) const fn agrees(self) -> bool {
        matches!(self, Self::EcdhEs | Self::EcdhEsA128Kw | Self::EcdhEsA256Kw)
    }
}

impl FromStr for KeyManagement {
    type Err = UnsupportedKeyManagement;

    /// Reads the name exactly: algorithm names are case-sensitive (RFC 7516 §4.1.1).
    fn from_str(name: &str) -> Result<Self, UnsupportedKeyManagement> {
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or(UnsupportedKeyManagement)
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How the content is encrypted and authenticated: `enc` (RFC 7518 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ContentEncryption {
    /// AES-128 in Galois/Counter Mode (RFC 7518 §5.3).
    #[serde(rename = "A128GCM")]
    A128Gcm,
    /// AES-256 in Galois/Counter Mode (RFC 7518 §5.3).
    #[serde(rename = "A256GCM")]
    A256Gcm,
    /// AES-128-CBC and HMAC with SHA-256, encrypted first (RFC 7518 §5.2.3).
    #[serde(rename = "A128CBC-HS256")]
    A128CbcHs256,
}

impl ContentEncryption {
    /// Every algorithm, in the order of their documentation.
    pub const ALL: [Self; 3] = [Self::A128Gcm, Self::A256Gcm, Self::A128CbcHs256];

    /// The value of `enc` in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
            Self::A128CbcHs256 => "A128CBC-HS256",
        }
    }

    /// The length of its key, in octets (RFC 7518 §5.2.3, §5.3).
    pub const fn key_size(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A256Gcm | Self::A128CbcHs256 => 32,
        }
    }
}

impl FromStr for ContentEncryption {
    type Err = UnsupportedContentEncryption;

    /// Reads the name exactly: algorithm names are case-sensitive (RFC 7516 §4.1.2).
    fn from_str(name: &str) -> Result<Self, UnsupportedContentEncryption> {
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or(UnsupportedContentEncryption)
    }
}

impl fmt::Display for ContentEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The name is not one of [`KeyManagement::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unsupported key management algorithm; supported are RSA-OAEP-256, ECDH-ES, ECDH-ES+A128KW, \
     ECDH-ES+A256KW and dir"
)]
pub struct UnsupportedKeyManagement;

/// The name is not one of [`ContentEncryption::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unsupported content encryption; supported are A128GCM, A256GCM and A128CBC-HS256")]
pub struct UnsupportedContentEncryption;
