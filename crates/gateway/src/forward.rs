//! Forwarding: an admitted request to the upstream, its answer back (RFC 9110 §7.6).

mod upload;

use std::error::Error;
use std::io;
use std::time::Duration;

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

use crate::admit::Admitted;
use crate::answer::{Answer, Fault};
use crate::client;
use crate::config::Upstream;
use crate::headers::{self, Credentials};
use upload::Upload;

/// The connections of one worker to one upstream.
#[derive(Debug, Clone)]
pub(crate) struct Forwarder {
    upstream: Upstream,
    host: HeaderValue,
    client: Client<HttpsConnector<HttpConnector>, Upload>,
}

/// What an upstream is told beside the request itself.
pub(crate) struct Onward<'r> {
    /// The target that was checked.
    pub(crate) target: PathAndQuery,
    /// Who asked.
    pub(crate) client: &'r client::Client,
    /// The host and port that the client asked for.
    pub(crate) host: &'r str,
    /// Whether the client's credentials go along.
    pub(crate) credentials: Credentials,
}

/// An upstream that cannot be prepared for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadUpstream {
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("the upstream's address is no header value")]
    Host(#[from] http::header::InvalidHeaderValue),
}

impl Forwarder {
    pub(crate) fn new(upstream: &Upstream) -> Result<Self, BadUpstream> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(upstream.connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .set_host(false)
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .build(connector);
        let host = HeaderValue::from_str(upstream.authority.as_str())?;
        Ok(Self { upstream: upstream.clone(), host, client })
    }

    /// Sends a request that was let in to the upstream, with the target that was checked.
    ///
    /// A request that is safe and has no body is sent a second time when the upstream closed an
    /// idle connection under it (RFC 9110 §9.2.2).
    pub(crate) async fn forward(
        &self,
        request: Admitted,
        onward: Onward<'_>,
    ) -> Result<Response<Answer>, Fault> {
        let (permit, request) = request.into_parts();
        let (mut parts, body) = request.into_parts();
        headers::cleanse_request(&mut parts.headers, onward.credentials);
        // After the cleansing: what is set now is ours, and no `Connection` names it away.
        headers::set_via(&mut parts.headers, parts.version);
        headers::set_forwarded(&mut parts.headers, onward.client, onward.host);
        if let Some(permit) = permit {
            headers::set_identity(&mut parts.headers, &permit);
        }
        let uri = Uri::builder()
            .scheme(self.upstream.scheme.clone())
            .authority(self.upstream.authority.clone())
            .path_and_query(onward.target)
            .build();
        parts.uri = uri.map_err(|_| {
            Fault::bad_request("invalid_request", "the request's target cannot be forwarded")
        })?;
        parts.version = Version::HTTP_11;
        parts.headers.insert(HOST, self.host.clone());
        parts.extensions.clear();

        let again = (body.is_end_stream() && is_safe(&parts.method)).then(|| parts.clone());
        let mut outcome = self.send(Request::from_parts(parts, body)).await;
        if let (Err(Failed::Closed(_)), Some(parts)) = (&outcome, again) {
            outcome = self.exchange(Request::from_parts(parts, Upload::empty())).await;
        }
        let mut answer = outcome.map_err(|failed| failed.fault(&self.upstream))?;
        if answer.status().is_informational() {
            return Err(Fault::new(
                StatusCode::BAD_GATEWAY,
                "bad_gateway",
                "the upstream switched the protocol without being asked",
            ));
        }
        *answer.version_mut() = Version::HTTP_11;
        headers::cleanse_response(answer.headers_mut());
        Ok(answer.map(Answer::Upstream))
    }

    async fn send(&self, request: Request<Incoming>) -> Result<Response<Incoming>, Failed> {
        self.exchange(request.map(Upload::new)).await
    }

    async fn exchange(&self, request: Request<Upload>) -> Result<Response<Incoming>, Failed> {
        let progress = request.body().progress();
        let mut answer = self.client.request(request);
        // The time begins anew with each part of the body that the upstream has taken.
        loop {
            let deadline = progress.latest() + self.upstream.first_byte_timeout;
            match timeout_at(deadline, &mut answer).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(_)) if progress.is_broken() => return Err(Failed::Client),
                Ok(Err(error)) if error.is_connect() && is_timeout(&error) => {
                    return Err(Failed::Slow);
                }
                Ok(Err(error)) if error.is_connect() => return Err(Failed::Unreachable(error)),
                Ok(Err(error)) => return Err(Failed::Closed(error)),
                Err(_) if progress.latest() + self.upstream.first_byte_timeout > Instant::now() => {
                }
                Err(_) => return Err(Failed::Slow),
            }
        }
    }
}

/// Why there is no answer from the upstream.
#[derive(Debug)]
enum Failed {
    Unreachable(hyper_util::client::legacy::Error),
    Closed(hyper_util::client::legacy::Error),
    Slow,
    Client,
}

impl Failed {
    /// What the client reads; the log gets the cause.
    fn fault(self, upstream: &Upstream) -> Fault {
        let upstream = upstream.authority.as_str();
        let (status, code, description) = match &self {
            Self::Unreachable(_) => {
                (StatusCode::BAD_GATEWAY, "bad_gateway", "the upstream cannot be reached")
            }
            Self::Closed(_) => {
                (StatusCode::BAD_GATEWAY, "bad_gateway", "the upstream gave no valid answer")
            }
            Self::Slow => {
                (StatusCode::GATEWAY_TIMEOUT, "gateway_timeout", "the upstream took too long")
            }
            Self::Client => {
                (StatusCode::BAD_REQUEST, "invalid_request", "the request's body ended early")
            }
        };
        match &self {
            Self::Unreachable(error) | Self::Closed(error) => {
                tracing::warn!(upstream, error = chain(error), "{description}");
            }
            Self::Slow => tracing::warn!(upstream, "{description}"),
            Self::Client => tracing::debug!(upstream, "{description}"),
        }
        Fault::new(status, code, description)
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    causes(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::TimedOut)
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| (*error).source())
}

fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Shorter than what usual upstreams keep idle connections open.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);
