//! Authorization details (RFC 9396): each belongs to the resource servers that define its type, and
//! never reaches another.

use std::collections::BTreeMap;
use std::error::Error;

use bailiwick_oauth::details::Detail;
use bailiwick_oauth::{ErrorCode, Grant, Resource};
use boon::{Compiler, Draft, SchemaIndex, Schemas, UrlLoader};
use serde_json::Value;

use super::resource::{self, Directory, is_open};
use crate::state::{Client, ResourceServer};
use crate::{Reason, Refused, Tenant};

/// Details by the resource server that they are for.
pub type Details = BTreeMap<Resource, Vec<Detail>>;

/// Every name that must be looked up, beyond those of the request, before its details can be
/// resolved: their locations, and where the client may send a type that says no place.
pub fn names(tenant: &Tenant, client: &Client, details: &[Detail]) -> Vec<Resource> {
    let located = details.iter().flat_map(Detail::locations);
    let mut names: Vec<Resource> =
        located.filter_map(|text| Resource::parse_with(text, tenant.plain_http).ok()).collect();
    names.sort();
    names.dedup();
    // One too many is refused, whichever it is.
    names.truncate(tenant.most_resources + 1);
    if details.iter().any(|detail| detail.locations().next().is_none()) {
        names.extend(client.ceiling.resources.keys().cloned());
    }
    names
}

/// Resolves the details of a request: each is of a type that the client may ask for, fits the
/// schema of its resource server, and names its place as that server's identifier alone.
///
/// `named` holds identifiers that [`resource::requested`] returned.
///
/// # Errors
/// `invalid_authorization_details` (RFC 9396 §5) for the first that does not; one fails the request.
pub fn resolve(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    named: &[Resource],
    details: &[Detail],
) -> Result<Details, Refused> {
    let mut resolved = Details::new();
    for detail in details {
        let kind = detail.kind();
        if !client.detail_types.contains(kind) {
            let text = format!("this client may not ask for the type '{kind}'");
            return Err(refused(Reason::DetailsType, text));
        }
        for server in places(tenant, client, directory, named, detail)? {
            let Some(definition) = server.detail_types.get(kind) else {
                let text = format!("'{}' does not define the type '{kind}'", server.identifier);
                return Err(refused(Reason::DetailsType, text));
            };
            conforms(&definition.schema, detail)?;
            let list = resolved.entry(server.identifier.clone()).or_default();
            let own = detail.at(server.identifier.as_str());
            if !list.contains(&own) {
                list.push(own);
            }
        }
        if resolved.len() > tenant.most_resources {
            let most = tenant.most_resources;
            let text = format!("the details name more than {most} APIs; name fewer");
            return Err(refused(Reason::DetailsPlace, text));
        }
    }
    Ok(resolved)
}

/// The details of a list that the client may still have on a resource server (rules §6.3).
pub fn current(client: &Client, server: &ResourceServer, details: &[Detail]) -> Vec<Detail> {
    let is_current = |detail: &&Detail| {
        let kind = detail.kind();
        client.detail_types.contains(kind) && server.detail_types.contains_key(kind)
    };
    details.iter().filter(is_current).cloned().collect()
}

/// What a grant holds for one resource server now.
pub fn held(client: &Client, server: &ResourceServer, grant: &Grant) -> Vec<Detail> {
    let granted = grant.details.get(&server.identifier);
    granted.map(|details| current(client, server, details)).unwrap_or_default()
}

/// Narrows a grant to the details of one resource server, and of those to the ones asked for
/// (RFC 9396 §6); all of them when none are.
///
/// # Errors
/// `invalid_authorization_details` for one that is not among them: only what was granted, as it was
/// granted, can be had.
pub fn narrow(
    client: &Client,
    server: &ResourceServer,
    grant: &Grant,
    asked: Option<&[Detail]>,
) -> Result<Vec<Detail>, Refused> {
    let held = held(client, server, grant);
    let Some(asked) = asked else { return Ok(held) };
    let mut narrowed = Vec::new();
    for detail in asked {
        let own = detail.at(server.identifier.as_str());
        if !held.contains(&own) {
            let text = format!(
                "a detail of the type '{}' was not granted like this on '{}'",
                detail.kind(),
                server.identifier
            );
            return Err(refused(Reason::DetailsNotGranted, text));
        }
        if !narrowed.contains(&own) {
            narrowed.push(own);
        }
    }
    Ok(narrowed)
}

/// Refuses details where a token cannot have any: for userinfo, and by exchange.
///
/// # Errors
/// `invalid_authorization_details` when there are any.
pub fn none(asked: Option<&[Detail]>) -> Result<(), Refused> {
    if asked.is_none_or(<[Detail]>::is_empty) {
        return Ok(());
    }
    let text =
        "authorization details are had with resource, where they were granted; leave them out";
    Err(refused(Reason::DetailsPlace, text))
}

/// The resource servers that a detail is for: those of its `locations` (RFC 9396 §2.2); else those
/// requested that define its type; else the default one, or the only one that the client may send
/// it to.
fn places<'d>(
    tenant: &Tenant,
    client: &Client,
    directory: &'d Directory,
    named: &[Resource],
    detail: &Detail,
) -> Result<Vec<&'d ResourceServer>, Refused> {
    let kind = detail.kind();
    let mut located = Vec::new();
    for text in detail.locations() {
        // To the client unknown, disabled and not open are the same (rules §9).
        let server = Resource::parse_with(text, tenant.plain_http)
            .ok()
            .and_then(|name| directory.find(&name))
            .filter(|server| is_open(client, server))
            .filter(|server| !server.explicit || named.contains(&server.identifier));
        let Some(server) = server else {
            let text = "a location of a detail is no resource that is available to this client";
            return Err(refused(Reason::DetailsPlace, text));
        };
        located.push(server);
    }
    if !located.is_empty() {
        return Ok(located);
    }
    let defines = |server: &&ResourceServer| server.detail_types.contains_key(kind);
    let found: Vec<_> = if named.is_empty() {
        if let Some(default) = resource::default(tenant, client, directory).filter(defines) {
            vec![default]
        } else {
            let reached = client.ceiling.resources.keys();
            let reached = reached.filter_map(|resource| directory.find(resource));
            let open = |server: &&ResourceServer| is_open(client, server) && !server.explicit;
            reached.filter(open).filter(defines).collect()
        }
    } else {
        named.iter().filter_map(|name| directory.find(name)).filter(defines).collect()
    };
    match found.len() {
        0 => {
            let text = format!("no API of the request defines the type '{kind}'");
            Err(refused(Reason::DetailsType, text))
        }
        1 => Ok(found),
        _ if named.is_empty() => {
            let text = format!("several APIs define the type '{kind}'; send resource or locations");
            Err(refused(Reason::DetailsPlace, text))
        }
        _ => Ok(found),
    }
}

/// A schema that can be used.
struct Usable {
    schemas: Schemas,
    index: SchemaIndex,
}

/// Where a schema stands while it is read; nothing is ever fetched from there or elsewhere.
const PLACE: &str = "https://schema.invalid/detail";

/// Refuses every reference out of a schema.
struct Nowhere;

impl UrlLoader for Nowhere {
    fn load(&self, url: &str) -> Result<Value, Box<dyn Error>> {
        Err(format!("a schema refers to nothing outside of itself, but this one to {url}").into())
    }
}

fn compiled(schema: &Value) -> Result<Usable, String> {
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    compiler.use_loader(Box::new(Nowhere));
    let mut schemas = Schemas::new();
    compiler.add_resource(PLACE, schema.clone()).map_err(|why| why.to_string())?;
    let index = compiler.compile(PLACE, &mut schemas).map_err(|why| format!("{why:#}"))?;
    Ok(Usable { schemas, index })
}

/// Checks that a schema can be used: JSON Schema (2020-12 unless `$schema` says another draft),
/// referring to nothing outside of itself.
///
/// # Errors
/// What is wrong with it.
pub fn check_schema(schema: &Value) -> Result<(), String> {
    compiled(schema).map(|_| ())
}

fn conforms(schema: &Value, detail: &Detail) -> Result<(), Refused> {
    // A schema was checked when it was registered; one that broke since lets nothing pass.
    let Usable { schemas, index } = compiled(schema).map_err(|_| {
        let text = format!("the type '{}' cannot be used just now", detail.kind());
        refused(Reason::DetailsSchema, text)
    })?;
    let value = detail.to_value();
    schemas.validate(&value, index).map_err(|why| {
        let why: String = why.to_string().chars().take(LONGEST_WHY).collect();
        let text = format!("a detail of the type '{}' does not fit: {why}", detail.kind());
        refused(Reason::DetailsSchema, text)
    })
}

fn refused(reason: Reason, text: impl Into<String>) -> Refused {
    Refused::new(ErrorCode::InvalidAuthorizationDetails, reason, text)
}

/// The longest explanation of a misfit, in characters.
const LONGEST_WHY: usize = 300;

#[cfg(test)]
#[path = "details_tests.rs"]
mod tests;
