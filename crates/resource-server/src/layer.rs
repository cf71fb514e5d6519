//! The tower layer: no request passes without a token that may (RFC 6750 §2, §3).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bailiwick_guard::Rule;
use bytes::Bytes;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, ORIGIN};
use http::{HeaderValue, Method, Request, Response, request};
use http_body_util::{Either, Full};
use pin_project_lite::pin_project;
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

    /// Decides about a request with what is at hand, and puts the verified token into it; `None` when
    /// something has to be waited for.
    fn admit_at_once(&self, parts: &mut request::Parts) -> Option<Result<(), Refused>> {
        if self.api.0.allows_preflight && is_preflight(parts) {
            return Some(Ok(()));
        }
        if let Some(token) = parts.extensions.get::<VerifiedToken>()
            && token.is_from(&self.api)
        {
            return Some(token.also(&self.rule));
        }
        let asked = Asked::from(&*parts);
        let token = match self.api.admit_at_once(&asked, &self.rule)? {
            Ok(permit) => VerifiedToken::new(permit, self.api.clone(), &asked),
            Err(refused) => return Some(Err(refused)),
        };
        parts.extensions.insert(token);
        Some(Ok(()))
    }

    /// The same, waiting for whatever is not at hand.
    ///
    /// Gives a nonce for the client's next proof, where this server asks for nonces.
    async fn admit_later(
        &self,
        parts: &mut request::Parts,
    ) -> Result<Option<HeaderValue>, Refused> {
        let asked = Asked::from(&*parts);
        let permit = self.api.admit_later(&asked, &self.rule).await?;
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
    R: 'static,
    S::Error: 'static,
{
    /// The service's own body, or that of a refusal.
    type Response = Response<Either<R, Full<Bytes>>>;
    type Error = S::Error;
    type Future = Answering<S::Future, R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let stage = match self.require.admit_at_once(&mut parts) {
            Some(Ok(())) => {
                Stage::Inner { answer: self.inner.call(Request::from_parts(parts, body)) }
            }
            Some(Err(refused)) => Stage::Refused { refused: Box::new(refused) },
            None => {
                // The one that is ready goes along; its clone waits for the next request.
                let clone = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, clone);
                let require = self.require.clone();
                Stage::Waiting { waiting: Box::pin(answer_later(require, inner, parts, body)) }
            }
        };
        Answering { stage }
    }
}

async fn answer_later<S, B, R>(
    require: Require,
    mut inner: S,
    mut parts: request::Parts,
    body: B,
) -> Result<Response<Either<R, Full<Bytes>>>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    match require.admit_later(&mut parts).await {
        Ok(nonce) => {
            let mut answer = inner.call(Request::from_parts(parts, body)).await?;
            if let Some(nonce) = nonce {
                answer.headers_mut().insert(DPOP_NONCE, nonce); // RFC 9449 §8.2
            }
            Ok(answer.map(Either::Left))
        }
        Err(refused) => Ok(answer_of(&refused)),
    }
}

fn answer_of<R>(refused: &Refused) -> Response<Either<R, Full<Bytes>>> {
    refused.response().map(|body| Either::Right(Full::new(body)))
}

pin_project! {
    /// The answer of a [`Protected`] service, to come.
    pub struct Answering<F, R, E> {
        #[pin]
        stage: Stage<F, R, E>,
    }
}

type Waiting<R, E> =
    Pin<Box<dyn Future<Output = Result<Response<Either<R, Full<Bytes>>>, E>> + Send>>;

pin_project! {
    #[project = StageOf]
    enum Stage<F, R, E> {
        /// It was let in at once: the service's own answer.
        Inner { #[pin] answer: F },
        /// It was refused at once.
        Refused { refused: Box<Refused> },
        /// Something has to be waited for before either.
        Waiting { waiting: Waiting<R, E> },
    }
}

impl<F, R, E> Future for Answering<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Either<R, Full<Bytes>>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().stage.project() {
            StageOf::Inner { answer } => {
                answer.poll(cx).map(|answer| answer.map(|answer| answer.map(Either::Left)))
            }
            StageOf::Refused { refused } => Poll::Ready(Ok(answer_of(refused))),
            StageOf::Waiting { waiting } => waiting.as_mut().poll(cx),
        }
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

#[cfg(all(test, feature = "testing"))]
mod tests {
    use bailiwick_guard::{Permit, ScopeRule};

    use super::*;
    use crate::config::parse_scopes;
    use crate::testing::{Hostile, TestIssuer};

    const API: &str = "https://api.example.com";

    /// All that a client and an operator get to see of a verdict.
    fn seen(verdict: Result<Permit, Refused>) -> String {
        match verdict {
            Ok(permit) => format!("{permit:?}"),
            Err(refused) => format!("{:?} {:?}", refused.refusal(), refused.response()),
        }
    }

    #[tokio::test]
    async fn what_is_decided_at_once_is_what_would_be_decided_later() {
        let issuer = TestIssuer::new();
        let api = issuer.protect(API).unwrap();
        let rules: [Rule; 2] =
            [Rule::ANY_TOKEN, ScopeRule::AllOf(parse_scopes("read:orders").unwrap()).into()];
        let good = |scope| {
            let token = issuer.token().scope(scope).mint(&api);
            let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}"));
            request.body(String::new()).unwrap()
        };
        let mut requests: Vec<Request<String>> =
            issuer.hostile(API).iter().map(Hostile::request).collect();
        requests.extend(["read:orders", "write:orders"].map(good));
        let mut at_once = 0;
        for request in &requests {
            let asked = Asked::from(request);
            // Twice: the second time, genuine tokens were seen before.
            for rule in rules.iter().chain(&rules) {
                if let Some(verdict) = api.admit_at_once(&asked, rule) {
                    at_once += 1;
                    let later = api.admit_later(&asked, rule).await;
                    assert_eq!(seen(verdict), seen(later), "{asked:?}");
                }
            }
        }
        assert!(at_once > 200, "{at_once} of {}", 4 * requests.len());
    }
}
