//! Is the token valid at this moment (RFC 7519 §4.1.4, §4.1.5).

use crate::authentic::Authentic;
use crate::refusal::{Reason, Refusal};

/// How far clocks may differ, in seconds, unless the operator says otherwise.
pub const SKEW: i64 = 10;

/// A genuine token that is neither expired nor early.
pub struct Current {
    pub(crate) token: Authentic,
    pub(crate) expires: i64,
}

impl Authentic {
    /// Decides whether the token is valid at `now`, with clocks that may differ by `skew` seconds.
    ///
    /// # Errors
    /// [`Reason::Expired`]; [`Reason::NotYetValid`] before `nbf`, or when `iat` is in the future.
    pub fn current(self, now: i64, skew: i64) -> Result<Current, Refusal> {
        let claims = &self.0.token;
        // Every profile requires it; should one ever not, the token has no end and is refused.
        let Some(expires) = claims.exp else {
            return Err(Refusal::new(Reason::ClaimMissing, "the token has no claim 'exp'"));
        };
        if now.saturating_sub(skew) >= expires {
            let ago = now.saturating_sub(expires);
            return Err(Refusal::new(Reason::Expired, format!("the token expired {ago} s ago")));
        }
        let latest = now.saturating_add(skew);
        for (claim, time) in [("nbf", claims.nbf), ("iat", claims.iat)] {
            if let Some(time) = time.filter(|time| *time > latest) {
                let ahead = time.saturating_sub(now);
                let why = format!("the token's '{claim}' is {ahead} s in the future");
                return Err(Refusal::new(Reason::NotYetValid, why));
            }
        }
        Ok(Current { expires, token: self })
    }
}
