//! For whom the access tokens of an API are encrypted (RFC 7516, RFC 9068 §4).

use bailiwick_grant::state::{Encryption, Recipient};
use bailiwick_jose::json::parse_object;
use bailiwick_jose::jwe::{ContentEncryption, EncryptionKey, KeyManagement};
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::read::{At, FromText, FromToml, Reader, Wrong, section};
use super::url::Url;
use super::value::json;
use crate::sealed;

section! {
    /// Encrypts the signed access tokens of an API, so that nobody on the way reads them: not the
    /// clients, and not this server either once they are issued. Say one of `jwk`, `jwks_file` and
    /// `jwks_uri`.
    struct Section("[resource.encryption]") {
        /// The API's public key, a JWK.
        jwk: At<Key> = optional "{ kty = \"EC\", crv = \"P-256\", x = \"…\", y = \"…\", kid = \"2026\" }";
        /// The same as the first key that fits in a file with a JWK set.
        jwks_file: At<KeyFile> = optional "\"orders.jwks.json\"";
        /// Where the API publishes its keys; looked up when a token is issued, and kept for an hour
        /// at most.
        jwks_uri: At<Url> = optional "\"https://api.example.com/orders/jwks\"";
        /// How the content key reaches the API. Without it: what the key says, else `RSA-OAEP-256`
        /// for RSA and `ECDH-ES` for curves.
        alg: At<Management> = optional "\"ECDH-ES+A256KW\"";
        /// How the content is encrypted.
        enc: Content = default "\"A256GCM\"";
    }
}

/// Turns what was read into what tokens are encrypted for.
pub(super) fn check(section: &Section, reader: &mut Reader<'_>) -> Option<Encryption> {
    let alg = section.alg.as_ref().map(|alg| alg.value.0);
    let mut places = Vec::new();
    places.extend(section.jwk.as_ref().map(|at| (&at.span, Recipient::Jwk(at.value.0.clone()))));
    if let Some(file) = &section.jwks_file {
        let key = file.value.0.iter().find(|jwk| sealed::fit(jwk, alg).is_some());
        places.push((&file.span, Recipient::Jwk(key.cloned().unwrap_or_default())));
    }
    places.extend(
        section.jwks_uri.as_ref().map(|at| (&at.span, Recipient::JwksUri(at.value.0.clone()))),
    );
    let encryption = |recipient| Encryption { recipient, alg, enc: section.enc.0 };
    match <[_; 1]>::try_from(places) {
        Ok([(span, Recipient::Jwk(jwk))]) => {
            if sealed::fit(&jwk, alg).is_none() {
                let message = "there is no public key to encrypt with by that `alg`";
                reader.problem(span, message, "write a public RSA or EC key with `use = \"enc\"`");
            }
            Some(encryption(Recipient::Jwk(jwk)))
        }
        Ok([(_, published)]) => Some(encryption(published)),
        Err(several) => {
            let span = several.first().map_or(0..0, |(span, _)| (*span).clone());
            let message = "[resource.encryption] needs one of `jwk`, `jwks_file` and `jwks_uri`";
            reader.problem(&span, message, "write exactly one of them");
            None
        }
    }
}

/// A public key.
#[derive(Debug, Clone)]
pub(super) struct Key(Value);

/// The keys of a JWK set in a file of its own.
#[derive(Debug, Clone)]
pub(super) struct KeyFile(Vec<Value>);

/// How the content key reaches the API.
#[derive(Debug, Clone, Copy)]
pub(super) struct Management(KeyManagement);

/// How the content is encrypted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content(ContentEncryption);

impl FromToml for Key {
    fn kind() -> String {
        "a public JWK, `{ kty = … }`".into()
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        if !value.get_ref().is_table() {
            return reader.wrong_kind::<Self>(value);
        }
        let jwk = json(value)?;
        match EncryptionKey::from_jwk(&jwk) {
            Ok(_) => Some(Self(jwk)),
            Err(why) => {
                let help = "write the public key alone, never the private one";
                reader.problem(&value.span(), format!("unfit key: {why}"), help);
                None
            }
        }
    }
}

impl FromText for KeyFile {
    const KIND: &'static str = "the path of a JWK set, relative to the file's folder";
    fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, Wrong> {
        let path = reader.around.folder.join(text);
        let octets = std::fs::read(&path).map_err(|why| {
            let help = "name a file that this user can read; paths start at this file's folder";
            Wrong::new(format!("cannot read the keys from {}: {why}", path.display()), help)
        })?;
        let set = parse_object(&octets).ok();
        match set.as_ref().and_then(|set| set.get("keys")).and_then(Value::as_array) {
            Some(keys) => Ok(Self(keys.clone())),
            None => Err(Wrong::new("no key set", "write a JWK set, {\"keys\": […]}")),
        }
    }
}

impl FromText for Management {
    const KIND: &'static str =
        "`\"RSA-OAEP-256\"`, `\"ECDH-ES\"`, `\"ECDH-ES+A128KW\"` or `\"ECDH-ES+A256KW\"`";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        match text.parse() {
            // A shared key would have to stand in this file.
            Ok(KeyManagement::Dir) | Err(_) => {
                Err(Wrong::new("an unknown `alg`", format!("write {}", Self::KIND)))
            }
            Ok(alg) => Ok(Self(alg)),
        }
    }
}

impl FromText for Content {
    const KIND: &'static str = "`\"A128GCM\"`, `\"A256GCM\"` or `\"A128CBC-HS256\"`";
    fn parse(text: &str, _reader: &Reader<'_>) -> Result<Self, Wrong> {
        let help = || format!("write {}", Self::KIND);
        text.parse().map(Self).map_err(|_| Wrong::new("an unknown `enc`", help()))
    }
}
