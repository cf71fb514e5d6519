//! The admin listener: metrics, health and explanations, for the operator alone.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::explain::{Explained, explain};
use crate::listen::Terms;
use crate::metrics::Gauges;
use crate::reload::Live;

/// The operator's view of a gateway: metrics, health and explanations, over HTTP.
#[derive(Debug, Clone)]
pub struct Admin(Arc<Gauges>);

type Answer = Response<Full<Bytes>>;

impl Admin {
    pub(crate) fn new(live: Arc<Live>, terms: Terms) -> Self {
        Self(Arc::new(Gauges { live, terms }))
    }

    /// Serves a listener; never ends. Nobody has to sign in: it is for the loopback interface.
    pub async fn serve(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            while connections.len() >= MOST_CONNECTIONS {
                connections.join_next().await;
            }
            tokio::select! {
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(self.clone().connection(stream));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "an operator's connection could not be accepted");
                        // Out of descriptors, usually: connections that end give some back.
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
    }

    async fn connection(self, stream: TcpStream) {
        let is_loopback = stream.local_addr().is_ok_and(is_loopback);
        let service = service_fn(|request| {
            let admin = self.clone();
            async move { Ok::<_, Infallible>(admin.answer(request, is_loopback).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an operator's connection ended with an error");
        }
    }

    async fn answer(&self, request: Request<Incoming>, is_loopback: bool) -> Answer {
        // A page in a browser on this machine reaches loopback too, by a name of its own.
        if is_loopback && !names_this_machine(request.headers()) {
            let why = "the Host is no address and not localhost";
            return json(StatusCode::MISDIRECTED_REQUEST, &json!({ "error": why }));
        }
        let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/metrics" if is_get => self.metrics(),
            "/healthz" if is_get => json(StatusCode::OK, &json!({ "live": true })),
            "/readyz" if is_get => self.ready(),
            "/explain" if request.method() == Method::POST => self.explain(request).await,
            "/metrics" | "/healthz" | "/readyz" => wrong_method("GET, HEAD"),
            "/explain" => wrong_method("POST"),
            _ => {
                let why = "there are /metrics, /healthz, /readyz and /explain";
                json(StatusCode::NOT_FOUND, &json!({ "error": why }))
            }
        }
    }

    fn metrics(&self) -> Answer {
        let Ok(text) = self.0.text() else {
            let why = "the metrics cannot be written";
            return json(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": why }));
        };
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        answer(StatusCode::OK, kind, text.into())
    }

    /// Ready when there is a verdict for tokens of each issuer, and the end has not begun.
    fn ready(&self) -> Answer {
        #[derive(Serialize)]
        struct Issuer {
            issuer: String,
            keys: usize,
            age_seconds: Option<u64>,
            is_stale: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<String>,
        }
        let Gauges { live, .. } = &*self.0;
        let issuers: Vec<Issuer> = (live.site().issuers().into_iter())
            .map(|(issuer, keys)| Issuer {
                issuer,
                keys: keys.keys,
                age_seconds: keys.age.map(|age| age.as_secs()),
                is_stale: keys.is_stale,
                error: keys.last_error.map(|error| error.to_string()),
            })
            .collect();
        let is_ready = !live.is_draining() && issuers.iter().all(|issuer| issuer.keys > 0);
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let reloads = live.reloads();
        let body = json!({
            "ready": is_ready,
            "draining": live.is_draining(),
            "issuers": issuers,
            "reloads": { "done": reloads.done, "refused": reloads.refused, "error": reloads.error },
        });
        json(status, &body)
    }

    async fn explain(&self, request: Request<Incoming>) -> Answer {
        let refused = |why: &str| json(StatusCode::BAD_REQUEST, &json!({ "error": why }));
        // Pages of other origins cannot send this without asking first.
        let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        if kind != Some(b"application/json") {
            return refused("the body must be application/json");
        }
        let body = timeout(PATIENCE, Limited::new(request.into_body(), LONGEST_QUESTION).collect());
        let Ok(Ok(body)) = body.await else { return refused("the body cannot be read") };
        // What is wrong is told by its place alone: the body holds a token.
        let question: Question = match serde_json::from_slice(&body.to_bytes()) {
            Ok(question) => question,
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                return refused(&format!("the body is malformed in line {line}, column {column}"));
            }
        };
        let asked = match question.request() {
            Ok(asked) => asked,
            Err(why) => return refused(why),
        };
        #[derive(Serialize)]
        struct Reply {
            passes: bool,
            text: String,
            #[serde(flatten)]
            explained: Explained,
        }
        let explained = explain(&self.0.live.site(), &asked).await;
        json(
            StatusCode::OK,
            &Reply { passes: explained.passes(), text: explained.to_string(), explained },
        )
    }
}

/// What is to be explained.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    method: String,
    /// Absolute.
    url: String,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    /// Sent as a bearer token.
    token: Option<String>,
}

impl Question {
    fn request(&self) -> Result<Request<()>, &'static str> {
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| "no such method")?;
        let url: Uri = self.url.parse().map_err(|_| "the url is malformed")?;
        let host = url.authority().ok_or("the url is not absolute")?.to_string();
        let mut request = Request::new(());
        (*request.method_mut(), *request.uri_mut()) = (method, url);
        let headers = request.headers_mut();
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| "a header is malformed");
        headers.insert(HOST, value(&host)?);
        for (name, text) in &self.headers {
            let name: HeaderName = name.parse().map_err(|_| "a header's name is malformed")?;
            headers.insert(name, value(text)?);
        }
        if let Some(token) = self.token.as_deref().map(str::trim).filter(|token| !token.is_empty())
        {
            headers.insert(AUTHORIZATION, value(&format!("Bearer {token}"))?);
        }
        Ok(request)
    }
}

/// Whether an address is this machine's own, also one of IPv4 on a listener of IPv6.
fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// Whether the request is for an address, or for `localhost`: no name that a stranger's DNS has.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer =
        json(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": format!("use {allowed}") }));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    answer(status, "application/json", serde_json::to_vec(body).unwrap_or_default().into())
}

fn answer(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

const MOST_CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_QUESTION: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_loopback_on_listeners_of_either_family() {
        for (address, expected) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("[::ffff:192.0.2.1]:1", false),
            ("192.0.2.1:1", false),
        ] {
            assert_eq!(is_loopback(address.parse().unwrap()), expected, "{address}");
        }
    }
}
