//! Reading settings: a value with its place in the file, and what is wrong with it.

use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

/// What is wrong, and between which octets of the file.
pub(super) struct Fault {
    pub(super) span: Range<usize>,
    pub(super) message: String,
}

pub(super) type Checked<T> = Result<T, Fault>;

/// A time from a second to a day.
pub(super) fn seconds(setting: Option<&Spanned<u64>>, default: u64) -> Checked<Duration> {
    match setting {
        None => Ok(Duration::from_secs(default)),
        Some(value) if (1..=86_400).contains(value.get_ref()) => {
            Ok(Duration::from_secs(*value.get_ref()))
        }
        Some(value) => Err(fault(value, "expected 1 to 86400 seconds")),
    }
}

/// A number that is neither nothing nor absurd.
pub(super) fn positive(setting: Option<&Spanned<usize>>) -> Checked<Option<usize>> {
    match setting {
        Some(value) if !(1..=1_000_000).contains(value.get_ref()) => {
            Err(fault(value, "expected a number from 1 to 1000000"))
        }
        other => Ok(other.map(|value| *value.get_ref())),
    }
}

/// The value of a text, or what `explain` makes of the error, with its place.
pub(super) fn parsed<'t, T, E, M: Display>(
    text: &'t Spanned<String>,
    parse: impl FnOnce(&'t str) -> Result<T, E>,
    explain: impl FnOnce(E) -> M,
) -> Checked<T> {
    parse(text.get_ref()).map_err(|error| fault(text, explain(error)))
}

/// What is wrong with a value.
pub(super) fn fault<T>(at: &Spanned<T>, message: impl Display) -> Fault {
    Fault { span: at.span(), message: message.to_string() }
}
