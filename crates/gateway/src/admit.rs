//! Admission: the library's verdict, and the proof of it that forwarding asks for (RFC 6750 §3).

use bailiwick_guard::{Permit, Permitted, Reason, Rule, ScopeRule};
use bailiwick_oauth::ClientId;
use bailiwick_resource_server::{Asked, ResourceServer};
use http::Request;
use hyper::body::Incoming;

use crate::config::{Access, Route};

/// A request that was let in.
///
/// INVARIANT: there are two ways to one, a permit, which only `guard` makes, and a public route.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// By a token.
    Permitted(Permitted<Request<Incoming>>),
    /// By a route that is for everyone.
    Public(Public),
}

/// A request to a public route; only [`admit`] makes one.
#[derive(Debug)]
pub(crate) struct Public(Request<Incoming>);

/// A request that was not let in: why, and the library's answer.
#[derive(Debug)]
pub(crate) struct NotAdmitted {
    pub(crate) reason: Reason,
    pub(crate) answer: http::Response<bytes::Bytes>,
}

/// Lets a request to a route of a resource in, or not.
pub(crate) async fn admit(
    resource: &ResourceServer,
    route: &Route,
    request: Request<Incoming>,
) -> Result<Admitted, NotAdmitted> {
    let needed = match &route.access {
        Access::Public => return Ok(Admitted::Public(Public(request))),
        Access::Scopes(scopes) => Rule::from(ScopeRule::AllOf(scopes.clone())),
    };
    match resource.admit(&Asked::from(&request), &needed).await {
        Ok(permit) => Ok(Admitted::Permitted(permit.admit(request))),
        Err(refused) => {
            Err(NotAdmitted { reason: refused.refusal().reason(), answer: refused.response() })
        }
    }
}

impl Admitted {
    /// The client that holds the token, where there is one.
    pub(crate) fn client(&self) -> Option<&ClientId> {
        match self {
            Self::Permitted(permitted) => permitted.permit().client_id(),
            Self::Public(_) => None,
        }
    }

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
