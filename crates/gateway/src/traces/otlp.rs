//! Spans as OTLP has them in JSON (OpenTelemetry Protocol 1, "JSON Protobuf Encoding").

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::context::{SpanId, TraceId};

/// A span that has ended.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace: TraceId,
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) is_parent_remote: bool,
    pub(super) state: Option<String>,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) begun: SystemTime,
    pub(super) ended: SystemTime,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) has_failed: bool,
}

/// On which side of an exchange it is; the numbers are the protocol's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Server = 2,
    Client = 3,
}

/// The value of an attribute.
#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Number(u16),
}

/// What a collector is sent.
pub(super) fn message(service: &str, spans: &[Span]) -> Vec<u8> {
    let resource = [("service.name", service), ("service.version", VERSION)]
        .map(|(key, text)| json!({ "key": key, "value": { "stringValue": text } }));
    let spans: Vec<_> = spans.iter().map(Span::json).collect();
    let scope = json!({ "name": "bailiwick-gateway", "version": VERSION });
    let message = json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": scope, "spans": spans }],
    }] });
    message.to_string().into_bytes()
}

impl Span {
    fn json(&self) -> serde_json::Value {
        let attributes: Vec<_> = self.attributes.iter().map(attribute).collect();
        let mut span = json!({
            "traceId": self.trace.to_string(),
            "spanId": self.id.to_string(),
            "flags": SAMPLED | REMOTE_KNOWN | if self.is_parent_remote { REMOTE } else { 0 },
            "name": self.name,
            "kind": self.kind as u8,
            "startTimeUnixNano": nanoseconds(self.begun),
            "endTimeUnixNano": nanoseconds(self.ended),
            "attributes": attributes,
        });
        if let Some(parent) = self.parent {
            span["parentSpanId"] = parent.to_string().into();
        }
        if let Some(state) = self.state.as_ref().filter(|state| state.len() <= LONGEST_STATE) {
            span["traceState"] = state.as_str().into();
        }
        if self.has_failed {
            span["status"] = json!({ "code": STATUS_ERROR });
        }
        span
    }
}

/// Numbers of 64 bits are texts in this JSON.
fn attribute((key, value): &(&'static str, Value)) -> serde_json::Value {
    let value = match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}

fn nanoseconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The flags of a span: it is sampled, and whether its parent is in another process.
const SAMPLED: u32 = 1;
const REMOTE_KNOWN: u32 = 0x100;
const REMOTE: u32 = 0x200;
const STATUS_ERROR: u8 = 2;
/// A longer one is passed on, but not recorded: clients write it.
const LONGEST_STATE: usize = 512;
