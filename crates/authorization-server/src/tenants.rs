//! Several issuers in one server, told apart by their paths (RFC 8414 §3.1).
//!
//! INVARIANT: each has parts of its own, store and keys among them; nothing is shared but the
//! listener. A token, a session or a code of one is unknown to the other.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use bailiwick_oauth::Issuer;
use tower::{ServiceExt, service_fn};

/// Puts the routers of several issuers on one origin; the first answers what is nobody's.
///
/// A request belongs to the issuer with the longest path that its own path begins with, or that
/// stands behind a well-known place.
pub fn tenants(first: (Issuer, Router), others: Vec<(Issuer, Router)>) -> Router {
    if others.is_empty() {
        return first.1;
    }
    let named = |(issuer, router): (Issuer, Router)| (issuer.path().to_owned(), router);
    let mut routers: Vec<(String, Router)> = others.into_iter().map(named).collect();
    routers.push(named(first.clone()));
    routers.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    let (routers, fallback) = (Arc::new(routers), first.1);
    Router::new().fallback_service(service_fn(move |request: Request| {
        let found = routers.iter().find(|(path, _)| belongs(request.uri().path(), path));
        found.map_or(&fallback, |(_, router)| router).clone().oneshot(request)
    }))
}

/// Whether a request is for the issuer with this path.
fn belongs(requested: &str, path: &str) -> bool {
    if let Some(place) = requested.strip_prefix("/.well-known/") {
        // `/.well-known/oauth-authorization-server` with the issuer's path behind it.
        let behind = place.find('/').map_or("", |at| &place[at..]);
        return behind == path;
    }
    requested.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_one_issuer() {
        let paths = ["/acme/eu", "/acme", ""];
        let cases = [
            ("/token", ""),
            ("/acme/token", "/acme"),
            ("/acme", ""),
            ("/acmeother/token", ""),
            ("/acme/eu/token", "/acme/eu"),
            ("/acme/eux/token", "/acme"),
            ("/.well-known/openid-configuration", ""),
            ("/.well-known/openid-configuration/acme", "/acme"),
            ("/.well-known/oauth-authorization-server/acme/eu", "/acme/eu"),
            ("/acme/.well-known/openid-configuration", "/acme"),
        ];
        for (requested, expected) in cases {
            let found = paths.into_iter().find(|path| belongs(requested, path));
            assert_eq!(found, Some(expected), "{requested}");
        }
        assert!(!belongs("/.well-known/openid-configuration/acmex", "/acme"));
    }
}
