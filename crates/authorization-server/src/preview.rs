//! What a client that nobody registered could ever get: the operator's ceiling, in words.

use std::fmt;

use bailiwick_grant::state::{Reach, RefreshTokens, ResourceServer, RoleAccess};
use bailiwick_grant::{Documents, Door, MetadataScope, Tenant};
use bailiwick_oauth::Scope;

/// What any unknown client could ever get; prints as text.
#[derive(Debug)]
pub struct Preview {
    lines: Vec<String>,
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// Says what any unknown client could ever get here.
pub fn preview(tenant: &Tenant, servers: &[ResourceServer]) -> Preview {
    let mut lines = Vec::new();
    doors(tenant, &mut lines);
    if tenant.unknown_clients.documents == Documents::Refused
        && tenant.unknown_clients.registration == Door::Closed
    {
        lines.push("So there are no unknown clients. If there were, they could get:".to_owned());
    }
    grants(tenant, &mut lines);
    global(tenant, &mut lines);
    resources(tenant, servers, &mut lines);
    Preview { lines }
}

fn doors(tenant: &Tenant, lines: &mut Vec<String>) {
    let most = &tenant.unknown_clients;
    lines.push(match &most.documents {
        Documents::Refused => "Documents about clients are not read.".to_owned(),
        Documents::Anybody => {
            "Anybody can be a client by publishing a document at an https address.".to_owned()
        }
        Documents::Hosts(hosts) => {
            let hosts = hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("A client can publish a document about itself at {hosts}.")
        }
    });
    lines.push(match most.registration {
        Door::Closed => "Nobody can register a client.".to_owned(),
        Door::Token => "Whoever has an initial access token can register clients.".to_owned(),
        Door::Open => format!("Anybody can register clients, about {} in all.", most.most),
    });
}

fn grants(tenant: &Tenant, lines: &mut Vec<String>) {
    let most = &tenant.unknown_clients;
    let kinds: Vec<_> = most.grant_types.iter().map(|kind| kind.name()).collect();
    lines.push(format!(
        "Grant types: {}.",
        if kinds.is_empty() { "none".into() } else { kinds.join(", ") }
    ));
    lines.push(match most.refresh_tokens {
        RefreshTokens::Always => "Refresh tokens: for clients that say that they use them.".into(),
        RefreshTokens::OfflineAccess => "Refresh tokens: for a granted offline_access.".to_owned(),
    });
    if most.scope == MetadataScope::Limit {
        lines.push("A client that names scopes in its metadata gets no others.".to_owned());
    }
}

fn global(tenant: &Tenant, lines: &mut Vec<String>) {
    let reach = &tenant.unknown_clients.ceiling.global;
    let names: Vec<_> = tenant
        .global_scopes
        .iter()
        .filter(|scope| reach.reaches(scope))
        .map(Scope::as_str)
        .collect();
    lines.push(String::new());
    lines.push(format!(
        "Of the user's account: {}",
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    ));
}

fn resources(tenant: &Tenant, servers: &[ResourceServer], lines: &mut Vec<String>) {
    let ceiling = &tenant.unknown_clients.ceiling;
    let mut closed = 0;
    for server in servers {
        let reach = ceiling.on(&server.identifier);
        if !server.enabled || *reach == Reach::Nothing {
            closed += 1;
            continue;
        }
        lines.push(String::new());
        lines.push(format!("{}  {}", server.identifier, server.name));
        let mut some = false;
        for scope in server.scopes.iter().filter(|scope| reach.reaches(&scope.name)) {
            some = true;
            let mut notes = Vec::new();
            if scope.default {
                notes.push("given when no scope is named");
            }
            if scope.sensitive {
                notes.push("always asked");
            }
            let notes =
                if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
            lines.push(format!("  {}  {}{notes}", scope.name, scope.description));
        }
        if !some {
            lines.push("  no scope".to_owned());
        }
        if server.allow_empty_scope {
            lines.push("  also a token without any scope".to_owned());
        }
        if let RoleAccess::Roles(_) = &server.access {
            lines.push("  as far as the user's roles hold it".to_owned());
        }
    }
    if closed > 0 {
        lines.push(String::new());
        let what = if closed == 1 { "API is" } else { "APIs are" };
        lines.push(format!("{closed} other {what} closed to unknown clients."));
    }
    if ceiling.others.is_open() {
        lines.push(
            "An API that is registered later is open to them too (the key \"*\").".to_owned(),
        );
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_grant::state::{Ceiling, ScopeDefinition};
    use bailiwick_oauth::{Issuer, Resource, Scopes};

    use super::*;

    #[test]
    fn every_scope_and_resource_is_told_in_words() {
        let mut tenant = Tenant::new(Issuer::parse("https://id.example.com").unwrap());
        let mut server = ResourceServer::new(Resource::parse("https://a.example").unwrap(), "A");
        let define = |name: &str, default, sensitive| ScopeDefinition {
            name: Scope::parse(name).unwrap(),
            description: format!("Use {name}"),
            default,
            sensitive,
        };
        server.scopes = vec![define("read", true, false), define("pay", false, true)];
        let closed = ResourceServer::new(Resource::parse("https://b.example").unwrap(), "B");
        let servers = [server.clone(), closed];
        assert_eq!(
            preview(&tenant, &servers).to_string(),
            "Documents about clients are not read.\n\
             Nobody can register a client.\n\
             So there are no unknown clients. If there were, they could get:\n\
             Grant types: authorization_code, refresh_token.\n\
             Refresh tokens: for clients that say that they use them.\n\
             A client that names scopes in its metadata gets no others.\n\
             \n\
             Of the user's account: nothing\n\
             \n\
             2 other APIs are closed to unknown clients."
        );
        tenant.unknown_clients.registration = Door::Open;
        tenant.unknown_clients.documents = Documents::Hosts(["apps.example".to_owned()].into());
        let global = Reach::Only(Scopes::parse("openid email").unwrap());
        let mut ceiling = Ceiling { global, ..Ceiling::default() };
        ceiling.resources.insert(server.identifier.clone(), Reach::Everything);
        tenant.unknown_clients.ceiling = ceiling;
        assert_eq!(
            preview(&tenant, &servers).to_string(),
            "A client can publish a document about itself at apps.example.\n\
             Anybody can register clients, about 10000 in all.\n\
             Grant types: authorization_code, refresh_token.\n\
             Refresh tokens: for clients that say that they use them.\n\
             A client that names scopes in its metadata gets no others.\n\
             \n\
             Of the user's account: openid, email\n\
             \n\
             https://a.example  A\n  read  Use read (given when no scope is named)\n  \
             pay  Use pay (always asked)\n\
             \n\
             1 other API is closed to unknown clients."
        );
    }
}
