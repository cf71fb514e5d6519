//! The site: a configuration made ready, which all workers share and nothing changes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bailiwick_fetch::{BuildError, Fetcher, IssuerKeys, KeySettings};
use bailiwick_oauth::{Issuer, Scope};
use bailiwick_resource_server::{Builder, ResourceServer};
use http::uri::Authority;
use tokio::task::JoinSet;

use crate::config::{Config, Protected, Route};
use crate::gateway::GatewayError;
use crate::published::Published;
use crate::route::{Chosen, Routes};

/// A configuration made ready: its routes, and what is known of issuers and tokens.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) config: Config,
    pub(crate) routes: Routes,
    pub(crate) published: Published,
    /// The library's part of each resource, by the resource's number.
    servers: Vec<ResourceServer>,
}

/// A part of a resource that a request is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'s> {
    /// The resource's number.
    pub(crate) number: usize,
    pub(crate) resource: &'s Protected,
    pub(crate) route: &'s Route,
    pub(crate) server: &'s ResourceServer,
}

impl Site {
    /// Makes a configuration ready; nothing is fetched yet.
    pub(crate) fn new(config: Config) -> Result<Self, GatewayError> {
        let mut keys: HashMap<(&Issuer, bool), Arc<IssuerKeys>> = HashMap::new();
        let mut servers = Vec::new();
        for resource in &config.resources {
            let failed = |error| GatewayError::new(resource, error);
            let issuer_keys = match keys.entry((&resource.issuer, resource.private_issuer)) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(place) => {
                    place.insert(issuer_keys(resource).map_err(|e| failed(e.into()))?).clone()
                }
            };
            let scopes = resource.scopes();
            let mut server = Builder::new(resource.issuer.clone(), resource.identifier.clone())
                .scopes(scopes.iter().map(Scope::as_str))
                .keys(issuer_keys);
            if let Some(name) = &resource.name {
                server = server.name(name);
            }
            for (broad, narrow) in &resource.implies {
                server = server.implies(broad.as_str(), narrow.to_string());
            }
            servers.push(server.build().map_err(|e| failed(e.into()))?);
        }
        Ok(Self {
            routes: Routes::new(&config.resources),
            published: Published::new(config.resources.iter().zip(&servers)),
            servers,
            config,
        })
    }

    /// What the numbers of a choice stand for; `None` for numbers of another site.
    pub(crate) fn part(&self, chosen: Chosen<'_>) -> Option<Part<'_>> {
        let resource = self.config.resources.get(chosen.resource)?;
        Some(Part {
            number: chosen.resource,
            resource,
            route: resource.routes.get(chosen.route)?,
            server: self.servers.get(chosen.resource)?,
        })
    }

    /// Fetches keys ahead of need for as long as what is returned lives.
    pub(crate) fn keep_keys_fresh(&self) -> JoinSet<()> {
        let mut kept: Vec<&Arc<IssuerKeys>> = Vec::new();
        for keys in self.servers.iter().flat_map(ResourceServer::keys) {
            if !kept.iter().any(|known| Arc::ptr_eq(known, keys)) {
                kept.push(keys);
            }
        }
        kept.into_iter().map(|keys| keys.keep_fresh()).collect()
    }
}

/// Keys are fetched with a setting of the operator's: whether the issuer may be at a private address.
fn issuer_keys(resource: &Protected) -> Result<Arc<IssuerKeys>, BuildError> {
    let mut fetcher = Fetcher::builder();
    let origin = resource.issuer.origin();
    let host = origin.split("://").nth(1).and_then(|at| at.parse::<Authority>().ok());
    if let Some(host) = host.filter(|_| resource.private_issuer) {
        fetcher = fetcher.allow_private_host(host.host());
    }
    Ok(IssuerKeys::new(resource.issuer.clone(), fetcher.build()?, KeySettings::default()))
}
