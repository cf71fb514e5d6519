//! An order-history API on its own SQLite file, protected by the library.
//!
//! Everything that has to do with tokens is on this page.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "tests"))]

pub mod book;

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bailiwick_resource_server::{ConfigError, ResourceServer, VerifiedToken};
use tokio::net::TcpListener;

use crate::book::{Book, NewOrder, Order};

/// What the API needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who issues the tokens.
    pub issuer: String,
    /// The API's own identifier: what tokens must be meant for.
    pub resource: String,
    /// The order book's file.
    pub database: PathBuf,
}

/// Why the API does not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The issuer or the resource is malformed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The order book cannot be opened.
    #[error("the order book cannot be opened")]
    Book(#[from] rusqlite::Error),
    /// The listener failed.
    #[error("the listener failed")]
    Listen(#[from] std::io::Error),
}

/// Makes the API: two routes, each with a scope of its own, and the metadata for everybody.
///
/// # Errors
/// When the configuration is malformed or the order book cannot be opened.
pub fn router(config: &Config) -> Result<Router, Error> {
    let api = ResourceServer::builder(&config.issuer, &config.resource)?
        .name("Orders")
        .scopes(["read:orders", "write:orders"])
        .build()?;
    let list = list.layer(api.require("read:orders")?);
    let create = create.layer(api.require("write:orders")?);
    Ok(Router::new()
        .route("/orders", get(list).post(create))
        .with_state(Arc::new(Book::open(&config.database)?))
        .merge(api.metadata()))
}

/// Serves the API until the listener fails.
///
/// # Errors
/// As for [`router`], and when the listener fails.
pub async fn serve(config: Config, listener: TcpListener) -> Result<(), Error> {
    axum::serve(listener, router(&config)?).await?;
    Ok(())
}

/// The orders of whoever the token speaks of: there is no parameter to get wrong.
async fn list(
    token: VerifiedToken,
    State(book): State<Arc<Book>>,
) -> Result<Json<Vec<Order>>, Failure> {
    on_disk(move || book.history(token.subject().as_str())).await.map(Json)
}

async fn create(
    token: VerifiedToken,
    State(book): State<Arc<Book>>,
    Json(order): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), Failure> {
    if !order.is_sensible() {
        return Err(Failure::Senseless);
    }
    let order = on_disk(move || book.place(token.subject().as_str(), order)).await?;
    Ok((StatusCode::CREATED, Json(order)))
}

/// Lets SQLite wait for the disk where no other request has to wait for it.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Failure::Book),
        Err(_) => Err(Failure::Interrupted),
    }
}

enum Failure {
    Senseless,
    Book(rusqlite::Error),
    Interrupted,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Senseless => {
                let why = "an order has an item of 1 to 100 characters and a quantity of 1 to 1000";
                (StatusCode::UNPROCESSABLE_ENTITY, why).into_response()
            }
            Self::Book(error) => {
                tracing::error!(%error, "the order book failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Self::Interrupted => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}
