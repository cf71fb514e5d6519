//! A resource server of the file (rules §3).

use std::collections::BTreeMap;

use bailiwick_grant::state::{
    DetailType, Origin, ResourceServer, RoleAccess, ScopeDefinition, TokenFormat,
};
use bailiwick_oauth::{Scope, Scopes};

use super::{YEAR, between, defined, distinct};
use crate::config::file::{self, ScopeEntry};
use crate::config::read::{At, Entries, Reader};
use crate::config::value::{ReachEntry, Words};
use crate::config::{encryption, events};

pub(super) fn check(entry: &file::ResourceServer, reader: &mut Reader<'_>) -> ResourceServer {
    let identifier = &entry.identifier;
    if identifier.value.has_query() {
        let help = "a query is allowed (RFC 8707 §2), but clients must send it octet for octet";
        reader.warning(&identifier.span, "the identifier has a query", help);
    }
    if let Some(audience) = &entry.audience {
        let text = &audience.value.0;
        if text.len() > 512 || !text.bytes().all(|c| c.is_ascii_graphic()) {
            let help = "write printable ASCII without spaces, such as \"orders-v1\"";
            reader.problem(&audience.span, "malformed audience", help);
        }
    }
    let mut server = ResourceServer::new(identifier.value.clone(), &entry.name.0);
    server.aliases = entry.aliases.iter().map(|alias| alias.value.clone()).collect();
    server.scopes =
        entry.scopes.0.iter().map(|(name, entry)| definition(&name.value, entry)).collect();
    server.detail_types = detail_types(entry, reader);
    server.format = entry.format;
    server.algorithm = entry.algorithm;
    server.lifetime = between(&entry.lifetime, 1, YEAR, reader);
    server.audience_override = entry.audience.as_ref().map(|audience| audience.value.0.clone());
    if let Some(section) = &entry.encryption {
        server.encryption = encryption::check(section, reader);
        if server.format == TokenFormat::Opaque {
            let help = "leave out `format = \"opaque\"`, or the encryption";
            reader.problem(&identifier.span, "an opaque token holds nothing to encrypt", help);
        }
    }
    server.sender_constraint = entry.sender_constraint.value;
    server.explicit = entry.explicit;
    server.allow_empty_scope = entry.allow_empty_scope;
    server.introspection_secrets =
        entry.introspection_secret.0.iter().map(|secret| secret.0.clone()).collect();
    server.introspection_keys = entry.introspection_jwks.as_ref().map(|set| set.0.clone());
    if let Some(file) = &entry.introspection_jwks_file {
        if server.introspection_keys.is_some() {
            let message = "both `introspection_jwks` and `introspection_jwks_file`";
            reader.problem(&file.span, message, "leave one out");
        }
        server.introspection_keys = Some(file.value.0.clone());
    }
    server.introspection_signing = entry.introspection_signing;
    server.events = entry.events.as_ref().map(events::check);
    server.origin = Origin::Managed;
    if let Some(table) = &entry.roles {
        server.access = RoleAccess::Roles(roles(table, &server, reader));
    }
    server
}

fn detail_types(
    entry: &file::ResourceServer,
    reader: &mut Reader<'_>,
) -> BTreeMap<String, DetailType> {
    let mut types = BTreeMap::new();
    for (kind, table) in &entry.authorization_details.0 {
        let schema = match (&table.schema, &table.schema_file) {
            (Some(schema), None) => schema.value.0.clone(),
            (None, Some(schema)) => schema.value.0.clone(),
            (Some(_), Some(file)) => {
                reader.problem(&file.span, "the schema is given twice", "leave one out");
                continue;
            }
            (None, None) => {
                let help = "add `schema` or `schema_file`";
                reader.problem(&kind.span, format!("`{}` has no schema", kind.value), help);
                continue;
            }
        };
        let description = table.description.0.clone();
        types.insert(kind.value.0.clone(), DetailType { description, schema });
    }
    types
}

fn definition(name: &Scope, entry: &ScopeEntry) -> ScopeDefinition {
    let (description, default, sensitive) = match entry {
        ScopeEntry::Description(description) => (description, false, false),
        ScopeEntry::Table(table) => (&table.description, table.default, table.sensitive),
    };
    ScopeDefinition { name: name.clone(), description: description.0.clone(), default, sensitive }
}

fn roles(
    table: &Entries<Words, ReachEntry>,
    server: &ResourceServer,
    reader: &mut Reader<'_>,
) -> BTreeMap<String, Scopes> {
    let mut roles = BTreeMap::new();
    for (At { value: role, .. }, reach) in &table.0 {
        let scopes = match reach {
            ReachEntry::Everything => {
                server.scopes.iter().map(|scope| scope.name.clone()).collect()
            }
            ReachEntry::Only(scopes) => {
                for scope in scopes {
                    defined(scope, server, reader);
                }
                distinct(scopes.iter().cloned(), "scope", reader).into_iter().collect()
            }
        };
        roles.insert(role.0.clone(), scopes);
    }
    roles
}
