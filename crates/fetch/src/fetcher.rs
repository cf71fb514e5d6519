//! Outgoing HTTP within limits: `https`, checked addresses, no redirects, bounded size and time.

use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_oauth::{Secret, form};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::resolver::{NotPublic, Resolver, Unresolved};
use crate::target::{Loopback, Rules, clip, shown};
use crate::{BuildError, FetchError};

/// The largest answer that is read, in bytes, unless the builder says otherwise.
pub const LARGEST: usize = 512 * 1024;

/// The longest time from start to the last byte, unless the builder says otherwise.
pub const LONGEST: Duration = Duration::from_secs(5);

/// Fetches what others publish and calls their endpoints. Cloning is cheap and shares connections.
#[derive(Clone)]
pub struct Fetcher(Arc<Inner>);

struct Inner {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    rules: Arc<Rules>,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Limits {
    size: usize,
    time: Duration,
    connect: Duration,
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
        Builder {
            rules: Rules::default(),
            authorities: Vec::new(),
            limits: Limits { size: LARGEST, time: LONGEST, connect: Duration::from_secs(2) },
        }
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
        if let Some(content_type) = answer.headers.get(CONTENT_TYPE)
            && !is_json(content_type)
        {
            let content_type = clip(&String::from_utf8_lossy(content_type.as_bytes()));
            return Err(FetchError::ContentType { url: shown(url), content_type });
        }
        Ok(Fetched { bytes: answer.body, max_age: max_age(&answer.headers) })
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
        self.send(Method::GET, url, authorization, Bytes::new()).await
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
        let body = form::encode(form.iter().copied());
        self.send(Method::POST, url, authorization, body.into()).await
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        authorization: Option<&Secret>,
        body: Bytes,
    ) -> Result<Answer, FetchError> {
        let request = self.request(method, url, authorization, body)?;
        let limit = self.0.limits.time;
        match tokio::time::timeout(limit, self.exchange(url, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(FetchError::Timeout { url: shown(url), limit }),
        }
    }

    fn request(
        &self,
        method: Method,
        url: &str,
        authorization: Option<&Secret>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, FetchError> {
        let is_form = method == Method::POST;
        let mut request = Request::new(Full::new(body));
        *request.uri_mut() = self.0.rules.check(url)?;
        *request.method_mut() = method;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if is_form {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
        }
        if let Some(secret) = authorization {
            let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| {
                let why = "the credentials for it hold characters that no header can hold";
                FetchError::Url { url: shown(url), why }
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

/// Collects what a [`Fetcher`] may do.
#[must_use]
pub struct Builder {
    rules: Rules,
    authorities: Vec<Vec<u8>>,
    limits: Limits,
}

impl Builder {
    /// Trusts the certificate authorities of a PEM text as well.
    pub fn extra_authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(pem.into());
        self
    }

    /// Lets one host have a private address; still over `https` only.
    pub fn allow_private_host(mut self, host: &str) -> Self {
        self.rules.private_hosts.insert(host.to_ascii_lowercase());
        self
    }

    /// Says whether this machine may be asked; allowed unless said otherwise.
    pub fn loopback(mut self, loopback: Loopback) -> Self {
        self.rules.loopback = loopback;
        self
    }

    /// Uses these addresses for a host instead of asking DNS; they are checked like any other.
    pub fn resolve(mut self, host: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.rules.resolved.insert(host.to_ascii_lowercase(), addresses.into_iter().collect());
        self
    }

    /// The largest answer, in bytes.
    pub fn largest(mut self, bytes: usize) -> Self {
        self.limits.size = bytes;
        self
    }

    /// The longest time from start to the last byte.
    pub fn longest(mut self, time: Duration) -> Self {
        self.limits.time = time;
        self
    }

    /// The longest time for a connection to stand.
    pub fn longest_connect(mut self, time: Duration) -> Self {
        self.limits.connect = time;
        self
    }

    /// Makes the fetcher.
    ///
    /// # Errors
    /// When an extra certificate authority cannot be read.
    pub fn build(self) -> Result<Fetcher, BuildError> {
        let tls = tls(&self.authorities)?;
        let rules = Arc::new(self.rules);
        let mut tcp = HttpConnector::new_with_resolver(Resolver(Arc::clone(&rules)));
        tcp.enforce_http(false); // TLS goes on top of it
        tcp.set_connect_timeout(Some(self.limits.connect));
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http() // which of them, `Rules::check` decides
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(4)
            .build(connector);
        Ok(Fetcher(Arc::new(Inner { client, rules, limits: self.limits })))
    }
}

fn tls(authorities: &[Vec<u8>]) -> Result<ClientConfig, BuildError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for pem in authorities {
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate =
                certificate.map_err(|why| BuildError::Certificate(why.to_string()))?;
            roots.add(certificate).map_err(|why| BuildError::Certificate(why.to_string()))?;
            found = true;
        }
        if !found {
            return Err(BuildError::Certificate("it holds no certificate".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| BuildError::Tls(why.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
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
fn max_age(headers: &HeaderMap) -> Option<u64> {
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

    #[test]
    fn an_unreadable_authority_is_refused() {
        for pem in [
            &b""[..],
            b"rubbish",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let built = Fetcher::builder().extra_authorities(pem).build();
            assert!(matches!(built, Err(BuildError::Certificate(_))));
        }
    }
}
