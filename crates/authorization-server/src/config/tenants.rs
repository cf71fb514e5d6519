//! The files of further issuers: read with the first, and held against it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use bailiwick_oauth::Issuer;

use super::read::{At, Reader};
use super::{Config, ConfigError, Surroundings, check};

/// Reads the tenants' files; what is wrong in one is reported with its own lines.
pub(super) fn load(
    issuer: &Issuer,
    store: &Path,
    files: &[At<PathBuf>],
    reader: &mut Reader<'_>,
) -> Vec<Config> {
    let mut tenants: Vec<Config> = Vec::new();
    for At { span, value: path } in files {
        let tenant = match read(path, reader.around) {
            Ok(tenant) => tenant,
            Err(ConfigError::Wrong(problems)) => {
                reader.adopt(span, problems);
                continue;
            }
            Err(unreadable) => {
                let help = "name a file that this user can read; paths start at this file's folder";
                reader.problem(span, unreadable.to_string(), help);
                continue;
            }
        };
        let others = || tenants.iter().map(|one| (&one.tenant.issuer, one.store.as_path()));
        let before = || std::iter::once((issuer, store)).chain(others());
        let this = &tenant.tenant.issuer;
        if this.origin() != issuer.origin() {
            let help = format!("give it an issuer that begins with {}/", issuer.origin());
            reader.problem(span, format!("the issuer {this} has another origin"), help);
        } else if before().any(|(other, _)| other == this) {
            let message = format!("two files have the issuer {this}");
            reader.problem(span, message, "give each a path of its own");
        } else if before().any(|(other, _)| shadows(this, other)) {
            let message = format!("the issuer {this} takes a path that another one answers");
            reader.problem(span, message, "begin its path with another word");
        } else if before().any(|(_, other)| other == tenant.store) {
            let message = format!("two issuers have the store {}", tenant.store.display());
            reader.problem(span, message, "write a `store` of its own into that file");
        }
        tenants.push(tenant);
    }
    tenants
}

fn read(path: &Path, around: Surroundings<'_>) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let name = path.display().to_string();
    let folder = path.parent().unwrap_or(Path::new(OsStr::new("")));
    let mut reader = Reader::new(&text, Surroundings { name: &name, folder, ..around }).of_tenant();
    let config = reader.root().and_then(|root| check::check(root, &mut reader));
    reader.finish(config)
}

/// Whether an issuer stands below another at a place where that one has paths of more than one
/// segment.
fn shadows(tenant: &Issuer, other: &Issuer) -> bool {
    let below = tenant.path().strip_prefix(other.path()).and_then(|rest| rest.strip_prefix('/'));
    let first = below.and_then(|rest| rest.split('/').next());
    first.is_some_and(|first| DEEP.contains(&first))
}

/// The first segments of an issuer's paths that have more than one.
const DEEP: [&str; 5] = [".well-known", "assets", "common", "default", "oauth2"];
