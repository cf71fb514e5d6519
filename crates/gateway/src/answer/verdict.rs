//! The verdict on a request that another proxy has: what to tell that proxy.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};

use crate::answer::Fault;
use crate::decide::{Decision, Event, Passage};
use crate::headers::{self, CLIENT, DPOP, SCOPE, SUBJECT};
use crate::site::Site;

/// What another proxy is told about a request that it has.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It may pass. The upstream gets these headers, and of [`OURS`] no others.
    Passes(HeaderMap),
    /// The client gets this answer.
    Refused(Response<Bytes>),
}

/// The headers that the proxy must take from the verdict alone, never from the client.
pub(super) const OURS: [HeaderName; 5] = [SUBJECT, CLIENT, SCOPE, AUTHORIZATION, DPOP];

impl Verdict {
    /// Decides about a request as its client sent it, rebuilt from the proxy's question.
    ///
    /// A DPoP proof is used up by it: decide once about each question.
    pub(super) async fn of<'s>(
        site: &'s Site,
        request: Result<Request<()>, Fault>,
        event: &mut Event<'s>,
    ) -> Self {
        let decided = match request {
            Ok(request) => decided(site, &request, event).await,
            Err(fault) => Err(fault),
        };
        decided.unwrap_or_else(|fault| {
            event.reason = fault.error;
            Self::Refused(fault.response())
        })
    }

    /// The status that the client gets, or 200.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Passes(_) => StatusCode::OK,
            Self::Refused(answer) => answer.status(),
        }
    }
}

async fn decided<'s>(
    site: &'s Site,
    request: &Request<()>,
    event: &mut Event<'s>,
) -> Result<Verdict, Fault> {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        let why = format!("{} is not forwarded", request.method());
        return Err(Fault::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", why));
    }
    // Whoever forwards is not us: what must not reach the upstream cannot be taken away here.
    if let Some(name) = headers::deceptive(request.headers()) {
        let why = format!("the header '{name}' would tell the upstream what a client must not");
        return Err(Fault::bad_request("deceptive_header", why));
    }
    match site.decide(request, event).await? {
        // The proxy takes 200 for leave to pass.
        Decision::Published(_) => Err(Fault::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "this is the gateway's to answer: the proxy must send such requests to it",
        )),
        // Nor is there a body to read, and the proxy would forward any.
        Decision::Reads(_) => Err(without_body()),
        Decision::Passes(passage) if passage.part.route.calls.is_some() => Err(without_body()),
        Decision::Refused(answer) => Ok(Verdict::Refused(answer)),
        Decision::Passes(passage) => Ok(Verdict::Passes(for_upstream(&passage, request.headers()))),
    }
}

/// The answer where the body says what is asked for.
fn without_body() -> Fault {
    Fault::new(
        StatusCode::NOT_IMPLEMENTED,
        "not_implemented",
        "this route goes by the request's body, which only a gateway that forwards can read",
    )
}

/// What the upstream is told of a request that may pass.
fn for_upstream(passage: &Passage<'_>, sent: &HeaderMap) -> HeaderMap {
    let mut told = HeaderMap::new();
    if let Some(permit) = passage.ticket.permit() {
        headers::set_identity(&mut told, permit);
    }
    if passage.part.route.forward_token {
        for name in [AUTHORIZATION, DPOP] {
            for value in sent.get_all(&name) {
                told.append(&name, value.clone());
            }
        }
    }
    told
}
