//! The token request of a client that polls (RFC 8628 §3.4, §3.5): told to wait, refused, or given
//! its tokens once.

use bailiwick_oauth::ErrorCode;
use bailiwick_oauth::token::Request;

use super::held::{live, replayed};
use super::narrow::narrow;
use super::write::first_tokens;
use super::{Context, Outcome, grant_type_allowed, invalid_grant};
use crate::state::{GrantId, GrantRecord, Pending, PollAnswer, Said, Standing, User};
use crate::{Change, Decision, Entropy, Loaded, Reason, Refused};

/// How much longer a client waits after each poll that came too early (RFC 8628 §3.5).
const SLOWER: i64 = 5;

/// The longest wait between two polls that is insisted on, in seconds.
const SLOWEST: i64 = 60;

/// What is known of what a client polls with.
#[derive(Debug, Clone, Copy)]
pub struct Poll<'a> {
    /// The request.
    pub pending: Option<&'a Pending>,
    /// What the user answered.
    pub answer: Option<&'a Loaded<PollAnswer>>,
}

/// Answers a poll with a device code (RFC 8628 §3.5).
///
/// Does not authenticate the client; see [`rule::client_auth`](crate::rule::client_auth).
pub fn device_code(
    context: &Context<'_>,
    request: &Request,
    poll: Poll<'_>,
    grant: Option<&Loaded<GrantRecord>>,
    user: Option<&User>,
    entropy: &mut dyn Entropy,
) -> Outcome {
    if let Err(refused) = grant_type_allowed(context.client, &request.grant) {
        return Decision::unchanged(Err(refused));
    }
    let (pending, yes) = match answered(context, poll) {
        Ok(answered) => answered,
        Err(decision) => return *decision,
    };
    if yes.standing == Standing::Spent {
        return replayed(context, grant, Reason::CodeReplayed); // rules §5.8
    }
    let held = in_time(context, pending).and_then(|()| live(context, yes.grant, grant, user));
    let held = match held {
        Ok(held) => held,
        Err(refused) => return Decision::unchanged(Err(refused)),
    };
    // rules §5.6: a refused resource consumes nothing.
    let narrowed = match narrow(context, request, &held, None) {
        Ok(narrowed) => narrowed,
        Err(refused) => {
            let counted = yes.record.update(yes.record.value.clone().refuse());
            return Decision::new(vec![counted], Err(refused));
        }
    };
    let spent = yes.record.update(yes.record.value.clone().spend());
    first_tokens(context, &held, narrowed, pending.request.nonce.as_deref(), spent, entropy)
}

/// A user's yes.
struct Yes<'a> {
    record: &'a Loaded<PollAnswer>,
    grant: &'a GrantId,
    standing: Standing,
}

/// The user's yes to this client's request; else what the poll comes to.
fn answered<'a>(
    context: &Context<'_>,
    poll: Poll<'a>,
) -> Result<(&'a Pending, Yes<'a>), Box<Outcome>> {
    let refuse = |refused: Refused| Box::new(Decision::unchanged(Err(refused)));
    let pending = poll.pending.ok_or_else(|| refuse(invalid_grant(Reason::Unknown)))?;
    // INVARIANT: another client's attempt changes nothing (rules §5.8).
    if pending.request.client != context.client.id {
        return Err(refuse(invalid_grant(Reason::OtherClient)));
    }
    let Some(record) = poll.answer else {
        in_time(context, pending).map_err(refuse)?;
        return Err(Box::new(unanswered(context, pending)));
    };
    match &record.value.said {
        Said::Yes { grant, standing } => Ok((pending, Yes { record, grant, standing: *standing })),
        Said::No => {
            let text = "the user refused";
            Err(refuse(Refused::new(ErrorCode::AccessDenied, Reason::Denied, text)))
        }
    }
}

fn in_time(context: &Context<'_>, pending: &Pending) -> Result<(), Refused> {
    if context.now < pending.expires_at {
        return Ok(());
    }
    let text = "the code has expired; begin again";
    Err(Refused::new(ErrorCode::ExpiredToken, Reason::Expired, text))
}

/// Tells the client to poll again, and to wait longer when it did not wait (RFC 8628 §3.5).
fn unanswered(context: &Context<'_>, pending: &Pending) -> Outcome {
    let now = context.now;
    // Whole seconds are compared, so that one may be missing though the client waited.
    let is_early = pending.polled_at.is_some_and(|at| now + 1 < at + pending.interval);
    let (interval, refused) = if is_early {
        let interval = (pending.interval + SLOWER).min(SLOWEST);
        let text = format!("wait {interval} seconds between two polls");
        (interval, Refused::new(ErrorCode::SlowDown, Reason::PolledTooFast, text))
    } else {
        let text = "the user has not answered yet; poll again";
        let refused = Refused::new(ErrorCode::AuthorizationPending, Reason::Pending, text);
        (pending.interval, refused)
    };
    // Put, not updated: of two polls at once either may be remembered, and nobody waits for it.
    Decision::new(vec![Change::put(pending.clone().polled(now, interval))], Err(refused))
}

#[cfg(test)]
#[path = "poll_tests.rs"]
mod tests;
