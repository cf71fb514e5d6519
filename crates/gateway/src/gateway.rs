//! The gateway: a request's way from its arrival to its answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error;
use std::future::Future;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::{io, thread};

use bailiwick_fetch::{BuildError, Fetcher, IssuerKeys, KeySettings};
use bailiwick_oauth::{Issuer, Scope};
use bailiwick_resource_server::{Builder, ResourceServer};
use http::header::{EXPECT, UPGRADE};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::admit::{NotAdmitted, admit};
use crate::answer::{self, Answer, Fault};
use crate::config::{Access, Config, Protected};
use crate::explain::{Explained, explain};
use crate::forward::{Forwarder, Onward};
use crate::headers::Credentials;
use crate::listen::{self, Limits};
use crate::path::Path;
use crate::published::Published;
use crate::route::{NoRoute, Routes};
use crate::target::{self, Host};

/// A gateway that is ready to listen.
#[derive(Debug)]
pub struct Gateway {
    site: Arc<Site>,
    limits: Limits,
    worker: Worker,
}

/// What all workers share: the configuration, and what is known of issuers and tokens.
#[derive(Debug)]
struct Site {
    config: Config,
    routes: Routes,
    published: Published,
    /// The library's part of each resource, by the resource's number.
    servers: Vec<ResourceServer>,
}

/// One worker: the shared site, and its own connections to the upstreams.
#[derive(Debug)]
pub(crate) struct Worker {
    site: Arc<Site>,
    forwarders: Vec<Forwarder>,
}

/// Why a gateway cannot be made of a configuration.
#[derive(Debug, thiserror::Error)]
#[error("the resource {resource} cannot be protected")]
pub struct GatewayError {
    resource: String,
    source: Box<dyn Error + Send + Sync>,
}

impl GatewayError {
    fn new(resource: &Protected, source: Box<dyn Error + Send + Sync>) -> Self {
        Self { resource: resource.identifier.to_string(), source }
    }
}

impl Gateway {
    /// Makes a gateway; nothing is fetched and nothing listens yet.
    ///
    /// # Errors
    /// When TLS towards an upstream or an issuer cannot be set up.
    pub fn new(config: Config) -> Result<Self, GatewayError> {
        let mut keys: HashMap<(&Issuer, bool), Arc<IssuerKeys>> = HashMap::new();
        let mut servers = Vec::new();
        for resource in &config.resources {
            let failed = |error| GatewayError::new(resource, error);
            let issuer_keys = match keys.entry((&resource.issuer, resource.private_issuer)) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(place) => {
                    place.insert(issuer_keys(resource).map_err(|e| failed(e.into()))?).clone()
                }
            };
            let scopes = resource.scopes();
            let mut server = Builder::new(resource.issuer.clone(), resource.identifier.clone())
                .scopes(scopes.iter().map(Scope::as_str))
                .keys(issuer_keys);
            if let Some(name) = &resource.name {
                server = server.name(name);
            }
            servers.push(server.build().map_err(|e| failed(e.into()))?);
        }
        let limits = Limits {
            connections: Arc::new(Semaphore::new(config.max_connections)),
            head_timeout: config.head_timeout,
            drain_timeout: config.drain_timeout,
        };
        let site = Arc::new(Site {
            routes: Routes::new(&config.resources),
            published: Published::new(config.resources.iter().zip(&servers)),
            servers,
            config,
        });
        let worker = Worker::new(site.clone())?;
        Ok(Self { site, limits, worker })
    }

    /// Explains what becomes of a request, check by check; forwards nothing.
    pub async fn explain(&self, request: &Request<()>) -> Explained {
        let Site { config, routes, servers, .. } = &*self.site;
        explain(config, routes, servers, request).await
    }

    /// Serves a listener on this runtime until `shutdown` is done and the last request answered.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let _keys = self.site.keep_keys_fresh();
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
        let address = StdListener::bind(self.site.config.listen)?.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let mut threads = Vec::new();
        for number in 1..self.site.config.workers {
            let worker = Worker::new(self.site.clone()).map_err(io::Error::other)?;
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
            let _keys = self.site.keep_keys_fresh();
            tracing::info!(%address, workers = self.site.config.workers, "listening");
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
}

fn on_a_runtime(listener: StdListener, work: impl AsyncFnOnce(TcpListener)) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        work(TcpListener::from_std(listener)?).await;
        Ok(())
    })
}

/// Keys are fetched with a setting of the operator's: whether the issuer may be at a private address.
fn issuer_keys(resource: &Protected) -> Result<Arc<IssuerKeys>, BuildError> {
    let mut fetcher = Fetcher::builder();
    let origin = resource.issuer.origin();
    let host = origin.split("://").nth(1).and_then(|at| at.parse::<Authority>().ok());
    if let Some(host) = host.filter(|_| resource.private_issuer) {
        fetcher = fetcher.allow_private_host(host.host());
    }
    Ok(IssuerKeys::new(resource.issuer.clone(), fetcher.build()?, KeySettings::default()))
}

impl Site {
    /// Fetches keys ahead of need for as long as what is returned lives.
    fn keep_keys_fresh(&self) -> JoinSet<()> {
        let mut kept: Vec<&Arc<IssuerKeys>> = Vec::new();
        for keys in self.servers.iter().flat_map(ResourceServer::keys) {
            if !kept.iter().any(|known| Arc::ptr_eq(known, keys)) {
                kept.push(keys);
            }
        }
        kept.into_iter().map(|keys| keys.keep_fresh()).collect()
    }
}

impl Worker {
    fn new(site: Arc<Site>) -> Result<Self, GatewayError> {
        let mut forwarders = Vec::new();
        for resource in &site.config.resources {
            let forwarder = Forwarder::new(&resource.upstream)
                .map_err(|error| GatewayError::new(resource, error.into()))?;
            forwarders.push(forwarder);
        }
        Ok(Self { site, forwarders })
    }

    /// Answers a request and logs what was decided.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Response<Answer> {
        let method = request.method().clone();
        let mut event = Event::default();
        let answer = match self.pass(request, peer, &mut event).await {
            Ok(answer) => answer,
            Err(fault) => {
                event.reason = fault.error;
                fault.answer()
            }
        };
        let resource = event.resource.and_then(|number| self.site.config.resources.get(number));
        let route = resource.zip(event.route).and_then(|(at, number)| at.routes.get(number));
        tracing::info!(
            verdict = event.verdict,
            reason = event.reason,
            client = event.client,
            resource = resource.map(|resource| resource.identifier.as_str()),
            route = route.map(|route| route.path.as_str()),
            %method,
            status = answer.status().as_u16(),
            "request"
        );
        answer
    }

    /// `route → admit → forward`: the answer of the first that has one.
    async fn pass(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        event: &mut Event,
    ) -> Result<Response<Answer>, Fault> {
        let Site { config, routes, published, servers, .. } = &*self.site;
        plain(&request)?;
        let uri = request.uri().clone();
        let host = Host::of(&request)?;
        let host_name = host.name();
        let path = Path::parse(uri.path())
            .map_err(|why| Fault::bad_request("ambiguous_path", why.to_string()))?;
        if let Some(answer) = published.answer(&host_name, request.method(), &uri) {
            event.verdict = "published";
            return Ok(answer);
        }

        let chosen = routes
            .find(&host_name, path, request.method(), &config.resources)
            .map_err(|none| event.unrouted(none))?;
        (event.resource, event.route) = (Some(chosen.resource), Some(chosen.route));
        let parts = config.resources.get(chosen.resource).and_then(|resource| {
            let route = resource.routes.get(chosen.route)?;
            let server = servers.get(chosen.resource)?;
            Some((resource, route, server, self.forwarders.get(chosen.resource)?))
        });
        let Some((resource, route, server, forwarder)) = parts else {
            return Err(Fault::new(StatusCode::NOT_FOUND, "not_found", "nothing is here"));
        };

        let admitted = match admit(server, route, request).await {
            Ok(admitted) => admitted,
            Err(NotAdmitted { reason, answer }) => {
                (event.verdict, event.reason) = ("refused", reason.as_str());
                return Ok(answer::whole(answer));
            }
        };
        event.verdict = if route.access == Access::Public { "public" } else { "permitted" };
        event.client = admitted.client().map(ToString::to_string);

        let forwarded_path = if resource.strip_prefix { chosen.below } else { path };
        let credentials =
            if route.forward_token { Credentials::Forwarded } else { Credentials::Withheld };
        let target = target::onward(forwarded_path, uri.query())?;
        let onward = Onward { target, peer, host: host.as_str(), credentials };
        forwarder.forward(admitted, onward).await
    }
}

/// Refuses what is no plain request for a path.
fn plain(request: &Request<Incoming>) -> Result<(), Fault> {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Fault::new(
            StatusCode::NOT_IMPLEMENTED,
            "not_implemented",
            format!("{} is not forwarded", request.method()),
        ));
    }
    // `Upgrade: h2c` may be ignored (RFC 9110 §7.8); other protocols were asked for in earnest.
    let upgrades = request.headers().get_all(UPGRADE).iter();
    if upgrades.into_iter().any(|protocol| !protocol.as_bytes().eq_ignore_ascii_case(b"h2c")) {
        return Err(Fault::new(
            StatusCode::NOT_IMPLEMENTED,
            "not_implemented",
            "this gateway does not switch protocols",
        ));
    }
    let mut expectations = request.headers().get_all(EXPECT).iter();
    if expectations.any(|what| !what.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Fault::new(
            StatusCode::EXPECTATION_FAILED,
            "expectation_failed",
            "only 'Expect: 100-continue' can be met",
        ));
    }
    Ok(())
}

/// What is logged of a request: never a token, never a claim.
struct Event {
    verdict: &'static str,
    reason: &'static str,
    client: Option<String>,
    resource: Option<usize>,
    route: Option<usize>,
}

impl Default for Event {
    fn default() -> Self {
        Self { verdict: "malformed", reason: "", client: None, resource: None, route: None }
    }
}

impl Event {
    /// Notes that a request has no route.
    fn unrouted(&mut self, none: NoRoute) -> Fault {
        self.verdict = "unrouted";
        match none {
            NoRoute::Resource => {
                Fault::new(StatusCode::NOT_FOUND, "not_found", "no resource has this host and path")
            }
            NoRoute::Path(resource) => {
                self.resource = Some(resource);
                Fault::new(StatusCode::NOT_FOUND, "not_found", "the resource has no such path")
            }
            NoRoute::Method(resource, allowed) => {
                self.resource = Some(resource);
                let mut fault = Fault::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method_not_allowed",
                    "the path does not have this method",
                );
                fault.allowed = allowed;
                fault
            }
            NoRoute::NearMiss => Fault::bad_request(
                "ambiguous_path",
                "the path differs from a known one only in case or in what ends a segment",
            ),
        }
    }
}
