//! Traces: spans as a collector sees them, and what an upstream hears (W3C Trace Context, OTLP 1).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::Json;
use axum::routing::post;
use bailiwick_gateway::{Config, Gateway};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::{Answer, DRIVE, LONGEST, World, send};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector that keeps what it is sent.
struct Collector {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<Value>>>,
}

/// A span as the collector has it.
#[derive(Debug, Clone)]
struct Span {
    trace: String,
    id: String,
    parent: Option<String>,
    state: Option<String>,
    name: String,
    kind: u64,
    flags: u64,
    status: Option<u64>,
    times: (u64, u64),
    attributes: BTreeMap<String, String>,
    service: String,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let kept = sent.clone();
        let take = async move |Json(message): Json<Value>| kept.lock().unwrap().push(message);
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, sent }
    }

    fn spans(&self) -> Vec<Span> {
        let all = |value: &Value, name: &str| value[name].as_array().unwrap().clone();
        let mut spans = Vec::new();
        for message in self.sent.lock().unwrap().iter() {
            for of_resource in all(message, "resourceSpans") {
                let resource = attributes(&of_resource["resource"]);
                for of_scope in all(&of_resource, "scopeSpans") {
                    let read = |span: &Value| Span::read(span, &resource["service.name"]);
                    spans.extend(all(&of_scope, "spans").iter().map(read));
                }
            }
        }
        spans
    }

    /// The spans of a trace, the client's before the server's, as soon as there are so many.
    async fn of(&self, trace: &str, number: usize) -> Vec<Span> {
        let start = Instant::now();
        loop {
            let mut spans = self.spans();
            spans.retain(|span| span.trace == trace);
            if spans.len() >= number {
                assert_eq!(spans.len(), number, "{spans:?}");
                return spans;
            }
            assert!(start.elapsed() < LONGEST, "{spans:?}");
            tokio::task::yield_now().await;
        }
    }
}

fn attributes(of: &Value) -> BTreeMap<String, String> {
    let read = |attribute: &Value| {
        let value = &attribute["value"];
        let text = value["stringValue"].as_str().or(value["intValue"].as_str());
        (attribute["key"].as_str().unwrap().to_owned(), text.unwrap().to_owned())
    };
    of["attributes"].as_array().unwrap().iter().map(read).collect()
}

impl Span {
    fn read(span: &Value, service: &str) -> Self {
        let text = |name: &str| span[name].as_str().map(str::to_owned);
        let time = |name: &str| span[name].as_str().unwrap().parse().unwrap();
        Self {
            trace: text("traceId").unwrap(),
            id: text("spanId").unwrap(),
            parent: text("parentSpanId"),
            state: text("traceState"),
            name: text("name").unwrap(),
            kind: span["kind"].as_u64().unwrap(),
            flags: span["flags"].as_u64().unwrap(),
            status: span["status"]["code"].as_u64(),
            times: (time("startTimeUnixNano"), time("endTimeUnixNano")),
            attributes: attributes(span),
            service: service.to_owned(),
        }
    }

    fn has(&self, expected: &[(&str, &str)]) {
        let found: Vec<_> = self.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(found, expected, "{self:?}");
    }
}

fn config(more: &str, collector: SocketAddr) -> String {
    format!(
        r#"
        {more}
        [traces]
        endpoint = "http://{collector}"
        SETTINGS
        [[resource]]
        identifier = "https://api.example.com/drive"
        issuer = "ISSUER"
        upstream = "UPSTREAM"
        routes = [
          {{ path = "/files/**", scopes = ["read:files"] }},
          {{ path = "/open", public = true }},
        ]
        "#
    )
}

async fn world(top: &str, settings: &str, collector: SocketAddr) -> World {
    World::with(&config(top, collector).replace("SETTINGS", settings)).await
}

/// Asks for the open route with these headers.
async fn open(world: &World, headers: &str) -> Answer {
    let request = format!("GET /open HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
    send(world.gateway, request.as_bytes()).await
}

/// What the upstream saw of a header.
fn told(answer: &Answer, name: &str) -> Vec<String> {
    let headers = answer.json()["headers"].as_array().unwrap().clone();
    let of_name = headers.iter().filter(|header| header[0] == name);
    of_name.map(|header| header[1].as_str().unwrap().to_owned()).collect()
}

fn parent(trace: &str, flags: &str) -> String {
    format!("traceparent: 00-{trace}-{CALLER}-{flags}\r\n")
}

#[tokio::test]
async fn a_request_is_a_span_and_its_way_to_the_upstream_another() {
    let collector = Collector::start().await;
    let world = world("", "sample = 1\nservice = \"edge\"", collector.address).await;
    let token = world.issuer.token(DRIVE, "read:files");
    let request = format!(
        "GET /files/alices?secret=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         {}tracestate: a=1\r\ntracestate: b=2\r\nConnection: close, tracestate-less\r\n\r\n",
        parent(TRACE, "01")
    );
    let answer = world.send(request).await;
    assert_eq!(answer.status, 200);
    let spans = collector.of(TRACE, 2).await;
    let [client, server] = spans.as_slice() else { panic!("{spans:?}") };

    assert_eq!((client.kind, server.kind), (3, 2));
    assert_eq!(server.parent.as_deref(), Some(CALLER));
    assert_eq!(client.parent.as_deref(), Some(&*server.id));
    assert_ne!(client.id, server.id);
    assert_eq!((client.flags, server.flags), (0x101, 0x301), "whose parent is elsewhere");
    assert_eq!(told(&answer, "traceparent"), [format!("00-{TRACE}-{}-01", client.id)]);
    assert_eq!(told(&answer, "tracestate"), ["a=1", "b=2"]);

    let (host, port) = ("127.0.0.1", world.upstream.address.port().to_string());
    server.has(&[
        ("bailiwick.resource", DRIVE),
        ("bailiwick.verdict", "permitted"),
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.route", "/files/**"),
    ]);
    client.has(&[
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("server.address", host),
        ("server.port", &port),
    ]);
    assert_eq!((&*server.name, &*client.name), ("GET /files/**", "GET"));
    assert!(server.times.0 <= client.times.0 && client.times.0 < client.times.1);
    assert!(client.times.1 <= server.times.1, "{spans:?}");
    for span in &spans {
        assert_eq!(span.state.as_deref(), Some("a=1,b=2"));
        assert_eq!((span.status, &*span.service), (None, "edge"));
    }
    let all = collector.sent.lock().unwrap().iter().map(Value::to_string).collect::<String>();
    let payload = token.split('.').nth(1).unwrap();
    for secret in ["alice", "secret", "shop", payload] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

#[tokio::test]
async fn a_refused_request_is_one_span_with_the_reason() {
    let collector = Collector::start().await;
    let world = world("", "sample = 1", collector.address).await;
    let request = format!(
        "MADE-UP /files/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n",
        parent(TRACE, "01")
    );
    assert_eq!(world.send(request).await.status, 401);
    let [server] = &collector.of(TRACE, 1).await[..] else { panic!() };
    server.has(&[
        ("bailiwick.reason", "no_credentials"),
        ("bailiwick.resource", DRIVE),
        ("bailiwick.verdict", "refused"),
        ("http.request.method", "_OTHER"),
        ("http.response.status_code", "401"),
        ("http.route", "/files/**"),
    ]);
    assert_eq!(server.status, None, "the client's fault is none of the server's");
    assert_eq!(server.service, "bailiwick-gateway");
}

#[tokio::test]
async fn a_trace_begins_here_when_the_client_told_none_that_is_well_formed() {
    let collector = Collector::start().await;
    let world = world("", "sample = 1", collector.address).await;
    let good = parent(TRACE, "01");
    let bad = [
        String::new(),
        good.replace("00-4", "ff-4"),
        good.replace("-01", "-01-more"),
        good.replace(CALLER, "0000000000000000"),
        good.to_uppercase(),
        good.repeat(2),
    ];
    let mut heard = Vec::new();
    for bad in bad {
        let answer = open(&world, &format!("{bad}tracestate: a=1\r\n")).await;
        assert_eq!(told(&answer, "tracestate"), [""; 0], "{bad}");
        let [parent] = &told(&answer, "traceparent")[..] else { panic!("{bad}") };
        heard.push(parent.clone());
    }
    let mut traces = Vec::new();
    for parent in heard {
        let trace = parent.split('-').nth(1).unwrap().to_owned();
        let spans = collector.of(&trace, 2).await;
        assert_eq!(parent, format!("00-{trace}-{}-01", spans[0].id));
        assert_eq!((&spans[1].parent, &spans[1].state, spans[1].flags), (&None, &None, 0x101));
        traces.push(trace);
    }
    assert!(!traces.contains(&TRACE.to_owned()));
    traces.sort();
    traces.dedup();
    assert_eq!(traces.len(), 6);

    let answer = open(&world, &format!("{good}tracestate: A=1\r\n")).await;
    assert_eq!(told(&answer, "tracestate"), [""; 0], "no state that is malformed");
    assert_eq!(collector.of(TRACE, 2).await[1].state, None);
}

/// Whether a request of a client that says `flags` is sampled, as the upstream hears it and as the
/// collector sees it.
async fn is_sampled(top: &str, settings: &str, flags: &str) -> bool {
    let collector = Collector::start().await;
    let world = world(top, settings, collector.address).await;
    let answer = open(&world, &parent(TRACE, flags)).await;
    let heard = told(&answer, "traceparent").remove(0);
    assert!(heard.starts_with(&format!("00-{TRACE}-")) && !heard.contains(CALLER), "{heard}");
    let is_sampled = heard.ends_with("-01");
    // Were there a span, it would be sent when its configuration goes, and the next only then.
    let next = "11111111111111111111111111111111";
    let always = config(top, collector.address).replace("SETTINGS", "sample = 1");
    let always = always.replace("ISSUER", &world.issuer.url);
    let always = always.replace("UPSTREAM", &format!("http://{}", world.upstream.address));
    if is_sampled {
        collector.of(TRACE, 2).await;
        return true;
    }
    world.reloader.replace(Config::parse("g.toml", &always).unwrap()).unwrap();
    open(&world, &parent(next, "01")).await;
    collector.of(next, 2).await;
    collector.of(TRACE, 0).await;
    false
}

#[tokio::test]
async fn what_is_sampled_is_chance_unless_somebody_believed_says_so() {
    let proxy = "trusted_proxies = [\"127.0.0.1\"]";
    let believing = "believe_clients = true";
    let cases = [
        ("", "sample = 0", "01", false),
        ("", "sample = 1", "00", true),
        (proxy, "sample = 0", "01", true),
        (proxy, "sample = 1", "00", false),
        ("", &format!("sample = 0\n{believing}"), "01", true),
        ("", &format!("sample = 1\n{believing}"), "00", false),
    ];
    let found = cases.map(|(top, settings, flags, _)| is_sampled(top, settings, flags));
    let expected = cases.map(|(.., expected)| expected);
    assert_eq!(join_all(found).await, expected);
}

#[tokio::test]
async fn about_the_share_that_was_asked_for_is_sampled() {
    let collector = Collector::start().await;
    let world = world("", "sample = 0.5", collector.address).await;
    let mut sampled = 0;
    for _ in 0..100 {
        let answer = open(&world, "").await;
        sampled += usize::from(told(&answer, "traceparent")[0].ends_with("-01"));
    }
    // Beyond these it is one in more than ten million.
    assert!((24..=76).contains(&sampled), "{sampled}");
}

#[tokio::test]
async fn an_upstream_that_is_down_is_an_error_of_both() {
    let collector = Collector::start().await;
    let world = World::with(
        &config("", collector.address)
            .replace("SETTINGS", "sample = 1")
            .replace("\"UPSTREAM\"", "[\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]"),
    )
    .await;
    assert_eq!(open(&world, &parent(TRACE, "01")).await.status, 502);
    let spans = collector.of(TRACE, 2).await;
    spans[0].has(&[("error.type", "bad_gateway"), ("http.request.method", "GET")]);
    spans[1].has(&[
        ("bailiwick.reason", "bad_gateway"),
        ("bailiwick.resource", DRIVE),
        ("bailiwick.verdict", "public"),
        ("error.type", "502"),
        ("http.request.method", "GET"),
        ("http.response.status_code", "502"),
        ("http.route", "/open"),
    ]);
    assert_eq!((spans[0].status, spans[1].status), (Some(2), Some(2)));
}

#[tokio::test]
async fn a_collector_that_is_down_costs_counted_spans_and_nothing_else() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let world = world("", "sample = 1", nobody).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let admin = listener.local_addr().unwrap();
    tokio::spawn(world.admin.clone().serve(listener));
    for _ in 0..3 {
        assert_eq!(open(&world, "").await.status, 200);
    }
    let asked = format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    let start = Instant::now();
    loop {
        let metrics = send(admin, asked.as_bytes()).await.body;
        let lost =
            metrics.lines().find(|line| line.starts_with("bailiwick_gateway_spans_lost_total"));
        if lost.is_some_and(|line| line.ends_with(" 6")) {
            break;
        }
        assert!(start.elapsed() < LONGEST, "{metrics}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn without_traces_what_a_client_says_passes_on_as_it_came() {
    let world = World::usual().await;
    let token = world.issuer.token(DRIVE, "");
    let told_here = parent(TRACE, "01");
    let request = format!(
        "GET /drive/healthz HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{told_here}\
         tracestate: a=1\r\nConnection: close\r\n\r\n"
    );
    let answer = world.send(request).await;
    assert_eq!(told(&answer, "traceparent"), [format!("00-{TRACE}-{CALLER}-01")]);
    assert_eq!(told(&answer, "tracestate"), ["a=1"]);
}

#[tokio::test]
async fn a_question_of_another_proxy_is_a_span() {
    let collector = Collector::start().await;
    let text =
        config("[[answer]]\nlisten = \"127.0.0.1:0\"\nmode = \"auth_request\"", collector.address)
            .replace("SETTINGS", "sample = 1")
            .replace("ISSUER", "http://127.0.0.1:1")
            .replace("UPSTREAM", "http://127.0.0.1:1");
    let config = Config::parse("g.toml", &text).unwrap();
    let place = config.answering[0].clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = Gateway::new(config).unwrap();
    tokio::spawn(gateway.serve_questions(place, listener, std::future::pending()));
    let question = format!(
        "GET /check HTTP/1.1\r\nHost: gateway\r\nX-Original-Method: PUT\r\nX-Original-Uri: /open\r\n\
         X-Original-Host: api.example.com\r\n{}Connection: close\r\n\r\n",
        parent(TRACE, "01")
    );
    assert_eq!(send(address, question.as_bytes()).await.status, 200);
    let [server] = &collector.of(TRACE, 1).await[..] else { panic!() };
    assert_eq!((&*server.name, server.parent.as_deref()), ("PUT /open", Some(CALLER)));
    assert_eq!(server.attributes["bailiwick.verdict"], "public");
}
