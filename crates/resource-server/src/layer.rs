//! The tower layer: no request passes without a token that may (RFC 6750 §2, §3).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bailiwick_guard::Rule;
use bytes::Bytes;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, ORIGIN};
use http::{HeaderValue, Method, Request, Response, request};
use http_body_util::{Either, Full};
use tower::{Layer, Service};

use crate::refused::DPOP_NONCE;
use crate::{Asked, Refused, ResourceServer, VerifiedToken};

/// A layer that lets in whoever has a token for a resource, with the scope that a rule asks for.
///
/// The verified token is put into the request's extensions as a [`VerifiedToken`]. Where an outer
/// layer of the same [`ResourceServer`] has put it there already, only the scope is looked at.
///
/// ```
/// # use std::convert::Infallible;
/// use bailiwick_resource_server::{ResourceServer, VerifiedToken};
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{ServiceBuilder, service_fn};
///
/// let api = ResourceServer::new("https://id.example.com", "https://api.example.com")?;
/// let service = ServiceBuilder::new().layer(api.require("read:orders")?).service(service_fn(
///     |request: Request<Full<Bytes>>| async move {
///         let token = request.extensions().get::<VerifiedToken>();
///         let subject = token.map(|token| token.subject().to_string()).unwrap_or_default();
///         Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(subject))))
///     },
/// ));
/// # let _ = service;
/// # Ok::<(), bailiwick_resource_server::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Require {
    api: ResourceServer,
    rule: Arc<Rule>,
}

impl Require {
    pub(crate) fn new(api: ResourceServer, rule: Rule) -> Self {
        Self { api, rule: Arc::new(rule) }
    }

    /// Decides about a request and puts the verified token into it.
    ///
    /// Gives a nonce for the client's next proof, where this server asks for nonces.
    async fn admit(&self, parts: &mut request::Parts) -> Result<Option<HeaderValue>, Refused> {
        if self.api.0.allows_preflight && is_preflight(parts) {
            return Ok(None);
        }
        if let Some(token) = parts.extensions.get::<VerifiedToken>()
            && token.is_from(&self.api)
        {
            return token.also(&self.rule).map(|()| None);
        }
        let asked = Asked::from(&*parts);
        let permit = self.api.admit(&asked, &self.rule).await?;
        let nonce = self.api.next_nonce(&permit);
        let token = VerifiedToken::new(permit, self.api.clone(), &asked);
        parts.extensions.insert(token);
        Ok(nonce)
    }
}

impl<S> Layer<S> for Require {
    type Service = Protected<S>;

    fn layer(&self, inner: S) -> Protected<S> {
        Protected { inner, require: self.clone() }
    }
}

/// A service behind [`Require`].
#[derive(Debug, Clone)]
pub struct Protected<S> {
    inner: S,
    require: Require,
}

impl<S, B, R> Service<Request<B>> for Protected<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    /// The service's own body, or that of a refusal.
    type Response = Response<Either<R, Full<Bytes>>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready goes along; its clone waits for the next request.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let require = self.require.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match require.admit(&mut parts).await {
                Ok(nonce) => {
                    let mut answer = inner.call(Request::from_parts(parts, body)).await?;
                    if let Some(nonce) = nonce {
                        answer.headers_mut().insert(DPOP_NONCE, nonce); // RFC 9449 §8.2
                    }
                    Ok(answer.map(Either::Left))
                }
                Err(refused) => Ok(refused.response().map(|body| Either::Right(Full::new(body)))),
            }
        })
    }
}

/// Whether a browser asks on its own, without credentials, what a script may send (Fetch §3.2.2).
fn is_preflight(parts: &request::Parts) -> bool {
    let has = |name| parts.headers.contains_key(name);
    parts.method == Method::OPTIONS
        && has(ORIGIN)
        && has(ACCESS_CONTROL_REQUEST_METHOD)
        && !has(AUTHORIZATION)
}
