//! `gateway`: the gateway from its configuration file.

use std::path::Path;

use bailiwick_gateway::{Config, Gateway, Reloader};
use tokio::sync::Notify;

use crate::Failure;

/// Runs the gateway until it is told to stop. Must not be called from within a runtime: the
/// gateway has one of its own per core.
pub(crate) fn run(path: &Path) -> Result<(), Failure> {
    let config = load(path)?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    eprintln!("listening on {scheme}://{}", config.listen);
    let gateway = Gateway::new(config)?;
    let reloader = gateway.reloader();
    let file = path.to_owned();
    Ok(gateway.run(async move {
        tokio::select! {
            () = crate::serve::until_stopped() => {}
            () = reload(&reloader, &file) => {}
        }
        tokio::spawn(cut_off());
    })?)
}

/// Ends the process at the second signal: whoever sends it does not want to wait for the clients.
async fn cut_off() {
    crate::serve::until_stopped().await;
    eprintln!("bailiwick: stopped before the last request was answered");
    std::process::exit(1);
}

/// Reloads when the file changes, and on SIGHUP; never ends.
async fn reload(reloader: &Reloader, file: &Path) {
    let asked = Notify::new();
    tokio::join!(reloader.follow(file, &asked), on_hangup(&asked));
}

#[cfg(unix)]
async fn on_hangup(asked: &Notify) {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::hangup()) {
        Ok(mut hangups) => {
            while hangups.recv().await.is_some() {
                asked.notify_one();
            }
        }
        Err(error) => tracing::warn!(%error, "SIGHUP cannot be heard; the file is followed"),
    }
}

#[cfg(not(unix))]
async fn on_hangup(_: &Notify) {}

/// Reads the configuration file.
pub(crate) fn load(path: &Path) -> Result<Config, Failure> {
    Config::load(path).map_err(|error| Failure::usage(error.to_string()))
}
