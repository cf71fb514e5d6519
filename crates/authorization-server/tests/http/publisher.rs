//! What a client publishes, on this machine: documents at paths, and how often each was fetched.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tokio::net::TcpListener;

#[derive(Default)]
struct Shelf {
    documents: BTreeMap<String, (&'static str, String)>,
    fetched: BTreeMap<String, usize>,
}

pub(crate) struct Publisher {
    base: String,
    shelf: Arc<Mutex<Shelf>>,
}

impl Publisher {
    pub(crate) async fn new() -> Self {
        let shelf = Arc::<Mutex<Shelf>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(Arc::clone(&shelf));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, shelf }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Puts a document at a path, in the place of the one before.
    pub(crate) fn publish(&self, path: &str, content_type: &'static str, body: impl ToString) {
        let document = (content_type, body.to_string());
        self.shelf.lock().unwrap().documents.insert(path.to_owned(), document);
    }

    /// How often a path was asked for.
    pub(crate) fn fetched(&self, path: &str) -> usize {
        self.shelf.lock().unwrap().fetched.get(path).copied().unwrap_or_default()
    }
}

async fn serve(State(shelf): State<Arc<Mutex<Shelf>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let mut shelf = shelf.lock().unwrap();
    *shelf.fetched.entry(path.clone()).or_default() += 1;
    match shelf.documents.get(&path) {
        Some((content_type, body)) => {
            ([("content-type", *content_type)], body.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
