//! What a route wants of a token that may be used here (RFC 6750 §3.1, RFC 9396, RFC 9470).

mod details;
mod login;
mod scope;

use std::sync::Arc;

use bailiwick_oauth::{ClientId, Scope};

pub use details::DetailRule;
pub use login::LoginRule;
pub use scope::ScopeRule;

use crate::claim::ClaimRule;
use crate::implied::Implied;
use crate::permit::Permit;
use crate::policy::{Policy, Question};
use crate::refusal::{Reason, Refusal};

/// What a route wants: everything that is said here, in this order.
///
/// ```
/// use bailiwick_guard::{LoginRule, Rule, ScopeRule};
/// use bailiwick_oauth::Scopes;
///
/// let rule = Rule {
///     login: LoginRule { max_age: Some(300), ..LoginRule::default() },
///     ..Rule::from(ScopeRule::AllOf(Scopes::parse("payments:send")?))
/// };
/// # let _ = rule;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rule {
    /// The clients that are let in; `None` for each that gets a token.
    pub clients: Option<Vec<ClientId>>,
    /// The subjects that are let in; `None` for each that gets a token. Two issuers may give one
    /// name to two people: where several are trusted, say in `claims` which `iss` is meant.
    pub subjects: Option<Vec<String>>,
    /// The scope that the token needs.
    pub scope: ScopeRule,
    /// Roles, one of which the token needs; of none, none is needed.
    pub roles: Vec<String>,
    /// Claims that must be so.
    pub claims: Vec<ClaimRule>,
    /// Authorization details that the token needs, each of them.
    pub details: Vec<DetailRule>,
    /// How and when the user must have signed in.
    pub login: LoginRule,
    /// Policies that must all agree.
    pub policies: Vec<Arc<dyn Policy>>,
}

impl Rule {
    /// Any token for the resource will do.
    pub const ANY_TOKEN: Self = Self {
        clients: None,
        subjects: None,
        scope: ScopeRule::NONE,
        roles: Vec::new(),
        claims: Vec::new(),
        details: Vec::new(),
        login: LoginRule::ANY,
        policies: Vec::new(),
    };

    /// Decides whether a token will do for a request.
    ///
    /// # Errors
    /// The first part that is not met. How old a login is, is told with clocks that may differ by
    /// `skew` seconds.
    pub fn check(
        &self,
        implied: &Implied,
        question: &Question<'_>,
        skew: i64,
    ) -> Result<(), Refusal> {
        let permit = question.permit;
        self.client(permit)?;
        self.subject(permit)?;
        self.scope.check(permit.scopes(), implied)?; // RFC 6750 §3.1
        self.role(permit)?;
        self.claim(permit)?;
        for detail in &self.details {
            detail.check(permit.details(), permit.resource())?; // RFC 9396 §9
        }
        self.login.check(permit.token(), question.now, skew)?; // RFC 9470 §3
        for policy in &self.policies {
            policy.decide(question).map_err(|denied| {
                Refusal::new(Reason::PolicyDenied, "a policy does not permit this")
                    .with_note(&denied.why)
            })?;
        }
        Ok(())
    }

    fn client(&self, permit: &Permit) -> Result<(), Refusal> {
        let is_in =
            |listed: &Vec<ClientId>| permit.client_id().is_some_and(|id| listed.contains(id));
        if self.clients.as_ref().is_none_or(is_in) {
            return Ok(());
        }
        Err(Refusal::new(Reason::ClientRefused, "this client may not do this"))
    }

    fn subject(&self, permit: &Permit) -> Result<(), Refusal> {
        let subject = permit.subject().as_str();
        if self.subjects.as_ref().is_none_or(|listed| listed.iter().any(|one| one == subject)) {
            return Ok(());
        }
        Err(Refusal::new(Reason::SubjectRefused, "this user may not do this"))
    }

    fn role(&self, permit: &Permit) -> Result<(), Refusal> {
        if self.roles.is_empty() || self.roles.iter().any(|role| permit.roles().contains(role)) {
            return Ok(());
        }
        let needed = self.roles.join(", ");
        Err(Refusal::new(Reason::RoleMissing, format!("this needs one of the roles: {needed}")))
    }

    fn claim(&self, permit: &Permit) -> Result<(), Refusal> {
        let claims = &permit.token().claims;
        match self.claims.iter().find(|rule| !rule.is_met_by(claims)) {
            None => Ok(()),
            Some(rule) => {
                let why = format!("the token's claim '{}' does not permit this", rule.claim);
                Err(Refusal::new(Reason::ClaimRefused, why))
            }
        }
    }
}

/// Policies are equal when they are the same one: what they say, nobody can compare.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        let Self { clients, subjects, scope, roles, claims, details, login, policies } = self;
        *clients == other.clients
            && *subjects == other.subjects
            && *scope == other.scope
            && *roles == other.roles
            && *claims == other.claims
            && *details == other.details
            && *login == other.login
            && policies.len() == other.policies.len()
            && policies.iter().zip(&other.policies).all(|(one, two)| Arc::ptr_eq(one, two))
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::ANY_TOKEN
    }
}

impl From<ScopeRule> for Rule {
    fn from(scope: ScopeRule) -> Self {
        Self { scope, ..Self::ANY_TOKEN }
    }
}

impl From<Scope> for Rule {
    fn from(scope: Scope) -> Self {
        ScopeRule::from(scope).into()
    }
}
