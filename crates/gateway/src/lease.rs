//! Leases: what was let in and goes on, a stream or an upgraded connection, ends with its right to
//! (RFC 6750 §5.2, RFC 7009 §2).
//!
//! Every second it is looked at again: whether the token has expired, whether it was revoked, and
//! after a reload whether the new configuration would let it in.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bailiwick_guard::Permit;
use bailiwick_guard::current::SKEW;
use bailiwick_resource_server::ResourceServer;
use http::{HeaderValue, Method, Uri};

use crate::reload::Live;
use crate::site::{Part, Site};
use crate::target::Host;

/// The right of something to go on that was let in.
pub(crate) struct Lease {
    what: Admission,
    /// The site by which it was decided last.
    site: Arc<Site>,
    live: Arc<Live>,
    server: ResourceServer,
    /// Whether its route only reports what it would refuse.
    is_reported: bool,
    /// When it is over, in seconds since 1970; a public route's is never.
    end: i64,
}

/// What was let in, and by what.
pub(crate) struct Admission {
    /// What a public route has none of.
    pub(crate) permit: Option<Permit>,
    pub(crate) host: Host,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    /// The protocol that the connection switches to, if it does.
    pub(crate) upgrade: Option<HeaderValue>,
}

/// Why a lease is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// Its token has expired.
    Expired,
    /// It would be refused now: the token was revoked, or the configuration changed.
    Refused,
}

/// By what something was let in.
#[derive(Clone, Copy)]
pub(crate) struct Grounds<'r> {
    pub(crate) part: Part<'r>,
    pub(crate) site: &'r Arc<Site>,
    pub(crate) live: &'r Arc<Live>,
}

impl Lease {
    pub(crate) fn new(grounds: Grounds<'_>, what: Admission) -> Self {
        let Grounds { part, site, live } = grounds;
        let grace = i64::try_from(part.resource.stream_grace.as_secs()).unwrap_or(0);
        let end = what.permit.as_ref().map_or(i64::MAX, |permit| {
            // Clocks differ: what was let in just after its end shall be answered.
            let (end, now) = (permit.expires(), now());
            if end <= now { now.saturating_add(SKEW) } else { end }
        });
        Self {
            what,
            site: site.clone(),
            live: live.clone(),
            server: part.server.clone(),
            is_reported: part.route.report_only,
            end: end.saturating_add(grace),
        }
    }

    /// Whether it is over at this moment.
    pub(crate) fn look(&mut self) -> Result<(), Over> {
        if !self.live.is(&self.site) {
            let site = self.live.site();
            let Admission { permit, host, method, uri, upgrade } = &self.what;
            let part = site.still_passes(permit.as_ref(), host, method, uri);
            let part = part.ok_or(Over::Refused)?;
            if upgrade.as_ref().is_some_and(|it| !part.route.upgrade.have(it.as_bytes())) {
                return Err(Over::Refused);
            }
            self.server = part.server.clone();
            self.is_reported = part.route.report_only;
            self.site = site;
        }
        if self.is_reported {
            return Ok(());
        }
        let Some(permit) = &self.what.permit else { return Ok(()) };
        if now() >= self.end {
            return Err(Over::Expired);
        }
        if self.server.is_revoked(permit) { Err(Over::Refused) } else { Ok(()) }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
