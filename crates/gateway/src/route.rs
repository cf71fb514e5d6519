//! Finds the route of a request: the part of a protected resource that it is for.
//!
//! First the resource, by host and longest prefix, then the route, by path and then by method.
//! What no route names is not reachable, and no route leads to two resources: "any audience"
//! cannot be written.

mod pattern;
mod trie;

use std::collections::HashMap;

use http::Method;

pub use pattern::{MalformedPattern, Pattern};
pub(crate) use trie::{NearMiss, Trie};

use crate::config::Protected;
use crate::path::Path;

/// The routes of all resources, compiled.
#[derive(Debug)]
pub(crate) struct Routes {
    hosts: HashMap<String, Trie<usize>>,
    /// For hosts that no resource names.
    elsewhere: Trie<usize>,
    resources: Vec<Trie<Vec<Choice>>>,
}

/// A method (`None` is every other one) and the number of its route.
type Choice = (Option<Method>, usize);

/// The route of a request: numbers into the configuration, and the path below the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen<'r> {
    /// The resource.
    pub(crate) resource: usize,
    /// The route among the resource's.
    pub(crate) route: usize,
    /// The path that the route was chosen by.
    pub(crate) below: Path<'r>,
}

/// Why a request has no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoRoute {
    /// No resource has this host and path.
    Resource,
    /// The resource has no such path.
    Path(usize),
    /// The path is there, but not with this method; these are.
    Method(usize, Vec<Method>),
    /// The path is one that a lenient upstream takes for another.
    NearMiss,
    /// The method is one that a lenient upstream takes for another.
    MethodCase,
}

impl NoRoute {
    /// The number of the resource that was found, if one was.
    pub(crate) fn resource(&self) -> Option<usize> {
        match self {
            Self::Path(resource) | Self::Method(resource, _) => Some(*resource),
            Self::Resource | Self::NearMiss | Self::MethodCase => None,
        }
    }
}

impl Routes {
    /// Compiles the routes of resources.
    pub(crate) fn new(resources: &[Protected]) -> Self {
        let mut routes =
            Self { hosts: HashMap::new(), elsewhere: Trie::new(), resources: Vec::new() };
        for (number, resource) in resources.iter().enumerate() {
            let prefixes = match &resource.host {
                Some(host) => routes.hosts.entry(host.clone()).or_insert_with(Trie::new),
                None => &mut routes.elsewhere,
            };
            *prefixes.prefix(&resource.prefix) = Some(number);
            let mut paths: Trie<Vec<Choice>> = Trie::new();
            for (number, route) in resource.routes.iter().enumerate() {
                let choices = paths.entry(&route.path).get_or_insert_default();
                choices.extend(route.methods.iter().map(|method| (Some(method.clone()), number)));
                if route.methods.is_empty() {
                    choices.push((None, number));
                }
            }
            routes.resources.push(paths);
        }
        routes
    }

    /// Finds the route of a request.
    pub(crate) fn find<'r>(
        &self,
        host: &str,
        path: Path<'r>,
        method: &Method,
        resources: &[Protected],
    ) -> Result<Chosen<'r>, NoRoute> {
        let prefixes = self.hosts.get(host).unwrap_or(&self.elsewhere);
        let resource = *prefixes.find(path.segments())?.ok_or(NoRoute::Resource)?;
        let (Some(paths), Some(protected)) =
            (self.resources.get(resource), resources.get(resource))
        else {
            return Err(NoRoute::Resource);
        };
        let below = path.behind(&protected.prefix);
        let choices = paths.find(below.segments())?.ok_or(NoRoute::Path(resource))?;
        let named = choices.iter().find(|(name, _)| name.as_ref() == Some(method));
        // Names of methods are told apart by case (RFC 9110 §9.1), but not by every upstream: the
        // route for all others is none for `post`.
        let is_like = |name: &Method| name.as_str().eq_ignore_ascii_case(method.as_str());
        if named.is_none() && choices.iter().any(|(name, _)| name.as_ref().is_some_and(is_like)) {
            return Err(NoRoute::MethodCase);
        }
        let any_other = || choices.iter().find(|(name, _)| name.is_none());
        if let Some((_, route)) = named.or_else(any_other) {
            return Ok(Chosen { resource, route: *route, below });
        }
        let allowed = choices.iter().filter_map(|(name, _)| name.clone()).collect();
        Err(NoRoute::Method(resource, allowed))
    }
}

impl From<NearMiss> for NoRoute {
    fn from(NearMiss: NearMiss) -> Self {
        Self::NearMiss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn verdict(host: &str, method: &str, path: &str) -> Result<(usize, usize, String), NoRoute> {
        let config = Config::parse(
            "test.toml",
            r#"
            [[resource]]
            identifier = "https://a.example"
            issuer = "https://id.example"
            upstream = "http://127.0.0.1:1"
            routes = [
              { path = "/files/**", methods = ["GET"], scopes = ["read"] },
              { path = "/files/**", methods = ["PUT"], scopes = ["write"] },
              { path = "/open", public = true },
              { path = "/half", methods = ["POST"], scopes = ["write"] },
              { path = "/half", public = true },
            ]
            [[resource]]
            identifier = "https://a.example/drive"
            issuer = "https://id.example"
            upstream = "http://127.0.0.1:2"
            prefix = "/drive"
            routes = [{ path = "/", scopes = [] }, { path = "/x", scopes = [] }]
            [[resource]]
            identifier = "https://b.example"
            issuer = "https://id.example"
            upstream = "http://127.0.0.1:3"
            host = "B.example"
            prefix = "/only"
            routes = [{ path = "/**", scopes = [] }]
            "#,
        )
        .unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Routes::new(&config.resources)
            .find(host, Path::parse(path).unwrap(), &method, &config.resources)
            .map(|found| (found.resource, found.route, found.below.as_str().to_owned()))
    }

    #[test]
    fn a_request_takes_the_route_of_its_host_path_and_method() {
        let cases = [
            ("a.example", "GET", "/files/x", Ok((0, 0, "/files/x".to_owned()))),
            ("a.example", "PUT", "/files/x", Ok((0, 1, "/files/x".to_owned()))),
            ("anything", "POST", "/open", Ok((0, 2, "/open".to_owned()))),
            ("a.example", "POST", "/half", Ok((0, 3, "/half".to_owned()))),
            ("a.example", "PURGE", "/half", Ok((0, 4, "/half".to_owned()))),
            ("a.example", "GET", "/drive/x", Ok((1, 1, "/x".to_owned()))),
            ("a.example", "GET", "/drive", Ok((1, 0, "/".to_owned()))),
            ("b.example", "GET", "/only/y", Ok((2, 0, "/y".to_owned()))),
        ];
        for (host, method, path, expected) in cases {
            assert_eq!(verdict(host, method, path), expected, "{host} {method} {path}");
        }
    }

    #[test]
    fn what_no_route_names_has_none() {
        let allowed = vec![Method::GET, Method::PUT];
        let cases = [
            ("a.example", "DELETE", "/files/x", NoRoute::Method(0, allowed.clone())),
            ("a.example", "HEAD", "/files/x", NoRoute::Method(0, allowed)),
            // Upstreams there are that make capitals of it.
            ("a.example", "get", "/files/x", NoRoute::MethodCase),
            ("a.example", "post", "/half", NoRoute::MethodCase),
            ("a.example", "Post", "/half", NoRoute::MethodCase),
            ("a.example", "GET", "/other", NoRoute::Path(0)),
            // Never to the resource around the prefix.
            ("a.example", "GET", "/drive/files/x", NoRoute::Path(1)),
            ("a.example", "GET", "/Drive/x", NoRoute::NearMiss),
            ("a.example", "GET", "/Files/x", NoRoute::NearMiss),
            // A named host is served by the resources that name it alone.
            ("b.example", "GET", "/open", NoRoute::Resource),
        ];
        for (host, method, path, expected) in cases {
            assert_eq!(verdict(host, method, path), Err(expected), "{host} {method} {path}");
        }
    }
}
