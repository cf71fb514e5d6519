//! The decision on a request, the same for whoever asks: a client here, or another proxy that has
//! the request itself.

use bailiwick_resource_server::Asked;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode};

use crate::admit::{NotAdmitted, Ticket, admit};
use crate::answer::Fault;
use crate::path::Path;
use crate::route::{Chosen, NoRoute};
use crate::site::{Part, Site};
use crate::target::{self, Host};

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Decision<'s> {
    /// It asks for what the gateway publishes itself: here it is.
    Published(Response<Bytes>),
    /// It is not let in: the library's answer.
    Refused(Response<Bytes>),
    /// It may pass.
    Passes(Passage<'s>),
}

/// A way through: which part of which resource, the ticket for it, and what is asked for there.
#[derive(Debug)]
pub(crate) struct Passage<'s> {
    pub(crate) part: Part<'s>,
    pub(crate) ticket: Ticket,
    /// The host that was checked.
    pub(crate) host: Host,
    /// The target to forward: what was checked, octet by octet, less a prefix that is stripped.
    pub(crate) target: PathAndQuery,
}

/// What is logged of a decision: never a token, never a claim.
#[derive(Debug)]
pub(crate) struct Event<'s> {
    pub(crate) verdict: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) client: Option<String>,
    pub(crate) resource: Option<&'s str>,
    pub(crate) route: Option<&'s str>,
}

impl Default for Event<'_> {
    fn default() -> Self {
        Self { verdict: "malformed", reason: "", client: None, resource: None, route: None }
    }
}

impl Site {
    /// Decides about a request by its head: `route → admit`.
    ///
    /// A DPoP proof is used up by it: decide once about each request.
    pub(crate) async fn decide<'s, B>(
        &'s self,
        request: &Request<B>,
        event: &mut Event<'s>,
    ) -> Result<Decision<'s>, Fault> {
        let (method, uri) = (request.method(), request.uri());
        let (host, path) = target::checked(request)?;
        if let Some(answer) = self.published.answer(&host.name(), method, uri) {
            event.verdict = "published";
            return Ok(Decision::Published(answer));
        }
        let (chosen, part) = self.find(&host.name(), path, method, event)?;
        match admit(part.server, part.route, &Asked::from(request)).await {
            Ok(ticket) => {
                let is_public = part.route.access.rule().is_none();
                event.verdict = if is_public { "public" } else { "permitted" };
                event.client = ticket.client().map(ToString::to_string);
                let forwarded = if part.resource.strip_prefix { chosen.below } else { path };
                let target = target::onward(forwarded, uri.query())?;
                Ok(Decision::Passes(Passage { part, ticket, host, target }))
            }
            Err(NotAdmitted { reason, answer }) => {
                (event.verdict, event.reason) = ("refused", reason.as_str());
                Ok(Decision::Refused(answer))
            }
        }
    }

    /// Finds the route of a request.
    pub(crate) fn find<'s, 'r>(
        &'s self,
        host: &str,
        path: Path<'r>,
        method: &Method,
        event: &mut Event<'s>,
    ) -> Result<(Chosen<'r>, Part<'s>), Fault> {
        let resources = &self.config.resources;
        let of = |number: usize| resources.get(number).map(|at| at.identifier.as_str());
        event.verdict = "unrouted";
        let chosen = self.routes.find(host, path, method, resources).map_err(|none| {
            event.resource = none.resource().and_then(of);
            none.fault()
        })?;
        let Some(part) = self.part(chosen) else { return Err(Fault::nothing_here()) };
        event.resource = Some(part.resource.identifier.as_str());
        event.route = Some(part.route.path.as_str());
        Ok((chosen, part))
    }
}

impl NoRoute {
    /// The answer to a request that has no route.
    fn fault(self) -> Fault {
        let not_found = |why: &str| Fault::new(StatusCode::NOT_FOUND, "not_found", why);
        match self {
            Self::Resource => Fault::nothing_here(),
            Self::Path(_) => not_found("the resource has no such path"),
            Self::Method(_, allowed) => Fault {
                allowed,
                ..Fault::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method_not_allowed",
                    "the path does not have this method",
                )
            },
            Self::NearMiss => Fault::bad_request(
                "ambiguous_path",
                "the path differs from a known one only in case or in what ends a segment",
            ),
        }
    }
}
