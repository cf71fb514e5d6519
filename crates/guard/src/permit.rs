//! The permit: proof that a token passed every stage (RFC 6750 §1.3).

use std::fmt;
use std::sync::Arc;

use bailiwick_oauth::details::AuthorizationDetail;
use bailiwick_oauth::{AccessToken, ClientId, Confirmation, Issuer, Resource, Scopes, Subject};

use crate::authentic::{Authentic, Known, Stop};
use crate::current::Moment;

/// Proof that a token passed every stage for one resource; only [`Bound::allowed`] makes one.
///
/// Cheap to clone. Shows nothing of the token in `Debug`.
///
/// [`Bound::allowed`]: crate::Bound::allowed
#[derive(Clone)]
pub struct Permit {
    known: Arc<Known>,
    resource: Resource,
    expires: i64,
}

impl Permit {
    pub(crate) fn new(known: Arc<Known>, resource: Resource, expires: i64) -> Self {
        Self { known, resource, expires }
    }

    /// Whom the token speaks of: the user, or the client itself.
    pub fn subject(&self) -> &Subject {
        &self.known.subject
    }

    /// The client that holds the token; `None` where its issuer names none.
    pub fn client_id(&self) -> Option<&ClientId> {
        self.known.client_id.as_ref()
    }

    /// The scopes, in the resource's own words.
    pub fn scopes(&self) -> &Scopes {
        &self.known.scopes
    }

    /// The roles, from wherever the issuer puts them.
    pub fn roles(&self) -> &[String] {
        &self.known.roles
    }

    /// The authorization details (RFC 9396 §9.1).
    pub fn details(&self) -> &[AuthorizationDetail] {
        &self.known.details
    }

    /// The key or certificate that the token is bound to; its sender proved to hold it.
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.known.confirmation.as_ref()
    }

    /// The resource that the token was admitted to.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Who issued the token.
    pub fn issuer(&self) -> &Issuer {
        &self.known.issuer
    }

    /// When the token expires, in seconds since 1970: nothing may go on for it after that.
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// Decides whether the token, which was admitted before, is current still: for what goes on.
    ///
    /// # Errors
    /// As [`Authentic::current`](crate::Authentic::current).
    pub fn still_current(&self, moment: &Moment<'_>) -> Result<(), Stop> {
        Authentic(self.known.clone()).current(moment).map(drop)
    }

    /// The token's claims.
    pub fn token(&self) -> &AccessToken {
        &self.known.token
    }

    /// Lets a request in.
    pub fn admit<T>(self, request: T) -> Permitted<T> {
        Permitted { permit: self, request }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("resource", &self.resource).finish_non_exhaustive()
    }
}

/// A request with the permit that lets it in; only [`Permit::admit`] makes one.
#[derive(Debug)]
pub struct Permitted<T> {
    permit: Permit,
    request: T,
}

impl<T> Permitted<T> {
    /// The permit.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The request.
    pub fn request(&self) -> &T {
        &self.request
    }

    /// Both, apart.
    pub fn into_parts(self) -> (Permit, T) {
        (self.permit, self.request)
    }
}
