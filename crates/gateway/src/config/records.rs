//! Decision records: where they are kept, and how many.

use std::path::PathBuf;

use toml::Spanned;

use super::log::path;
use super::reading::{Checked, positive};
use super::tables::tables;
use crate::lines::Place;

/// Where decision records are kept, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// The file.
    pub file: PathBuf,
    /// How large it may become before another is begun.
    pub most_octets: u64,
    /// How many full ones are kept.
    pub kept: usize,
}

impl Records {
    /// Where the lines are kept.
    pub(crate) fn place(&self) -> Place {
        let Self { file, most_octets, kept } = self;
        Place::Rotated { file: file.clone(), most_octets: *most_octets, kept: *kept }
    }
}

tables! {
    /// Records of decisions, to replay against another configuration (`bailiwick replay`): issuer,
    /// client, scopes, resource, route, method, verdict and reason. Never a token, a subject, a
    /// path or a claim of a person.
    "`[records]`" RecordsTable {
        /// The file.
        file: Spanned<String>, "path", "required";
        /// How large it may become, in megabytes, before it is moved to `….1` and another begun.
        megabytes: Option<Spanned<usize>>, "number", "`64`";
        /// How many full ones are kept.
        keep: Option<Spanned<usize>>, "number", "`4`";
    }
}

/// Checks the table.
pub(super) fn check(table: &RecordsTable) -> Checked<Records> {
    let megabytes = positive(table.megabytes.as_ref())?.unwrap_or(64);
    Ok(Records {
        file: path(&table.file)?,
        most_octets: megabytes as u64 * 1_000_000,
        kept: positive(table.keep.as_ref())?.unwrap_or(4),
    })
}
