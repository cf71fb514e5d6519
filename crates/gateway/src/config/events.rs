//! Revocations that an issuer pushes, and what clients read in the metadata (RFC 8935, RFC 9728).

use bailiwick_guard::IssuerRule;
use bailiwick_oauth::{Issuer, Secret};
use toml::Spanned;

use super::held::{Around, Held};
use super::issuer::Trusted;
use super::reading::{Checked, fault};
use super::signing::published_path;
use super::tables::tables;

/// Where an issuer pushes its security events.
#[derive(Debug, Clone, PartialEq)]
pub struct Events {
    /// The path, from the root of the host.
    pub path: String,
    /// The number of the issuer among the resource's.
    pub number: usize,
    /// The issuer.
    pub issuer: Issuer,
    /// What the events name as their audience.
    pub audience: String,
    /// What the sender shows.
    pub secret: Option<Held<Secret>>,
}

tables! {
    /// Takes security events of an issuer (RFC 8935), signed by it: tokens that it revokes are
    /// refused from then on, until the gateway starts anew.
    "`[resource.events]`" EventsTable {
        /// The path where the issuer posts them, from the root of the resource's host.
        path: Spanned<String>, "path", "required";
        /// Which of the issuers, where there are several.
        issuer: Option<Spanned<String>>, "URL", "the only one";
        /// What the events name as their audience.
        audience: Option<String>, "text", "the identifier";
        /// A file with the secret that the sender shows as its bearer token: it keeps strangers
        /// from having signatures checked.
        secret_file: Option<Spanned<String>>, "file", "none";
        /// The environment variable that holds that secret.
        secret_env: Option<Spanned<String>>, "name", "none";
    }

    /// What clients read of a resource in its metadata (RFC 9728), beside what follows from the
    /// rest.
    "`[resource.metadata]`" MetadataTable {
        /// The address of the documentation, for developers.
        documentation: Option<String>, "URL", "none";
        /// Sign it with the gateway's own key too, which needs `[signing]`.
        signed: Option<Spanned<bool>>, "boolean", "`false`";
        /// Serve it at the root of the host too, whatever path the resource has: some clients look
        /// nowhere else, and some refuse it there (RFC 9728 §3.3).
        at_root_too: Option<Spanned<bool>>, "boolean", "`false`";
    }
}

/// What clients read in the metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// The address of the documentation.
    pub documentation: Option<String>,
    /// Whether it is signed.
    pub is_signed: bool,
    /// Whether it stands at the root of the host too.
    pub at_root_too: bool,
}

/// Checks where events are pushed.
pub(super) fn check(
    table: &EventsTable,
    identifier: &str,
    issuers: &[Trusted],
    around: &Around,
) -> Checked<Events> {
    let path = published_path(&table.path)?;
    let number = match (&table.issuer, issuers) {
        (Some(name), _) => issuers
            .iter()
            .position(|issuer| issuer.name() == name.get_ref())
            .ok_or_else(|| fault(name, "not an issuer of this resource"))?,
        (None, [_]) => 0,
        (None, _) => {
            let why = "several issuers; say with `issuer` whose events these are";
            return Err(fault(&table.path, why));
        }
    };
    let IssuerRule::Exactly(issuer) = &issuers[number].trust.issuer else {
        return Err(fault(&table.path, "a template of issuers signs no events"));
    };
    if !issuers[number].signs() {
        return Err(fault(&table.path, "this issuer signs nothing that could be verified here"));
    }
    Ok(Events {
        path,
        number,
        issuer: issuer.clone(),
        audience: table.audience.clone().unwrap_or_else(|| identifier.to_owned()),
        secret: around.secret(table.secret_file.as_ref(), table.secret_env.as_ref())?,
    })
}

/// Checks what is said of the metadata.
pub(super) fn metadata(table: &MetadataTable, signs: bool) -> Checked<Metadata> {
    let is_true =
        |setting: &Option<Spanned<bool>>| setting.as_ref().is_some_and(|it| *it.get_ref());
    if let Some(signed) = table.signed.as_ref().filter(|signed| *signed.get_ref() && !signs) {
        return Err(fault(signed, "the gateway has no key to sign with; add [signing]"));
    }
    Ok(Metadata {
        documentation: table.documentation.clone(),
        is_signed: is_true(&table.signed),
        at_root_too: is_true(&table.at_root_too),
    })
}
