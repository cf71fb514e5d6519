//! Turns the tables of the file into domain types; what is wrong is said with its place.

use std::collections::HashSet;
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use bailiwick_oauth::{Issuer, Resource, Scope, metadata};
use http::uri::Authority;
use http::{Method, Uri};
use toml::Spanned;

use super::tables::{ResourceTable, RouteTable, Top};
use super::{Access, Config, Protected, Route, Upstream};
use crate::route::{Pattern, Trie};

/// What is wrong, and between which octets of the file.
pub(super) struct Fault {
    pub(super) span: Range<usize>,
    pub(super) message: String,
}

type Checked<T> = Result<T, Fault>;

pub(super) fn check(top: Top) -> Checked<Config> {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let tables = top.resource.unwrap_or_default();
    if tables.is_empty() {
        return Err(Fault {
            span: 0..0,
            message: "there is nothing to protect; add a [[resource]] with identifier, issuer, \
                      upstream and routes"
                .to_owned(),
        });
    }
    let mut resources = Vec::with_capacity(tables.len());
    for table in &tables {
        resources.push(resource(table.get_ref())?);
    }
    distinct(&tables, &resources)?;
    reachable(&tables, &resources)?;
    Ok(Config {
        listen: match &top.listen {
            Some(text) => parsed(
                text,
                str::parse::<SocketAddr>,
                |_| "expected an address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"",
            )?,
            None => SocketAddr::from(([127, 0, 0, 1], 8080)),
        },
        workers: positive(top.workers.as_ref())?.unwrap_or_else(cores),
        max_connections: positive(top.max_connections.as_ref())?.unwrap_or(10_000),
        head_timeout: seconds(top.head_timeout.as_ref(), 30)?,
        drain_timeout: seconds(top.drain_timeout.as_ref(), 30)?,
        resources,
    })
}

fn resource(table: &ResourceTable) -> Checked<Protected> {
    let prefix = match &table.prefix {
        Some(text) => parsed(text, Pattern::parse_prefix, |error| {
            format!("the prefix is no path: {error}; write for example \"/drive\"")
        })?,
        None => String::new(),
    };
    let strip_prefix = match &table.strip_prefix {
        Some(strip) if *strip.get_ref() && prefix.is_empty() => {
            return Err(fault(strip, "there is no prefix to strip; add `prefix`"));
        }
        Some(strip) => *strip.get_ref(),
        None => false,
    };
    if table.routes.get_ref().is_empty() {
        return Err(fault(
            &table.routes,
            "no route: nothing could be reached; `{ path = \"/**\", scopes = [] }` takes any \
             token for this resource everywhere",
        ));
    }
    let mut routes = Vec::new();
    for route_table in table.routes.get_ref() {
        routes.push(route(route_table.get_ref())?);
    }
    unambiguous(table.routes.get_ref(), &routes)?;
    Ok(Protected {
        identifier: parsed(&table.identifier, Resource::parse, |error| {
            format!(
                "not a resource identifier: {error}; write the absolute URI that clients send \
                     as `resource`, such as \"https://api.example.com\""
            )
        })?,
        issuer: parsed(&table.issuer, Issuer::parse, |error| {
            format!(
                "not an issuer: {error}; write it as the authorization server's metadata does, \
                     such as \"https://id.example.com\""
            )
        })?,
        private_issuer: table.private_issuer.unwrap_or(false),
        name: table.name.clone(),
        host: table.host.as_ref().map(host).transpose()?,
        prefix,
        strip_prefix,
        upstream: upstream(table)?,
        routes,
    })
}

fn route(table: &RouteTable) -> Checked<Route> {
    let path = parsed(&table.path, Pattern::parse, |error| format!("not a route's path: {error}"))?;
    let mut methods = Vec::new();
    if let Some(names) = &table.methods {
        if names.get_ref().is_empty() {
            return Err(fault(names, "no method; leave `methods` out to allow all of them"));
        }
        for name in names.get_ref() {
            let method = method(name)?;
            if methods.contains(&method) {
                return Err(fault(name, format!("{method} is listed twice")));
            }
            methods.push(method);
        }
    }
    let is_public = table.public.as_ref().is_some_and(|public| *public.get_ref());
    let access = match &table.scopes {
        Some(scopes) if is_public => {
            return Err(fault(scopes, "a public route needs no scopes; remove one of the two"));
        }
        None if is_public => Access::Public,
        None => {
            return Err(fault(
                &table.path,
                "this route says neither `scopes` nor `public = true`; `scopes = []` takes any \
                 token for this resource",
            ));
        }
        Some(scopes) => Access::Scopes(
            scopes
                .get_ref()
                .iter()
                .map(|name| parsed(name, Scope::parse, |error| format!("not a scope: {error}")))
                .collect::<Checked<_>>()?,
        ),
    };
    Ok(Route { path, methods, access, forward_token: table.forward_token.unwrap_or(false) })
}

fn method(name: &Spanned<String>) -> Checked<Method> {
    let text = name.get_ref();
    let is_usual = !text.is_empty() && text.bytes().all(|c| c.is_ascii_uppercase() || c == b'-');
    match Method::from_bytes(text.as_bytes()) {
        Ok(Method::CONNECT | Method::TRACE) => {
            Err(fault(name, format!("{text} is never forwarded; remove it")))
        }
        Ok(method) if is_usual => Ok(method),
        _ => Err(fault(name, "not a method; write it in capitals, such as \"GET\"")),
    }
}

fn host(text: &Spanned<String>) -> Checked<String> {
    let well_formed = text.get_ref().parse::<Authority>().is_ok_and(|authority| {
        authority.port().is_none() && authority.as_str() == authority.host()
    });
    let has_odd_parts =
        text.get_ref().contains(['@', '%', '*', ':']) && !text.get_ref().starts_with('[');
    if well_formed && !has_odd_parts && !text.get_ref().ends_with('.') {
        Ok(text.get_ref().to_ascii_lowercase())
    } else {
        Err(fault(text, "not a host; write its name alone, such as \"drive.example.com\""))
    }
}

fn upstream(table: &ResourceTable) -> Checked<Upstream> {
    let wrong = |why: &str| {
        fault(
            &table.upstream,
            format!("{why}; write scheme, host and port, such as \"http://127.0.0.1:7000\""),
        )
    };
    let uri: Uri =
        table.upstream.get_ref().parse().map_err(|_| wrong("the upstream is not a URL"))?;
    let parts = uri.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(wrong("the upstream is not absolute"));
    };
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(wrong("the upstream's scheme is neither http nor https"));
    }
    if authority.as_str().contains('@') {
        return Err(wrong("the upstream has a user name in it"));
    }
    if parts.path_and_query.is_some_and(|path| path != "/") {
        return Err(wrong("the upstream has a path, but requests keep theirs"));
    }
    Ok(Upstream {
        scheme,
        authority,
        connect_timeout: seconds(table.connect_timeout.as_ref(), 5)?,
        first_byte_timeout: seconds(table.first_byte_timeout.as_ref(), 60)?,
    })
}

/// Each method of a path belongs to one route, and no `**` is hidden behind others.
fn unambiguous(tables: &[Spanned<RouteTable>], routes: &[Route]) -> Checked<()> {
    let mut seen: HashSet<(&Pattern, Option<&Method>)> = HashSet::new();
    let mut trie = Trie::new();
    for (at, (table, route)) in tables.iter().zip(routes).enumerate() {
        let methods = route.methods.iter().map(Some);
        let everything = route.methods.is_empty().then_some(None);
        for method in methods.chain(everything) {
            if !seen.insert((&route.path, method)) {
                let what = method.map_or("every other method", Method::as_str);
                return Err(fault(
                    &table.get_ref().path,
                    format!(
                        "another route has {what} of {} already; this one is unreachable for \
                             it: merge the two or change one",
                        route.path
                    ),
                ));
            }
        }
        *trie.entry(&route.path) = Some(at);
    }
    match trie.unreachable() {
        Some(at) => Err(fault(
            &tables[*at].get_ref().path,
            format!(
                "{} is unreachable: more specific routes take every path of it; remove it",
                routes[*at].path
            ),
        )),
        None => Ok(()),
    }
}

/// No two resources share an identifier, an address or a metadata document.
fn distinct(tables: &[Spanned<ResourceTable>], resources: &[Protected]) -> Checked<()> {
    for (at, (table, this)) in tables.iter().zip(resources).enumerate() {
        let table = table.get_ref();
        for other in &resources[..at] {
            if this.identifier == other.identifier {
                return Err(fault(
                    &table.identifier,
                    format!(
                        "{} is protected by another [[resource]] already; put its routes there",
                        this.identifier
                    ),
                ));
            }
            if this.host != other.host {
                continue;
            }
            if this.prefix == other.prefix {
                return Err(fault(
                    &table.identifier,
                    format!(
                        "{} is reached under the same address as {}; give each its own `host` \
                             or `prefix`",
                        this.identifier, other.identifier
                    ),
                ));
            }
            let path = metadata::protected_resource_path(&this.identifier);
            if path.is_some() && path == metadata::protected_resource_path(&other.identifier) {
                return Err(fault(
                    &table.identifier,
                    format!(
                        "the metadata of {} would stand at the same path as that of {} \
                             (RFC 9728 §3.1); give one of them a `host`",
                        this.identifier, other.identifier
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// No route lies under the longer prefix of another resource of the same host.
fn reachable(tables: &[Spanned<ResourceTable>], resources: &[Protected]) -> Checked<()> {
    for (table, this) in tables.iter().zip(resources) {
        for (route_table, route) in table.get_ref().routes.get_ref().iter().zip(&this.routes) {
            let literal = format!("{}{}/", this.prefix, route.path.literal_part());
            let taken = resources.iter().find(|other| {
                other.host == this.host
                    && other.prefix.len() > this.prefix.len()
                    && literal.starts_with(&format!("{}/", other.prefix))
            });
            if let Some(other) = taken {
                return Err(fault(
                    &route_table.get_ref().path,
                    format!(
                        "{} is unreachable: {} has everything under {}",
                        route.path, other.identifier, other.prefix
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn seconds(setting: Option<&Spanned<u64>>, default: u64) -> Checked<Duration> {
    match setting {
        None => Ok(Duration::from_secs(default)),
        Some(value) if (1..=86_400).contains(value.get_ref()) => {
            Ok(Duration::from_secs(*value.get_ref()))
        }
        Some(value) => Err(fault(value, "expected 1 to 86400 seconds")),
    }
}

fn positive(setting: Option<&Spanned<usize>>) -> Checked<Option<usize>> {
    match setting {
        Some(value) if !(1..=1_000_000).contains(value.get_ref()) => {
            Err(fault(value, "expected a number from 1 to 1000000"))
        }
        other => Ok(other.map(|value| *value.get_ref())),
    }
}

fn parsed<'t, T, E, M: Display>(
    text: &'t Spanned<String>,
    parse: impl FnOnce(&'t str) -> Result<T, E>,
    explain: impl FnOnce(E) -> M,
) -> Checked<T> {
    parse(text.get_ref()).map_err(|error| fault(text, explain(error)))
}

fn fault<T>(at: &Spanned<T>, message: impl Display) -> Fault {
    Fault { span: at.span(), message: message.to_string() }
}
