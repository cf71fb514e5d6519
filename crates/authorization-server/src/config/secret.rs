//! Secrets of clients and resource servers: the file refers to them, it does not hold them.

use bailiwick_oauth::Secret;
use bailiwick_oauth::secret::Digest;
use toml::Spanned;
use toml::de::DeValue;

use bailiwick_jose::base64url;

use super::read::{FromToml, Reader};

/// The digest of a secret, wherever the secret itself is.
#[derive(Debug, Clone)]
pub(super) struct SecretDigest(pub(super) Digest);

impl FromToml for SecretDigest {
    fn kind() -> String {
        "`{ env = \"NAME\" }`, `{ file = \"path\" }` or `{ sha256 = \"digest\" }`".into()
    }

    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let span = value.span();
        let entries: Vec<_> = match value.get_ref() {
            DeValue::Table(table) => table.iter().collect(),
            DeValue::String(_) => {
                // never shown: it is likely the secret itself
                let help = format!("write {}", Self::kind());
                reader.problem(&span, "a secret does not stand in this file", help);
                return None;
            }
            _ => return reader.wrong_kind::<Self>(value),
        };
        let [(key, value)] = entries.as_slice() else {
            reader.problem(&span, format!("expected exactly one of {}", Self::kind()), "");
            return None;
        };
        let Some(text) = value.get_ref().as_str() else {
            reader.problem(&value.span(), "expected a string", "");
            return None;
        };
        let read = match key.get_ref().as_ref() {
            "env" => from_environment(text, reader),
            "file" => from_file(text, reader),
            "sha256" => from_digest(text),
            other => Err((format!("unknown place `{other}` of a secret"), Self::kind())),
        };
        read.map_err(|(message, help)| reader.problem(&value.span(), message, help)).ok()
    }
}

/// A secret that must be sent, so that its digest will not do.
#[derive(Clone)]
pub(super) struct PlainSecret(pub(super) String);

impl std::fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl FromToml for PlainSecret {
    fn kind() -> String {
        "`{ env = \"NAME\" }` or `{ file = \"path\" }`".into()
    }

    fn read(value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_>) -> Option<Self> {
        let place = value.get_ref().as_table().and_then(|table| {
            let (key, value) = table.iter().next().filter(|_| table.len() == 1)?;
            Some((key.get_ref().as_ref(), value.get_ref().as_str()?))
        });
        let text = match place {
            Some(("env", name)) => text_of_environment(name, reader),
            Some(("file", path)) => text_of_file(path, reader),
            // never shown: it may be the secret itself
            _ => Err((format!("expected {}", Self::kind()), String::new())),
        };
        let checked = text.and_then(|text| match text.bytes().all(|c| c.is_ascii_graphic()) {
            true if text.len() >= SHORTEST => Ok(Self(text)),
            _ => {
                let message = format!("the secret is not {SHORTEST} or more printable characters");
                Err((message, "make one with `openssl rand -base64 32`".to_owned()))
            }
        });
        checked.map_err(|(message, help)| reader.problem(&value.span(), message, help)).ok()
    }
}

type Read = Result<SecretDigest, (String, String)>;

fn from_environment(name: &str, reader: &Reader<'_>) -> Read {
    digest(&text_of_environment(name, reader)?)
}

fn from_file(path: &str, reader: &Reader<'_>) -> Read {
    digest(&text_of_file(path, reader)?)
}

fn text_of_environment(name: &str, reader: &Reader<'_>) -> Result<String, (String, String)> {
    (reader.around.environment)(name).ok_or_else(|| {
        let help = format!("set {name} before starting the server");
        (format!("the environment variable {name} is not set"), help)
    })
}

fn text_of_file(path: &str, reader: &Reader<'_>) -> Result<String, (String, String)> {
    let path = reader.around.folder.join(path);
    let secret = std::fs::read_to_string(&path).map_err(|why| {
        let help = "name a file that this user can read; paths start at this file's folder";
        (format!("cannot read the secret from {}: {why}", path.display()), help.to_owned())
    })?;
    Ok(secret.trim_end_matches(['\r', '\n']).to_owned())
}

/// SHA-256 is fast: only a secret that cannot be guessed is safe behind it.
fn digest(secret: &str) -> Read {
    if secret.len() < SHORTEST {
        let message = format!("the secret is shorter than {SHORTEST} characters");
        return Err((message, "make one with `openssl rand -base64 32`".to_owned()));
    }
    Ok(SecretDigest(Secret::new(secret).digest()))
}

/// Reads a SHA-256 digest as `sha256sum` prints it, or in base64url as the store keeps it.
fn from_digest(text: &str) -> Read {
    let hexadecimal: Option<Vec<u8>> = (text.len() == 64 && text.is_ascii())
        .then(|| (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()).collect())
        .flatten();
    let octets = hexadecimal.or_else(|| base64url::decode(text).ok());
    match octets {
        Some(octets) if octets.len() == 32 => {
            Ok(SecretDigest(Digest::from_stored(base64url::encode(&octets))))
        }
        _ => Err((
            "malformed SHA-256 digest".to_owned(),
            "write the 64 hexadecimal digits of `printf %s \"$SECRET\" | sha256sum`".to_owned(),
        )),
    }
}

const SHORTEST: usize = 32;
