//! Forwarding: an admitted request to the upstream, its answer back (RFC 9110 §7.6).

mod balance;
mod connect;
mod download;
mod health;
mod patience;
mod pool;
mod upgrade;
mod upload;

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::{fmt, mem};

use http::header::{CONTENT_LENGTH, TE, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use crate::admit::Admitted;
use crate::answer::{Answer, Fault};
use crate::client;
use crate::config::Upstream;
use crate::headers::{self, Credentials};
use crate::identity::Told;
use crate::lease::{Admission, Grounds, Lease, Over};
use crate::sent::BadBody;
use crate::target::Host;
use crate::traces::Trace;
pub(crate) use balance::Turn;
use balance::{Fleet, Tried};
pub(crate) use connect::BadUpstream;
use connect::NoConnection;
pub(crate) use download::{BrokenOff, Download};
pub(crate) use patience::{Cut, Patience};
use pool::{Freshness, Taken, Unanswered, Way};
use upgrade::Upgrade;
pub(crate) use upgrade::asked as upgrade_asked;
use upload::{Progress, Upload};

/// The connections of one worker to one upstream.
///
/// Requests that are under way keep what they need of it when it is dropped; its idle connections
/// are closed then.
pub(crate) struct Forwarder {
    upstream: Upstream,
    /// What the files held that its TLS is made of.
    files: u64,
    fleet: Arc<Fleet>,
}

/// What an upstream is told beside the request itself.
pub(crate) struct Onward<'r> {
    /// The target that was checked.
    pub(crate) target: PathAndQuery,
    /// Who asked.
    pub(crate) client: &'r client::Client,
    /// The host and port that the client asked for.
    pub(crate) host: Host,
    /// Whether the client's credentials go along.
    pub(crate) credentials: Credentials,
    /// By what it was let in.
    pub(crate) grounds: Grounds<'r>,
    /// The protocol that the client asks to switch to, where its route has that.
    pub(crate) upgrade: Option<HeaderValue>,
    /// What it is told of who asks.
    pub(crate) told: Told<'r>,
    /// The trace that the request is part of, where there are traces.
    pub(crate) trace: Option<&'r Trace>,
}

impl Forwarder {
    pub(crate) fn new(upstream: &Upstream) -> Result<Self, BadUpstream> {
        Ok(Self {
            files: connect::content_of(&upstream.tls),
            fleet: Arc::new(Fleet::new(upstream)?),
            upstream: upstream.clone(),
        })
    }

    /// Whether this is what a new one would be, so that its connections can be kept.
    pub(crate) fn is_for(&self, upstream: &Upstream) -> bool {
        self.upstream == *upstream && self.files == connect::content_of(&upstream.tls)
    }

    /// Sends a request that was let in to the upstream, with the target that was checked.
    pub(crate) async fn forward(
        &self,
        request: Admitted,
        onward: Onward<'_>,
    ) -> Result<Response<Answer>, Fault> {
        let end = self.upstream.total_timeout.map(|total| Instant::now() + total);
        let (permit, mut request) = request.into_parts();
        let upgrade = onward.upgrade.map(|protocol| Upgrade::new(protocol, &mut request));
        let (mut parts, body) = request.into_parts();
        let takes_trailers = upgrade.is_none() && takes_trailers(&parts.headers);
        headers::cleanse_request(&mut parts.headers, onward.credentials);
        headers::join_cookies(&mut parts.headers);
        // After the cleansing: what is set now is ours, and no `Connection` names it away.
        headers::set_via(&mut parts.headers, parts.version);
        headers::set_forwarded(&mut parts.headers, onward.client, onward.host.as_str());
        onward.told.write(&mut parts.headers, permit.as_ref());
        if let Some(trace) = onward.trace {
            trace.tell(&mut parts.headers);
        }
        parts.extensions.clear();
        let admission = Admission {
            permit,
            host: onward.host,
            method: parts.method.clone(),
            uri: mem::take(&mut parts.uri),
            upgrade: upgrade.as_ref().map(|upgrade| upgrade.protocol.clone()),
        };
        let protocol = admission.upgrade.clone();
        let mut lease = Lease::new(onward.grounds, admission);
        let request = Request::from_parts(parts, Upload::new(body));
        let progress = request.body().progress();
        let way = Way { target: onward.target, takes_trailers, upgrade: protocol };
        self.tend();

        let outcome = {
            let exchange = pin!(self.exchange(request, &way, &progress, &mut lease));
            match end {
                None => exchange.await,
                Some(end) => timeout_at(end, exchange).await.unwrap_or(Err(Failed::Slow)),
            }
        };
        let (mut answer, mut turn) = outcome.map_err(|failed| failed.fault(&self.upstream))?;
        let patience = Patience::new(self.upstream.idle_timeout, end, lease);
        if answer.status().is_informational() {
            return match upgrade {
                Some(upgrade) => upgrade.switched(answer, patience, turn),
                None => Err(bad_gateway("the upstream switched protocols without being asked")),
            };
        }
        let is_well_framed = answer.version() >= Version::HTTP_2 || well_framed(answer.headers());
        if !is_well_framed {
            return Err(bad_gateway("the upstream's answer has two readings: its length"));
        }
        *answer.version_mut() = Version::HTTP_11;
        headers::cleanse_response(answer.headers_mut());
        turn.give_back_if_ready();
        Ok(Download::new(answer, patience, progress, turn)
            .map(|body| Answer::Upstream(Box::new(body))))
    }

    /// Sends a request to one server after the other until one can be reached, and over another
    /// connection once more where that is safe.
    async fn exchange(
        &self,
        mut request: Request<Upload>,
        way: &Way,
        progress: &Progress,
        lease: &mut Lease,
    ) -> Result<(Response<Incoming>, Turn), Failed> {
        let mut again = Again::of(&request);
        let mut failed = Failed::Slow;
        let mut tried = Tried::default();
        while let Some(mut turn) = self.fleet.choose(&mut tried) {
            let mut freshness =
                if way.upgrade.is_some() { Freshness::Http1 } else { Freshness::Any };
            loop {
                let (pool, taken) = match turn.connect(freshness).await {
                    Ok(connected) => connected,
                    Err(error) => {
                        failed = Failed::Unreachable(error);
                        break; // nothing was sent: the next one may do
                    }
                };
                pool.address(&mut request, way, taken.is_http2()).map_err(|_| Failed::Target)?;
                let copy = again.copy(&request, taken);
                match self.answer(taken, request, progress, lease).await {
                    Ok(answer) => return Ok((answer, turn)),
                    Err(Lost::Unsent(unsent)) => request = *unsent,
                    Err(Lost::Failed(Failed::Closed(error))) => match copy {
                        Some(copy) if is_perhaps_unread(&error) => request = copy,
                        _ => return Err(Failed::Closed(error)),
                    },
                    Err(Lost::Failed(failed)) => return Err(failed),
                }
                if freshness != Freshness::Any {
                    failed = Failed::Restless;
                    break;
                }
                freshness = Freshness::New;
            }
        }
        Err(failed)
    }

    /// The answer to a request, if it begins in time.
    async fn answer(
        &self,
        taken: &mut Taken,
        request: Request<Upload>,
        progress: &Progress,
        lease: &mut Lease,
    ) -> Result<Response<Incoming>, Lost> {
        let limit = self.upstream.first_byte_timeout;
        let sent = Instant::now();
        let mut answer = pin!(taken.send(request));
        // The time begins anew with each part of the body that the upstream has taken.
        let deadline = || progress.latest().max(sent) + limit;
        loop {
            let look = progress.is_under_way().then(|| Instant::now() + patience::LOOK);
            let due = look.map_or_else(deadline, |look| look.min(deadline()));
            match timeout_at(due, &mut answer).await {
                Ok(Ok(answer)) => {
                    progress.answered();
                    return Ok(answer);
                }
                Ok(Err(Unanswered::Unsent(request))) => return Err(Lost::Unsent(request)),
                Ok(Err(Unanswered::Closed(error))) => {
                    let why = progress.broken().map_or(Failed::Closed(error), Failed::Client);
                    return Err(Lost::Failed(why));
                }
                Err(_) if deadline() <= Instant::now() => return Err(Lost::Failed(Failed::Slow)),
                // An upload may go on for longer than its token is good for.
                Err(_) if progress.is_under_way() => lease.look().map_err(|over| {
                    progress.end();
                    Lost::Failed(Failed::Over(over))
                })?,
                Err(_) => {}
            }
        }
    }

    /// Sees to it that idle connections are closed and servers asked after their health.
    fn tend(&self) {
        if !self.fleet.wants_tending() {
            return;
        }
        tokio::spawn(balance::tend(Arc::downgrade(&self.fleet)));
        if let Some(check) = &self.upstream.health_check {
            for member in self.fleet.members() {
                tokio::spawn(health::watch(Arc::downgrade(member), check.clone()));
            }
        }
    }
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

/// Whether a request may be sent a second time (RFC 9110 §9.2.2): it has no body, its method is
/// idempotent, and the server closed a connection that it had left idle, so that most likely it
/// did not read it.
enum Again {
    /// Once.
    May,
    Never,
}

impl Again {
    fn of(request: &Request<Upload>) -> Self {
        let may = request.body().is_end_stream() && is_idempotent(request.method());
        if may { Self::May } else { Self::Never }
    }

    /// What may be sent a second time.
    fn copy(&mut self, request: &Request<Upload>, taken: &Taken) -> Option<Request<Upload>> {
        if matches!(self, Self::Never) || !taken.is_reused {
            return None;
        }
        *self = Self::Never;
        let mut copy = Request::new(Upload::empty());
        *copy.method_mut() = request.method().clone();
        *copy.headers_mut() = request.headers().clone();
        Some(copy)
    }
}

/// What became of a request that was not answered.
enum Lost {
    /// Nothing of it was sent: here it is.
    Unsent(Box<Request<Upload>>),
    Failed(Failed),
}

/// Why there is no answer from the upstream.
#[derive(Debug)]
enum Failed {
    Unreachable(NoConnection),
    Closed(hyper::Error),
    /// One connection after the other was closed.
    Restless,
    Slow,
    Client(BadBody),
    /// The request was not whole when its right to go on ended.
    Over(Over),
    Target,
}

impl Failed {
    /// What the client reads; the log gets the cause.
    fn fault(self, upstream: &Upstream) -> Fault {
        let upstream = upstream.servers.first().map(|server| server.authority.as_str());
        let (status, code, description) = match &self {
            Self::Slow | Self::Unreachable(NoConnection::Slow) => {
                (StatusCode::GATEWAY_TIMEOUT, "gateway_timeout", "the upstream took too long")
            }
            Self::Unreachable(_) | Self::Restless => {
                (StatusCode::BAD_GATEWAY, "bad_gateway", "the upstream cannot be reached")
            }
            Self::Closed(_) => {
                (StatusCode::BAD_GATEWAY, "bad_gateway", "the upstream gave no valid answer")
            }
            Self::Client(why) => return why.fault(),
            Self::Over(Over::Expired) => (
                StatusCode::REQUEST_TIMEOUT,
                "request_timeout",
                "the token expired before the request's body was whole",
            ),
            Self::Over(Over::Refused) => (
                StatusCode::REQUEST_TIMEOUT,
                "request_timeout",
                "the request was not whole when it became one that is not let in any more",
            ),
            Self::Target => {
                (StatusCode::BAD_REQUEST, "invalid_request", "the target cannot be forwarded")
            }
        };
        match &self {
            Self::Unreachable(error) => {
                tracing::warn!(upstream, error = chain(error), "{description}");
            }
            Self::Closed(error) => tracing::warn!(upstream, error = chain(error), "{description}"),
            Self::Slow | Self::Restless => tracing::warn!(upstream, "{description}"),
            Self::Client(_) | Self::Over(_) | Self::Target => {
                tracing::debug!(upstream, "{description}");
            }
        }
        Fault::new(status, code, description)
    }
}

fn bad_gateway(description: &str) -> Fault {
    tracing::warn!("{description}");
    Fault::new(StatusCode::BAD_GATEWAY, "bad_gateway", description)
}

/// Whether the length of an answer has one reading (RFC 9112 §6.3): others on the way to the
/// client could see two answers where the gateway sees one.
fn well_framed(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (codings.next(), lengths.next()) {
        (None, None) => true,
        (Some(coding), None) => {
            coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none()
        }
        (None, Some(length)) => {
            let digits = length.as_bytes();
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) && lengths.next().is_none()
        }
        (Some(_), Some(_)) => false,
    }
}

/// Whether the client takes trailers of the answer (RFC 9110 §10.1.4).
fn takes_trailers(headers: &HeaderMap) -> bool {
    headers.get_all(TE).iter().any(|value| {
        value
            .as_bytes()
            .split(|c| *c == b',')
            .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
    })
}

/// Whether the server may not have read the request at all: the connection is gone, or it refused
/// the stream (RFC 9113 §8.7). What it answered with something else, it has read.
fn is_perhaps_unread(error: &hyper::Error) -> bool {
    let mut causes = causes(error).filter_map(|error| error.downcast_ref::<h2::Error>());
    match causes.next() {
        Some(error) if error.is_reset() => error.reason() == Some(h2::Reason::REFUSED_STREAM),
        _ => !error.is_parse(),
    }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

/// An error and what is behind it.
fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| (*error).source())
}
