//! The decision on a request, the same for whoever asks: a client here, or another proxy that has
//! the request itself.

use std::net::IpAddr;

use bailiwick_guard::{Permit, Reason, Rule, Step};
use bailiwick_resource_server::Asked;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};

use crate::admit::{self, NotAdmitted, Ticket, Unscoped, admit};
use crate::answer::Fault;
use crate::config::{Calls, Protected};
use crate::cors;
use crate::limits::Places;
use crate::mcp;
use crate::path::Path;
use crate::route::{Chosen, NoRoute};
use crate::site::{Part, Site};
use crate::target::{self, Host};
use crate::traces::Trace;

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Decision<'s> {
    /// It asks for what the gateway publishes itself: here it is.
    Published(Response<Bytes>),
    /// It is not let in: the library's answer.
    Refused(Response<Bytes>),
    /// It may pass.
    Passes(Passage<'s>),
    /// Whether it may pass depends on its body.
    Reads(Reading<'s>),
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

/// A way that is open, but for the scopes that the calls in the request's body need.
#[derive(Debug)]
pub(crate) struct Reading<'s> {
    part: Part<'s>,
    calls: &'s Calls,
    token: Unscoped<'s>,
    host: Host,
    target: PathAndQuery,
}

/// What is noted of a decision, to be counted, logged and recorded: never a token, never a claim.
#[derive(Debug)]
pub(crate) struct Event<'s> {
    pub(crate) verdict: &'static str,
    pub(crate) reason: &'static str,
    /// Who asks, for limits.
    pub(crate) address: Option<IpAddr>,
    /// Of a token that is good for the resource, if not for the route.
    pub(crate) permit: Option<Permit>,
    /// Places among the requests under way, to be kept to the end of the answer.
    pub(crate) places: Places,
    pub(crate) resource: Option<&'s Protected>,
    /// The resource's number.
    pub(crate) number: Option<usize>,
    pub(crate) route: Option<&'s str>,
    /// The trace that it is part of, where there are traces.
    pub(crate) trace: Option<Trace>,
}

impl Default for Event<'_> {
    fn default() -> Self {
        Self {
            verdict: "malformed",
            reason: "",
            address: None,
            permit: None,
            places: Places::default(),
            resource: None,
            number: None,
            route: None,
            trace: None,
        }
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
        if let Some(wanted) = cors::preflight_for(request)
            && let Ok((chosen, part)) = self.find(&host.name(), path, &wanted, event)
        {
            event.verdict = "preflight";
            if let Some(cors) = &part.resource.cors {
                return Ok(Decision::Published(cors.preflight(request.headers(), &wanted)));
            }
            if let Some(ticket) = admit::preflight(part.resource) {
                self.limiters(chosen.resource, chosen.route).address(event)?;
                let forwarded = if part.resource.strip_prefix { chosen.below } else { path };
                let target = target::onward(forwarded, uri.query())?;
                return Ok(Decision::Passes(Passage { part, ticket, host, target }));
            }
        }
        let (chosen, part) = self.find(&host.name(), path, method, event)?;
        let forwarded = if part.resource.strip_prefix { chosen.below } else { path };
        let target = target::onward(forwarded, uri.query())?;
        let limiters = self.limiters(chosen.resource, chosen.route);
        // Before the token is looked at: a flood shall not cost a signature each.
        limiters.address(event)?;
        let asked = Asked::from(request);
        if let (Some(calls), Some(rule)) = (&part.route.calls, part.route.access.rule())
            && mcp::carries_calls(method)
        {
            return Ok(match Box::pin(admit::admit_but_scope(part.server, rule, &asked)).await {
                Ok(token) => {
                    event.permit = Some(token.permit().clone());
                    limiters.token(event)?;
                    event.verdict = "malformed"; // until the body was read
                    Decision::Reads(Reading { part, calls, token, host, target })
                }
                Err(not) => {
                    event.permit = Box::pin(self.despite(not.reason, part, &asked)).await;
                    Decision::Refused(event.refused(not))
                }
            });
        }
        Ok(match admit(part.server, part.route, &asked).await {
            Ok(ticket) => {
                event.permit = match ticket.verdict() {
                    (_, Some(reason)) => Box::pin(self.despite(reason, part, &asked)).await,
                    (_, None) => ticket.permit().cloned(),
                };
                limiters.token(event)?;
                event.passes(&ticket);
                Decision::Passes(Passage { part, ticket, host, target })
            }
            Err(not) => {
                event.permit = Box::pin(self.despite(not.reason, part, &asked)).await;
                Decision::Refused(event.refused(not))
            }
        })
    }

    /// What is known of a good token that the route did not let in, for the records; nothing is
    /// looked at where there are none.
    async fn despite(&self, reason: Reason, part: Part<'_>, asked: &Asked<'_>) -> Option<Permit> {
        if self.records.is_none() || reason.step() != Step::Allowed {
            return None;
        }
        part.server.admit(asked, &Rule::ANY_TOKEN).await.ok()
    }

    /// What decides about something that was let in before and goes on; `None` when it would not be
    /// let in any more. The token itself is not looked at: whether it is current is another question.
    pub(crate) fn still_passes(
        &self,
        permit: Option<&Permit>,
        host: &Host,
        method: &Method,
        uri: &Uri,
    ) -> Option<Part<'_>> {
        let path = Path::parse(uri.path()).ok()?;
        let (_, part) = self.find(&host.name(), path, method, &mut Event::default()).ok()?;
        let passes = match part.route.access.rule() {
            None => true,
            Some(_) if part.route.report_only => true,
            Some(rule) => part.server.still_allows(permit?, rule, method, uri),
        };
        passes.then_some(part)
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
        event.verdict = "unrouted";
        let chosen = self.routes.find(host, path, method, resources).map_err(|none| {
            event.number = none.resource();
            event.resource = event.number.and_then(|number| resources.get(number));
            none.fault()
        })?;
        let Some(part) = self.part(chosen) else { return Err(Fault::nothing_here()) };
        event.number = Some(part.number);
        event.resource = Some(part.resource);
        event.route = Some(part.route.path.as_str());
        Ok((chosen, part))
    }
}

impl<'s> Reading<'s> {
    /// How long a body may be.
    pub(crate) fn limit(&self) -> usize {
        self.calls.limit
    }

    /// Decides by the body, which must be what is forwarded: the way, or the library's answer.
    pub(crate) fn decide(
        self,
        headers: &HeaderMap,
        body: &[u8],
        event: &mut Event<'s>,
    ) -> Result<Result<Passage<'s>, Response<Bytes>>, Fault> {
        let Self { part, calls, token, host, target } = self;
        let needed = mcp::needed(calls, headers, body).inspect_err(|fault| {
            if fault.status == StatusCode::FORBIDDEN {
                event.verdict = "refused";
            }
        })?;
        Ok(match token.with(needed) {
            Ok(ticket) => {
                event.passes(&ticket);
                Ok(Passage { part, ticket, host, target })
            }
            Err(not) => Err(event.refused(not)),
        })
    }
}

impl Event<'_> {
    fn passes(&mut self, ticket: &Ticket) {
        let (verdict, reason) = ticket.verdict();
        (self.verdict, self.reason) = (verdict, reason.map_or("", Reason::as_str));
    }

    fn refused(&mut self, not: NotAdmitted) -> Response<Bytes> {
        (self.verdict, self.reason) = ("refused", not.reason.as_str());
        *not.answer
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
            Self::MethodCase => Fault::bad_request(
                "ambiguous_method",
                "the method differs from a known one only in case",
            ),
        }
    }
}
