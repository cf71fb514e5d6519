//! A worker: one thread's share of the gateway, with its own connections to the upstreams.

use std::sync::Arc;

use http::header::{EXPECT, UPGRADE};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::answer::{self, Answer, Fault};
use crate::client::{Client, Peer};
use crate::config::Proxies;
use crate::decide::{Decision, Event, Passage};
use crate::forward::{Forwarder, Onward};
use crate::gateway::GatewayError;
use crate::headers::Credentials;
use crate::site::Site;

/// One worker: the shared site, and its own connections to the upstreams.
#[derive(Debug)]
pub(crate) struct Worker {
    site: Arc<Site>,
    forwarders: Vec<Forwarder>,
}

impl Worker {
    pub(crate) fn new(site: Arc<Site>) -> Result<Self, GatewayError> {
        let mut forwarders = Vec::new();
        for resource in &site.config.resources {
            let forwarder = Forwarder::new(&resource.upstream)
                .map_err(|error| GatewayError::new(resource, error.into()))?;
            forwarders.push(forwarder);
        }
        Ok(Self { site, forwarders })
    }

    /// The proxies whose word is taken.
    pub(crate) fn proxies(&self) -> &Proxies {
        &self.site.config.proxies
    }

    /// Answers a request and logs what was decided.
    pub(crate) async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: &Peer,
    ) -> Response<Answer> {
        let method = request.method().clone();
        let asker = Client::of(peer, request.headers(), &self.site.config.proxies);
        peer.note(request.extensions_mut());
        let mut event = Event::default();
        let answer = match self.pass(request, &asker, &mut event).await {
            Ok(answer) => answer,
            Err(fault) => {
                event.reason = fault.error;
                fault.answer()
            }
        };
        let Event { verdict, reason, client, resource, route } = event;
        let (status, address) = (answer.status().as_u16(), asker.address);
        tracing::info!(
            verdict, reason, client, %address, resource, route, %method, status, "request"
        );
        answer
    }

    /// `route → admit → forward`: the answer of the first that has one.
    async fn pass<'s>(
        &'s self,
        request: Request<Incoming>,
        asker: &Client,
        event: &mut Event<'s>,
    ) -> Result<Response<Answer>, Fault> {
        plain(&request)?;
        let passage = match self.site.decide(&request, event).await? {
            Decision::Published(answer) | Decision::Refused(answer) => {
                return Ok(answer::whole(answer));
            }
            Decision::Passes(passage) => passage,
        };
        let Passage { part, ticket, host, target } = passage;
        let forwarder = self.forwarders.get(part.number).ok_or_else(Fault::nothing_here)?;
        let credentials =
            if part.route.forward_token { Credentials::Forwarded } else { Credentials::Withheld };
        let onward = Onward { target, client: asker, host: host.as_str(), credentials };
        forwarder.forward(ticket.admit(request), onward).await
    }
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
