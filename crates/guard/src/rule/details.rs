//! Does the token have the authorization details that the request needs (RFC 9396 §9.1).

use bailiwick_oauth::Resource;
use bailiwick_oauth::details::AuthorizationDetail;

use crate::refusal::{Reason, Refusal};

/// What one of a token's authorization details must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DetailRule {
    /// Its type.
    pub kind: String,
    /// Actions, each of which it must name.
    pub actions: Vec<String>,
    /// Data types, each of which it must name.
    pub datatypes: Vec<String>,
    /// Privileges, each of which it must name.
    pub privileges: Vec<String>,
    /// The identifier that it must have; `None` when any will do.
    pub identifier: Option<String>,
}

impl DetailRule {
    /// Decides whether one of the details, by itself, holds everything that is wanted. Details that
    /// name other locations than the resource are for others.
    ///
    /// # Errors
    /// [`Reason::DetailsInsufficient`].
    pub fn check(
        &self,
        details: &[AuthorizationDetail],
        resource: &Resource,
    ) -> Result<(), Refusal> {
        if details.iter().any(|detail| self.is_met_by(detail, resource)) {
            return Ok(());
        }
        let why =
            format!("the token has no sufficient authorization details of type {}", self.kind);
        Err(Refusal::new(Reason::DetailsInsufficient, why))
    }

    fn is_met_by(&self, detail: &AuthorizationDetail, resource: &Resource) -> bool {
        let all = |wanted: &[String], held: &[String]| wanted.iter().all(|one| held.contains(one));
        let is_ours = detail.locations.is_empty()
            || detail.locations.iter().any(|location| {
                location == resource.as_str()
                    || Resource::parse(location).is_ok_and(|location| location == *resource)
            });
        detail.kind == self.kind
            && is_ours
            && all(&self.actions, &detail.actions)
            && all(&self.datatypes, &detail.datatypes)
            && all(&self.privileges, &detail.privileges)
            && (self.identifier.is_none() || self.identifier == detail.identifier)
    }
}
