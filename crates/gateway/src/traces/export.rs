//! Spans on their way to a collector (OTLP 1 over HTTP), sent by a thread of their own: no request
//! waits for it.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::CryptoProvider;
use tokio::runtime;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, timeout, timeout_at};

use super::otlp::{self, Span};
use crate::config::Traces;

/// Takes spans to be sent.
#[derive(Debug)]
pub(super) struct Exporter {
    queue: Sender<Message>,
    lost: Arc<AtomicU64>,
}

/// Why spans cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotExporting {
    #[error("TLS cannot be set up")]
    Tls(#[source] io::Error),
    #[error("a thread cannot be had")]
    Thread(#[source] io::Error),
}

#[derive(Debug)]
enum Message {
    Span(Box<Span>),
    /// Send at once, and say so by dropping it.
    Flush {
        done: SyncSender<()>,
    },
}

impl Exporter {
    pub(super) fn start(settings: &Traces, provider: CryptoProvider) -> Result<Self, NotExporting> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(provider)
            .map_err(|error| NotExporting::Tls(io::Error::other(error)))?
            .https_or_http()
            .enable_http1()
            .build();
        let (queue, spans) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(NotExporting::Thread)?;
        let mut post = Post {
            client: Client::builder(TokioExecutor::new()).build(connector),
            endpoint: settings.endpoint.clone(),
            service: settings.service.clone(),
            lost: lost.clone(),
            is_failing: false,
        };
        let work = move || runtime.block_on(post.send_all_of(spans));
        thread::Builder::new()
            .name("traces".to_owned())
            .spawn(work)
            .map_err(NotExporting::Thread)?;
        Ok(Self { queue, lost })
    }

    /// Hands a span over; it is lost when too many are waiting.
    pub(super) fn export(&self, span: Span) {
        if self.queue.try_send(Message::Span(Box::new(span))).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many did not reach the collector.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until what is waiting was sent, but not for long.
    pub(super) fn flush(&self) {
        let (done, is_done) = sync_channel(1);
        if self.queue.try_send(Message::Flush { done }).is_ok() {
            // Nothing comes: it is dropped when all was sent.
            let _ = is_done.recv_timeout(LONGEST_FLUSH);
        }
    }
}

/// Sends spans to one collector.
struct Post {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Uri,
    service: String,
    lost: Arc<AtomicU64>,
    is_failing: bool,
}

/// Why a collector did not take spans.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("not in time")]
    Slow,
    #[error("the collector cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    #[error("the collector answers {0}")]
    Refused(StatusCode),
}

impl Post {
    /// Sends until nobody hands over spans any more.
    async fn send_all_of(&mut self, mut queue: Receiver<Message>) {
        while let Some(first) = queue.recv().await {
            let end = Instant::now() + PAUSE;
            let (mut spans, mut flushed) = (Vec::new(), None);
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Span(span) => spans.push(*span),
                    Message::Flush { done } => flushed = Some(done),
                }
                let is_full = spans.len() >= BATCH || flushed.is_some();
                next =
                    if is_full { None } else { timeout_at(end, queue.recv()).await.ok().flatten() };
            }
            if !spans.is_empty() {
                let outcome = self.send(&spans).await;
                if outcome.is_err() {
                    self.lost.fetch_add(spans.len() as u64, Ordering::Relaxed);
                }
                self.tell(&outcome);
            }
            drop(flushed);
        }
    }

    async fn send(&self, spans: &[Span]) -> Result<(), NotTaken> {
        let body = otlp::message(&self.service, spans);
        let request = Request::post(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(|error| NotTaken::Unreachable(error.into()))?;
        let exchange = async {
            let answer = self.client.request(request).await;
            let answer = answer.map_err(|error| NotTaken::Unreachable(error.into()))?;
            let status = answer.status();
            // Read to its end, so that the connection is used again.
            let _ = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
            if status.is_success() { Ok(()) } else { Err(NotTaken::Refused(status)) }
        };
        timeout(PATIENCE, exchange).await.unwrap_or(Err(NotTaken::Slow))
    }

    /// Says once that spans are lost, and once that they are taken again.
    fn tell(&mut self, outcome: &Result<(), NotTaken>) {
        match outcome {
            Err(error) if !self.is_failing => {
                let source = error.source().map(tracing::field::display);
                tracing::warn!(%error, source, endpoint = %self.endpoint, "traces are lost");
            }
            Ok(()) if self.is_failing => {
                tracing::info!(endpoint = %self.endpoint, "traces are taken again");
            }
            _ => {}
        }
        self.is_failing = outcome.is_err();
    }
}

/// The most spans that wait.
const QUEUE: usize = 4096;
/// The most that are sent at once.
const BATCH: usize = 512;
/// How long others are waited for, to be sent with the first.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the end waits for the last spans.
const LONGEST_FLUSH: Duration = Duration::from_secs(3);
const LONGEST_ANSWER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::time::SystemTime;

    use rustls::crypto::aws_lc_rs::default_provider;

    use super::*;
    use crate::traces::context::{SpanId, TraceId};
    use crate::traces::otlp::Kind;

    fn exporter(collector: SocketAddr) -> Exporter {
        let settings = Traces {
            endpoint: format!("http://{collector}/v1/traces").parse().unwrap(),
            sample: 1.0,
            believe_clients: false,
            service: "test".to_owned(),
        };
        Exporter::start(&settings, default_provider()).unwrap()
    }

    fn span() -> Span {
        Span {
            trace: TraceId([1; 16]),
            id: SpanId([2; 8]),
            parent: None,
            is_parent_remote: false,
            state: None,
            name: "GET".to_owned(),
            kind: Kind::Server,
            begun: SystemTime::now(),
            ended: SystemTime::now(),
            attributes: Vec::new(),
            has_failed: false,
        }
    }

    #[test]
    fn nobody_waits_for_a_collector_that_does_not_answer() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let exporter = exporter(silent.local_addr().unwrap());
        let begun = Instant::now();
        for _ in 0..2 * QUEUE {
            exporter.export(span());
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        // One batch is on its way, the queue is full, and the rest is lost.
        let least = (QUEUE - BATCH) as u64;
        assert!((least..=QUEUE as u64).contains(&exporter.lost()), "{}", exporter.lost());
    }

    #[test]
    fn what_waits_is_sent_when_it_is_asked_for_and_what_is_refused_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let exporter = exporter(listener.local_addr().unwrap());
        let collector = thread::spawn(move || {
            let mut seen = Vec::new();
            for status in ["200 OK", "503 Service Unavailable"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut read = Vec::new();
                let is_whole = |read: &[u8]| read.ends_with(b"]}");
                while !is_whole(&read) {
                    let mut octets = [0; 1024];
                    let number = stream.read(&mut octets).unwrap();
                    assert!(number > 0, "{read:?}");
                    read.extend_from_slice(&octets[..number]);
                }
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
                );
                stream.write_all(answer.as_bytes()).unwrap();
                seen.push(String::from_utf8(read).unwrap());
            }
            seen
        });
        exporter.export(span());
        exporter.flush();
        assert_eq!(exporter.lost(), 0);
        exporter.export(span());
        exporter.export(span());
        exporter.flush();
        assert_eq!(exporter.lost(), 2);
        let seen = collector.join().unwrap();
        assert!(seen[0].starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", seen[0]);
        assert_eq!(seen.iter().map(|sent| sent.matches("spanId").count()).sum::<usize>(), 3);
    }
}
