//! The site: a configuration made ready, which all workers share and nothing changes; another
//! takes its place.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use bailiwick_fetch::{IssuerKeys, Status};
use bailiwick_oauth::Resource;
use bailiwick_resource_server::{DenyList, MemoryFirstUse, ResourceServer};

use crate::config::{Config, Log, Protected, Records, Route, Trusted};
use crate::decide::Event;
use crate::gateway::GatewayError;
use crate::identity::Teller;
use crate::limits::{Applied, Limiters};
use crate::lines::{Lines, Place};
use crate::protect::{self, Failed, Kept, KeysOf};
use crate::published::Published;
use crate::route::{Chosen, Routes};
use crate::tally::Tally;
use crate::traces::Tracer;

/// A configuration made ready: its routes, and what is known of issuers and tokens.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) config: Config,
    pub(crate) routes: Routes,
    pub(crate) published: Published,
    /// The library's part of each resource, by the resource's number.
    servers: Vec<ResourceServer>,
    /// What is counted of each resource, by the resource's number.
    tallies: Vec<Arc<Tally>>,
    /// What is counted of requests that are for none.
    elsewhere: Arc<Tally>,
    /// Where the access log is written.
    pub(crate) log: Option<Arc<Lines>>,
    /// Where decisions are recorded.
    pub(crate) records: Option<Arc<Lines>>,
    /// What begins traces.
    pub(crate) tracer: Option<Arc<Tracer>>,
    /// By the resource's number.
    limiters: Vec<Limiters>,
    tellers: Vec<Teller>,
    memory: Memory,
}

/// What one site hands on to the next.
#[derive(Default)]
struct Memory {
    keys: HashMap<KeysOf, Arc<IssuerKeys>>,
    /// The DPoP proofs that were used at each resource, and the tokens that were taken back: nothing
    /// passes again after a reload.
    lists: HashMap<Resource, (Arc<MemoryFirstUse>, Arc<DenyList>)>,
    tallies: HashMap<Resource, Arc<Tally>>,
}

/// A part of a resource that a request is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'s> {
    /// The resource's number.
    pub(crate) number: usize,
    pub(crate) resource: &'s Protected,
    pub(crate) route: &'s Route,
    pub(crate) server: &'s ResourceServer,
    /// Tells the upstream who asks.
    pub(crate) teller: &'s Teller,
}

impl Part<'_> {
    /// The most octets that the body of a request may have.
    pub(crate) fn max_body(&self) -> Option<u64> {
        self.route.max_body.or(self.resource.max_body)
    }
}

impl Site {
    /// Makes a configuration ready; nothing is fetched yet.
    pub(crate) fn new(config: Config) -> Result<Self, GatewayError> {
        Self::after(None, config)
    }

    /// Makes a configuration ready that takes the place of another: what is unchanged keeps its
    /// keys and what it remembers of tokens; used proofs are remembered in any case.
    pub(crate) fn after(previous: Option<&Self>, config: Config) -> Result<Self, GatewayError> {
        let mut memory = Memory::default();
        let mut servers = Vec::new();
        let mut receivers = Vec::new();
        let mut tellers = Vec::new();
        let mut tallies = Vec::new();
        let mut limiters = Vec::new();
        for resource in &config.resources {
            let failed = |error| GatewayError::new(resource, error);
            let kept = memory.of(previous, resource).map_err(failed)?;
            receivers.push(protect::receiver(resource, &kept));
            let teller = Teller::new(resource, config.signing.as_ref()).map_err(failed)?;
            tellers.push(teller);
            tallies.push(memory.tally(previous, resource));
            limiters
                .push(Limiters::after(previous.and_then(|site| site.limits(resource)), resource));
            if let Some(unchanged) = previous.and_then(|site| site.server(resource, &config)) {
                servers.push(unchanged.clone());
                continue;
            }
            let (proxies, signing) = (&config.proxies.trusted, config.signing.as_ref());
            let server = protect::server(resource, proxies, signing, kept).map_err(failed)?;
            servers.push(server);
        }
        let resources = config.resources.iter().zip(&servers).zip(receivers);
        let published =
            resources.map(|((resource, server), receiver)| (resource, server, receiver));
        Ok(Self {
            routes: Routes::new(&config.resources),
            published: Published::new(&config, published),
            servers,
            tallies,
            elsewhere: previous.map(|site| site.elsewhere.clone()).unwrap_or_default(),
            log: lines(
                previous.and_then(|site| site.log.as_ref()),
                config.log.as_ref().map(Log::place),
            )?,
            records: lines(
                previous.and_then(|site| site.records.as_ref()),
                config.records.as_ref().map(Records::place),
            )?,
            tracer: tracer(previous, &config)?,
            limiters,
            tellers,
            config,
            memory,
        })
    }

    /// The library's part of a resource that is, in everything, as this one.
    fn server(&self, resource: &Protected, next: &Config) -> Option<&ResourceServer> {
        let Config { signing, proxies, .. } = &self.config;
        if *signing != next.signing || proxies.trusted != next.proxies.trusted {
            return None;
        }
        let number = self.config.resources.iter().position(|known| known == resource)?;
        self.servers.get(number)
    }

    /// What the numbers of a choice stand for; `None` for numbers of another site.
    pub(crate) fn part(&self, chosen: Chosen<'_>) -> Option<Part<'_>> {
        let resource = self.config.resources.get(chosen.resource)?;
        Some(Part {
            number: chosen.resource,
            resource,
            route: resource.routes.get(chosen.route)?,
            server: self.servers.get(chosen.resource)?,
            teller: self.tellers.get(chosen.resource)?,
        })
    }

    /// The limits that a request to a route is under.
    pub(crate) fn limiters(&self, resource: usize, route: usize) -> Applied<'_> {
        self.limiters.get(resource).map_or(Applied::NONE, |limiters| limiters.of(route))
    }

    /// The limits of a resource by the same name.
    fn limits(&self, resource: &Protected) -> Option<(&Protected, &Limiters)> {
        let known = self.config.resources.iter().zip(&self.limiters);
        known.into_iter().find(|(at, _)| at.identifier == resource.identifier)
    }

    /// What is counted of the resource that a request is for.
    pub(crate) fn tally(&self, event: &Event<'_>) -> &Tally {
        let tally = event.number.and_then(|number| self.tallies.get(number));
        tally.unwrap_or(&self.elsewhere)
    }

    /// What was counted, by resource; by the empty name what is for none.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = (&str, &Tally)> {
        let of_resources = self.config.resources.iter().zip(&self.tallies);
        let of_resources = of_resources.map(|(at, tally)| (at.identifier.as_str(), &**tally));
        of_resources.chain([("", &*self.elsewhere)])
    }

    /// Each resource with the library's part of it.
    pub(crate) fn resources(&self) -> impl Iterator<Item = (&Protected, &ResourceServer)> {
        self.config.resources.iter().zip(&self.servers)
    }

    /// How the keys of each issuer are.
    pub(crate) fn issuers(&self) -> BTreeMap<String, Status> {
        let health = self.servers.iter().flat_map(|server| server.health().issuers);
        health.map(|issuer| (issuer.issuer, issuer.keys)).collect()
    }

    /// The keys of every issuer.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Arc<IssuerKeys>> {
        self.servers.iter().flat_map(ResourceServer::keys)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("issuers", &self.keys.keys()).finish_non_exhaustive()
    }
}

impl Memory {
    /// What is kept for a resource: what is there already, as far as there is any.
    fn of(&mut self, previous: Option<&Site>, resource: &Protected) -> Result<Kept, Failed> {
        let keys = resource.issuers.iter().map(|issuer| self.keys(previous, issuer));
        let keys = keys.collect::<Result<_, _>>()?;
        let known = previous.and_then(|site| site.memory.lists.get(&resource.identifier));
        let (proofs, denied) = known.cloned().unwrap_or_else(|| {
            (Arc::new(MemoryFirstUse::new(PROOFS)), Arc::new(DenyList::default()))
        });
        self.lists.insert(resource.identifier.clone(), (proofs.clone(), denied.clone()));
        Ok(Kept { keys, proofs, denied })
    }

    /// The keys of an issuer: those that are there already, if there are any.
    fn keys(
        &mut self,
        previous: Option<&Site>,
        issuer: &Trusted,
    ) -> Result<Arc<IssuerKeys>, Failed> {
        let whose = KeysOf::new(issuer);
        let known = previous.and_then(|site| site.memory.keys.get(&whose));
        Ok(match self.keys.entry(whose) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => match known {
                Some(keys) => place.insert(keys.clone()).clone(),
                None => place.insert(protect::keys(issuer)?).clone(),
            },
        })
    }

    fn tally(&mut self, previous: Option<&Site>, resource: &Protected) -> Arc<Tally> {
        let known = previous.and_then(|site| site.memory.tallies.get(&resource.identifier));
        let tally = known.cloned().unwrap_or_default();
        self.tallies.insert(resource.identifier.clone(), tally.clone());
        tally
    }
}

/// How many used proofs are remembered at each resource, for a minute: some 1,400 a second.
const PROOFS: usize = 100_000;

/// Writes lines to a place: on, where it was written to before.
fn lines(
    previous: Option<&Arc<Lines>>,
    place: Option<Place>,
) -> Result<Option<Arc<Lines>>, GatewayError> {
    let Some(place) = place else { return Ok(None) };
    if let Some(lines) = previous.filter(|lines| *lines.place() == place) {
        return Ok(Some(lines.clone()));
    }
    match Lines::open(place.clone()) {
        Ok(lines) => Ok(Some(Arc::new(lines))),
        Err(error) => Err(GatewayError::file(&place, error)),
    }
}

/// Goes on with traces as before, where nothing is to be done otherwise.
fn tracer(previous: Option<&Site>, config: &Config) -> Result<Option<Arc<Tracer>>, GatewayError> {
    let Some(settings) = &config.traces else { return Ok(None) };
    let known = previous.and_then(|site| site.tracer.as_ref());
    if let Some(tracer) = known.filter(|tracer| tracer.settings() == settings) {
        return Ok(Some(tracer.clone()));
    }
    Tracer::new(settings).map(|tracer| Some(Arc::new(tracer))).map_err(GatewayError::traces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(resources: &[(&str, &str, &str)]) -> Config {
        let tables = resources.iter().map(|(identifier, issuer, scope)| {
            format!(
                "[[resource]]\nidentifier = \"https://{identifier}\"\nhost = \"{identifier}\"\n\
                 issuer = \"https://{issuer}\"\nupstream = \"http://127.0.0.1:1\"\n\
                 routes = [{{ path = \"/**\", scopes = [\"{scope}\"] }}]\n"
            )
        });
        Config::parse("test.toml", &tables.collect::<String>()).unwrap()
    }

    #[test]
    fn what_is_unchanged_is_handed_on() {
        let before =
            Site::new(config(&[("a", "id.example", "s"), ("b", "id.example", "s")])).unwrap();
        let next = config(&[
            ("c", "other.example", "s"),
            ("b", "id.example", "t"),
            ("a", "id.example", "s"),
        ]);
        let after = Site::after(Some(&before), next).unwrap();

        let memory = |site: &Site, number: usize| {
            let identifier = &site.config.resources[number].identifier;
            (
                site.servers[number].keys().next().unwrap().clone(),
                site.memory.lists[identifier].clone().0,
            )
        };
        let is_the_same = |one: usize, other: usize| {
            let ((keys, proofs), (next_keys, next_proofs)) =
                (memory(&before, one), memory(&after, other));
            (Arc::ptr_eq(&keys, &next_keys), Arc::ptr_eq(&proofs, &next_proofs))
        };
        assert_eq!(is_the_same(0, 2), (true, true), "unchanged");
        assert_eq!(is_the_same(1, 1), (true, true), "changed, and no proof passes twice");
        assert_eq!(is_the_same(0, 0), (false, false), "another one");
        assert!(after.server(&before.config.resources[0], &before.config).is_some());
        assert!(after.server(&before.config.resources[1], &before.config).is_none());
        assert_eq!(after.memory.keys.len(), 2);
    }
}
