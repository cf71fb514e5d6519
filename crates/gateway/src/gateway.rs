//! The gateway as a whole: made of a configuration, and run on as many threads as it says.

use std::error::Error;
use std::future::Future;
use std::net::TcpListener as StdListener;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use http::Request;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admin::Admin;
use crate::answer::Questions;
use crate::config::{Answering, Config, Protected};
use crate::explain::{Explained, explain};
use crate::lines::Place;
use crate::listen::{self, Behind, Terms};
use crate::reload::{Live, Reloader};
use crate::site::Site;
use crate::worker::Worker;

/// A gateway that is ready to listen.
#[derive(Debug)]
pub struct Gateway {
    live: Arc<Live>,
    terms: Terms,
    worker: Worker,
}

/// Why a gateway cannot be made of a configuration.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct GatewayError {
    what: String,
    source: Box<dyn Error + Send + Sync>,
}

impl GatewayError {
    pub(crate) fn new(resource: &Protected, source: Box<dyn Error + Send + Sync>) -> Self {
        Self { what: format!("the resource {} cannot be protected", resource.identifier), source }
    }

    fn tls(error: impl Error + Send + Sync + 'static) -> Self {
        Self { what: "the gateway cannot speak TLS".to_owned(), source: Box::new(error) }
    }

    pub(crate) fn traces(error: impl Error + Send + Sync + 'static) -> Self {
        Self { what: "traces cannot be sent".to_owned(), source: Box::new(error) }
    }

    pub(crate) fn file(place: &Place, error: io::Error) -> Self {
        Self { what: format!("{place} cannot be written"), source: error.into() }
    }
}

impl Gateway {
    /// Makes a gateway; nothing is fetched and nothing listens yet.
    ///
    /// # Errors
    /// When TLS cannot be set up: with clients, with an upstream or with an issuer.
    pub fn new(config: Config) -> Result<Self, GatewayError> {
        let live = Arc::new(Live::new(Site::new(config)?));
        let terms = Terms::new(live.clone()).map_err(GatewayError::tls)?;
        let worker = Worker::new(live.clone())?;
        Ok(Self { live, terms, worker })
    }

    /// What puts another configuration in the place of the one that is served.
    pub fn reloader(&self) -> Reloader {
        Reloader::new(self.live.clone())
    }

    /// The operator's view of this gateway, to be served where the operator alone is.
    pub fn admin(&self) -> Admin {
        Admin::new(self.live.clone(), self.terms.clone())
    }

    /// Explains what becomes of a request, check by check; forwards nothing.
    pub async fn explain(&self, request: &Request<()>) -> Explained {
        explain(&self.live.site(), request).await
    }

    /// Serves a listener on this runtime until `shutdown` is done and the last request answered.
    ///
    /// Serves no admin listener: see [`Gateway::admin`].
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let _chores = self.chores();
        let live = self.live;
        let delay = live.site().config.drain_delay;
        let shutdown = drained(shutdown, &live, delay);
        let behind = Behind::Worker(Box::new(self.worker));
        listen::serve(behind, listener, self.terms, shutdown).await;
    }

    /// Serves a listener where other proxies ask, on this runtime until `shutdown` is done; beside
    /// [`Gateway::serve`], which fetches keys ahead of need.
    pub fn serve_questions<S: Future<Output = ()>>(
        &self,
        place: Answering,
        listener: TcpListener,
        shutdown: S,
    ) -> impl Future<Output = ()> + use<S> {
        let questions = Behind::Questions(Questions::new(self.live.clone(), place));
        listen::serve(questions, listener, self.terms.in_the_clear(), shutdown)
    }

    /// Listens where the configuration says and serves until `shutdown` is done and the last
    /// request answered, with a thread per worker, each on a listener and connections of its own.
    ///
    /// Must not be called from within a runtime.
    ///
    /// # Errors
    /// When the address is taken, or threads cannot be had.
    pub fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        // Workers share their ports, and would with a stranger's process too: ask first.
        let live = self.live.clone();
        let site = live.site();
        let Config { listen, workers, admin, drain_delay, .. } = site.config;
        let redirect_from = site.config.tls.as_ref().and_then(|tls| tls.redirect_from);
        let mut places = site.config.answering.clone();
        drop(site);
        let address = StdListener::bind(listen)?.local_addr()?;
        for place in &mut places {
            place.listen = StdListener::bind(place.listen)?.local_addr()?;
            tracing::info!(address = %place.listen, mode = %place.mode, "answering other proxies");
        }
        let admin_listener = admin.map(|admin| listen::alone(admin.listen)).transpose()?;
        let (stop, stopped) = watch::channel(false);
        let mut threads = Vec::new();
        for number in 1..workers {
            let worker = Worker::new(self.live.clone()).map_err(io::Error::other)?;
            let (terms, stopped) = (self.terms.clone(), stopped.clone());
            let behind = Behind::Worker(Box::new(worker));
            let listener = listen::shared_listener(address)?;
            let questions = self.questions(&places, &stopped)?;
            let work = move || {
                on_a_runtime(listener, async move |listener| {
                    let answering: JoinSet<()> = questions.into_iter().collect();
                    listen::serve(behind, listener, terms, told(stopped)).await;
                    answering.join_all().await;
                    Ok(())
                })
            };
            threads.push(thread::Builder::new().name(format!("worker-{number}")).spawn(work)?);
        }
        let listener = listen::shared_listener(address)?;
        let questions = self.questions(&places, &stopped)?;
        let plain = redirect_from.map(listen::alone).transpose()?;
        on_a_runtime(listener, async |listener| {
            let mut chores = self.chores();
            if let Some(listener) = admin_listener {
                chores.spawn(self.admin().serve(TcpListener::from_std(listener)?));
            }
            tracing::info!(%address, workers, "listening");
            let mut beside: JoinSet<()> = questions.into_iter().collect();
            if let Some(plain) = plain {
                let (plain, terms) = (TcpListener::from_std(plain)?, self.terms.in_the_clear());
                beside.spawn(listen::serve(Behind::Redirect, plain, terms, told(stopped)));
            }
            let shutdown = async {
                drained(shutdown, &self.live, drain_delay).await;
                let _ = stop.send(true);
            };
            let behind = Behind::Worker(Box::new(self.worker));
            listen::serve(behind, listener, self.terms, shutdown).await;
            beside.join_all().await;
            Ok(())
        })?;
        for thread in threads {
            thread.join().map_err(|_| io::Error::other("a worker panicked"))??;
        }
        if let Some(tracer) = &live.site().tracer {
            tracer.flush();
        }
        Ok(())
    }

    /// One worker's share of the places where other proxies ask.
    fn questions(
        &self,
        places: &[Answering],
        stopped: &watch::Receiver<bool>,
    ) -> io::Result<Vec<Serving>> {
        let share = |place: &Answering| -> io::Result<Serving> {
            let (listener, stopped) = (listen::shared_listener(place.listen)?, stopped.clone());
            let questions = Behind::Questions(Questions::new(self.live.clone(), place.clone()));
            let terms = self.terms.in_the_clear();
            Ok(Box::pin(async move {
                match TcpListener::from_std(listener) {
                    Ok(listener) => listen::serve(questions, listener, terms, told(stopped)).await,
                    Err(error) => tracing::error!(%error, "other proxies get no answer"),
                }
            }))
        };
        places.iter().map(share).collect()
    }

    /// What goes on beside the requests, for as long as what is returned lives.
    fn chores(&self) -> JoinSet<()> {
        let mut chores = self.terms.chores();
        chores.spawn(self.live.clone().keep_keys_fresh());
        chores
    }
}

/// A listener being served, beside others of the same worker.
type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits for the shutdown and then, not ready any more, until those who send requests have noticed.
async fn drained(shutdown: impl Future<Output = ()>, live: &Live, delay: Duration) {
    shutdown.await;
    live.drain();
    // The operator's `drain_delay`: how they notice is not told to the gateway.
    tokio::time::sleep(delay).await;
}

fn on_a_runtime(
    listener: StdListener,
    work: impl AsyncFnOnce(TcpListener) -> io::Result<()>,
) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { work(TcpListener::from_std(listener)?).await })
}

/// Waits for the shutdown.
async fn told(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone is a shutdown as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
