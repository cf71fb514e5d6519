//! Questions of other proxies: who may ask, and the way from question to answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::verdict::Verdict;
use super::{auth_request, ext_authz, forward_auth, question};
use crate::answer::{Answer, Fault, whole};
use crate::client::Peer;
use crate::config::{Answering, Mode};
use crate::decide::Event;
use crate::reload::Live;

/// Answers questions at one place.
#[derive(Debug, Clone)]
pub(crate) struct Questions {
    live: Arc<Live>,
    place: Answering,
}

impl Questions {
    pub(crate) fn new(live: Arc<Live>, place: Answering) -> Self {
        Self { live, place }
    }

    /// Who is at the other end of a connection.
    pub(crate) fn peer(&self, address: SocketAddr) -> Peer {
        Peer::new(address, &self.place.peers)
    }

    /// Answers a question, or a request for what the gateway publishes.
    pub(crate) async fn answer(&self, asked: Request<Incoming>, peer: &Peer) -> Response<Answer> {
        if !peer.is_believed {
            tracing::warn!(peer = %peer.address, mode = %self.place.mode, "a question from no peer");
            let why = "only the proxies that `peers` names may ask here";
            return whole(Fault::new(StatusCode::FORBIDDEN, "not_a_peer", why).response());
        }
        let (path, mode) = (asked.uri().path(), self.place.mode);
        if mode == Mode::ExtAuthz && path == ext_authz::CHECK {
            return ext_authz::grpc(self.clone(), asked).await.map(Answer::Rpc);
        }
        let is_question = match mode {
            Mode::ExtAuthz => {
                path.strip_prefix(question::PLACE).is_some_and(|original| original.starts_with('/'))
            }
            Mode::AuthRequest | Mode::ForwardAuth => path == question::PLACE,
        };
        if !is_question {
            return whole(self.published(&asked));
        }
        let (parts, _) = asked.into_parts();
        whole(match mode {
            Mode::AuthRequest => {
                auth_request::answer(self.verdict(auth_request::request(parts.headers)).await)
            }
            Mode::ForwardAuth => {
                forward_auth::answer(self.verdict(forward_auth::request(parts.headers)).await)
            }
            Mode::ExtAuthz => ext_authz::answer(self.verdict(ext_authz::request(parts)).await),
        })
    }

    /// Decides about the request that was asked about, and notes what was decided. Limits of
    /// requests under way hold for the question alone: who forwards is another.
    pub(super) async fn verdict(&self, request: Result<Request<()>, Fault>) -> Verdict {
        let begun = Instant::now();
        let site = self.live.site();
        let mut unreadable = Request::new(());
        *unreadable.method_mut() = Method::from_bytes(b"UNREADABLE").unwrap_or_default();
        let arrived = site.arrived(request.as_ref().unwrap_or(&unreadable), None, begun);
        let headers = request.as_ref().ok().map(Request::headers);
        // A proxy that asks need not have begun the trace: it may be its client's.
        let trace = site.tracer.as_ref().zip(headers).and_then(|(at, told)| at.trace(told, false));
        let mut event = Event { trace, ..Event::default() };
        let told = Verdict::of(&site, request, &mut event).await;
        let mut answered = Response::new(Bytes::new());
        *answered.status_mut() = told.status();
        drop(site.note(arrived, event, whole(answered)));
        told
    }

    fn published(&self, asked: &Request<Incoming>) -> Response<Bytes> {
        let answer = crate::target::checked(asked).map(|(host, _)| {
            self.live.site().published.answer(&host.name(), asked.method(), asked.uri())
        });
        match answer {
            Ok(Some(document)) => document,
            Ok(None) => Fault::nothing_here().response(),
            Err(fault) => fault.response(),
        }
    }
}
