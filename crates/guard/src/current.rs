//! Is the token valid at this moment: neither expired, nor early, nor revoked (RFC 7519 §4.1.4, §4.1.5).

use bailiwick_oauth::status_list::{self, StatusReference};
use bailiwick_oauth::{ClientId, Issuer, Subject};

use crate::authentic::{Authentic, Known, Missing, Stop};
use crate::refusal::{Reason, Refusal};

/// How far clocks may differ, in seconds, unless the operator says otherwise.
pub const SKEW: i64 = 10;

/// What is known of time and revocations at the moment of the request.
#[derive(Clone, Copy)]
pub struct Moment<'f> {
    /// The time, in seconds since 1970.
    pub now: i64,
    /// How far clocks may differ, in seconds; usually [`SKEW`].
    pub skew: i64,
    /// What was revoked, as far as this server was told; `&()` where nobody tells it.
    pub denials: &'f dyn Denials,
    /// The status lists at hand; `&()` for none.
    pub statuses: &'f dyn Statuses,
}

impl Moment<'_> {
    /// A moment of which nothing but the time is known.
    pub const fn at(now: i64) -> Self {
        Self { now, skew: SKEW, denials: &(), statuses: &() }
    }
}

/// What was revoked (RFC 7009, RFC 8935).
pub trait Denials: Send + Sync {
    /// Whether a genuine token must not pass any more.
    fn deny(&self, token: &Names<'_>) -> bool;

    /// Whether nothing is denied at the moment, so that no token's names have to be read.
    fn deny_nothing(&self) -> bool {
        false
    }
}

/// Denies nothing.
impl Denials for () {
    fn deny(&self, _: &Names<'_>) -> bool {
        false
    }

    fn deny_nothing(&self) -> bool {
        true
    }
}

/// The names by which a token can be denied.
#[derive(Debug, Clone, Copy)]
pub struct Names<'t> {
    /// Its issuer: the names mean nothing without it.
    pub issuer: &'t Issuer,
    /// The token's own identifier.
    pub jti: Option<&'t str>,
    /// Whom it speaks of.
    pub subject: &'t Subject,
    /// Who holds it.
    pub client_id: Option<&'t ClientId>,
    /// The session that it comes from, where the issuer says so (`sid`).
    pub session: Option<&'t str>,
    /// When it was issued, in seconds since 1970: what was revoked before then is not meant.
    pub issued_at: Option<i64>,
}

/// What status lists say (Token Status List).
pub trait Statuses: Send + Sync {
    /// The status at a place of an issuer's list; `None` while the list is not at hand.
    fn status(&self, issuer: &Issuer, reference: &StatusReference) -> Option<Status>;
}

/// Has no list at hand.
impl Statuses for () {
    fn status(&self, _: &Issuer, _: &StatusReference) -> Option<Status> {
        None
    }
}

/// What a list says at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// This value.
    Is(u8),
    /// The list ends before the place.
    Beyond,
    /// Status lists are not looked at here.
    Unchecked,
}

/// A genuine token that is neither expired nor early nor revoked.
pub struct Current {
    pub(crate) token: Authentic,
    pub(crate) expires: i64,
}

impl Authentic {
    /// Decides whether the token is valid at this moment.
    ///
    /// # Errors
    /// [`Reason::Expired`]; [`Reason::NotYetValid`] before `nbf`, or when `iat` is in the future;
    /// [`Reason::Revoked`]; [`Missing::Status`] when the token's status list is not at hand.
    pub fn current(self, moment: &Moment<'_>) -> Result<Current, Stop> {
        let expires = in_time(&self.0, moment)?; // RFC 7519 §4.1.4
        if self.0.is_denied(moment.denials) {
            return Err(revoked().into());
        }
        if let Some(reference) = &self.0.status {
            let missing =
                || Missing::Status { issuer: self.0.issuer.clone(), reference: reference.clone() };
            match moment.statuses.status(&self.0.issuer, reference) {
                None => return Err(Stop::Missing(missing())),
                Some(Status::Beyond) => return Err(missing().does_not_exist().into()),
                Some(Status::Is(status_list::VALID) | Status::Unchecked) => {}
                Some(Status::Is(_)) => return Err(revoked().into()),
            }
        }
        Ok(Current { expires, token: self })
    }
}

impl Known {
    fn is_denied(&self, denials: &dyn Denials) -> bool {
        !denials.deny_nothing()
            && denials.deny(&Names {
                issuer: &self.issuer,
                jti: self.token.jti().as_deref(),
                subject: &self.subject,
                client_id: self.client_id.as_ref(),
                session: self.token.claims.text("sid").as_deref(),
                issued_at: self.token.iat,
            })
    }
}

fn in_time(known: &Known, moment: &Moment<'_>) -> Result<i64, Refusal> {
    let (claims, now) = (&known.token, moment.now);
    // Every profile requires it; should one ever not, the token has no end and is refused.
    let Some(expires) = claims.exp else {
        return Err(Refusal::new(Reason::ClaimMissing, "the token has no claim 'exp'"));
    };
    if now.saturating_sub(moment.skew) >= expires {
        let ago = now.saturating_sub(expires);
        return Err(Refusal::new(Reason::Expired, format!("the token expired {ago} s ago")));
    }
    let latest = now.saturating_add(moment.skew);
    for (claim, time) in [("nbf", claims.nbf), ("iat", claims.iat)] {
        if let Some(time) = time.filter(|time| *time > latest) {
            let ahead = time.saturating_sub(now);
            let why = format!("the token's '{claim}' is {ahead} s in the future");
            return Err(Refusal::new(Reason::NotYetValid, why));
        }
    }
    Ok(expires)
}

fn revoked() -> Refusal {
    Refusal::new(Reason::Revoked, "the token was revoked")
}
