//! Explaining: what the gateway makes of a request, check by check, without forwarding it.

use bailiwick_guard::Check;
use bailiwick_resource_server::Asked;
use http::Request;

use crate::config::{Access, in_words};
use crate::decide::Event;
use crate::site::Site;
use crate::target;

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
        /// What the route asks of the token, part by part, in words.
        needs: Vec<String>,
        /// Every check in its order, with its outcome.
        checks: Vec<Check>,
    },
}

/// Explains a request by the very parts that decide it.
pub(crate) async fn explain(site: &Site, request: &Request<()>) -> Explained {
    let found = target::checked(request).and_then(|(host, path)| {
        site.find(&host.name(), path, request.method(), &mut Event::default())
    });
    let (_, part) = match found {
        Ok(found) => found,
        Err(fault) => return Explained::Unrouted { why: fault.description },
    };
    let resource = part.resource.identifier.to_string();
    let route = part.route.path.as_str().to_owned();
    match &part.route.access {
        Access::Public => Explained::Public { resource, route },
        Access::Token(rule) => {
            let checks = part.server.explain(&Asked::from(request), rule).await;
            Explained::Checked { resource, route, needs: in_words(rule), checks }
        }
    }
}
