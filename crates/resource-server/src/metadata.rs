//! What clients learn of a protected resource without a token (RFC 9728 §3).

use std::sync::Arc;

use axum::Router;
use axum::routing::any;
use bailiwick_guard::{Binding, IssuerRule, Trust};
use bailiwick_jose::SigningKey;
use bailiwick_oauth::dpop::PROOF_ALGORITHMS;
use bailiwick_oauth::metadata::{ProtectedResource, protected_resource_path};
use bailiwick_oauth::{Resource, Scopes};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
};
use http::{HeaderValue, Method, Response, StatusCode, Uri};

use crate::{ConfigError, Dpop, ResourceServer};

/// Where the metadata of a resource without a path stands.
const ROOT: &str = "/.well-known/oauth-protected-resource";

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
        let path = path.split('?').next().unwrap_or(&path);
        let router = Router::new().route(&route(path), any(answer.clone()));
        if self.0.at_root_too && path != ROOT { router.route(ROOT, any(answer)) } else { router }
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
        let is_there = uri.path() == path && (query.is_none() || uri.query() == query);
        let is_at_root = self.0.at_root_too && uri.path() == ROOT;
        if !(is_there || is_at_root) {
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

/// What the metadata says beside what the verdict uses.
#[derive(Default)]
pub(crate) struct Published {
    pub(crate) name: Option<String>,
    pub(crate) documentation: Option<String>,
    pub(crate) signed: Option<(Arc<SigningKey>, String)>,
    pub(crate) at_root_too: bool,
}

pub(crate) fn document(
    published: &Published,
    resource: &Resource,
    issuers: &[&Trust],
    scopes: &Scopes,
    binding: Binding,
    dpop: &Dpop,
) -> Result<Bytes, ConfigError> {
    let mut authorization_servers: Vec<String> = Vec::new();
    for trust in issuers {
        // A template is no issuer: which tenant's tokens a client needs, its user knows.
        if let IssuerRule::Exactly(issuer) = &trust.issuer
            && !authorization_servers.iter().any(|known| known == issuer.as_str())
        {
            authorization_servers.push(issuer.to_string());
        }
    }
    let algorithms = || PROOF_ALGORITHMS.map(|algorithm| algorithm.name().to_owned()).to_vec();
    let takes_dpop = dpop.is_offered || matches!(binding, Binding::Dpop | Binding::Either);
    let is_by_certificate = binding == Binding::Certificate;
    let mut document = ProtectedResource {
        resource: resource.to_string(),
        authorization_servers,
        scopes_supported: scopes.iter().map(ToString::to_string).collect(),
        bearer_methods_supported: vec!["header".to_owned()],
        resource_name: published.name.clone(),
        resource_documentation: published.documentation.clone(),
        dpop_signing_alg_values_supported: if takes_dpop { algorithms() } else { Vec::new() },
        dpop_bound_access_tokens_required: (binding == Binding::Dpop).then_some(true),
        tls_client_certificate_bound_access_tokens: is_by_certificate.then_some(true),
        ..ProtectedResource::default()
    };
    if let Some((key, jwks_uri)) = &published.signed {
        document.jwks_uri = Some(jwks_uri.clone());
        let mut claims = serde_json::to_value(&document).map_err(|_| ConfigError::Metadata)?;
        claims["iss"] = document.resource.as_str().into(); // RFC 9728 §2.2
        let signed = key.sign_json("JWT", &claims).map_err(|_| ConfigError::Metadata)?;
        document.signed_metadata = Some(signed);
    }
    serde_json::to_vec(&document).map(Bytes::from).map_err(|_| ConfigError::Metadata)
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
