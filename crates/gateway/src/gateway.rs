//! The gateway as a whole: made of a configuration, and run on as many threads as it says.

use std::error::Error;
use std::future::Future;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::{io, thread};

use http::Request;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::config::{Config, Protected};
use crate::explain::{Explained, explain};
use crate::listen::{self, Limits};
use crate::reload::{Live, Reloader};
use crate::site::Site;
use crate::worker::Worker;

/// A gateway that is ready to listen.
#[derive(Debug)]
pub struct Gateway {
    live: Arc<Live>,
    limits: Limits,
    worker: Worker,
}

/// Why a gateway cannot be made of a configuration.
#[derive(Debug, thiserror::Error)]
#[error("the resource {resource} cannot be protected")]
pub struct GatewayError {
    resource: String,
    source: Box<dyn Error + Send + Sync>,
}

impl GatewayError {
    pub(crate) fn new(resource: &Protected, source: Box<dyn Error + Send + Sync>) -> Self {
        Self { resource: resource.identifier.to_string(), source }
    }
}

impl Gateway {
    /// Makes a gateway; nothing is fetched and nothing listens yet.
    ///
    /// # Errors
    /// When TLS towards an upstream or an issuer cannot be set up.
    pub fn new(config: Config) -> Result<Self, GatewayError> {
        let limits = Limits {
            connections: Arc::new(Semaphore::new(config.max_connections)),
            head_timeout: config.head_timeout,
            drain_timeout: config.drain_timeout,
        };
        let live = Arc::new(Live::new(Site::new(config)?));
        let worker = Worker::new(live.clone())?;
        Ok(Self { live, limits, worker })
    }

    /// What puts another configuration in the place of the one that is served.
    pub fn reloader(&self) -> Reloader {
        Reloader::new(self.live.clone())
    }

    /// Explains what becomes of a request, check by check; forwards nothing.
    pub async fn explain(&self, request: &Request<()>) -> Explained {
        explain(&self.live.site(), request).await
    }

    /// Serves a listener on this runtime until `shutdown` is done and the last request answered.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let _chores = self.chores();
        listen::serve(self.worker, listener, self.limits, shutdown).await;
    }

    /// Listens where the configuration says and serves until `shutdown` is done and the last
    /// request answered, with a thread per worker, each on a listener and connections of its own.
    ///
    /// Must not be called from within a runtime.
    ///
    /// # Errors
    /// When the address is taken, or threads cannot be had.
    pub fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        // Workers share their port, and would with a stranger's process too: ask first.
        let site = self.live.site();
        let (listen, workers) = (site.config.listen, site.config.workers);
        drop(site);
        let address = StdListener::bind(listen)?.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let mut threads = Vec::new();
        for number in 1..workers {
            let worker = Worker::new(self.live.clone()).map_err(io::Error::other)?;
            let (limits, mut stopped) = (self.limits.clone(), stopped.clone());
            let listener = listen::shared_listener(address)?;
            let work = move || {
                on_a_runtime(listener, async move |listener| {
                    let stopped = async {
                        // A sender that is gone is a shutdown as well.
                        let _ = stopped.wait_for(|stopped| *stopped).await;
                    };
                    listen::serve(worker, listener, limits, stopped).await;
                })
            };
            threads.push(thread::Builder::new().name(format!("worker-{number}")).spawn(work)?);
        }
        let listener = listen::shared_listener(address)?;
        on_a_runtime(listener, async |listener| {
            let _chores = self.chores();
            tracing::info!(%address, workers, "listening");
            let shutdown = async {
                shutdown.await;
                let _ = stop.send(true);
            };
            listen::serve(self.worker, listener, self.limits, shutdown).await;
        })?;
        for thread in threads {
            thread.join().map_err(|_| io::Error::other("a worker panicked"))??;
        }
        Ok(())
    }

    /// What goes on beside the requests, for as long as what is returned lives.
    fn chores(&self) -> JoinSet<()> {
        JoinSet::from_iter([self.live.clone().keep_keys_fresh()])
    }
}

fn on_a_runtime(listener: StdListener, work: impl AsyncFnOnce(TcpListener)) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        work(TcpListener::from_std(listener)?).await;
        Ok(())
    })
}
