//! Admission: the library's verdict, and the proof of it that forwarding asks for (RFC 6750 §3).

use bailiwick_guard::{Permit, Permitted, Reason, Rule, ScopeRule};
use bailiwick_oauth::{ErrorCode, Scopes};
use bailiwick_resource_server::{Asked, Refused, ResourceServer, VerifiedToken};
use http::Request;

use crate::config::{Access, Protected, Route};
use crate::sent::Sent;

/// What lets a request in.
///
/// INVARIANT: there are three ways to one: a permit, which only `guard` makes, a public route, and
/// a route whose refusals are only reported.
#[derive(Debug)]
pub(crate) enum Ticket {
    /// A token's.
    Permit(Permit),
    /// A route's that is for everyone.
    Public(PublicRoute),
    /// A route's that lets through what it would refuse.
    Reported(ReportedOnly),
}

/// A token that would do if it has the scopes, which are still to be found out; no ticket yet.
#[derive(Debug)]
pub(crate) struct Unscoped<'s> {
    token: VerifiedToken,
    rule: &'s Rule,
}

/// Proof that a route is for everyone; only [`admit`] makes one.
#[derive(Debug)]
pub(crate) struct PublicRoute(());

/// Proof that a route only reports what it would refuse; only [`admit`] makes one.
#[derive(Debug)]
pub(crate) struct ReportedOnly(Reason);

/// A request that was let in; only [`Ticket::admit`] makes one.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// By a token.
    Permitted(Permitted<Request<Sent>>),
    /// By a route that is for everyone.
    Public(Public),
    /// By a route that only reports what it would refuse: nothing is known of who asks.
    Reported(Reported),
}

/// A request to a public route.
#[derive(Debug)]
pub(crate) struct Public(Request<Sent>);

/// A request that would have been refused.
#[derive(Debug)]
pub(crate) struct Reported(Request<Sent>);

/// A request that was not let in: why, and the library's answer.
#[derive(Debug)]
pub(crate) struct NotAdmitted {
    pub(crate) reason: Reason,
    pub(crate) answer: Box<http::Response<bytes::Bytes>>,
}

/// Lets a CORS preflight in, where the resource lets its upstream answer them: they carry no token,
/// and change nothing (Fetch Standard, "CORS-preflight request").
pub(crate) fn preflight(resource: &Protected) -> Option<Ticket> {
    resource.allow_preflight.then_some(Ticket::Public(PublicRoute(())))
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
    match resource.admit(asked, rule).await.map_err(NotAdmitted::from) {
        // What is malformed has two readings: that is for nobody's upstream.
        Err(not) if route.report_only && not.reason.error() != Some(ErrorCode::InvalidRequest) => {
            Ok(Ticket::Reported(ReportedOnly(not.reason)))
        }
        outcome => outcome.map(Ticket::Permit),
    }
}

/// Whether a request is let in but for its scope, which depends on its body.
///
/// The body is read for whoever has a token for this resource, and for nobody else. A DPoP proof is
/// used up here.
pub(crate) async fn admit_but_scope<'s>(
    resource: &ResourceServer,
    rule: &'s Rule,
    asked: &Asked<'_>,
) -> Result<Unscoped<'s>, NotAdmitted> {
    Ok(Unscoped { token: resource.admit_but_scope(asked, rule).await?, rule })
}

impl Unscoped<'_> {
    /// The permit for the resource, if not for the calls.
    pub(crate) fn permit(&self) -> &Permit {
        self.token.permit()
    }

    /// Lets in what needs these scopes beside those of its route; the challenge names all of them.
    pub(crate) fn with(self, further: Scopes) -> Result<Ticket, NotAdmitted> {
        let mut scopes = self.rule.scope.enough();
        scopes.extend(further);
        let rule = Rule { scope: ScopeRule::AllOf(scopes), ..self.rule.clone() };
        self.token.also(&rule)?;
        Ok(Ticket::Permit(self.token.permit().clone()))
    }
}

impl From<Refused> for NotAdmitted {
    fn from(refused: Refused) -> Self {
        Self { reason: refused.refusal().reason(), answer: Box::new(refused.response()) }
    }
}

impl Ticket {
    /// The permit, where there is one.
    pub(crate) fn permit(&self) -> Option<&Permit> {
        match self {
            Self::Permit(permit) => Some(permit),
            Self::Public(_) | Self::Reported(_) => None,
        }
    }

    /// The verdict, and the reason for which the request would have been refused.
    pub(crate) fn verdict(&self) -> (&'static str, Option<Reason>) {
        match self {
            Self::Permit(_) => ("permitted", None),
            Self::Public(_) => ("public", None),
            Self::Reported(ReportedOnly(reason)) => ("reported", Some(*reason)),
        }
    }

    /// Lets the request in.
    pub(crate) fn admit(self, request: Request<Sent>) -> Admitted {
        match self {
            Self::Permit(permit) => Admitted::Permitted(permit.admit(request)),
            Self::Public(PublicRoute(())) => Admitted::Public(Public(request)),
            Self::Reported(ReportedOnly(_)) => Admitted::Reported(Reported(request)),
        }
    }
}

impl Admitted {
    /// The permit, which only a token has, and the request.
    pub(crate) fn into_parts(self) -> (Option<Permit>, Request<Sent>) {
        match self {
            Self::Permitted(permitted) => {
                let (permit, request) = permitted.into_parts();
                (Some(permit), request)
            }
            Self::Public(Public(request)) | Self::Reported(Reported(request)) => (None, request),
        }
    }
}
