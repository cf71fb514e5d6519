//! How and when must the user have signed in (RFC 9470 §3, RFC 9068 §2.2.1).

use bailiwick_oauth::AccessToken;

use crate::refusal::{Reason, Refusal, Remedy};

/// How and when the user must have signed in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoginRule {
    /// One of these authentication context classes (`acr`); none when any will do.
    pub acr_values: Vec<String>,
    /// At most this many seconds ago; `None` when it does not matter.
    pub max_age: Option<i64>,
}

impl LoginRule {
    /// Any login will do, or none at all.
    pub const ANY: Self = Self { acr_values: Vec::new(), max_age: None };

    /// Decides whether a token is from such a login.
    ///
    /// # Errors
    /// [`Reason::LoginWeak`], [`Reason::LoginOld`]; both say all that is wanted, so that the user is
    /// sent to sign in once only.
    pub fn check(&self, token: &AccessToken, now: i64, skew: i64) -> Result<(), Refusal> {
        let has_one = |acr: &str| self.acr_values.iter().any(|wanted| wanted == acr);
        if !self.acr_values.is_empty() && !token.acr().is_some_and(|acr| has_one(&acr)) {
            let why = "a stronger login is needed";
            return Err(self.refusal(Reason::LoginWeak, why));
        }
        let Some(max_age) = self.max_age else { return Ok(()) };
        let oldest = now.saturating_sub(max_age.saturating_add(skew));
        let latest = now.saturating_add(skew);
        // A login that is still to come is none: its age would never pass the limit.
        if token.auth_time.is_none_or(|at| at < oldest || at > latest) {
            let why = "a more recent login is needed";
            return Err(self.refusal(Reason::LoginOld, why));
        }
        Ok(())
    }

    fn refusal(&self, reason: Reason, why: &'static str) -> Refusal {
        let Self { acr_values, max_age } = self.clone();
        Refusal::new(reason, why).with_remedy(Remedy::Login { acr_values, max_age })
    }
}
