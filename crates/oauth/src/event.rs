//! Security event tokens: what an issuer took back (RFC 8417 §2.2, RFC 8935 §2).
//!
//! Only events that take something back are understood: the session events of CAEP 1.0 and RISC
//! 1.0, the token events of the OAuth event types, and [one of our own](GRANT_REVOKED).

mod delivery;
mod issued;
mod subject;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use delivery::{DeliveryError, DeliveryFailure};
pub use issued::{Issued, Told};
pub use subject::{SubjectIdentifier, TokenIdentifier};

use crate::access_token::MalformedClaim;
use crate::claim;

/// The `typ` of a security event token, and behind `application/` its media type
/// (RFC 8417 §2.3, RFC 8935 §2).
pub const TYPE: &str = "secevent+jwt";

/// One session was revoked (CAEP 1.0 §3.1).
pub const SESSION_REVOKED: &str =
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

/// All sessions of an account were revoked (RISC 1.0).
pub const SESSIONS_REVOKED: &str =
    "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked";

/// An account was disabled (RISC 1.0).
pub const ACCOUNT_DISABLED: &str =
    "https://schemas.openid.net/secevent/risc/event-type/account-disabled";

/// An account was deleted for good (RISC 1.0).
pub const ACCOUNT_PURGED: &str =
    "https://schemas.openid.net/secevent/risc/event-type/account-purged";

/// One token was revoked (OAuth event types 1.0).
pub const TOKEN_REVOKED: &str =
    "https://schemas.openid.net/secevent/oauth/event-type/token-revoked";

/// All tokens of an account were revoked (OAuth event types 1.0).
pub const TOKENS_REVOKED: &str =
    "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked";

/// Our own event, for what the standards cannot say: all tokens of a client or a grant were
/// revoked; see [`RevokedGrant`].
pub const GRANT_REVOKED: &str = "https://bailiwick.dev/secevent/grant-revoked";

/// The most events that one token may carry.
pub const MOST: usize = 16;

/// What a security event token says (RFC 8417 §2.2).
///
/// Whether its issuer may say so, to us, and for the first time, is for the receiver to decide.
#[derive(Debug)]
pub struct SecurityEvent {
    /// Who says it.
    pub iss: String,
    /// The token's identifier.
    pub jti: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// To whom it is said; none when the claim is absent.
    pub aud: Vec<String>,
    /// The transaction that led to it.
    pub txn: Option<String>,
    /// Of whom or what (RFC 9493 §4.1).
    pub sub_id: Option<SubjectIdentifier>,
    /// What happened; at least one.
    pub events: Vec<Event>,
}

/// One thing that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A session ended, and with it the tokens that came of it.
    SessionRevoked {
        /// Which session, or whose.
        subject: SubjectIdentifier,
        /// When, in seconds since 1970.
        at: Option<i64>,
    },
    /// All sessions and tokens of an account ended: they were revoked, or the account disabled or
    /// deleted.
    AccountRevoked {
        /// Whose.
        subject: SubjectIdentifier,
        /// When, in seconds since 1970.
        at: Option<i64>,
    },
    /// A token was revoked.
    TokenRevoked {
        /// Which.
        token: TokenIdentifier,
    },
    /// All tokens of a client, a user or a grant were revoked.
    GrantRevoked(RevokedGrant),
    /// Something that takes nothing back, or that is not understood: its event type.
    Other(String),
}

/// Which tokens [`GRANT_REVOKED`] is about: those to which every member applies that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedGrant {
    /// The one token with this identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The tokens of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The tokens of this subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The tokens of this grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
}

impl SecurityEvent {
    /// Reads the claims of a verified security event token.
    ///
    /// # Errors
    /// Names the first claim that is missing where RFC 8417 §2.2 demands it, or malformed. An event
    /// that is understood but does not say whom it is about makes the whole token malformed.
    pub fn read(claims: &Map<String, Value>) -> Result<Self, MalformedClaim> {
        let broken = MalformedClaim("events");
        let sub_id = match claims.get("sub_id") {
            Some(value) => Some(SubjectIdentifier::read(value).ok_or(MalformedClaim("sub_id"))?),
            None => None,
        };
        let events = claims.get("events").and_then(Value::as_object).ok_or(broken)?;
        if !(1..=MOST).contains(&events.len()) {
            return Err(broken);
        }
        Ok(Self {
            iss: claim::required_text(claims, "iss")?,
            jti: claim::required_text(claims, "jti")?,
            iat: claim::seconds(claims, "iat")?.ok_or(MalformedClaim("iat"))?,
            aud: claim::audiences(claims)?,
            txn: claim::text(claims, "txn")?,
            events: events
                .iter()
                .map(|(kind, event)| Event::read(kind, event, claims.get("sub_id")).ok_or(broken))
                .collect::<Result<_, _>>()?,
            sub_id,
        })
    }
}

impl Event {
    /// Reads one member of `events`; `sub_id` is whom the token as a whole is about.
    fn read(kind: &str, event: &Value, sub_id: Option<&Value>) -> Option<Self> {
        let event = event.as_object()?;
        // Before CAEP 1.0 was final, the event itself held the subject. Two that differ would be
        // read one way here and another way elsewhere.
        let subject = match (event.get("subject"), sub_id) {
            (Some(inner), Some(outer)) if inner != outer => return None,
            (inner, outer) => inner.or(outer),
        };
        Some(match kind {
            SESSION_REVOKED => Self::SessionRevoked {
                subject: SubjectIdentifier::read(subject?)?,
                at: happened(event)?,
            },
            SESSIONS_REVOKED | ACCOUNT_DISABLED | ACCOUNT_PURGED | TOKENS_REVOKED => {
                Self::AccountRevoked {
                    subject: SubjectIdentifier::read(subject?)?,
                    at: happened(event)?,
                }
            }
            TOKEN_REVOKED => Self::TokenRevoked { token: TokenIdentifier::read(subject?)? },
            GRANT_REVOKED => Self::GrantRevoked(RevokedGrant::read(event)?),
            other => Self::Other(other.to_owned()),
        })
    }
}

impl RevokedGrant {
    fn read(event: &Map<String, Value>) -> Option<Self> {
        let member = |name| match claim::text(event, name) {
            Ok(Some(text)) if text.is_empty() => None,
            member => member.ok(),
        };
        let read = Self {
            jti: member("jti")?,
            client_id: member("client_id")?,
            sub: member("sub")?,
            grant: member("grant")?,
        };
        // INVARIANT: a condition there is, or every token would be meant.
        (read != Self::default()).then_some(read)
    }
}

/// The `event_timestamp` (CAEP 1.0 §2), in seconds; its drafts had it in milliseconds.
#[expect(clippy::option_option, reason = "malformed, absent, there")]
fn happened(event: &Map<String, Value>) -> Option<Option<i64>> {
    const YEAR_10000: i64 = 253_402_300_800;
    let at = claim::seconds(event, "event_timestamp").ok()?;
    Some(at.map(|at| if at < YEAR_10000 { at } else { at / 1000 }))
}

#[cfg(test)]
#[path = "event/tests.rs"]
mod tests;
