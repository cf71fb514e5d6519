//! A protected resource: its identifier, who issues tokens for it, and where it is reached.

use std::collections::BTreeMap;
use std::time::Duration;

use bailiwick_guard::{IssuerRule, ScopeRule};
use bailiwick_oauth::{Resource, Scope, Scopes, metadata};
use http::uri::Authority;
use toml::Spanned;

use super::cors::{self, Cors};
use super::credentials::{self, Credentials, CredentialsTable};
use super::events::{self, Events, EventsTable, Metadata, MetadataTable};
use super::held::Around;
use super::identity::{self, Identity, IdentityTable};
use super::issuer::{self, IssuerTable, Names, Trusted};
use super::limits::{self, Limits, LimitsTable};
use super::listening::Proxies;
use super::lookup::{self, Introspection, IntrospectionTable};
use super::reading::{Checked, Fault, fault, parsed, seconds};
use super::route::{self, Route, RouteTable};
use super::signing::Signing;
use super::tables::tables;
use super::tokens::{self, Tokens, TokensTable};
use super::upgrade::Upgrades;
use super::upstream::{self, HealthCheckTable, OneOrMore, Protocol, Upstream};
use crate::route::Pattern;

/// A protected resource: its identifier, who issues tokens for it, and what stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Protected {
    /// The resource identifier, which the token's `aud` must hold (RFC 8707 §2).
    pub identifier: Resource,
    /// The authorization servers whose tokens are taken, one at least (RFC 8414 §2).
    pub issuers: Vec<Trusted>,
    /// Further spellings of the identifier in `aud`.
    pub audience: Vec<String>,
    /// Who the gateway is at the issuer.
    pub credentials: Option<Credentials>,
    /// How opaque tokens are looked up, if they are.
    pub introspection: Option<Introspection>,
    /// How tokens are looked at.
    pub tokens: Tokens,
    /// What the upstream is told of who asks.
    pub identity: Identity,
    /// Where revocations are pushed.
    pub events: Option<Events>,
    /// What clients read in the metadata.
    pub metadata: Metadata,
    /// Whether CORS preflights reach the upstream without a token.
    pub allow_preflight: bool,
    /// Its name, for people (RFC 9728 §2).
    pub name: Option<String>,
    /// The host under which it is reached, lower-case, without a port; `None` is any host that no
    /// other resource names.
    pub host: Option<String>,
    /// The path prefix under which it is reached; empty is every path.
    pub prefix: String,
    /// Whether the prefix is taken off before the request is forwarded.
    pub strip_prefix: bool,
    /// What stands behind it.
    pub upstream: Upstream,
    /// How long what goes on, as streams do, may go on after its token has expired.
    pub stream_grace: Duration,
    /// The most octets that the body of a request may have; `None` is any number.
    pub max_body: Option<u64>,
    /// The web pages that may call it; `None` leaves it to the upstream.
    pub cors: Option<Cors>,
    /// What may be reached there.
    pub routes: Vec<Route>,
    /// The scopes that hold others within them.
    pub implies: Vec<(Scope, Scopes)>,
    /// The limits over all routes.
    pub limits: Limits,
}

impl Protected {
    /// Every scope that some route asks for.
    pub fn scopes(&self) -> Scopes {
        let mut scopes = Scopes::new();
        for route in &self.routes {
            match route.access.rule().map(|rule| &rule.scope) {
                Some(ScopeRule::AllOf(needed) | ScopeRule::AnyOf(needed)) => {
                    scopes.extend(needed.iter().cloned());
                }
                None => {}
            }
        }
        scopes
    }
}

tables! {
    /// A protected API: which tokens it takes, under which address it is reached, and what stands
    /// behind it. A request belongs to the resource that names its `Host`, and among those to the
    /// one with the longest `prefix`. A host that some resource names is served by the resources
    /// that name it alone.
    "`[[resource]]`" ResourceTable {
        /// The resource identifier (RFC 8707): what clients send as `resource` and what `aud` of
        /// a token must be.
        identifier: Spanned<String>, "URI", "required";
        /// The authorization server whose tokens are taken, exactly as its metadata spells it, or
        /// a list of several. With `provider`, whatever names one of that kind.
        issuer: Option<Spanned<Names>>, "URL, or a list", "required, or `issuers`";
        /// The kind of identity provider, for those whose tokens differ from RFC 9068:
        /// `"keycloak"`, `"okta"`, `"entra-v2"` and others.
        provider: Option<Spanned<String>>, "name", "none";
        /// Let the issuer be at a private address when its keys are fetched. An issuer on this
        /// machine needs no permission.
        private_issuer: Option<Spanned<bool>>, "boolean", "`false`";
        /// The issuers, where more is to be said of them than their names.
        issuers: Option<Spanned<Vec<Spanned<IssuerTable>>>>, "tables", "none";
        /// What `aud` may be instead of the identifier, for issuers that put something else there.
        /// It must mean this API alone: whoever gets tokens with it gets in.
        audience: Option<Vec<Spanned<String>>>, "list of texts", "none";
        /// Where requests are forwarded to: scheme, host and port, or a list of such. The upstream
        /// gets this as `Host`, and the client's as `X-Forwarded-Host`.
        upstream: Spanned<OneOrMore>, "URL or list of URLs", "required";
        /// Which of several upstreams gets the next request: `"round_robin"`, or
        /// `"least_loaded"`, the one with the fewest requests under way. One that no connection
        /// can be made to is passed over for ten seconds. Each worker counts for itself.
        balance: Option<Spanned<String>>, "text", "`\"round_robin\"`";
        /// What the upstream speaks: `"http1"`, `"http2"` (without TLS by prior knowledge), or
        /// `"auto"`: with TLS what ALPN says, without HTTP/1.1. gRPC needs `"http2"` or TLS.
        upstream_protocol: Option<Spanned<String>>, "text", "`\"auto\"`";
        /// PEM file with the authorities that vouch for an `https` upstream, in place of the
        /// public ones.
        upstream_ca_file: Option<Spanned<String>>, "file", "public authorities";
        /// PEM file with the certificates by which the upstream knows the gateway.
        upstream_certificate_file: Option<Spanned<String>>, "file", "none";
        /// PEM file with the private key of the first of these certificates.
        upstream_key_file: Option<Spanned<String>>, "file", "none";
        /// The name that the upstream's certificate must hold.
        upstream_server_name: Option<Spanned<String>>, "host", "the upstream's host";
        /// The name that people read, in the metadata (RFC 9728).
        name: Option<String>, "text", "none";
        /// The host under which the resource is reached, without a port.
        host: Option<Spanned<String>>, "host", "any";
        /// The path prefix under which it is reached, matched by whole segments.
        prefix: Option<Spanned<String>>, "path", "none";
        /// Take the prefix off before forwarding.
        strip_prefix: Option<Spanned<bool>>, "boolean", "`false`";
        /// How long a connection to the upstream may take to be made, TLS included.
        connect_timeout: Option<Spanned<u64>>, "seconds", "`5`";
        /// How long the upstream may take to begin its answer once it has the request.
        first_byte_timeout: Option<Spanned<u64>>, "seconds", "`60`";
        /// Scopes that hold others within them, at any distance: with
        /// `{ "write:files" = ["read:files"] }` whoever may write may read.
        implies: Option<BTreeMap<Spanned<String>, Vec<Spanned<String>>>>, "table", "none";
        /// How long an answer may pause, and how long an upgraded connection may be silent.
        idle_timeout: Option<Spanned<u64>>, "seconds", "`300`";
        /// How long a request may take with its whole answer.
        total_timeout: Option<Spanned<u64>>, "seconds", "without end";
        /// How long a stream or an upgraded connection may go on after its token has expired.
        stream_grace: Option<Spanned<u64>>, "seconds", "not at all";
        /// Ask the upstreams now and then whether they are well.
        health_check: Option<Spanned<HealthCheckTable>>, "table", "none";
        /// Limits over all its routes.
        limits: Option<LimitsTable>, "table", "none";
        /// The most octets that the body of a request may have; a longer one is answered with 413,
        /// as soon as that is known. Bodies pass through as they come, of whatever length.
        max_body: Option<u64>, "octets", "none";
        /// Origins whose web pages may call the resource from a browser, such as
        /// `["https://app.example.com"]`, or `["*"]`. The gateway then answers preflights itself,
        /// and lets those pages read all answers. Without it that is left to the upstream.
        cors_origins: Option<Spanned<Vec<Spanned<String>>>>, "list of origins", "none";
        /// Let CORS preflights for what the routes have reach the upstream without a token; it
        /// answers them itself.
        allow_preflight: Option<bool>, "boolean", "`false`";
        /// How tokens are looked at: binding, DPoP, certificates, encryption, clocks.
        tokens: Option<TokensTable>, "table", "none";
        /// The gateway as a client of the issuer.
        credentials: Option<Spanned<CredentialsTable>>, "table", "none";
        /// How opaque tokens are looked up.
        introspection: Option<Spanned<IntrospectionTable>>, "table", "none";
        /// What the upstream is told of who asks.
        identity: Option<Spanned<IdentityTable>>, "table", "headers";
        /// Where revocations are pushed.
        events: Option<EventsTable>, "table", "none";
        /// What clients read in the metadata.
        metadata: Option<MetadataTable>, "table", "none";
        /// What may be reached. What no route names is answered with 404.
        routes: Spanned<Vec<Spanned<RouteTable>>>, "tables", "required";
    }
}

/// What resources share: their surroundings, the proxies in front, and the gateway's own keys.
pub(super) struct Shared<'s> {
    pub(super) around: &'s Around,
    pub(super) proxies: &'s Proxies,
    pub(super) signing: Option<&'s Signing>,
}

/// Checks one resource.
pub(super) fn check(table: &ResourceTable, shared: &Shared<'_>) -> Checked<Protected> {
    let around = shared.around;
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
        routes.push(route::check(route_table.get_ref())?);
    }
    route::unambiguous(table.routes.get_ref(), &routes)?;
    let upstream = upstream::check(table)?;
    let upgrading = routes.iter().position(|route| route.upgrade != Upgrades::None);
    if upstream.protocol == Protocol::Http2
        && let Some(number) = upgrading
    {
        let table = table.routes.get_ref()[number].get_ref();
        let span = table.upgrade.as_ref().map_or_else(|| table.path.span(), Spanned::span);
        let message =
            "to switch protocols the upstream must speak HTTP/1.1; take `upstream_protocol` away";
        return Err(Fault { span, message: message.to_owned() });
    }
    let identifier = parsed(&table.identifier, Resource::parse, |error| {
        format!(
            "not a resource identifier: {error}; write the absolute URI that clients send as \
             `resource`, such as \"https://api.example.com\""
        )
    })?;
    let issuers = issuer::check(table, around)?;
    subjects_are_unique(table, &issuers, &routes)?;
    let credentials =
        table.credentials.as_ref().map(|it| credentials::check(it, around)).transpose()?;
    let tokens = table.tokens.as_ref().map(|it| tokens::check(it, around, shared.proxies));
    let events = table.events.as_ref();
    let events = events.map(|it| events::check(it, identifier.as_str(), &issuers, around));
    let signs = shared.signing.is_some();
    let identity = table.identity.as_ref();
    let identity = identity.map(|it| identity::check(it, &issuers, credentials.as_ref(), signs));
    let metadata = table.metadata.as_ref();
    let metadata = metadata.map(|it| events::metadata(it, signs));
    Ok(Protected {
        introspection: lookup::check(table, &issuers, credentials.as_ref())?,
        audience: audience(table)?,
        tokens: tokens.transpose()?.unwrap_or_default(),
        identity: identity.transpose()?.unwrap_or_default(),
        events: events.transpose()?,
        metadata: metadata.transpose()?.unwrap_or_default(),
        allow_preflight: table.allow_preflight.unwrap_or(false),
        credentials,
        identifier,
        issuers,
        name: table.name.clone(),
        host: table.host.as_ref().map(host).transpose()?,
        prefix,
        strip_prefix,
        max_body: table.max_body,
        upstream,
        stream_grace: match &table.stream_grace {
            Some(_) => seconds(table.stream_grace.as_ref(), 0)?,
            None => Duration::ZERO,
        },
        cors: cors::check(table.cors_origins.as_ref())?,
        routes,
        limits: limits::check(table.limits.as_ref())?,
        implies: implied(table)?,
    })
}

fn audience(table: &ResourceTable) -> Checked<Vec<String>> {
    let mut spellings = Vec::new();
    for text in table.audience.iter().flatten() {
        if text.get_ref().is_empty() {
            return Err(fault(text, "an empty audience would let tokens of other APIs in"));
        }
        spellings.push(text.get_ref().clone());
    }
    Ok(spellings)
}

/// Two issuers may give one name to two people: a route must say whose is meant.
fn subjects_are_unique(
    table: &ResourceTable,
    issuers: &[Trusted],
    routes: &[Route],
) -> Checked<()> {
    let is_one = matches!(issuers, [Trusted { trust, .. }]
        if matches!(trust.issuer, IssuerRule::Exactly(_)));
    for (route_table, route) in table.routes.get_ref().iter().zip(routes) {
        let Some(rule) = route.access.rule() else { continue };
        let says_whose =
            rule.claims.iter().any(|rule| matches!(rule.claim.as_str(), "iss" | "tid"));
        if let Some(subjects) = &route_table.get_ref().subjects
            && !is_one
            && !says_whose
        {
            return Err(fault(
                subjects,
                "several issuers may give one name to several people; say whose is meant with \
                 `claims = { iss = \"…\" }`",
            ));
        }
    }
    Ok(())
}

fn implied(table: &ResourceTable) -> Checked<Vec<(Scope, Scopes)>> {
    fn scope(name: &Spanned<String>) -> Checked<Scope> {
        parsed(name, Scope::parse, |error| format!("not a scope: {error}"))
    }
    let pair = |(broad, narrow): (&Spanned<String>, &Vec<Spanned<String>>)| {
        Ok((scope(broad)?, narrow.iter().map(scope).collect::<Checked<_>>()?))
    };
    table.implies.iter().flatten().map(pair).collect()
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

/// No two resources share an identifier, an address or a metadata document.
pub(super) fn distinct(tables: &[Spanned<ResourceTable>], resources: &[Protected]) -> Checked<()> {
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
            if this.metadata.at_root_too && other.metadata.at_root_too {
                return Err(fault(
                    &table.identifier,
                    format!("{} has its metadata at the root already", other.identifier),
                ));
            }
            let path = |it: &Protected| it.events.as_ref().map(|events| events.path.clone());
            if path(this).is_some() && path(this) == path(other) {
                return Err(fault(
                    &table.identifier,
                    format!("{} takes its events under the same path", other.identifier),
                ));
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
pub(super) fn reachable(tables: &[Spanned<ResourceTable>], resources: &[Protected]) -> Checked<()> {
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
