//! A client's public keys, in the file or beside it (RFC 7517 §5, RFC 7523 §3).

use bailiwick_jose::Jwks;
use bailiwick_jose::json::parse_object;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::read::{FromText, FromToml, Reader, Wrong};
use super::value::json;

/// A JWK set that stands in the file.
#[derive(Debug, Clone)]
pub(super) struct KeySet(pub(super) Value);

/// A JWK set in a file of its own.
#[derive(Debug, Clone)]
pub(super) struct KeySetFile(pub(super) Value);

impl FromToml for KeySet {
    fn kind() -> String {
        "a JWK set, `{ keys = [{ kty = … }] }`".into()
    }
    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        if !value.get_ref().is_table() {
            return reader.wrong_kind::<Self>(value);
        }
        let checked = json(value).ok_or_else(not_json).and_then(check);
        checked
            .map(Self)
            .map_err(|wrong| reader.problem(&value.span(), wrong.message, wrong.help))
            .ok()
    }
}

impl FromText for KeySetFile {
    const KIND: &'static str = "the path of a JWK set, relative to the file's folder";
    fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, Wrong> {
        let path = reader.around.folder.join(text);
        let text = std::fs::read_to_string(&path).map_err(|why| {
            let help = "name a file that this user can read; paths start at this file's folder";
            Wrong::new(format!("cannot read the keys from {}: {why}", path.display()), help)
        })?;
        let set = parse_object(text.as_bytes()).map_err(|_| not_json())?;
        check(Value::Object(set)).map(Self)
    }
}

/// Every key must be of use: a set that loses one in silence locks its client out.
fn check(set: Value) -> Result<Value, Wrong> {
    let keys = Jwks::from_json(&set).map_err(|why| Wrong::new(format!("no key set: {why}"), ""))?;
    if let Some(skipped) = keys.skipped().first() {
        let message =
            format!("key {} of the set cannot be used: {}", skipped.index + 1, skipped.why);
        return Err(Wrong::new(message, "leave it out, or write a public signing key"));
    }
    if keys.keys().is_empty() {
        return Err(Wrong::new("the key set has no key", "add the client's public key"));
    }
    Ok(set)
}

fn not_json() -> Wrong {
    Wrong::new("no key set: not JSON", "write the client's JWK set, {\"keys\": […]}")
}
