//! Admission: the library's verdict, and the proof of it that forwarding asks for (RFC 6750 §3).

use bailiwick_guard::{Permit, Permitted, Reason};
use bailiwick_oauth::ClientId;
use bailiwick_resource_server::{Asked, ResourceServer};
use http::Request;
use hyper::body::Incoming;

use crate::config::{Access, Route};

/// What lets a request in.
///
/// INVARIANT: there are two ways to one, a permit, which only `guard` makes, and a public route.
#[derive(Debug)]
pub(crate) enum Ticket {
    /// A token's.
    Permit(Permit),
    /// A route's that is for everyone.
    Public(PublicRoute),
}

/// Proof that a route is for everyone; only [`admit`] makes one.
#[derive(Debug)]
pub(crate) struct PublicRoute(());

/// A request that was let in; only [`Ticket::admit`] makes one.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// By a token.
    Permitted(Permitted<Request<Incoming>>),
    /// By a route that is for everyone.
    Public(Public),
}

/// A request to a public route.
#[derive(Debug)]
pub(crate) struct Public(Request<Incoming>);

/// A request that was not let in: why, and the library's answer.
#[derive(Debug)]
pub(crate) struct NotAdmitted {
    pub(crate) reason: Reason,
    pub(crate) answer: http::Response<bytes::Bytes>,
}

/// Whether a request to a route of a resource is let in.
pub(crate) async fn admit(
    resource: &ResourceServer,
    route: &Route,
    asked: &Asked<'_>,
) -> Result<Ticket, NotAdmitted> {
    let rule = match &route.access {
        Access::Public => return Ok(Ticket::Public(PublicRoute(()))),
        Access::Token(rule) => rule,
    };
    match resource.admit(asked, rule).await {
        Ok(permit) => Ok(Ticket::Permit(permit)),
        Err(refused) => {
            Err(NotAdmitted { reason: refused.refusal().reason(), answer: refused.response() })
        }
    }
}

impl Ticket {
    /// The client that holds the token, where there is one.
    pub(crate) fn client(&self) -> Option<&ClientId> {
        match self {
            Self::Permit(permit) => permit.client_id(),
            Self::Public(_) => None,
        }
    }

    /// Lets the request in.
    pub(crate) fn admit(self, request: Request<Incoming>) -> Admitted {
        match self {
            Self::Permit(permit) => Admitted::Permitted(permit.admit(request)),
            Self::Public(PublicRoute(())) => Admitted::Public(Public(request)),
        }
    }
}

impl Admitted {
    /// The permit, which a public route has none of, and the request.
    pub(crate) fn into_parts(self) -> (Option<Permit>, Request<Incoming>) {
        match self {
            Self::Permitted(permitted) => {
                let (permit, request) = permitted.into_parts();
                (Some(permit), request)
            }
            Self::Public(Public(request)) => (None, request),
        }
    }
}
