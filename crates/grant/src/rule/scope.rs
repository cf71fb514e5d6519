//! Downscoping: from the scopes asked for to the pairs that can be had (RFC 6749 §3.3, RFC 8707 §2.2).

use bailiwick_oauth::{ErrorCode, Grant, Permission, Resource, Scope, Scopes};

use super::claims;
use super::details::{self, Details};
use super::qualified::{DEFAULT, MOST_QUALIFIED, may_be_qualified, reading, readings};
use super::resource::{self, Directory};
use crate::state::{Client, Reach, ResourceServer, RoleAccess, User};
use crate::{Explanation, Reason, Refused, Tenant};

/// What a request comes to, before the user is known: pairs under the client's ceiling.
#[derive(Debug)]
pub struct Resolved {
    /// What can be asked of the user.
    pub asked: Grant,
    /// What became of each pair.
    pub explanation: Explanation,
}

/// Resolves the scopes of a request on the resources that it names (rules §4.3 to §4.7).
///
/// `named` holds identifiers that [`resource::requested`] returned.
///
/// # Errors
/// `invalid_scope` when a qualified scope has not exactly one reading, when nothing is left, or,
/// for a strict client, when something falls out.
pub fn resolve(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    named: &[Resource],
    scopes: &Scopes,
) -> Result<Resolved, Refused> {
    resolve_beside(tenant, client, directory, named, scopes, Details::new())
}

/// Resolves the scopes of a request beside the details that were resolved of it: those reach their
/// own resources, and spare the default one.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_beside(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    named: &[Resource],
    scopes: &Scopes,
    details: Details,
) -> Result<Resolved, Refused> {
    let is_strict = tenant.strict || client.strict;
    let mut servers: Vec<&ResourceServer> =
        named.iter().filter_map(|name| directory.find(name)).collect();
    let names_none = servers.is_empty() && details.is_empty();
    let default = resource::default(tenant, client, directory).filter(|_| names_none);
    let mut literal = servers.clone();
    literal.extend(default);
    let Sorted { global, plain, qualified } = sort(tenant, client, directory, &literal, scopes)?;
    if qualified.is_empty() {
        servers.extend(default); // rules §4.7
    }
    let mut out = Downscope::new(client);
    for scope in &global {
        out.offer_global(scope);
    }
    // rules §4.3: no scope but global ones, so each resource contributes its defaults.
    let no_scope_asked = plain.is_empty() && qualified.is_empty();
    for server in &servers {
        out.offer_resource(server);
        if no_scope_asked {
            out.offer_defaults(server);
        }
        for scope in &plain {
            if server.defines(scope) {
                out.offer(server, scope);
            } else {
                out.explanation.add(Some(&server.identifier), scope, Reason::NotDefined);
            }
        }
    }
    for scope in plain.iter().filter(|scope| !servers.iter().any(|server| server.defines(scope))) {
        out.explanation.add(None, scope, Reason::ScopeUnknown);
        out.lost.get_or_insert_with(|| (scope.clone(), Reason::ScopeUnknown));
    }
    for (server, scope) in qualified {
        if server.explicit && !named.contains(&server.identifier) {
            return Err(not_explicit(server));
        }
        if scope.as_str() == DEFAULT {
            out.offer_resource(server);
            out.offer_configured(server);
        } else {
            out.offer(server, &scope);
        }
    }
    let Downscope { grant: mut asked, explanation, lost, .. } = out;
    for resource in details.keys() {
        asked.resources.entry(resource.clone()).or_default();
    }
    asked.details = details;
    if let Some((lost, reason)) = lost.filter(|_| is_strict) {
        return Err(strict(&lost, reason));
    }
    let asked = without_empty(directory, asked);
    if asked.is_empty() {
        return Err(nothing_left());
    }
    Ok(Resolved { asked, explanation })
}

/// Holds a resolved request under what the subject may have (rules §4.5).
///
/// Definitions and the client's ceiling are looked at again: since the request was resolved, the
/// user may have taken an hour to sign in.
///
/// # Errors
/// `invalid_scope` when nothing is left, or, for a strict client, when something falls out.
pub fn permit(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    user: &User,
    asked: &Grant,
) -> Result<Resolved, Refused> {
    let of = Holder::User(user);
    let mut explanation = Explanation::default();
    let mut kept = Grant::default();
    let mut lost = None;
    let mut note = |resource: Option<&Resource>, scope: &Scope, reason: Reason| {
        explanation.add(resource, scope, reason);
        if reason != Reason::Kept {
            lost.get_or_insert_with(|| (scope.clone(), reason));
        }
        reason == Reason::Kept
    };
    for scope in &asked.global {
        if note(None, scope, global_now(tenant, client, scope)) {
            kept.global.insert(scope.clone());
        }
    }
    for (resource, scopes) in &asked.resources {
        let server = directory.find(resource);
        if server.is_some_and(|server| resource::is_open(client, server)) {
            kept.resources.entry(resource.clone()).or_default();
        }
        for scope in scopes {
            let reason = server
                .map_or(Reason::ResourceUnknown, |server| pair_now(client, server, of, scope));
            if note(Some(resource), scope, reason) {
                kept.insert(Permission { resource: resource.clone(), scope: scope.clone() });
            }
        }
    }
    for (resource, details) in &asked.details {
        let server = directory.find(resource).filter(|server| resource::is_open(client, server));
        let current = server.map(|server| details::current(client, server, details));
        if let Some(current) = current.filter(|current| !current.is_empty()) {
            kept.details.insert(resource.clone(), current);
        }
    }
    if let Some((lost, reason)) = lost.filter(|_| tenant.strict || client.strict) {
        return Err(strict(&lost, reason));
    }
    let kept = without_empty(directory, kept);
    if kept.is_empty() {
        return Err(nothing_left());
    }
    Ok(Resolved { asked: kept, explanation })
}

/// What the rules say of a global scope now.
///
/// A claim that was asked for by name stands and falls with the scope that opens it.
fn global_now(tenant: &Tenant, client: &Client, scope: &Scope) -> Reason {
    if let Some((_, opening)) = claims::named(scope)
        && let Ok(opening) = Scope::parse(opening)
    {
        return global_now(tenant, client, &opening);
    }
    if !tenant.global_scopes.contains(scope) {
        Reason::NotDefined
    } else if !client.ceiling.global.reaches(scope) {
        Reason::ClientCeiling
    } else {
        Reason::Kept
    }
}

/// Whose permissions a token can hold.
#[derive(Debug, Clone, Copy)]
pub enum Holder<'a> {
    /// A user's: by its roles.
    User(&'a User),
    /// A client's that acts for itself: under its ceiling.
    Client(&'a Client),
}

impl Holder<'_> {
    fn holds(&self, server: &ResourceServer, scope: &Scope) -> bool {
        match self {
            Self::User(user) => is_permitted(server, user, scope),
            Self::Client(client) => client.ceiling.on(&server.identifier).reaches(scope),
        }
    }
}

/// What the rules say of a pair now (rules §4.5).
fn pair_now(client: &Client, server: &ResourceServer, of: Holder<'_>, scope: &Scope) -> Reason {
    if !server.enabled {
        Reason::ResourceDisabled
    } else if !server.defines(scope) {
        Reason::NotDefined
    } else if !client.ceiling.on(&server.identifier).reaches(scope) {
        Reason::ClientCeiling
    } else if !of.holds(server, scope) {
        Reason::SubjectPermission
    } else {
        Reason::Kept
    }
}

/// Whether a grant holds a global scope that the client may have now (rules §6.3).
pub(crate) fn holds_global(tenant: &Tenant, client: &Client, grant: &Grant, name: &str) -> bool {
    let mut held = grant.global.iter().filter(|scope| scope.as_str() == name);
    held.any(|scope| global_now(tenant, client, scope) == Reason::Kept)
}

/// What one token may hold of a grant now, anew (rules §5.2, §6.2, §6.3).
#[derive(Debug)]
pub struct Narrowed {
    /// The scopes of the token.
    pub scopes: Scopes,
    /// What became of each.
    pub explanation: Explanation,
}

/// Narrows a grant to the scopes of one resource that client and user may have now.
///
/// # Errors
/// `invalid_scope` when a name of `asked` is nowhere in the grant, or when nothing is left on a
/// resource server that does not allow an empty scope.
pub fn narrow(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    server: &ResourceServer,
    of: Holder<'_>,
    grant: &Grant,
    asked: Option<&Scopes>,
) -> Result<Narrowed, Refused> {
    let wanted = held(tenant, directory, grant, asked)?;
    let granted = grant.resources.get(&server.identifier);
    let mut explanation = Explanation::default();
    let mut scopes = Scopes::new();
    for scope in granted.into_iter().flatten() {
        let pair = (Some(&server.identifier), scope);
        let is_wanted = wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|w| w.is(pair)));
        let reason = pair_now(client, server, of, scope);
        if reason == Reason::Kept {
            if !is_wanted {
                continue;
            }
            scopes.insert(scope.clone());
        }
        explanation.add(Some(&server.identifier), scope, reason);
    }
    let has_details = !details::held(client, server, grant).is_empty();
    if scopes.is_empty() && !has_details && !server.allow_empty_scope {
        let text = format!("nothing of the scope can be had on '{}'", server.identifier);
        return Err(Refused::new(ErrorCode::InvalidScope, Reason::NothingLeft, text));
    }
    Ok(Narrowed { scopes, explanation })
}

/// Narrows a grant to its global scopes, for the userinfo token; neither `offline_access` nor a claim
/// that was asked for by name ever enters it.
///
/// # Errors
/// `invalid_scope` as for [`narrow`].
pub fn narrow_global(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    grant: &Grant,
    asked: Option<&Scopes>,
) -> Result<Narrowed, Refused> {
    let wanted = held(tenant, directory, grant, asked)?;
    let mut explanation = Explanation::default();
    let mut scopes = Scopes::new();
    let enters =
        |scope: &&Scope| scope.as_str() != "offline_access" && claims::named(scope).is_none();
    for scope in grant.global.iter().filter(enters) {
        let is_wanted =
            wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|w| w.is((None, scope))));
        let reason = global_now(tenant, client, scope);
        if reason == Reason::Kept {
            if !is_wanted {
                continue;
            }
            scopes.insert(scope.clone());
        }
        explanation.add(None, scope, reason);
    }
    if scopes.is_empty() {
        return Err(nothing_left());
    }
    Ok(Narrowed { scopes, explanation })
}

/// Whether a request names any resource at all: by `resource`, by a qualified scope, or by default.
pub(crate) fn has_target(
    tenant: &Tenant,
    client: &Client,
    directory: &Directory,
    named: &[Resource],
    scopes: &Scopes,
) -> bool {
    !named.is_empty()
        || scopes.iter().any(may_be_qualified)
        || resource::default(tenant, client, directory).is_some()
}

/// A scope that the grant holds somewhere, as a request named it.
enum Held<'s> {
    /// By its plain name.
    Name(&'s Scope),
    /// By its qualified name: one pair.
    Pair(Permission),
    /// By `/.default`: whatever of it was frozen at consent.
    All(Resource),
}

impl Held<'_> {
    fn is(&self, (resource, scope): (Option<&Resource>, &Scope)) -> bool {
        match self {
            Self::Name(name) => *name == scope,
            Self::Pair(pair) => resource == Some(&pair.resource) && pair.scope == *scope,
            Self::All(all) => resource == Some(all),
        }
    }
}

/// Resolves the names of a refresh request against the grant (rules §6.2); `None` for no names.
fn held<'s>(
    tenant: &Tenant,
    directory: &Directory,
    grant: &Grant,
    asked: Option<&'s Scopes>,
) -> Result<Option<Vec<Held<'s>>>, Refused> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(None) };
    let mut found = Vec::with_capacity(asked.len());
    for name in asked {
        if grant.global.contains(name) || grant.permissions().any(|(_, scope)| scope == name) {
            found.push(Held::Name(name));
            continue;
        }
        let mut pairs = readings(tenant, name).filter_map(|(resource, scope)| {
            let resource = directory.find(&resource).map_or(resource, |s| s.identifier.clone());
            if grant.holds(&resource, &scope) {
                return Some(Held::Pair(Permission { resource, scope }));
            }
            let is_all = scope.as_str() == DEFAULT && grant.resources.contains_key(&resource);
            is_all.then_some(Held::All(resource))
        });
        // As when it was granted: exactly one reading (rules §4.4).
        let (Some(pair), None) = (pairs.next(), pairs.next()) else {
            let text = format!("the scope '{name}' was not granted; ask for it anew");
            return Err(Refused::new(ErrorCode::InvalidScope, Reason::NotGranted, text));
        };
        found.push(pair);
    }
    Ok(Some(found))
}

/// The scopes of a request, by kind.
struct Sorted<'d> {
    global: Vec<Scope>,
    plain: Vec<Scope>,
    qualified: Vec<(&'d ResourceServer, Scope)>,
}

/// Sorts the scopes of a request; `literal` are the servers whose own names win over readings.
fn sort<'d>(
    tenant: &Tenant,
    client: &Client,
    directory: &'d Directory,
    literal: &[&ResourceServer],
    scopes: &Scopes,
) -> Result<Sorted<'d>, Refused> {
    let mut sorted = Sorted { global: Vec::new(), plain: Vec::new(), qualified: Vec::new() };
    for scope in scopes {
        if tenant.global_scopes.contains(scope) {
            sorted.global.push(scope.clone());
        } else if literal.iter().any(|server| server.defines(scope)) || !may_be_qualified(scope) {
            // A literal scope of that very name wins over every reading (rules §4.4).
            sorted.plain.push(scope.clone());
        } else if sorted.qualified.len() == MOST_QUALIFIED {
            let text = format!("more than {MOST_QUALIFIED} qualified scopes");
            return Err(Refused::new(ErrorCode::InvalidScope, Reason::ScopeReading, text));
        } else {
            sorted.qualified.push(reading(tenant, client, directory, scope)?);
        }
    }
    Ok(sorted)
}

/// Collects what is kept under a client's ceiling.
struct Downscope<'c> {
    client: &'c Client,
    grant: Grant,
    explanation: Explanation,
    /// The first scope that was asked for and dropped, and by which rule.
    lost: Option<(Scope, Reason)>,
}

impl<'c> Downscope<'c> {
    fn new(client: &'c Client) -> Self {
        Self { client, grant: Grant::default(), explanation: Explanation::default(), lost: None }
    }

    fn offer_global(&mut self, scope: &Scope) {
        let kept = self.client.ceiling.global.reaches(scope);
        self.explain(None, scope, kept);
        if kept {
            self.grant.global.insert(scope.clone());
        } else {
            self.lose(scope);
        }
    }

    fn offer_resource(&mut self, server: &ResourceServer) {
        if resource::is_open(self.client, server) {
            self.grant.resources.entry(server.identifier.clone()).or_default();
        }
    }

    fn offer(&mut self, server: &ResourceServer, scope: &Scope) {
        if !self.keep(server, scope) {
            self.lose(scope);
        }
    }

    /// What nobody asked for by name is not lost when it falls out.
    fn offer_defaults(&mut self, server: &ResourceServer) {
        for scope in server.default_scopes() {
            self.keep(server, scope);
        }
    }

    /// `/.default`: what the client is explicitly configured for, never what is sensitive.
    fn offer_configured(&mut self, server: &ResourceServer) {
        let reach = self.client.ceiling.resources.get(&server.identifier);
        let Some(Reach::Only(configured)) = reach else { return };
        for definition in server.scopes.iter().filter(|scope| !scope.sensitive) {
            if configured.contains(&definition.name) {
                self.keep(server, &definition.name);
            }
        }
    }

    fn keep(&mut self, server: &ResourceServer, scope: &Scope) -> bool {
        let kept = resource::is_open(self.client, server)
            && self.client.ceiling.on(&server.identifier).reaches(scope);
        self.explain(Some(&server.identifier), scope, kept);
        if kept {
            let resource = server.identifier.clone();
            self.grant.insert(Permission { resource, scope: scope.clone() });
        }
        kept
    }

    fn explain(&mut self, resource: Option<&Resource>, scope: &Scope, kept: bool) {
        let reason = if kept { Reason::Kept } else { Reason::ClientCeiling };
        self.explanation.add(resource, scope, reason);
    }

    fn lose(&mut self, scope: &Scope) {
        self.lost.get_or_insert_with(|| (scope.clone(), Reason::ClientCeiling));
    }
}

fn is_permitted(server: &ResourceServer, user: &User, scope: &Scope) -> bool {
    match &server.access {
        RoleAccess::Everyone => true,
        RoleAccess::Roles(roles) => user
            .roles
            .iter()
            .filter_map(|role| roles.get(role))
            .any(|scopes| scopes.contains(scope)),
    }
}

/// Drops resources without a scope or a detail, but those that allow it.
pub(super) fn without_empty(directory: &Directory, mut grant: Grant) -> Grant {
    let Grant { resources, details, .. } = &mut grant;
    resources.retain(|resource, scopes| {
        !scopes.is_empty()
            || details.contains_key(resource)
            || directory.find(resource).is_some_and(|server| server.allow_empty_scope)
    });
    details.retain(|resource, _| resources.contains_key(resource));
    grant
}

fn strict(lost: &Scope, reason: Reason) -> Refused {
    let text = format!("the scope '{lost}' cannot be had by this client on these resources");
    Refused::new(ErrorCode::InvalidScope, reason, text)
}

pub(crate) fn nothing_left() -> Refused {
    let text = "none of the requested scopes can be had on the requested resources";
    Refused::new(ErrorCode::InvalidScope, Reason::NothingLeft, text)
}

fn not_explicit(server: &ResourceServer) -> Refused {
    let text = format!("the resource '{}' must be named with resource", server.identifier);
    Refused::new(ErrorCode::InvalidTarget, Reason::ResourceNotExplicit, text)
}

#[cfg(test)]
#[path = "scope_tests.rs"]
mod tests;
