//! Explaining: what the gateway makes of a request, check by check, without forwarding it.

use bailiwick_guard::{Check, ScopeRule};
use bailiwick_resource_server::{Asked, ResourceServer};
use http::Request;

use crate::config::{Access, Config};
use crate::path::Path;
use crate::route::{NoRoute, Routes};
use crate::target::Host;

/// What the gateway makes of a request.
#[derive(Debug)]
pub enum Explained {
    /// No route is for it.
    Unrouted {
        /// Why not.
        why: String,
    },
    /// Its route is for everyone.
    Public {
        /// The identifier of the resource.
        resource: String,
        /// The route's path.
        route: String,
    },
    /// Its token was checked.
    Checked {
        /// The identifier of the resource.
        resource: String,
        /// The route's path.
        route: String,
        /// Every check in its order, with its outcome.
        checks: Vec<Check>,
    },
}

/// Explains a request by the very parts that decide it.
pub(crate) async fn explain(
    config: &Config,
    routes: &Routes,
    servers: &[ResourceServer],
    request: &Request<()>,
) -> Explained {
    let unrouted = |why: &str| Explained::Unrouted { why: why.to_owned() };
    let host = match Host::of(request) {
        Ok(host) => host.name(),
        Err(fault) => return unrouted(&fault.description),
    };
    let path = match Path::parse(request.uri().path()) {
        Ok(path) => path,
        Err(why) => return unrouted(&why.to_string()),
    };
    let chosen = match routes.find(&host, path, request.method(), &config.resources) {
        Ok(chosen) => chosen,
        Err(NoRoute::Resource) => return unrouted("no resource has this host and path"),
        Err(NoRoute::Path(_)) => return unrouted("the resource has no such path"),
        Err(NoRoute::Method(..)) => return unrouted("the path does not have this method"),
        Err(NoRoute::NearMiss) => return unrouted("the path is one that is refused as ambiguous"),
    };
    let parts = config.resources.get(chosen.resource).zip(servers.get(chosen.resource));
    let found = parts.and_then(|(resource, server)| {
        resource.routes.get(chosen.route).map(|route| (resource, server, route))
    });
    let Some((resource, server, route)) = found else { return unrouted("nothing is here") };
    let resource = resource.identifier.to_string();
    let path = route.path.as_str().to_owned();
    match &route.access {
        Access::Public => Explained::Public { resource, route: path },
        Access::Scopes(scopes) => {
            let rule = ScopeRule::AllOf(scopes.clone()).into();
            let checks = server.explain(&Asked::from(request), &rule).await;
            Explained::Checked { resource, route: path, checks }
        }
    }
}
