//! `serve` and `check serve`: the authorization server from its configuration file.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use bailiwick_authorization_server::config::Config;
use bailiwick_authorization_server::keys::{Keyring, needed};
use bailiwick_authorization_server::password::Passwords;
use bailiwick_authorization_server::sector::{self, SectorError};
use bailiwick_authorization_server::{
    Administered, AuthorizationServer, Limits, Outbox, Parts, Tls, admin, registry, serve,
    serve_tls,
};
use bailiwick_fetch::Fetcher;
use bailiwick_grant::state::Client;
use bailiwick_oauth::Issuer;
use bailiwick_store::Store;
use bailiwick_store_sqlite::SqliteStore;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::Failure;

/// How often expired records are swept, and how many at once.
const SWEEP: (Duration, usize) = (Duration::from_mins(1), 1000);

/// How often the files of TLS are looked at.
const FRESH: Duration = Duration::from_secs(10);

/// Runs the authorization server until it is told to stop.
pub(crate) async fn run(path: &Path) -> Result<(), Failure> {
    let config = load(path)?;
    let listener = listen(config.listen, "listen").await?;
    let issuer = config.tenant.issuer.clone();
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let server = Server::prepare(config).await?;
    eprintln!("listening on {scheme}://{} as {issuer}", listener.local_addr()?);
    server.serve_until(listener, until_stopped()).await
}

async fn listen(place: SocketAddr, setting: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(place).await.map_err(|error| {
        Failure::new(format!("{place} cannot be listened on: {error}; change `{setting}`"))
    })
}

/// Reads the configuration and says what is wrong with it.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    let config = load(path)?;
    println!("{}: good", path.display());
    for config in std::iter::once(&config).chain(&config.tenants) {
        println!(
            "{}: {} resources, {} clients, {} users",
            config.tenant.issuer,
            config.resource_servers.len(),
            config.clients.len(),
            config.users.len()
        );
    }
    Ok(())
}

/// Reads the configuration file; warnings go to standard error.
pub(crate) fn load(path: &Path) -> Result<Config, Failure> {
    let config = Config::load(path).map_err(|error| Failure::usage(error.to_string()))?;
    let tenants = config.tenants.iter().flat_map(|tenant| &tenant.warnings);
    for warning in config.warnings.iter().chain(tenants) {
        eprintln!("bailiwick: warning: {warning}");
    }
    Ok(config)
}

/// An authorization server that is ready to listen.
pub(crate) struct Server {
    router: Router,
    tls: Option<Arc<Tls>>,
    chores: Chores,
    /// Where the operator is answered.
    admin: Option<(TcpListener, Router)>,
}

/// What is done beside serving, for each issuer.
#[derive(Default)]
struct Chores {
    /// Expired records are swept out of these.
    stores: Vec<Arc<dyn Store>>,
    /// APIs are told of revocations by these.
    outboxes: Vec<Outbox>,
}

impl Server {
    /// Opens the store, applies the configuration and makes the signing keys that are missing.
    pub(crate) async fn prepare(mut config: Config) -> Result<Self, Failure> {
        let proxies = config.proxies.clone();
        let tenants = std::mem::take(&mut config.tenants);
        let tls = match config.tls.take() {
            Some(tls) => Some(Arc::new(Tls::new(tls.files, tls.ask)?)),
            None => None,
        };
        let place = config.admin;
        let settings: Vec<_> =
            std::iter::once(&config).chain(&tenants).map(|one| one.tenant.clone()).collect();
        let (mut chores, mut others) = (Chores::default(), Vec::new());
        // One bound for all: it is the machine's memory that passwords are checked in.
        let passwords = Passwords::new(config.login.password_checks)?;
        let first = issuer(config, &passwords, &proxies, &mut chores).await?;
        for tenant in tenants {
            others.push(issuer(tenant, &passwords, &proxies, &mut chores).await?);
        }
        let administered = settings.into_iter().zip(&chores.stores);
        let administered = administered
            .map(|(tenant, store)| Administered { tenant, store: Arc::clone(store) })
            .collect();
        let admin = match place {
            None => None,
            Some(place) => {
                Some((listen(place, "listen of [admin]").await?, admin(administered, now)))
            }
        };
        let router = bailiwick_authorization_server::tenants(first, others);
        Ok(Self { router, tls, chores, admin })
    }

    /// Serves until it is dropped.
    pub(crate) async fn serve(self, listener: TcpListener) -> Result<(), Failure> {
        self.serve_until(listener, std::future::pending()).await
    }

    async fn serve_until(
        self,
        listener: TcpListener,
        end: impl Future<Output = ()> + Send,
    ) -> Result<(), Failure> {
        let Self { router, tls, chores: Chores { stores, outboxes }, admin } = self;
        let mut telling = JoinSet::new(); // ends with the server
        for outbox in outboxes {
            telling.spawn(outbox.run());
        }
        let limits = Limits::default();
        let administer = async {
            match admin {
                None => std::future::pending().await,
                Some((listener, router)) => {
                    serve(listener, router, limits, std::future::pending()).await
                }
            }
        };
        let Some(tls) = tls else {
            return tokio::select! {
                served = serve(listener, router, limits, end) => Ok(served?),
                served = administer => Ok(served?),
                () = sweep(&stores) => Ok(()),
            };
        };
        tokio::select! {
            served = serve_tls(listener, Arc::clone(&tls), router, limits, end) => Ok(served?),
            served = administer => Ok(served?),
            () = tls.keep_fresh(FRESH) => Ok(()),
            () = sweep(&stores) => Ok(()),
        }
    }
}

/// One issuer: opens its store, applies its configuration, makes the signing keys that are missing.
async fn issuer(
    config: Config,
    passwords: &Passwords,
    proxies: &[IpAddr],
    chores: &mut Chores,
) -> Result<(Issuer, Router), Failure> {
    let store: Arc<dyn Store> = Arc::new(
        SqliteStore::open(&config.store)
            .map_err(|error| Failure::from(error).during("the store cannot be opened"))?,
    );
    let issuer = config.tenant.issuer.clone();
    registry::apply(&*store, &config, now()).await?;
    // Also those that commands registered: each may ask for another algorithm.
    let servers = registry::list_resource_servers(&*store).await?;
    let clients = registry::list_clients(&*store).await?;
    let keyring = Keyring::ensure(&*store, &needed(&servers, &clients), now()).await?;
    let (passwords, fetcher) = (passwords.clone(), config.outgoing.fetcher(&issuer)?);
    sectors(&config.clients, &fetcher).await?;
    let mut parts =
        Parts::new(config.tenant, Arc::clone(&store), keyring, passwords, config.login, fetcher);
    parts.proxies = proxies.to_vec();
    parts.branding = config.branding;
    parts.certificates = config.certificates;
    parts.dangerous_sign_in_as = config.dangerous_sign_in_as;
    chores.stores.push(store);
    let (router, outbox) = AuthorizationServer::with_outbox(parts);
    chores.outboxes.push(outbox);
    Ok((issuer, router))
}

/// Checks the sectors that clients of the file claim. A document that cannot be had just now does not
/// keep the server from starting: the operator vouches for the client.
async fn sectors(clients: &[Client], fetcher: &Fetcher) -> Result<(), Failure> {
    for client in clients {
        match sector::verify(fetcher, client).await {
            Ok(()) => {}
            Err(error @ SectorError::Fetch(_)) => {
                tracing::warn!(client = %client.id, error = &error as &dyn Error, "sector");
            }
            Err(error) => return Err(Failure::new(format!("client \"{}\": {error}", client.id))),
        }
    }
    Ok(())
}

/// Removes expired records, a few at a time, for ever.
async fn sweep(stores: &[Arc<dyn Store>]) {
    let (period, most) = SWEEP;
    loop {
        // The period of a chore, beside the server; it is dropped with it.
        tokio::time::sleep(period).await;
        // Small batches, one after another until nothing is left: a flood does not pile up.
        for store in stores {
            loop {
                match store.sweep(now(), most).await {
                    Ok(swept) if swept == most => tokio::task::yield_now().await,
                    Ok(_) => break,
                    Err(error) => {
                        tracing::warn!(%error, "expired records cannot be swept");
                        break;
                    }
                }
            }
        }
    }
}

/// Waits for Ctrl-C or a request to terminate.
pub(crate) async fn until_stopped() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
