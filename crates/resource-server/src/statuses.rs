//! Status lists as the verdict asks for them (Token Status List).

use bailiwick_guard::current::{Status, Statuses};
use bailiwick_oauth::Issuer;
use bailiwick_oauth::status_list::StatusReference;

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
        let list = lists.current(&reference.uri, self.now)?;
        Some(list.status(reference.idx).map_or(Status::Beyond, Status::Is))
    }
}
