//! Limits: how often, and how many at once.

use std::num::NonZeroU32;
use std::time::Duration;

use toml::Spanned;

use super::reading::{Checked, fault, positive};
use super::tables::tables;

/// How often a resource or a route may be asked, and how many requests may be under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// By each client that a token names.
    pub client: Option<Rate>,
    /// By each subject of an issuer.
    pub subject: Option<Rate>,
    /// By each address; of IPv6, each /64.
    pub address: Option<Rate>,
    /// The most requests under way at once.
    pub concurrent: Option<usize>,
}

/// So many in a time, and as many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub number: NonZeroU32,
    /// In which time.
    pub per: Duration,
}

tables! {
    /// Limits of a resource, over all its routes, or of one route; both count. A rate such as
    /// `"100/s"`, `"5/m"` or `"1000/h"` may be used up at once and then comes back evenly. Beyond a
    /// rate the answer is 429, with `Retry-After`; beyond `concurrent` it is 503. Each process of
    /// the gateway counts for itself.
    "`limits`" LimitsTable {
        /// For each client that a token names.
        client: Option<Spanned<String>>, "rate", "none";
        /// For each subject that a token names.
        subject: Option<Spanned<String>>, "rate", "none";
        /// For each address that asks, before its token is looked at; the addresses of an IPv6 /64
        /// count as one.
        address: Option<Spanned<String>>, "rate", "none";
        /// The most requests under way at once, to the last octet of their answers.
        concurrent: Option<Spanned<usize>>, "number", "none";
    }
}

/// Checks the table.
pub(super) fn check(table: Option<&LimitsTable>) -> Checked<Limits> {
    let Some(table) = table else { return Ok(Limits::default()) };
    Ok(Limits {
        client: table.client.as_ref().map(rate).transpose()?,
        subject: table.subject.as_ref().map(rate).transpose()?,
        address: table.address.as_ref().map(rate).transpose()?,
        concurrent: positive(table.concurrent.as_ref())?,
    })
}

fn rate(text: &Spanned<String>) -> Checked<Rate> {
    let parsed = text.get_ref().split_once('/').and_then(|(number, per)| {
        let seconds = match per {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        let number =
            number.parse::<NonZeroU32>().ok().filter(|number| number.get() <= 1_000_000)?;
        Some(Rate { number, per: Duration::from_secs(seconds) })
    });
    parsed.ok_or_else(|| {
        fault(
            text,
            "not a rate; write a number up to 1000000 and a time, such as \"100/s\", \"5/m\"",
        )
    })
}
