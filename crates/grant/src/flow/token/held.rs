//! What a token of ours speaks for: a grant that holds, of a user who may (RFC 6749 §1.3).

use super::{Context, Outcome, invalid_grant};
use crate::flow::revoke::{Back, take_back};
use crate::state::{GrantId, GrantRecord, User};
use crate::{Decision, Loaded, Reason, Refused};

/// A live grant with its live user.
pub(super) struct Held<'a> {
    pub(super) grant: &'a Loaded<GrantRecord>,
    pub(super) user: &'a User,
}

pub(super) fn live<'a>(
    context: &Context<'_>,
    id: &GrantId,
    grant: Option<&'a Loaded<GrantRecord>>,
    user: Option<&'a User>,
) -> Result<Held<'a>, Refused> {
    let is_meant = |grant: &GrantRecord| grant.id == *id && grant.client == context.client.id;
    let grant = grant.filter(|grant| is_meant(&grant.value) && grant.value.is_live(context.now));
    let grant = grant.ok_or_else(|| invalid_grant(Reason::Revoked))?;
    let user = user.filter(|user| user.enabled && user.subject == grant.value.subject);
    let user = user.ok_or_else(|| invalid_grant(Reason::SubjectDisabled))?;
    Ok(Held { grant, user })
}

/// A second use by the client that it belongs to: all tokens of the grant are revoked.
pub(super) fn replayed(
    context: &Context<'_>,
    grant: Option<&Loaded<GrantRecord>>,
    reason: Reason,
) -> Outcome {
    let changes = grant.map_or_else(Vec::new, |grant| {
        take_back(grant, Back::Everything, context.directory, context.now)
    });
    Decision::new(changes, Err(invalid_grant(reason)))
}
