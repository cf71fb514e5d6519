//! The gateway's own keys, for what it signs itself: assertions and metadata (RFC 7517 §5).

use bailiwick_jose::SigningKey;
use bailiwick_oauth::Issuer;
use toml::Spanned;

use super::credentials::algorithm;
use super::held::{Around, Held};
use super::reading::{Checked, fault, parsed};
use super::tables::tables;

/// The gateway's own keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Signing {
    /// By what name it signs, and where its keys are published: `iss`.
    pub issuer: Issuer,
    /// What it signs with.
    pub key: Held<SigningKey>,
    /// Keys that it signed with before, or will: published too.
    pub others: Vec<Held<SigningKey>>,
    /// The path under which the keys are published.
    pub jwks_path: String,
}

impl Signing {
    /// The whole address of the keys.
    pub(crate) fn jwks_uri(&self) -> String {
        format!("{}{}", self.issuer.origin(), self.jwks_path)
    }

    /// The keys as they are published (RFC 7517 §5).
    pub(crate) fn jwks(&self) -> serde_json::Value {
        let keys = std::iter::once(&self.key).chain(&self.others);
        let keys = keys.map(|key| key.verifying_key().clone()).collect();
        bailiwick_jose::Jwks::from_keys(keys).to_json()
    }
}

tables! {
    /// The gateway's own key, with which it signs assertions for upstreams (`identity`) and
    /// metadata. A key is replaced in three steps: publish the new one beside it
    /// (`other_key_files`), then change places, then remove the old one.
    "`[signing]`" SigningTable {
        /// The gateway's name as an issuer: the `iss` of what it signs.
        issuer: Spanned<String>, "URL", "required";
        /// A file with the private key, PKCS#8 in PEM.
        key_file: Spanned<String>, "file", "required";
        /// The algorithm of the keys.
        algorithm: Option<Spanned<String>>, "algorithm", "`\"ES256\"`";
        /// Files with keys that are published and not signed with.
        other_key_files: Option<Vec<Spanned<String>>>, "list of files", "none";
        /// The path under which the public keys are published, for every host.
        jwks_path: Option<Spanned<String>>, "path", "`\"/.well-known/bailiwick-gateway/jwks.json\"`";
    }
}

/// Checks the gateway's own keys.
pub(super) fn check(table: &SigningTable, around: &Around) -> Checked<Signing> {
    let algorithm = algorithm(table.algorithm.as_ref())?;
    let read =
        |name: &Spanned<String>| around.held(name, |pem| SigningKey::from_pem(algorithm, pem));
    let jwks_path = match &table.jwks_path {
        Some(path) => published_path(path)?,
        None => JWKS_PATH.to_owned(),
    };
    Ok(Signing {
        issuer: parsed(&table.issuer, Issuer::parse, |error| {
            format!("not an issuer: {error}; write a name such as \"https://gateway.example.com\"")
        })?,
        key: read(&table.key_file)?,
        others: table.other_key_files.iter().flatten().map(read).collect::<Checked<_>>()?,
        jwks_path,
    })
}

/// A path under which the gateway answers itself.
pub(super) fn published_path(text: &Spanned<String>) -> Checked<String> {
    let path = text.get_ref();
    let is_plain = crate::path::Path::parse(path).is_ok() && path.len() > 1 && !path.ends_with('/');
    if !is_plain || path.starts_with(METADATA) {
        let why = "not a path of the gateway's own; write it as \"/.well-known/jwks.json\"";
        return Err(fault(text, why));
    }
    Ok(path.clone())
}

const JWKS_PATH: &str = "/.well-known/bailiwick-gateway/jwks.json";
/// Where resources have their metadata.
const METADATA: &str = "/.well-known/oauth-protected-resource";
