//! Outgoing HTTP within limits: `https`, checked addresses, no redirects, bounded size and time.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_oauth::{Secret, form};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};

use crate::resolver::{NotPublic, Resolver, Unresolved};
use crate::target::{Rules, clip, shown};
use crate::{Builder, FetchError};

/// The largest answer that is read, in bytes, unless the builder says otherwise.
pub const LARGEST: usize = 512 * 1024;

/// The longest time from start to the last byte, unless the builder says otherwise.
pub const LONGEST: Duration = Duration::from_secs(5);

/// Fetches what others publish and calls their endpoints. Cloning is cheap and shares connections.
#[derive(Clone)]
pub struct Fetcher(Arc<Inner>);

struct Inner {
    client: HttpClient,
    rules: Arc<Rules>,
    limits: Limits,
}

pub(crate) type HttpClient = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) size: usize,
    pub(crate) time: Duration,
    pub(crate) connect: Duration,
}

/// One request to an endpoint.
pub(crate) struct Call<'c> {
    pub(crate) url: &'c str,
    pub(crate) authorization: Option<&'c Secret>,
    pub(crate) accept: &'static str,
    /// What is posted; nothing is, where there is none.
    pub(crate) posted: Option<Posted>,
}

/// What is posted.
#[derive(Clone)]
pub struct Posted {
    /// The media type.
    pub content_type: &'static str,
    /// The octets; may hold secrets.
    pub body: Bytes,
}

impl Posted {
    /// A form (RFC 6749 appendix B).
    pub fn form(parameters: &[(&str, &str)]) -> Self {
        Self {
            content_type: "application/x-www-form-urlencoded",
            body: form::encode(parameters.iter().copied()).into(),
        }
    }
}

impl fmt::Debug for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Posted({}, {} bytes)", self.content_type, self.body.len())
    }
}

/// A JSON document as it was published.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The document; not parsed yet.
    pub bytes: Bytes,
    /// For how many seconds it may be kept, if the publisher said so (RFC 9111 §5.2.2).
    pub max_age: Option<u64>,
}

/// The answer of an endpoint, whatever its status. Its body may hold secrets.
pub struct Answer {
    /// The status; never a redirect.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("rules", &self.0.rules).finish_non_exhaustive()
    }
}

impl Fetcher {
    /// Begins with the defaults: 512 KiB, 5 s, the public certificate authorities.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The same fetcher with tighter limits: an answer of at most so many bytes, in at most so much
    /// time. Connections are shared.
    pub fn within(&self, largest: usize, longest: Duration) -> Self {
        let Inner { client, rules, limits } = &*self.0;
        let size = largest.min(limits.size);
        let limits = Limits { size, time: longest.min(limits.time), connect: limits.connect };
        Self::new(client.clone(), Arc::clone(rules), limits)
    }

    pub(crate) fn new(client: HttpClient, rules: Arc<Rules>, limits: Limits) -> Self {
        Self(Arc::new(Inner { client, rules, limits }))
    }

    /// Fetches a JSON document: status 200 and a JSON content type (`application/json`,
    /// `…+json`). A missing content type is tolerated, since whoever reads the bytes parses them
    /// as strict JSON anyway; a wrong one is not.
    ///
    /// # Errors
    /// When the URL is refused, the server cannot be reached, or answers with anything else.
    pub async fn get_json(&self, url: &str) -> Result<Fetched, FetchError> {
        let answer = self.get(url, None).await?;
        if answer.status != StatusCode::OK {
            return Err(FetchError::Status { url: shown(url), status: answer.status.as_u16() });
        }
        answer.expect_json(url)?;
        Ok(Fetched { bytes: answer.body, max_age: max_age(&answer.headers) })
    }

    /// Fetches a signed document that is no JSON, such as a request object (RFC 9101 §5.2.3): status
    /// 200, whatever its content type, since whoever reads it verifies its signature.
    ///
    /// # Errors
    /// When the URL is refused, the server cannot be reached, or answers with another status.
    pub async fn get_jwt(&self, url: &str) -> Result<Bytes, FetchError> {
        let accept = "application/oauth-authz-req+jwt, application/jwt";
        let call = Call { url, authorization: None, accept, posted: None };
        let answer = self.send(call).await?;
        if answer.status != StatusCode::OK {
            return Err(FetchError::Status { url: shown(url), status: answer.status.as_u16() });
        }
        Ok(answer.body)
    }

    /// Asks an endpoint, with an `Authorization` header if one is given.
    ///
    /// # Errors
    /// When the URL is refused or no whole answer arrives; any status but a redirect is an answer.
    pub async fn get(
        &self,
        url: &str,
        authorization: Option<&Secret>,
    ) -> Result<Answer, FetchError> {
        self.send(Call { url, authorization, accept: JSON, posted: None }).await
    }

    /// Posts a form to an endpoint, with an `Authorization` header if one is given
    /// (RFC 6749 §3.2, RFC 7662 §2.1).
    ///
    /// # Errors
    /// When the URL is refused or no whole answer arrives; any status but a redirect is an answer.
    pub async fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        authorization: Option<&Secret>,
    ) -> Result<Answer, FetchError> {
        self.post(url, Posted::form(form), authorization).await
    }

    /// Posts octets to an endpoint, with an `Authorization` header if one is given: a security event
    /// token (RFC 8935 §2), a notice in JSON.
    ///
    /// # Errors
    /// When the URL is refused or no whole answer arrives; any status but a redirect is an answer.
    pub async fn post(
        &self,
        url: &str,
        posted: Posted,
        authorization: Option<&Secret>,
    ) -> Result<Answer, FetchError> {
        self.send(Call { url, authorization, accept: JSON, posted: Some(posted) }).await
    }

    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Answer, FetchError> {
        let url = call.url;
        let request = self.request(call)?;
        let limit = self.0.limits.time;
        match tokio::time::timeout(limit, self.exchange(url, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(FetchError::Timeout { url: shown(url), limit }),
        }
    }

    fn request(&self, call: Call<'_>) -> Result<Request<Full<Bytes>>, FetchError> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.0.rules.check(call.url)?;
        if let Some(Posted { content_type, body }) = call.posted {
            *request.method_mut() = Method::POST;
            *request.body_mut() = Full::new(body);
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(call.accept));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some(secret) = call.authorization {
            let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| {
                let why = "the credentials for it hold characters that no header can hold";
                FetchError::Url { url: shown(call.url), why }
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    async fn exchange(
        &self,
        url: &str,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, FetchError> {
        let response = self.0.client.request(request).await.map_err(|error| unsent(url, &error))?;
        if response.status().is_redirection() {
            return Err(redirect(url, &response));
        }
        let limit = self.0.limits.size;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, limit).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                FetchError::TooLarge { url: shown(url), limit }
            } else {
                FetchError::Connect { url: shown(url), why: "the answer broke off".to_owned() }
            }
        })?;
        Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    }
}

impl Answer {
    /// Refuses an answer that is said to be anything but JSON; one that says nothing may be.
    pub(crate) fn expect_json(&self, url: &str) -> Result<(), FetchError> {
        match self.headers.get(CONTENT_TYPE) {
            Some(content_type) if !is_json(content_type) => {
                let content_type = clip(&String::from_utf8_lossy(content_type.as_bytes()));
                Err(FetchError::ContentType { url: shown(url), content_type })
            }
            _ => Ok(()),
        }
    }
}

/// Finds out who is to blame for a request that got no answer.
fn unsent(url: &str, error: &legacy::Error) -> FetchError {
    let mut why = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(NotPublic { host }) = error.downcast_ref() {
            return FetchError::Address { host: host.clone() };
        }
        if let Some(Unresolved { host, .. }) = error.downcast_ref() {
            return FetchError::Resolve { host: host.clone() };
        }
        why = error.to_string();
        next = error.source();
    }
    FetchError::Connect { url: shown(url), why }
}

fn redirect(url: &str, response: &Response<Incoming>) -> FetchError {
    let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
    FetchError::Redirect { url: shown(url), to: clip(&shown(to)) }
}

fn is_json(content_type: &HeaderValue) -> bool {
    let Ok(text) = content_type.to_str() else { return false };
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The seconds of `Cache-Control: max-age`; 0 where keeping is forbidden (RFC 9111 §5.2.2).
pub(crate) fn max_age(headers: &HeaderMap) -> Option<u64> {
    let mut seconds = None;
    for value in headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()) {
        for directive in value.split(',') {
            let directive = directive.trim().to_ascii_lowercase();
            if directive == "no-store" || directive == "no-cache" {
                return Some(0);
            }
            if let Some(age) = directive.strip_prefix("max-age=") {
                seconds = age.trim_matches('"').parse().ok();
            }
        }
    }
    seconds
}

pub(crate) const JSON: &str = "application/json";

const AGENT: &str = concat!("bailiwick/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_content_type() {
        let cases = [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/jwk-set+json", true),
            ("text/html", false),
            ("text/json", false),
            ("application/jsonp", false),
            ("", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_json(&HeaderValue::from_str(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn the_age_is_read_from_cache_control() {
        let cases = [
            ("public, max-age=300", Some(300)),
            ("MAX-AGE=\"60\"", Some(60)),
            ("no-store, max-age=300", Some(0)),
            ("max-age=-1", None),
            ("private", None),
        ];
        for (text, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_str(text).unwrap());
            assert_eq!(max_age(&headers), expected, "{text}");
        }
    }
}
