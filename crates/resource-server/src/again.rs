//! Looking again at what was let in before and goes on (RFC 6750 §5.2, RFC 7009 §2).

use bailiwick_guard::policy::Question;
use bailiwick_guard::{Moment, Permit, Reason, Rule, Stop};
use http::{Method, Uri};

use crate::ResourceServer;
use crate::statuses::AtHand;

impl ResourceServer {
    /// Whether the token of a permit was revoked since it was admitted, as far as that is known here:
    /// for what goes on, such as a stream. Cheap, and asks nobody: a token that was looked up is not
    /// looked up again.
    pub fn is_revoked(&self, permit: &Permit) -> bool {
        let inner = &*self.0;
        let now = (inner.clock)();
        let statuses = AtHand { sources: &inner.sources, are_checked: inner.checks_status, now };
        let moment =
            Moment { now, skew: inner.skew, denials: &*inner.denials, statuses: &statuses };
        let outcome = permit.still_current(&moment);
        matches!(outcome, Err(Stop::Refused(refusal)) if refusal.reason() == Reason::Revoked)
    }

    /// Whether a permit that was given before, perhaps under other rules, is one for this resource,
    /// from an issuer that is trusted here, and meets this rule.
    pub fn still_allows(&self, permit: &Permit, rule: &Rule, method: &Method, uri: &Uri) -> bool {
        let inner = &*self.0;
        let is_trusted =
            inner.lookup.is_some() || inner.sources.iter().any(|source| source.is(permit.issuer()));
        let now = (inner.clock)();
        let question = Question { permit, method, path: uri.path(), now };
        permit.resource() == self.resource()
            && is_trusted
            && rule.check(&inner.implied, &question, inner.skew).is_ok()
    }
}
