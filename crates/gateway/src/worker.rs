//! A worker: one thread's share of the gateway, with its own connections to the upstreams.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, Guard};
use http::header::{CONTENT_LENGTH, EXPECT, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body, Incoming};

use crate::answer::{self, Answer, Fault};
use crate::client::{Client, Peer};
use crate::config::{Http, Protected, Route, Upstream};
use crate::decide::{Decision, Event, Passage};
use crate::events;
use crate::forward::{self, Forwarder, Onward};
use crate::gateway::GatewayError;
use crate::headers::Credentials;
use crate::lease::Grounds;
use crate::log::Logged;
use crate::mcp;
use crate::reload::Live;
use crate::sent::{BadBody, Bounded, Sent};
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
        let tracer = ready.site.tracer.as_ref();
        let trace = tracer.and_then(|tracer| tracer.trace(request.headers(), peer.is_believed));
        let mut event = Event { address: Some(asker.address), trace, ..Event::default() };
        let origin = request.headers().get(ORIGIN).cloned();
        let mut answer = match ready.pass(request, &asker, &self.live, &mut event).await {
            Ok(answer) => answer,
            Err(fault) => {
                event.reason = fault.error;
                fault.answer()
            }
        };
        if let Some(cors) = event.resource.and_then(|resource| resource.cors.as_ref()) {
            cors.open(origin.as_ref(), answer.headers_mut());
        }
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
        self.forwarders.iter().find(|forwarder| forwarder.is_for(upstream))
    }

    /// `route → admit → forward`: the answer of the first that has one.
    async fn pass<'s>(
        &'s self,
        request: Request<Incoming>,
        asker: &Client,
        live: &Arc<Live>,
        event: &mut Event<'s>,
    ) -> Result<Response<Answer>, Fault> {
        let http = &self.site.config.http;
        plain(&request, http)?;
        if let Some(receiver) = self.site.published.receiver(&request) {
            event.verdict = "event";
            return Ok(answer::whole(Box::pin(events::receive(receiver, request)).await));
        }
        match self.site.decide(&request, event).await? {
            Decision::Published(answer) | Decision::Refused(answer) => Ok(answer::whole(answer)),
            Decision::Passes(passage) => {
                bodiless(passage.part.route, request.body())?;
                let (head, body) = request.into_parts();
                let body = Bounded::new(body, passage.part.max_body(), http.body_timeout)
                    .map_err(BadBody::fault)?;
                let request = Request::from_parts(head, Sent::Coming(body));
                self.forward(request, passage, asker, live, event).await
            }
            Decision::Reads(reading) => {
                let (head, body) = request.into_parts();
                let body = Box::pin(mcp::receive(body, reading.limit())).await?;
                match reading.decide(&head.headers, &body, event)? {
                    Ok(passage) => {
                        let request = Request::from_parts(head, Sent::Read(body.into()));
                        Box::pin(self.forward(request, passage, asker, live, event)).await
                    }
                    Err(refusal) => Ok(answer::whole(refusal)),
                }
            }
        }
    }

    async fn forward(
        &self,
        mut request: Request<Sent>,
        passage: Passage<'_>,
        asker: &Client,
        live: &Arc<Live>,
        event: &mut Event<'_>,
    ) -> Result<Response<Answer>, Fault> {
        let Passage { part, ticket, host, target } = passage;
        let told = part.teller.told(request.headers_mut(), ticket.permit()).await?;
        let forwarder = self.forwarders.get(part.number).ok_or_else(Fault::nothing_here)?;
        let credentials =
            if part.route.forward_token { Credentials::Forwarded } else { Credentials::Withheld };
        let upgrade = forward::upgrade_asked(&request, &part.route.upgrade)?;
        let grounds = Grounds { part, site: &self.site, live };
        let trace = event.trace.as_ref();
        let onward =
            Onward { target, client: asker, host, credentials, grounds, upgrade, told, trace };
        let begun = Instant::now();
        let outcome = forwarder.forward(ticket.admit(request), onward).await;
        if let Some(trace) = &mut event.trace {
            trace.answered(begun, &outcome, &part.resource.upstream);
        }
        outcome
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
fn plain(request: &Request<Incoming>, limits: &Http) -> Result<(), Fault> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits.max_uri {
        let what = format!("the target is longer than {} octets", limits.max_uri);
        return Err(Fault::new(StatusCode::URI_TOO_LONG, "uri_too_long", what));
    }
    let too_large = |what: String| {
        Err(Fault::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", what))
    };
    if request.headers().len() > limits.max_headers {
        return too_large(format!("the request has more than {} headers", limits.max_headers));
    }
    // hyper stops at about this size: what it has already read of a head, it reads.
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if target + lines.sum::<usize>() > limits.max_head {
        return too_large(format!("the head is longer than {} octets", limits.max_head));
    }
    // HTTP/2 has them for show, but an HTTP/1.1 upstream would read them.
    if request.headers().get_all(CONTENT_LENGTH).iter().nth(1).is_some() {
        return Err(Fault::bad_request("invalid_request", "the request has two lengths"));
    }
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Fault::new(
            StatusCode::NOT_IMPLEMENTED,
            "not_implemented",
            format!("{} is not forwarded", request.method()),
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
