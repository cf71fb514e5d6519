//! The access log: where its lines go and how they look.

use std::path::PathBuf;

use toml::Spanned;

use super::reading::{Checked, fault};
use super::tables::tables;
use crate::lines::Place;

/// Where the lines of the access log go and how they look.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// The file; `None` is standard error.
    pub file: Option<PathBuf>,
}

impl Log {
    /// Where the lines are kept.
    pub(crate) fn place(&self) -> Place {
        self.file.clone().map_or(Place::StandardError, Place::File)
    }
}

/// How a line of the access log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// `name=value` with spaces between.
    Text,
}

tables! {
    /// The access log: one line for each request, with the decision and its reason; never a token,
    /// a query, a path or a claim of a person. Without the table, requests are events of the
    /// process's own log.
    "`[log]`" LogTable {
        /// `"json"` or `"text"`.
        format: Option<Spanned<String>>, "text", "`\"json\"`";
        /// The file, which is opened anew when it was moved away.
        file: Option<Spanned<String>>, "path", "standard error";
    }
}

/// Checks the table.
pub(super) fn check(table: &LogTable) -> Checked<Log> {
    let format = match table.format.as_ref().map(|text| (text, text.get_ref().as_str())) {
        None | Some((_, "json")) => LogFormat::Json,
        Some((_, "text")) => LogFormat::Text,
        Some((text, _)) => return Err(fault(text, "expected \"json\" or \"text\"")),
    };
    Ok(Log { format, file: table.file.as_ref().map(path).transpose()? })
}

/// A path that names something.
pub(super) fn path(text: &Spanned<String>) -> Checked<PathBuf> {
    if text.get_ref().is_empty() {
        return Err(fault(text, "the path is empty"));
    }
    Ok(PathBuf::from(text.get_ref()))
}
