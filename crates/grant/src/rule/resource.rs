//! Which resources a request names, and which one a token is for (RFC 8707 §2).

use std::collections::BTreeMap;

use bailiwick_oauth::{ErrorCode, Grant, Resource, Scopes};

use super::qualified;
use crate::state::{Client, Fallback, Parameter, ResourceServer};
use crate::{Reason, Refused, Tenant};

/// The resource servers that a decision may need, loaded beforehand by [`names`].
#[derive(Debug, Clone, Default)]
pub struct Directory {
    servers: BTreeMap<Resource, ResourceServer>,
    aliases: BTreeMap<Resource, Resource>,
    open: Vec<Resource>,
}

impl Directory {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a resource server under its identifier and its aliases.
    pub fn insert(&mut self, server: ResourceServer) {
        for alias in &server.aliases {
            self.aliases.insert(alias.clone(), server.identifier.clone());
        }
        self.servers.insert(server.identifier.clone(), server);
    }

    /// Names identifiers that are open to the client, so that a misspelt one can be hinted at.
    pub fn suggest_among(&mut self, open: Vec<Resource>) {
        self.open = open;
    }

    /// The resource server whose tokens have this `aud`.
    pub fn of_audience(&self, audience: &str) -> Option<&ResourceServer> {
        self.servers.values().find(|server| server.audience() == audience)
    }

    /// The resource server with this identifier or alias.
    pub fn find(&self, name: &Resource) -> Option<&ResourceServer> {
        let by_alias = || self.servers.get(self.aliases.get(name)?);
        self.servers.get(name).or_else(by_alias)
    }
}

/// Every name that must be looked up before a request can be decided: identifiers and aliases
/// that it may mean, canonical and without duplicates.
pub fn names(
    tenant: &Tenant,
    client: &Client,
    resource: &[String],
    audience: &[String],
    scopes: &Scopes,
) -> Vec<Resource> {
    let sent = resource.iter().chain(audience);
    let mut names: Vec<Resource> = sent
        .filter_map(|text| Resource::parse_with(text, tenant.plain_http).ok())
        .chain(qualified::qualifiers(tenant, scopes))
        .chain(client.default_resource.clone())
        .chain(tenant.default_resource.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The resources that a request names: valid, registered, enabled and open to this client
/// (rules §4.2), by their identifiers and without duplicates.
///
/// # Errors
/// `invalid_target` for the first value that is not; one bad value fails the request.
pub fn requested(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    resource: &[String],
    audience: &[String],
) -> Result<Vec<Resource>, Refused> {
    if client.parameter == Parameter::Ignore {
        return Ok(Vec::new());
    }
    let by_resource = identifiers(tenant, client, directory, resource)?;
    let by_audience = identifiers(tenant, client, directory, audience)?;
    let named = match (by_resource.is_empty(), by_audience.is_empty()) {
        (true, _) => by_audience,
        (false, true) => by_resource,
        (false, false) if same(&by_resource, &by_audience) => by_resource,
        (false, false) => {
            return Err(target(
                Reason::AudienceDiffers,
                "resource and audience name different resources; send only resource",
            ));
        }
    };
    if named.len() > tenant.most_resources {
        let most = tenant.most_resources;
        let text = format!("more than {most} resources are named; name fewer");
        return Err(target(Reason::TooManyResources, text));
    }
    if named.is_empty() && client.parameter == Parameter::Require {
        let text = "this client must name a resource; send resource with each request";
        return Err(target(Reason::ResourceRequired, text));
    }
    Ok(named)
}

/// The resource that a request without one is taken for (rules §4.7); the client's beats the tenant's.
pub fn default<'d>(
    tenant: &Tenant,
    client: &Client,
    directory: &'d Directory,
) -> Option<&'d ResourceServer> {
    let name = client.default_resource.as_ref().or(tenant.default_resource.as_ref())?;
    directory.find(name).filter(|server| is_open(client, server) && !server.explicit)
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One resource of the grant.
    Resource(Resource),
    /// Userinfo: the global scopes of the grant.
    Userinfo,
}

/// Selects what a token is for, out of a grant (rules §5.1 to §5.4, §6.1; RFC 8707 §2.2).
///
/// # Errors
/// `invalid_target` when several resources are named, the one named is not in the grant, or none
/// is named and nothing says which is meant.
pub fn select(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    grant: &Grant,
    resource: &[String],
    audience: &[String],
) -> Result<Target, Refused> {
    let named = requested(tenant, client, directory, resource, audience)?;
    match named.as_slice() {
        [] => fallback(tenant, client, directory, grant),
        [one] if grant.resources.contains_key(one) => Ok(Target::Resource(one.clone())),
        [_] => {
            let text = format!("the resource is not in this grant; {}", granted(grant));
            Err(target(Reason::ResourceNotGranted, text))
        }
        _ => {
            let text = "a token is for one resource; send one resource with each token request";
            Err(target(Reason::SeveralResources, text))
        }
    }
}

/// Selects what a token is for when the request names no resource (rules §5.3).
fn fallback(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    grant: &Grant,
) -> Result<Target, Refused> {
    let sole = match grant.resources.len() {
        1 => grant.resources.keys().next(),
        _ => None,
    };
    let has_global = grant.global.iter().any(|scope| scope.as_str() != "offline_access");
    let meant = match sole {
        Some(sole) if client.fallback == Fallback::Granted || !has_global => Some(sole.clone()),
        _ if has_global => return Ok(Target::Userinfo),
        _ => default(tenant, client, directory)
            .map(|server| server.identifier.clone())
            .filter(|default| grant.resources.contains_key(default)),
    };
    let Some(meant) = meant else {
        let text = format!("send resource to say which API the token is for; {}", granted(grant));
        return Err(target(Reason::ResourceAmbiguous, text));
    };
    match directory.find(&meant) {
        Some(server) if !is_open(client, server) => Err(unavailable(
            meant.as_str(),
            directory,
            if server.enabled { Reason::ResourceNotOpen } else { Reason::ResourceDisabled },
        )),
        None => Err(unavailable(meant.as_str(), directory, Reason::ResourceUnknown)),
        Some(server) if server.explicit => {
            let text = format!("the resource '{meant}' must be named with resource");
            Err(target(Reason::ResourceNotExplicit, text))
        }
        Some(_) => Ok(Target::Resource(meant)),
    }
}

/// Whether tokens for the resource server are issued to the client at all.
pub fn is_open(client: &Client, server: &ResourceServer) -> bool {
    server.enabled && client.ceiling.on(&server.identifier).is_open()
}

fn identifiers(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    sent: &[String],
) -> Result<Vec<Resource>, Refused> {
    let mut found: Vec<Resource> = Vec::new();
    for text in sent.iter().filter(|text| !text.is_empty()) {
        let name = Resource::parse_with(text, tenant.plain_http).map_err(|why| {
            let text = format!("the resource '{}' cannot be used: {why}", shortened(text));
            target(Reason::ResourceMalformed, text)
        })?;
        // To the client the three are the same (rules §9); the operator sees which it was.
        let reason = match directory.find(&name) {
            None => Reason::ResourceUnknown,
            Some(server) if !server.enabled => Reason::ResourceDisabled,
            Some(server) if !client.ceiling.on(&server.identifier).is_open() => {
                Reason::ResourceNotOpen
            }
            Some(server) => {
                if !found.contains(&server.identifier) {
                    found.push(server.identifier.clone());
                }
                continue;
            }
        };
        return Err(unavailable(name.as_str(), directory, reason));
    }
    Ok(found)
}

fn unavailable(name: &str, directory: &Directory, reason: Reason) -> Refused {
    let hint = directory
        .open
        .iter()
        .filter(|open| open.as_str() != name)
        .filter_map(|open| Some((difference(open.as_str(), name)?, open)))
        .min_by_key(|(difference, _)| *difference)
        .map(|(_, open)| open)
        .map(|open| format!("; did you mean '{open}'?"))
        .unwrap_or_default();
    let text = format!("the resource '{}' is not available to this client{hint}", shortened(name));
    target(reason, text)
}

fn granted(grant: &Grant) -> String {
    let names: Vec<&str> = grant.resources.keys().map(Resource::as_str).collect();
    match names.as_slice() {
        [] => "no resource was granted".to_owned(),
        names => format!("granted: {}", names.join(" ")),
    }
}

fn target(reason: Reason, description: impl Into<String>) -> Refused {
    Refused::new(ErrorCode::InvalidTarget, reason, description)
}

fn same(one: &[Resource], other: &[Resource]) -> bool {
    one.len() == other.len() && one.iter().all(|resource| other.contains(resource))
}

/// How many octets differ, when two names differ in one place of at most three.
fn difference(one: &str, other: &str) -> Option<usize> {
    const LITTLE: usize = 3;
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let prefix = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[prefix..], &other[prefix..]);
    let suffix = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    let differ = one.len().max(other.len()) - suffix;
    (differ <= LITTLE).then_some(differ)
}

fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
#[path = "resource_tests.rs"]
mod tests;
