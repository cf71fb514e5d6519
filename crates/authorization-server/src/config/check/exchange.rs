//! Token exchange (RFC 8693): which API may call which, and who acts for one.

use bailiwick_grant::state::{ExchangeSettings, GrantKind, ResourceServer};
use bailiwick_oauth::Resource;

use super::{defined, distinct, registered};
use crate::config::file::{self, Root};
use crate::config::read::{At, Reader};

/// Fills in what each resource server may call, now that all of them are known.
pub(super) fn may_call(
    root: &Root,
    mut servers: Vec<ResourceServer>,
    reader: &mut Reader<'_>,
) -> Vec<ResourceServer> {
    let mut maps = Vec::new();
    for (entry, own) in root.resource.iter().zip(&servers) {
        let mut map = std::collections::BTreeMap::new();
        for (other, scopes) in &entry.may_call.0 {
            let Some(server) = registered(other, &servers, reader) else { continue };
            if server.identifier == own.identifier {
                let help = "leave it out: a token is always exchanged for one for the same API";
                reader.problem(&other.span, "the API is this one", help);
            }
            for scope in scopes {
                defined(scope, server, reader);
            }
            let scopes = distinct(scopes.iter().cloned(), "scope", reader).into_iter().collect();
            map.insert(server.identifier.clone(), scopes);
        }
        maps.push(map);
    }
    for (server, map) in servers.iter_mut().zip(maps) {
        server.may_call = map;
    }
    servers
}

/// What a client may do by token exchange.
pub(super) fn settings(
    entry: &file::Client,
    servers: &[ResourceServer],
    reader: &mut Reader<'_>,
) -> ExchangeSettings {
    let exchanges = entry.grants.value.contains(&GrantKind::TokenExchange);
    if exchanges && entry.acts_for.is_empty() {
        let help = "add `acts_for` with the APIs whose tokens it exchanges";
        reader.problem(&entry.grants.span, "this client can exchange no token", help);
    }
    for At { span, .. } in entry.acts_for.iter().take(1) {
        if !exchanges {
            let help = "leave it out, or add \"token_exchange\" to `grants`";
            reader.problem(span, "`acts_for` serves token exchange alone", help);
        }
    }
    for own in &entry.acts_for {
        registered(own, servers, reader);
    }
    let acts_for: Vec<Resource> = distinct(entry.acts_for.iter().cloned(), "API", reader);
    ExchangeSettings { acts_for: acts_for.into_iter().collect(), impersonates: entry.impersonates }
}
