//! `serve` and `check serve`: the authorization server from its configuration file.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use bailiwick_authorization_server::config::Config;
use bailiwick_authorization_server::keys::{Keyring, needed};
use bailiwick_authorization_server::password::Passwords;
use bailiwick_authorization_server::{AuthorizationServer, Limits, Parts, registry};
use bailiwick_store::Store;
use bailiwick_store_sqlite::SqliteStore;
use tokio::net::TcpListener;

use crate::Failure;

/// How often expired records are swept, and how many at once.
const SWEEP: (Duration, usize) = (Duration::from_mins(1), 1000);

/// Runs the authorization server until it is told to stop.
pub(crate) async fn run(path: &Path) -> Result<(), Failure> {
    let config = load(path)?;
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        Failure::new(format!("{} cannot be listened on: {error}; change `listen`", config.listen))
    })?;
    let issuer = config.tenant.issuer.clone();
    let server = Server::prepare(config).await?;
    eprintln!("listening on http://{} as {issuer}", listener.local_addr()?);
    server.serve_until(listener, until_stopped()).await
}

/// Reads the configuration and says what is wrong with it.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    let config = load(path)?;
    println!(
        "{}: good; {} resources, {} clients, {} users",
        path.display(),
        config.resource_servers.len(),
        config.clients.len(),
        config.users.len()
    );
    Ok(())
}

/// Reads the configuration file; warnings go to standard error.
pub(crate) fn load(path: &Path) -> Result<Config, Failure> {
    let config = Config::load(path).map_err(|error| Failure::usage(error.to_string()))?;
    for warning in &config.warnings {
        eprintln!("bailiwick: warning: {warning}");
    }
    Ok(config)
}

/// An authorization server that is ready to listen.
pub(crate) struct Server {
    router: Router,
    store: Arc<dyn Store>,
}

impl Server {
    /// Opens the store, applies the configuration and makes the signing keys that are missing.
    pub(crate) async fn prepare(config: Config) -> Result<Self, Failure> {
        let store: Arc<dyn Store> = Arc::new(
            SqliteStore::open(&config.store)
                .map_err(|error| Failure::from(error).during("the store cannot be opened"))?,
        );
        registry::apply(&*store, &config).await?;
        // Also those that commands registered: each may ask for another algorithm.
        let servers = registry::list_resource_servers(&*store).await?;
        let keyring = Keyring::ensure(&*store, &needed(&servers), now()).await?;
        let passwords = Passwords::new(config.login.password_checks)?;
        let fetcher = config.outgoing.fetcher(&config.tenant.issuer)?;
        let mut parts = Parts::new(
            config.tenant,
            Arc::clone(&store),
            keyring,
            passwords,
            config.login,
            fetcher,
        );
        parts.proxies = config.proxies;
        Ok(Self { router: AuthorizationServer::new(parts), store })
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
        let Self { router, store } = self;
        let serve = bailiwick_authorization_server::serve(listener, router, Limits::default(), end);
        tokio::select! {
            served = serve => Ok(served?),
            () = sweep(&*store) => Ok(()),
        }
    }
}

/// Removes expired records, a few at a time, for ever.
async fn sweep(store: &dyn Store) {
    let (period, most) = SWEEP;
    loop {
        // The period of a chore, beside the server; it is dropped with it.
        tokio::time::sleep(period).await;
        // Small batches, one after another until nothing is left: a flood does not pile up.
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

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
