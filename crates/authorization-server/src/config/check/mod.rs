//! The second pass: the entries of the file held against each other.

mod client;
mod exchange;
mod names;
mod resource_server;
mod user;

pub(super) use client::ceiling;

use bailiwick_grant::state::ResourceServer;
use bailiwick_grant::{Lifetimes, Tenant};
use bailiwick_oauth::resource::PlainHttp;
use bailiwick_oauth::{Resource, Scope};

use super::file::{self, Root};
use super::nearest::nearest;
use super::read::{At, Reader};
use super::value::Seconds;
use super::{Config, Login, admin, outgoing, tenants, tls, trusted_issuer, unknown_clients};
use crate::branding::Branding;

/// Turns what was read into what the server works with; notes every contradiction.
pub(super) fn check(root: Root, reader: &mut Reader<'_>) -> Option<Config> {
    names::claim(&root, reader);
    tls::bindings(&root, reader);
    let resource_servers: Vec<_> =
        root.resource.iter().map(|entry| resource_server::check(entry, reader)).collect();
    let resource_servers = exchange::may_call(&root, resource_servers, reader);
    let mut tenant = tenant(&root, &resource_servers, reader);
    let dangerous_sign_in_as = sign_in_as(&root, reader);
    tenant.unknown_clients =
        unknown_clients::check(root.unknown_clients, &tenant, &resource_servers, reader);
    let clients = root
        .client
        .into_iter()
        .map(|entry| client::check(entry, &tenant, &resource_servers, reader));
    let branding = Branding {
        name: root.branding.name.map(|name| name.0),
        logo: root.branding.logo.map(|logo| logo.0),
        accent: root.branding.accent.map(|accent| accent.0),
    };
    let clients: Option<Vec<_>> = clients.collect::<Vec<_>>().into_iter().collect();
    tenant.trusted_issuers = trusted_issuer::check(
        root.trusted_issuer,
        &tenant.issuer,
        clients.as_deref().unwrap_or_default(),
        &resource_servers,
        reader,
    );
    let users = user::check(root.user, clients.as_deref().unwrap_or_default(), reader);
    let (tls, certificates) =
        tls::check(root.tls.as_ref(), root.mtls.as_ref(), &root.proxies, &tenant.issuer, reader);
    Some(Config {
        listen: root.listen,
        tls,
        certificates,
        proxies: root.proxies,
        login: Login {
            attempts: root.login.attempts.0.into(),
            window: between(&root.login.window, 1, YEAR, reader),
            password_checks: root.login.password_checks.0.into(),
        },
        admin: admin::check(&root.admin, reader),
        outgoing: outgoing::check(root.outgoing, reader),
        dangerous_sign_in_as,
        tenants: tenants::load(&tenant.issuer, &root.store, &root.tenants, reader),
        store: root.store,
        tenant,
        branding,
        resource_servers,
        clients: clients?,
        users,
        warnings: Vec::new(), // the reader's, filled in when it finishes
    })
}

fn tenant(root: &Root, servers: &[ResourceServer], reader: &mut Reader<'_>) -> Tenant {
    let mut tenant = Tenant::new(root.issuer.value.clone());
    for scope in &root.global_scopes {
        if !tenant.global_scopes.insert(scope.value.clone()) {
            let message = format!("the global scope `{}` is there already", scope.value);
            reader.problem(&scope.span, message, "the OpenID Connect ones are always there");
        }
    }
    if let Some(default) = &root.default_resource {
        registered(default, servers, reader);
    }
    tenant.default_resource = root.default_resource.as_ref().map(|at| at.value.clone());
    tenant.strict = root.strict;
    tenant.response_iss = root.response_iss;
    let acr = &root.login.acr;
    if acr.value.0.contains(' ') {
        let help = "write one word, as a client writes it in `acr_values`";
        reader.problem(&acr.span, "an `acr` holds no space", help);
    }
    tenant.login_acr.clone_from(&acr.value.0);
    tenant.profile = root.profile;
    tenant.sender.constraint = root.sender_constraint.value;
    tenant.sender.nonce = root.dpop_nonce;
    tenant.most_resources = root.most_resources.0.into();
    if root.dangerous_allow_plain_http_resources {
        tenant.plain_http = PlainHttp::Anywhere;
    }
    tenant.requests.require_pushed = root.requests.require_pushed;
    tenant.requests.require_signed = root.requests.require_signed;
    tenant.lifetimes = lifetimes(&root.lifetimes, reader);
    tenant
}

/// The user of the development mode, which never leaves this machine.
fn sign_in_as(root: &Root, reader: &mut Reader<'_>) -> Option<String> {
    let user = root.dangerous_sign_in_as.as_ref()?;
    // Only loopback issuers are plain http (RFC 8252 §8.3).
    let is_here = root.issuer.value.as_str().starts_with("http:") && root.listen.ip().is_loopback();
    if !is_here {
        let message = "nobody may sign in without a password but on this machine";
        let help = "leave it out, or write `issuer` as http://127.0.0.1:… and `listen` on loopback";
        reader.problem(&user.span, message, help);
    }
    let message = format!("everybody who reaches this server is `{}`", user.value.0);
    reader.warning(&user.span, message, "for development alone");
    Some(user.value.0.clone())
}

fn lifetimes(read: &file::Lifetimes, reader: &mut Reader<'_>) -> Lifetimes {
    Lifetimes {
        code: between(&read.code, 1, 600, reader), // RFC 6749 §4.1.2
        refresh_token: between(&read.refresh_token, 1, 10 * YEAR, reader),
        replay: between(&read.replay, 0, 60, reader),
        userinfo_token: between(&read.userinfo_token, 1, 24 * HOUR, reader),
        id_token: between(&read.id_token, 1, 24 * HOUR, reader),
        pushed_request: between(&read.pushed_request, 5, 600, reader),
        interaction: between(&read.interaction, 60, 24 * HOUR, reader),
        device_code: between(&read.device_code, 60, HOUR, reader),
        session: between(&read.session, 60, YEAR, reader),
    }
}

/// The seconds, noting when they are out of bounds.
pub(super) fn between(time: &At<Seconds>, least: i64, most: i64, reader: &mut Reader<'_>) -> i64 {
    let seconds = time.value.0;
    if seconds < least || seconds > most {
        let help = format!("write a time from {least} to {most} seconds");
        reader.problem(&time.span, format!("{seconds} seconds are out of bounds here"), help);
    }
    seconds
}

/// The resource server with that identifier, noting when the file has none.
pub(super) fn registered<'s>(
    name: &At<Resource>,
    servers: &'s [ResourceServer],
    reader: &mut Reader<'_>,
) -> Option<&'s ResourceServer> {
    let found = servers.iter().find(|server| server.identifier == name.value);
    if found.is_none() {
        let by_alias = servers.iter().find(|server| server.aliases.contains(&name.value));
        let identifiers = servers.iter().map(|server| server.identifier.as_str());
        let help = match (by_alias, nearest(name.value.as_str(), identifiers)) {
            (Some(server), _) => format!("it is an alias: write \"{}\"", server.identifier),
            (None, Some(meant)) => format!("did you mean \"{meant}\"?"),
            (None, None) => "add a [[resource]] with that identifier".to_owned(),
        };
        let message = format!("no resource server of this file is called \"{}\"", name.value);
        reader.problem(&name.span, message, help);
    }
    found
}

/// Whether the resource server defines the scope, noting when it does not.
fn defined(scope: &At<Scope>, server: &ResourceServer, reader: &mut Reader<'_>) -> bool {
    let defines = server.defines(&scope.value);
    if !defines {
        let known: Vec<_> = server.scopes.iter().map(|scope| scope.name.as_str()).collect();
        let help = match nearest(scope.value.as_str(), known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => "it defines none".to_owned(),
            None => format!("it defines {}", known.join(", ")),
        };
        let message =
            format!("\"{}\" does not define the scope `{}`", server.identifier, scope.value);
        reader.problem(&scope.span, message, help);
    }
    defines
}

/// The values in their order, noting those that are there twice.
pub(super) fn distinct<T: PartialEq + std::fmt::Display>(
    values: impl IntoIterator<Item = At<T>>,
    what: &str,
    reader: &mut Reader<'_>,
) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for At { span, value } in values {
        if kept.contains(&value) {
            reader.problem(&span, format!("the {what} `{value}` is listed twice"), "leave one out");
        } else {
            kept.push(value);
        }
    }
    kept
}

const HOUR: i64 = 3600;
pub(super) const YEAR: i64 = 366 * 24 * HOUR;
