//! Status lists as the verdict asks for them (Token Status List).

use std::net::IpAddr;

use bailiwick_guard::current::{Status, Statuses};
use bailiwick_oauth::Issuer;
use bailiwick_oauth::status_list::StatusReference;
use http::Uri;

use crate::issuers::Source;

/// The lists at hand.
pub(crate) struct AtHand<'l> {
    pub(crate) sources: &'l [Source],
    pub(crate) are_checked: bool,
    pub(crate) now: i64,
}

impl Statuses for AtHand<'_> {
    fn status(&self, issuer: &Issuer, reference: &StatusReference) -> Option<Status> {
        let source = self.sources.iter().find(|source| source.is(issuer));
        // A token that was looked up is live by its issuer's own word.
        let Some(source) = source.filter(|_| self.are_checked) else {
            return Some(Status::Unchecked);
        };
        // Whose lists cannot be verified, whose tokens must name none.
        let Some(lists) = &source.statuses else { return Some(Status::Beyond) };
        // No issuer from elsewhere has anything asked on this machine.
        if is_on_this_machine(&reference.uri) && !is_on_this_machine(issuer.as_str()) {
            return Some(Status::Beyond);
        }
        let list = lists.current(&reference.uri, self.now)?;
        Some(list.status(reference.idx).map_or(Status::Beyond, Status::Is))
    }
}

/// Whether a URL spells this machine; one that cannot be read is not fetched at all.
fn is_on_this_machine(url: &str) -> bool {
    let uri = url.parse::<Uri>().unwrap_or_default();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
