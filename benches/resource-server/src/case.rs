//! What is measured in process: a tower service behind the layer, and the same without it.

use std::convert::Infallible;

use bailiwick_jose::VerifyingKey;
use bailiwick_resource_server::{Algorithm, IssuerKeys, Jwks, ResourceServer};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use tokio::runtime::{self, Runtime};
use tower::{Service, ServiceExt, service_fn};

use crate::Result;
use crate::measure::{each, thread_time};
use crate::mint::{ISSUER, Mint, RESOURCE};

/// The body of requests, and of the service's answers.
pub type Body = Full<Bytes>;

/// The service that is protected: it answers at once.
pub fn service()
-> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service_fn(async |_: Request<Body>| Ok(Response::new(Full::new(Bytes::from_static(b"ok")))))
}

/// A resource server that remembers some tokens and knows some keys.
pub fn api(keys: Vec<VerifyingKey>, cached_tokens: usize) -> Result<ResourceServer> {
    Ok(ResourceServer::builder(ISSUER, RESOURCE)?
        .keys(IssuerKeys::fixed(Jwks::from_keys(keys)))
        .algorithms(Algorithm::ALL)
        .cached_tokens(cached_tokens)
        .build()?)
}

/// An issuer with its resource server: `others` further keys stand in its set.
pub fn issuer(
    algorithm: Algorithm,
    others: usize,
    cached: usize,
) -> Result<(Mint, ResourceServer)> {
    let mint = Mint::new(algorithm, ISSUER, RESOURCE)?;
    let mut keys = vec![mint.verifying_key()];
    for _ in 0..others {
        keys.push(Mint::new(Algorithm::EdDsa, ISSUER, RESOURCE)?.verifying_key());
    }
    Ok((mint, api(keys, cached)?))
}

/// Requests with these tokens, to `path`.
pub fn requests<'t>(
    path: &str,
    tokens: impl IntoIterator<Item = &'t String>,
) -> Result<Vec<Request<Body>>> {
    tokens.into_iter().map(|token| request(path, &authorization(token)?)).collect()
}

/// The header of a token.
pub fn authorization(token: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// One request.
pub fn request(path: &str, authorization: &HeaderValue) -> Result<Request<Body>> {
    Ok(Request::get(path).header(AUTHORIZATION, authorization).body(Body::default())?)
}

/// The runtime that everything in process runs on: this thread alone.
pub fn runtime() -> Result<Runtime> {
    Ok(runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Sends requests one after the other and gives the CPU time that each took, in microseconds.
///
/// They are made beforehand; an answer other than 200 ends the run.
pub fn drive<S, B>(runtime: &Runtime, service: &mut S, requests: Vec<Request<Body>>) -> Result<f64>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
{
    let count = requests.len();
    runtime.block_on(async {
        let begin = thread_time()?;
        for request in requests {
            let response = service.ready().await?.call(request).await?;
            if response.status() != StatusCode::OK {
                return Err(format!("a good token was answered with {}", response.status()).into());
            }
        }
        Ok(each(begin, thread_time()?, count))
    })
}
