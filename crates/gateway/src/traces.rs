//! Traces: a span for each request that is sampled, and one for its way to the upstream.
//!
//! The attributes are those of OpenTelemetry's conventions for HTTP, as far as they hold no token,
//! path, query or person, and `bailiwick.*` for the decision.

mod context;
mod export;
mod otlp;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use rustls::crypto::{SecureRandom, aws_lc_rs};

use crate::answer::Fault;
use crate::config::{Traces, Upstream};
pub(crate) use context::trace_id;
use context::{Parent, SpanId, TRACEPARENT, TRACESTATE, TraceId, state};
use export::Exporter;
use otlp::{Kind, Span, Value};

/// Begins traces, or goes on with those that others began.
#[derive(Debug)]
pub(crate) struct Tracer {
    settings: Traces,
    exporter: Exporter,
    random: &'static dyn SecureRandom,
}

/// The trace that one request is part of.
#[derive(Debug)]
pub(crate) struct Trace {
    tracer: Arc<Tracer>,
    id: TraceId,
    parent: Option<SpanId>,
    /// `None` as well when it is not as it must be.
    state: Option<String>,
    span: SpanId,
    /// The span that the upstream continues from.
    onward: SpanId,
    is_sampled: bool,
    begun: (SystemTime, Instant),
    exchange: Option<Exchange>,
}

/// What became of a request at its upstream.
#[derive(Debug)]
struct Exchange {
    begun: Instant,
    ended: Instant,
    outcome: Result<StatusCode, &'static str>,
    /// Host and port, where there is but one server.
    server: Option<(String, Option<u16>)>,
}

/// What is known of a request once it is answered, if not to the end.
#[derive(Debug)]
pub(crate) struct Outcome<'o> {
    pub(crate) method: &'o Method,
    pub(crate) resource: Option<&'o str>,
    pub(crate) route: Option<&'o str>,
    pub(crate) verdict: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) status: StatusCode,
}

/// The span of a request whose answer goes on; it ends with this.
#[derive(Debug)]
pub(crate) struct Open {
    tracer: Arc<Tracer>,
    /// `None` only when it was handed over.
    span: Option<Box<Span>>,
    begun: Instant,
}

impl Tracer {
    /// Begins to export.
    ///
    /// # Errors
    /// When a thread cannot be had, or TLS cannot be set up.
    pub(crate) fn new(settings: &Traces) -> Result<Self, export::NotExporting> {
        let provider = aws_lc_rs::default_provider();
        let random = provider.secure_random;
        let exporter = Exporter::start(settings, provider)?;
        Ok(Self { settings: settings.clone(), exporter, random })
    }

    /// What it was made of.
    pub(crate) fn settings(&self) -> &Traces {
        &self.settings
    }

    /// How many spans did not reach the collector.
    pub(crate) fn lost(&self) -> u64 {
        self.exporter.lost()
    }

    /// Sends what is waiting, if that does not take long.
    pub(crate) fn flush(&self) {
        self.exporter.flush();
    }

    /// The trace of a request. Whether it is sampled is the word of the client's trace where the
    /// client `is_believed`, and else chance.
    pub(crate) fn trace(self: &Arc<Self>, headers: &HeaderMap, is_believed: bool) -> Option<Trace> {
        let mut random = [0; 16 + 8 + 8 + 4];
        self.random.fill(&mut random).ok()?;
        let (id, rest) = random.split_first_chunk::<16>()?;
        let (span, rest) = rest.split_first_chunk::<8>()?;
        let (onward, rest) = rest.split_first_chunk::<8>()?;
        let chance = f64::from(u32::from_be_bytes(*rest.first_chunk()?)) / TWO_TO_THE_32;
        let parent = Parent::of(headers);
        let is_believed = is_believed || self.settings.believe_clients;
        let told = parent.as_ref().filter(|_| is_believed).map(|parent| parent.is_sampled);
        Some(Trace {
            tracer: self.clone(),
            id: parent.as_ref().map_or(TraceId(*id), |parent| parent.trace),
            // Without a parent it is nobody's (W3C Trace Context §3.3).
            state: parent.as_ref().and_then(|_| state(headers)),
            parent: parent.map(|parent| parent.span),
            span: SpanId(*span),
            onward: SpanId(*onward),
            is_sampled: told.unwrap_or(chance < self.settings.sample),
            begun: (SystemTime::now(), Instant::now()),
            exchange: None,
        })
    }
}

impl Trace {
    /// The name of the trace.
    pub(crate) fn id(&self) -> String {
        self.id.to_string()
    }

    /// Tells the upstream what it is part of; nobody's word on it is left that was not well-formed.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let (id, span) = (self.id, self.onward);
        let value = format!("00-{id}-{span}-{:02x}", u8::from(self.is_sampled));
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(TRACEPARENT, value);
        }
        if self.state.is_none() {
            headers.remove(TRACESTATE);
        }
    }

    /// Notes what became of the request at its upstream.
    pub(crate) fn answered<B>(
        &mut self,
        begun: Instant,
        outcome: &Result<Response<B>, Fault>,
        upstream: &Upstream,
    ) {
        if !self.is_sampled {
            return;
        }
        let server = match upstream.servers.as_slice() {
            [one] => Some((one.authority.host().to_owned(), one.authority.port_u16())),
            _ => None,
        };
        let outcome = outcome.as_ref().map(Response::status).map_err(|fault| fault.error);
        self.exchange = Some(Exchange { begun, ended: Instant::now(), outcome, server });
    }

    /// The request's span, to be kept until the answer has ended; `None` when it is not sampled.
    pub(crate) fn end(self, outcome: &Outcome<'_>) -> Option<Open> {
        if !self.is_sampled {
            return None;
        }
        let Outcome { resource, route, verdict, reason, status, .. } = *outcome;
        let method = known(outcome.method);
        let when = |at: Instant| self.begun.0 + at.saturating_duration_since(self.begun.1);
        if let Some(Exchange { begun, ended, outcome, server }) = &self.exchange {
            let mut span = Span {
                trace: self.id,
                id: self.onward,
                parent: Some(self.span),
                is_parent_remote: false,
                state: self.state.clone(),
                name: method.to_owned(),
                kind: Kind::Client,
                begun: when(*begun),
                ended: when(*ended),
                attributes: vec![(METHOD, Value::from(method))],
                has_failed: outcome.map_or(true, |status| status.as_u16() >= 400),
            };
            if let Some((host, port)) = server {
                span.attributes.push(("server.address", Value::from(host.as_str())));
                let port = port.map(|port| ("server.port", Value::Number(port)));
                span.attributes.extend(port);
            }
            match outcome {
                Ok(status) => span.answer(*status),
                Err(error) => span.attributes.push((ERROR, Value::from(*error))),
            }
            self.tracer.exporter.export(span);
        }
        let mut span = Span {
            trace: self.id,
            id: self.span,
            parent: self.parent,
            is_parent_remote: self.parent.is_some(),
            state: self.state,
            name: route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}")),
            kind: Kind::Server,
            begun: self.begun.0,
            ended: self.begun.0,
            attributes: vec![(METHOD, Value::from(method)), (VERDICT, Value::from(verdict))],
            has_failed: status.is_server_error(),
        };
        let reason = (!reason.is_empty()).then_some(reason);
        for (name, value) in [("http.route", route), (RESOURCE, resource), (REASON, reason)] {
            span.attributes.extend(value.map(|value| (name, Value::from(value))));
        }
        span.answer(status);
        Some(Open { tracer: self.tracer, span: Some(Box::new(span)), begun: self.begun.1 })
    }
}

impl Span {
    /// Notes how it was answered.
    fn answer(&mut self, status: StatusCode) {
        self.attributes.push(("http.response.status_code", Value::Number(status.as_u16())));
        if self.has_failed {
            self.attributes.push((ERROR, Value::from(status.as_str())));
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(mut span) = self.span.take() {
            span.ended = span.begun + self.begun.elapsed();
            self.tracer.exporter.export(*span);
        }
    }
}

/// A method's name, if it is one that everybody knows: clients make up others, of any length.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::CONNECT
        | Method::OPTIONS
        | Method::TRACE
        | Method::PATCH => method.as_str(),
        _ => "_OTHER",
    }
}

const TWO_TO_THE_32: f64 = 4_294_967_296.0;
const METHOD: &str = "http.request.method";
const ERROR: &str = "error.type";
const RESOURCE: &str = "bailiwick.resource";
const VERDICT: &str = "bailiwick.verdict";
const REASON: &str = "bailiwick.reason";
