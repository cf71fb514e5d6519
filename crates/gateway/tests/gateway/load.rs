//! Load: clients that ask and ask, and count what they get.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;

/// Clients at work.
pub(crate) struct Load {
    clients: JoinSet<BTreeMap<String, u64>>,
    ended: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
}

impl Load {
    /// Begins: each client with connections of its own, which it keeps.
    pub(crate) fn begin(clients: usize, at: SocketAddr, path: &str, token: &str) -> Self {
        let (ended, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let clients = (0..clients)
            .map(|_| client(at, path.to_owned(), token.to_owned(), ended.clone(), answered.clone()))
            .collect();
        Self { clients, ended, answered }
    }

    /// Waits until so many more requests were answered.
    pub(crate) async fn goes_on(&self, more: u64) {
        let until = self.answered.load(Ordering::Relaxed) + more;
        while self.answered.load(Ordering::Relaxed) < until {
            tokio::task::yield_now().await;
        }
    }

    /// Ends it; the outcomes, and how often each was had.
    pub(crate) async fn end(self) -> BTreeMap<String, u64> {
        self.ended.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::new();
        for counts in self.clients.join_all().await {
            for (outcome, count) in counts {
                *all.entry(outcome).or_default() += count;
            }
        }
        all
    }
}

async fn client(
    at: SocketAddr,
    path: String,
    token: String,
    ended: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
) -> BTreeMap<String, u64> {
    let client: Client<HttpConnector, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let mut counts = BTreeMap::new();
    while !ended.load(Ordering::Relaxed) {
        let request = Request::get(format!("http://{at}{path}"))
            .header("authorization", format!("Bearer {token}"))
            .body(Empty::new())
            .unwrap();
        let outcome = match client.request(request).await {
            Ok(answer) => {
                let status = answer.status().to_string();
                match answer.into_body().collect().await {
                    Ok(_) => status,
                    Err(error) => format!("{status}, then {error:?}"),
                }
            }
            Err(error) => format!("{error:?}"),
        };
        *counts.entry(outcome).or_default() += 1;
        answered.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
    counts
}
