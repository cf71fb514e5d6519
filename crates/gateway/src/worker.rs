//! A worker: one thread's share of the gateway, with its own connections to the upstreams.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, Guard};
use http::header::{EXPECT, UPGRADE};
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body, Incoming};

use crate::answer::{self, Answer, Fault};
use crate::client::{Client, Peer};
use crate::config::{Protected, Route, Upstream};
use crate::decide::{Decision, Event, Passage};
use crate::forward::{Forwarder, Onward};
use crate::gateway::GatewayError;
use crate::headers::Credentials;
use crate::log::Logged;
use crate::mcp;
use crate::reload::Live;
use crate::sent::Sent;
use crate::site::Site;

/// One worker: the site that all share, and its own connections to the upstreams.
#[derive(Debug)]
pub(crate) struct Worker {
    live: Arc<Live>,
    ready: ArcSwap<Ready>,
}

/// A site, and one worker's connections to its upstreams.
#[derive(Debug)]
struct Ready {
    site: Arc<Site>,
    /// By the number of the resource.
    forwarders: Vec<Arc<Forwarder>>,
}

impl Worker {
    pub(crate) fn new(live: Arc<Live>) -> Result<Self, GatewayError> {
        let ready = ArcSwap::from_pointee(Ready::after(None, live.site())?);
        Ok(Self { live, ready })
    }

    /// What this request is served with, to its end: a reload is seen by the next one.
    fn ready(&self) -> Arc<Ready> {
        let ready = self.ready.load();
        if self.live.is(&ready.site) {
            return Guard::into_inner(ready);
        }
        match Ready::after(Some(&ready), self.live.site()) {
            Ok(next) => {
                let next = Arc::new(next);
                self.ready.store(next.clone());
                next
            }
            Err(error) => {
                tracing::error!(%error, "the old configuration is served on");
                Guard::into_inner(ready)
            }
        }
    }

    /// Answers a request and logs what was decided.
    pub(crate) async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: &Peer,
    ) -> Response<Logged> {
        let begun = Instant::now();
        let ready = self.ready();
        let asker = Client::of(peer, request.headers(), &ready.site.config.proxies);
        let arrived = ready.site.arrived(&request, Some(asker.address), begun);
        peer.note(request.extensions_mut());
        let mut event = Event { address: Some(asker.address), ..Event::default() };
        let answer = match ready.pass(request, &asker, &mut event).await {
            Ok(answer) => answer,
            Err(fault) => {
                event.reason = fault.error;
                fault.answer()
            }
        };
        ready.site.note(arrived, event, answer)
    }
}

impl Ready {
    /// Prepares for the upstreams of a site; unchanged ones keep their connections.
    fn after(previous: Option<&Self>, site: Arc<Site>) -> Result<Self, GatewayError> {
        let mut forwarders: Vec<Arc<Forwarder>> = Vec::new();
        for resource in &site.config.resources {
            let kept = previous.and_then(|ready| ready.forwarder(&resource.upstream));
            forwarders.push(match kept {
                Some(forwarder) => forwarder.clone(),
                None => Arc::new(prepare(resource)?),
            });
        }
        Ok(Self { site, forwarders })
    }

    fn forwarder(&self, upstream: &Upstream) -> Option<&Arc<Forwarder>> {
        let known = self.site.config.resources.iter().zip(&self.forwarders);
        known.into_iter().find(|(resource, _)| resource.upstream == *upstream).map(|(_, to)| to)
    }

    /// `route → admit → forward`: the answer of the first that has one.
    async fn pass<'s>(
        &'s self,
        request: Request<Incoming>,
        asker: &Client,
        event: &mut Event<'s>,
    ) -> Result<Response<Answer>, Fault> {
        plain(&request)?;
        match self.site.decide(&request, event).await? {
            Decision::Published(answer) | Decision::Refused(answer) => Ok(answer::whole(answer)),
            Decision::Passes(passage) => {
                bodiless(passage.part.route, request.body())?;
                self.forward(request.map(Sent::Coming), passage, asker).await
            }
            Decision::Reads(reading) => {
                let (head, body) = request.into_parts();
                let body = mcp::receive(body, reading.limit()).await?;
                match reading.decide(&head.headers, &body, event)? {
                    Ok(passage) => {
                        let request = Request::from_parts(head, Sent::Read(body.into()));
                        self.forward(request, passage, asker).await
                    }
                    Err(refusal) => Ok(answer::whole(refusal)),
                }
            }
        }
    }

    async fn forward(
        &self,
        request: Request<Sent>,
        passage: Passage<'_>,
        asker: &Client,
    ) -> Result<Response<Answer>, Fault> {
        let Passage { part, ticket, host, target } = passage;
        let forwarder = self.forwarders.get(part.number).ok_or_else(Fault::nothing_here)?;
        let credentials =
            if part.route.forward_token { Credentials::Forwarded } else { Credentials::Withheld };
        let onward = Onward { target, client: asker, host: host.as_str(), credentials };
        forwarder.forward(ticket.admit(request), onward).await
    }
}

/// Whether every upstream of a site can be prepared for.
pub(crate) fn try_out(site: &Site) -> Result<(), GatewayError> {
    site.config.resources.iter().try_for_each(|resource| prepare(resource).map(drop))
}

fn prepare(resource: &Protected) -> Result<Forwarder, GatewayError> {
    Forwarder::new(&resource.upstream).map_err(|error| GatewayError::new(resource, error.into()))
}

/// Refuses a body that nobody has read where bodies say what is asked for.
fn bodiless(route: &Route, body: &Incoming) -> Result<(), Fault> {
    if route.calls.is_none() || body.is_end_stream() {
        return Ok(());
    }
    Err(Fault::bad_request("unexpected_body", "calls are made with POST; send this without a body"))
}

/// Refuses what is no plain request for a path.
fn plain(request: &Request<Incoming>) -> Result<(), Fault> {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Fault::new(
            StatusCode::NOT_IMPLEMENTED,
            "not_implemented",
            format!("{} is not forwarded", request.method()),
        ));
    }
    // `Upgrade: h2c` may be ignored (RFC 9110 §7.8); other protocols were asked for in earnest.
    let upgrades = request.headers().get_all(UPGRADE).iter();
    if upgrades.into_iter().any(|protocol| !protocol.as_bytes().eq_ignore_ascii_case(b"h2c")) {
        return Err(Fault::new(
            StatusCode::NOT_IMPLEMENTED,
            "not_implemented",
            "this gateway does not switch protocols",
        ));
    }
    let mut expectations = request.headers().get_all(EXPECT).iter();
    if expectations.any(|what| !what.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Fault::new(
            StatusCode::EXPECTATION_FAILED,
            "expectation_failed",
            "only 'Expect: 100-continue' can be met",
        ));
    }
    Ok(())
}
