//! Explaining: what the gateway makes of a request, check by check, without forwarding it.

use std::fmt;

use bailiwick_guard::{Check, Outcome};
use bailiwick_resource_server::Asked;
use http::Request;
use serde::Serialize;

use crate::config::{Access, in_words};
use crate::decide::Event;
use crate::site::Site;
use crate::target;

/// What the gateway makes of a request.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
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

impl Explained {
    /// Whether the request would pass.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unrouted { .. } => false,
            Self::Public { .. } => true,
            Self::Checked { checks, .. } => !checks.iter().any(|check| {
                matches!(check.outcome, Outcome::Failed { .. } | Outcome::Missing { .. })
            }),
        }
    }
}

/// In words, a line for each check.
impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resource, route, needs, checks) = match self {
            Self::Unrouted { why } => return write!(f, "no route: {why}"),
            Self::Public { resource, route } => {
                return write!(f, "{resource}, route {route}: public, no token is needed");
            }
            Self::Checked { resource, route, needs, checks } => (resource, route, needs, checks),
        };
        write!(f, "{resource}, route {route}, needs")?;
        for need in needs {
            write!(f, "\n  {need}")?;
        }
        for check in checks {
            let outcome = match &check.outcome {
                Outcome::NotApplicable => continue,
                Outcome::Passed => "passed".to_owned(),
                Outcome::NotReached => "not reached".to_owned(),
                Outcome::Failed { reason, description, note } => {
                    let note = note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
                    format!("FAILED: {reason}: {description}{note}")
                }
                Outcome::Missing { fact } => format!("UNDECIDED: {fact} cannot be had"),
            };
            write!(f, "\n  {:<13} {:<17} {outcome}", check.name.as_str(), check.section)?;
        }
        Ok(())
    }
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
