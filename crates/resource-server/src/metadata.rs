//! What clients learn of a protected resource without a token (RFC 9728 §3).

use axum::Router;
use axum::routing::any;
use bailiwick_oauth::metadata::{ProtectedResource, protected_resource_path};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
};
use http::{HeaderValue, Method, Response, StatusCode, Uri};

use crate::ResourceServer;
use crate::server::Settings;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

impl ResourceServer {
    /// The route of the metadata, for everybody: merge it after the layer (RFC 9728 §3.1).
    ///
    /// It stands at the well-known path with the resource's own path behind it, from the root of the
    /// host. Empty for a resource that is no web address.
    pub fn metadata<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let Some(path) = self.metadata_path() else { return Router::new() };
        let api = self.clone();
        let answer = move |method: Method, uri: Uri| async move {
            api.metadata_response(&method, &uri)
                .map_or_else(not_found, |found| found.map(Into::into))
        };
        Router::new().route(&route(path.split('?').next().unwrap_or(&path)), any(answer))
    }

    /// Where the metadata stands, from the root of the host: path and, if there is one, query.
    pub fn metadata_path(&self) -> Option<String> {
        protected_resource_path(self.resource())
    }

    /// The metadata document: JSON (RFC 9728 §2).
    pub fn metadata_document(&self) -> &Bytes {
        &self.0.document
    }

    /// Answers a request for the metadata; `None` when the address is another one. For servers
    /// that have no axum router.
    pub fn metadata_response(&self, method: &Method, uri: &Uri) -> Option<Response<Bytes>> {
        let place = self.metadata_path()?;
        let (path, query) = place.split_once('?').map_or((&*place, None), |(p, q)| (p, Some(q)));
        // A query that the resource does not have means nothing.
        if uri.path() != path || (query.is_some() && uri.query() != query) {
            return None;
        }
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if method == Method::GET || method == Method::HEAD {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
            headers.insert(CONTENT_LENGTH, HeaderValue::from(self.0.document.len()));
            if method == Method::GET {
                *response.body_mut() = self.0.document.clone();
            }
        } else if method == Method::OPTIONS {
            headers.insert(ALLOW, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
            *response.status_mut() = StatusCode::NO_CONTENT;
        } else {
            headers.insert(ALLOW, METHODS);
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        }
        Some(response)
    }
}

pub(crate) fn document(settings: &Settings) -> Bytes {
    let document = ProtectedResource {
        resource: settings.audience.resource.to_string(),
        authorization_servers: vec![settings.trust.issuer.to_string()],
        scopes_supported: settings.scopes.iter().map(ToString::to_string).collect(),
        bearer_methods_supported: vec!["header".to_owned()],
        resource_name: settings.name.clone(),
        ..ProtectedResource::default()
    };
    // INVARIANT: text and lists of text are always JSON.
    serde_json::to_vec(&document).unwrap_or_default().into()
}

/// A path as the router takes it: a segment with `:` or `*` in front would not be taken literally, so
/// it is left open there and compared in [`ResourceServer::metadata_response`].
fn route(path: &str) -> String {
    let segment = |(at, segment): (usize, &str)| match segment.chars().next() {
        Some(':' | '*') => format!("{{segment{at}}}"),
        _ => segment.to_owned(),
    };
    path.split('/').enumerate().map(segment).collect::<Vec<_>>().join("/")
}

fn not_found() -> axum::response::Response {
    let mut response = axum::response::Response::default();
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
