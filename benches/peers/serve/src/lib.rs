//! What the servers under measurement have in common: one thread, one listener, one answer.
//!
//! A server is told the issuer and the resource as its two arguments, prints the port that it
//! listens on, and ends with its standard input, so that none is left behind.

use std::error::Error;
use std::io::{Read, Write};
use std::net::Ipv4Addr;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::runtime;

/// Whatever goes wrong ends the server.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Whose tokens are taken, and for what.
#[derive(Debug)]
pub struct Protection {
    /// The issuer's identifier.
    pub issuer: String,
    /// The resource's identifier, which tokens name in `aud`.
    pub resource: String,
}

/// The answer to everyone who may have it.
#[expect(clippy::unused_async, reason = "a handler is asynchronous")]
pub async fn answer() -> &'static str {
    "ok"
}

/// Serves what `app` makes, until standard input ends.
pub fn run(app: impl AsyncFnOnce(Protection) -> Result<Router>) -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(issuer), Some(resource)) = (arguments.next(), arguments.next()) else {
        return Err("usage: <issuer> <resource>".into());
    };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let app = app(Protection { issuer, resource }).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{port}")?;
        out.flush()?;
        drop(out);
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true); // as everyone would
        });
        Ok(axum::serve(listener, app).await?)
    })
}
