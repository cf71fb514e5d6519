//! The access log: one line for each request, written when its answer has ended.
//!
//! No token, query, path or claim of a person is in it: a path may hold a name, so the route
//! stands for it.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use bailiwick_guard::Permit;
use bailiwick_oauth::ClientId;
use bytes::Bytes;
use http::{Method, Request, Response};
use hyper::body::{Body, Frame, SizeHint};
use jiff::Timestamp;
use serde::Serialize;

use crate::answer::Answer;
use crate::config::LogFormat;
use crate::decide::Event;
use crate::limits::Places;
use crate::lines::Lines;
use crate::site::Site;
use crate::traces::{self, Outcome, trace_id};
use crate::tunnel::Switch;

/// What is noted of a request before it is decided on.
#[derive(Debug)]
pub(crate) struct Arrived {
    begun: Instant,
    method: Method,
    /// Where it is known who asks.
    address: Option<IpAddr>,
    /// Looked for where it is written.
    trace: Option<String>,
}

impl Site {
    /// Notes what is known of a request before it is decided on.
    pub(crate) fn arrived<B>(
        &self,
        request: &Request<B>,
        address: Option<IpAddr>,
        begun: Instant,
    ) -> Arrived {
        let trace = self.log.as_ref().and_then(|_| trace_id(request.headers()));
        Arrived { begun, method: request.method().clone(), address, trace }
    }

    /// Counts and records a request, and logs it: in the access log, where there is one, at its end.
    pub(crate) fn note(
        &self,
        arrived: Arrived,
        event: Event<'_>,
        mut answer: Response<Answer>,
    ) -> Response<Logged> {
        let Arrived { begun, method, address, trace } = arrived;
        self.tally(&event).count((event.verdict, event.reason), answer.status(), begun.elapsed());
        self.record(&event, &method);
        let Event { verdict, reason, permit, places, resource, route, trace: traced, .. } = event;
        // A tunnel goes on when the answer that began it has ended.
        let places = match answer.extensions_mut().remove::<Switch>() {
            Some(tunnel) => {
                tunnel.keep(places);
                Places::default()
            }
            None => places,
        };
        let client = permit.as_ref().and_then(Permit::client_id).map(ClientId::as_str);
        let resource = resource.map(|resource| resource.identifier.as_str());
        let status = answer.status();
        let trace = traced.as_ref().map(traces::Trace::id).or(trace);
        let outcome = Outcome { method: &method, resource, route, verdict, reason, status };
        let span = traced.and_then(|trace| trace.end(&outcome));
        let (Some(lines), Some(log)) = (&self.log, &self.config.log) else {
            let status = status.as_u16();
            let address = address.map(tracing::field::display);
            tracing::info!(
                verdict, reason, client, address, resource, route, %method, status, "request"
            );
            return answer.map(|body| Logged { body, end: None, _span: span, _places: places });
        };
        let entry = Entry {
            time: now(),
            method: name(&method),
            resource: resource.map(str::to_owned),
            route: route.map(str::to_owned),
            status: status.as_u16(),
            verdict,
            reason,
            client: client.map(str::to_owned),
            address: address.as_ref().map(IpAddr::to_string),
            trace,
            milliseconds: 0.0,
            bytes: 0,
        };
        let end = End { entry, begun, format: log.format, lines: lines.clone() };
        answer.map(|body| Logged { body, end: Some(end), _span: span, _places: places })
    }
}

/// A line in the making.
#[derive(Debug, Serialize)]
struct Entry {
    /// RFC 3339, in UTC.
    time: String,
    method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    status: u16,
    verdict: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    /// To the last octet of the answer.
    milliseconds: f64,
    /// Of the answer's body.
    bytes: u64,
}

/// An answer's body, at whose end a line is logged and places are free again.
#[derive(Debug)]
pub(crate) struct Logged {
    body: Answer,
    end: Option<End>,
    /// Ends when the body has.
    _span: Option<traces::Open>,
    /// Free again when the body has ended.
    _places: Places,
}

/// What is written at the end.
#[derive(Debug)]
struct End {
    entry: Entry,
    begun: Instant,
    format: LogFormat,
    lines: Arc<Lines>,
}

/// A body of whose end nobody is told.
impl From<Answer> for Logged {
    fn from(body: Answer) -> Self {
        Self { body, end: None, _span: None, _places: Places::default() }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let microseconds = self.begun.elapsed().as_micros();
        self.entry.milliseconds = f64::from(u32::try_from(microseconds).unwrap_or(u32::MAX)) / 1e3;
        self.lines.write(self.entry.line(self.format));
    }
}

impl Entry {
    /// The line, with its end.
    fn line(&self, format: LogFormat) -> Vec<u8> {
        let mut line = match format {
            LogFormat::Json => serde_json::to_vec(self).unwrap_or_default(),
            LogFormat::Text => self.text().into_bytes(),
        };
        line.push(b'\n');
        line
    }

    fn text(&self) -> String {
        let Self { time, method, status, verdict, milliseconds, bytes, .. } = self;
        let mut text = format!("{time} method={method} status={status} verdict={verdict}");
        let reason = (!self.reason.is_empty()).then_some(self.reason);
        let optional = [
            ("reason", reason),
            ("resource", self.resource.as_deref()),
            ("route", self.route.as_deref()),
            ("client", self.client.as_deref()),
            ("address", self.address.as_deref()),
            ("trace", self.trace.as_deref()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                // A client's name may hold a space.
                text.extend([" ", name, "=", &value.replace([' ', '"', '='], "_")]);
            }
        }
        text + &format!(" milliseconds={milliseconds} bytes={bytes}")
    }
}

/// A method's name; a client may make one up, of any length.
pub(crate) fn name(method: &Method) -> String {
    method.as_str().chars().take(LONGEST_METHOD).collect()
}

/// Now, as the log writes it.
pub(crate) fn now() -> String {
    Timestamp::try_from(SystemTime::now()).map_or_else(|_| String::new(), |now| now.to_string())
}

const LONGEST_METHOD: usize = 32;

impl Body for Logged {
    type Data = Bytes;
    type Error = <Answer as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let (Poll::Ready(Some(Ok(frame))), Some(end)) = (&polled, &mut self.end) {
            end.entry.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
