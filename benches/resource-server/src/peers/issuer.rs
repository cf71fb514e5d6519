//! The issuer that the servers trust: metadata and keys over HTTP on this machine.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use axum::{Json, Router, routing::get};
use bailiwick_jose::Jwks;
use serde_json::json;
use tokio::runtime;

use crate::Result;
use crate::mint::{ALGORITHMS, Mint};

/// An issuer with a key for each algorithm, up until this program ends.
pub struct TestIssuer {
    /// Its identifier.
    pub url: String,
    /// What makes its tokens, in the order of [`ALGORITHMS`].
    pub mints: Vec<Mint>,
}

impl TestIssuer {
    /// Starts it.
    pub fn start(resource: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let mints = ALGORITHMS
            .into_iter()
            .map(|algorithm| Mint::new(algorithm, &url, resource))
            .collect::<Result<Vec<_>>>()?;
        let keys = Jwks::from_keys(mints.iter().map(Mint::verifying_key).collect()).to_json();
        let metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        });
        let metadata = get(async move || Json(metadata));
        let app = Router::new()
            .route("/.well-known/openid-configuration", metadata.clone())
            .route("/.well-known/oauth-authorization-server", metadata)
            .route("/keys", get(async move || Json(keys)));
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                axum::serve(listener, app).await
            })
        });
        Ok(Self { url, mints })
    }
}
