//! Qualified scope names: an identifier, `:` or `/`, and a scope defined there (rules §4.4).

use bailiwick_oauth::{ErrorCode, Resource, Scope, Scopes};

use super::resource::{self, Directory};
use crate::state::{Client, ResourceServer};
use crate::{Reason, Refused, Tenant};

/// The most qualified scopes that one request may carry.
pub const MOST_QUALIFIED: usize = 32;

/// The name behind an identifier that means what the client is configured for there.
pub(super) const DEFAULT: &str = ".default";

/// The most places at which a qualified scope may be split.
const MOST_SPLITS: usize = 16;

/// The identifiers that the qualified scopes of a request may name.
pub(super) fn qualifiers(tenant: &Tenant, scopes: &Scopes) -> impl Iterator<Item = Resource> {
    scopes
        .iter()
        .filter(|scope| may_be_qualified(scope))
        .take(MOST_QUALIFIED)
        .flat_map(|scope| readings(tenant, scope))
        .map(|(resource, _)| resource)
}

/// The one reading of a qualified scope (rules §4.4), on a resource server open to the client.
pub(super) fn reading<'d>(
    tenant: &Tenant,
    client: &Client,
    directory: &'d Directory,
    scope: &Scope,
) -> Result<(&'d ResourceServer, Scope), Refused> {
    let mut found = readings(tenant, scope).filter_map(|(resource, name)| {
        let server = directory.find(&resource)?;
        (server.defines(&name) || name.as_str() == DEFAULT).then_some((server, name))
    });
    // To the client all of them are the same (rules §9); the operator sees which it was.
    let reason = match (found.next(), found.next()) {
        (Some((server, name)), None) if resource::is_open(client, server) => {
            return Ok((server, name));
        }
        (Some((server, _)), None) if !server.enabled => Reason::ResourceDisabled,
        (Some(_), None) => Reason::ResourceNotOpen,
        _ => Reason::ScopeReading,
    };
    let text = format!("the scope '{scope}' does not name one scope of one known resource");
    Err(Refused::new(ErrorCode::InvalidScope, reason, text))
}

/// Every way to read a scope as an identifier followed by `:` or `/` and a name; none for a scope
/// with so many separators that not all ways could be looked at.
pub(super) fn readings<'s>(
    tenant: &Tenant,
    scope: &'s Scope,
) -> impl Iterator<Item = (Resource, Scope)> + use<'s> {
    let text = scope.as_str();
    let plain_http = tenant.plain_http;
    let is_readable = text.matches([':', '/']).count() <= MOST_SPLITS;
    let text = if is_readable { text } else { "" };
    text.rmatch_indices([':', '/']).filter_map(move |(at, _)| {
        let resource = Resource::parse_with(&text[..at], plain_http).ok()?;
        let name = Scope::parse(&text[at + 1..]).ok()?;
        Some((resource, name))
    })
}

/// Whether a name begins as an identifier does; `read:orders` and `api:read` do not.
pub(super) fn may_be_qualified(scope: &Scope) -> bool {
    let Some((scheme, rest)) = scope.as_str().split_once(':') else { return false };
    ["https", "http", "api", "urn"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && rest.contains([':', '/'])
}

#[cfg(test)]
#[path = "qualified_tests.rs"]
mod tests;
