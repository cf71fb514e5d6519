//! What the file refers to and does not hold: secrets and keys, from files and the environment.

use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use bailiwick_jose::digest;
use bailiwick_oauth::Secret;
use toml::Spanned;

use super::reading::{Checked, fault};

/// A secret or a key that was read when the configuration was; equal to another when the same text
/// was read. Shows nothing in `Debug`.
pub struct Held<T> {
    value: Arc<T>,
    digest: [u8; 32],
}

impl<T> Held<T> {
    fn new(value: T, text: &str) -> Self {
        Self { value: Arc::new(value), digest: digest::sha256(text.as_bytes()) }
    }

    /// What is held, to be shared.
    pub(crate) fn share(&self) -> Arc<T> {
        self.value.clone()
    }
}

impl Held<Secret> {
    /// The secret once more, for whoever keeps one of their own.
    pub(crate) fn secret(&self) -> Secret {
        Secret::new(self.value.expose())
    }

    /// A key made of the secret.
    pub(crate) fn key(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), digest: self.digest }
    }
}

impl<T> PartialEq for Held<T> {
    fn eq(&self, other: &Self) -> bool {
        digest::equal(&self.digest, &other.digest)
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Where the files are that a configuration names: relative paths begin at its own folder.
pub(in crate::config) struct Around {
    pub(in crate::config) folder: PathBuf,
}

impl Around {
    /// The text of a file.
    pub(in crate::config) fn text(&self, name: &Spanned<String>) -> Checked<String> {
        let path = self.folder.join(name.get_ref());
        std::fs::read_to_string(&path).map_err(|error| {
            let path = path.display();
            fault(name, format!("cannot read {path}: {error}; name a file that this user can read"))
        })
    }

    /// What is made of the text of a file.
    pub(in crate::config) fn held<T, E: fmt::Display>(
        &self,
        name: &Spanned<String>,
        make: impl FnOnce(&str) -> Result<T, E>,
    ) -> Checked<Held<T>> {
        let text = self.text(name)?;
        let value = make(&text)
            .map_err(|error| fault(name, format!("{} is of no use: {error}", name.get_ref())))?;
        Ok(Held::new(value, &text))
    }

    /// A secret that is in a file or in the environment.
    pub(in crate::config) fn secret(
        &self,
        file: Option<&Spanned<String>>,
        environment: Option<&Spanned<String>>,
    ) -> Checked<Option<Held<Secret>>> {
        let (text, place) = match (file, environment) {
            (Some(_), Some(environment)) => {
                return Err(fault(environment, "the secret has a file already; remove one"));
            }
            (Some(file), None) => (self.text(file)?, file),
            (None, Some(name)) => {
                let Ok(text) = std::env::var(name.get_ref()) else {
                    let variable = name.get_ref();
                    let why = format!("{variable} is not set; set it before the gateway starts");
                    return Err(fault(name, why));
                };
                (text, name)
            }
            (None, None) => return Ok(None),
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(fault(place, "the secret is empty"));
        }
        Ok(Some(Held::new(Secret::new(text), text)))
    }
}

/// A secret that a key can be made of, which nobody guesses.
pub(super) fn long_enough(secret: Held<Secret>, place: &Spanned<String>) -> Checked<Held<Secret>> {
    if secret.expose().len() < SHORTEST {
        let why =
            format!("shorter than {SHORTEST} characters; make one with `openssl rand -base64 32`");
        return Err(fault(place, why));
    }
    Ok(secret)
}

const SHORTEST: usize = 32;
