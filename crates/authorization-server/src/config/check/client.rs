//! A client of the file (RFC 6749 §2) and its ceiling (rules §3).

use std::collections::BTreeSet;

use bailiwick_grant::Tenant;
use bailiwick_grant::rule::fapi;
use bailiwick_grant::state::{
    Authentication, Ceiling, Client, GrantKind, Keys, Origin, Pkce, Reach, Requests, ResourceServer,
};
use bailiwick_oauth::{Permission, Scope};

use super::{defined, distinct, exchange, registered};
use crate::config::details::DetailKind;
use crate::config::file;
use crate::config::nearest::nearest;
use crate::config::read::{At, Entries, Reader};
use crate::config::requests::ClientRequests;
use crate::config::value::{Method, ReachEntry, Reached};

/// `None` when its credentials do not fit its authentication; that is noted.
pub(super) fn check(
    entry: file::Client,
    tenant: &Tenant,
    servers: &[ResourceServer],
    reader: &mut Reader<'_>,
) -> Option<Client> {
    let authentication = authentication(&entry, reader);
    let keys = keys(&entry, reader);
    grants(&entry, reader);
    let ceiling = ceiling(&entry.scopes, &entry.resources, tenant, servers, reader);
    if let Some(default) = &entry.default_resource
        && registered(default, servers, reader).is_some()
        && !ceiling.on(&default.value).is_open()
    {
        let help = format!("add \"{}\" to `resources`", default.value);
        reader.problem(&default.span, "the default is not open to this client", help);
    }
    let exchange = exchange::settings(&entry, servers, reader);
    let required = required(&entry, &ceiling, servers, reader);
    let detail_types = detail_types(entry.authorization_details_types, servers, reader);
    let mut client = Client::new(entry.id.value, entry.name.0, authentication?);
    client.keys = keys;
    client.redirect_uris = distinct(entry.redirect_uris, "redirect URI", reader);
    client.grant_types = entry.grants.value.into_iter().collect();
    client.pkce = entry.pkce.value;
    client.requests = requests(entry.requests, reader);
    client.ceiling = ceiling;
    client.exchange = exchange;
    client.detail_types = detail_types;
    client.default_resource = entry.default_resource.map(|at| at.value);
    client.required = required;
    client.strict = entry.strict;
    client.fallback = entry.resource_fallback;
    client.parameter = entry.resource_parameter;
    client.refresh_tokens = entry.refresh_tokens;
    client.profile = entry.profile.value;
    client.sender.constraint = entry.sender_constraint.value;
    client.sender.nonce = entry.dpop_nonce;
    client.first_party = entry.first_party;
    client.openid = entry.openid.check(&client.redirect_uris, reader);
    client.origin = Origin::Managed;
    for why in fapi::contradictions(tenant, &client) {
        let help = "change the client, or take `profile` away from it and the server";
        reader.problem(&entry.authentication.span, why, help);
    }
    Some(client)
}

fn authentication(entry: &file::Client, reader: &mut Reader<'_>) -> Option<Authentication> {
    let (method, secret) = (&entry.authentication, &entry.secret);
    if method.value != Method::Tls && !entry.tls.is_empty() {
        let help = "leave `tls` out, or write `authentication = \"tls_client_auth\"`";
        let message = "this client does not authenticate with `tls_client_auth`";
        reader.problem(&method.span, message, help);
    }
    let secrets = || {
        let secrets = secret.iter().flat_map(|secrets| &secrets.value.0);
        secrets.map(|secret| secret.0.clone()).collect::<Vec<_>>()
    };
    if let Some(secret) = secret
        && !matches!(method.value, Method::Basic | Method::Post)
    {
        let help = "leave it out, or write `authentication = \"client_secret_basic\"`";
        reader.problem(&secret.span, "this client does not authenticate with a secret", help);
    }
    match method.value {
        Method::None => Some(Authentication::None),
        Method::Basic | Method::Post if secrets().is_empty() => {
            let help = "write for example `secret = { env = \"SHOP_SECRET\" }`";
            reader.problem(&method.span, "this client needs a `secret`", help);
            None
        }
        Method::Basic => Some(Authentication::Basic { secrets: secrets() }),
        Method::Post => Some(Authentication::Post { secrets: secrets() }),
        Method::PrivateKeyJwt => Some(Authentication::PrivateKeyJwt),
        Method::SelfSignedTls => Some(Authentication::SelfSignedTls),
        Method::Tls => {
            let subject = entry.tls.subject();
            if subject.is_none() {
                let help = "write one, for example `tls = { san_dns = \"shop.example.com\" }`";
                let message = "this client needs one subject of its certificates";
                reader.problem(&method.span, message, help);
            }
            subject.map(|subject| Authentication::Tls { subject })
        }
    }
}

fn keys(entry: &file::Client, reader: &mut Reader<'_>) -> Keys {
    let set = entry.jwks.as_ref().map(|at| (&at.span, Keys::Set(at.value.0.clone())));
    let file = entry.jwks_file.as_ref().map(|at| (&at.span, Keys::Set(at.value.0.clone())));
    let uri = entry.jwks_uri.as_ref().map(|at| (&at.span, Keys::At(at.value.clone())));
    let mut places = set.into_iter().chain(file).chain(uri);
    let signs = entry.requests.require_signed || !entry.requests.request_uris.is_empty();
    let Some((_, keys)) = places.next() else {
        let by_key = [Method::PrivateKeyJwt, Method::SelfSignedTls];
        if signs || by_key.contains(&entry.authentication.value) {
            let help = "add `jwks`, `jwks_file` or `jwks_uri` with its public keys";
            reader.problem(&entry.authentication.span, "this client needs its keys", help);
        }
        return Keys::None;
    };
    if let Some((span, _)) = places.next() {
        reader.problem(span, "the keys are given twice", "leave one out");
    }
    keys
}

fn detail_types(
    entries: Vec<At<DetailKind>>,
    servers: &[ResourceServer],
    reader: &mut Reader<'_>,
) -> BTreeSet<String> {
    for At { span, value } in &entries {
        let known = || servers.iter().flat_map(|server| server.detail_types.keys());
        if !known().any(|kind| *kind == value.0) {
            let help = match nearest(&value.0, known().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "add it to `authorization_details` of a [[resource]]".to_owned(),
            };
            reader.problem(span, format!("no API of this file defines the type `{value}`"), help);
        }
    }
    distinct(entries, "type", reader).into_iter().map(|kind| kind.0).collect()
}

fn requests(entry: ClientRequests, reader: &mut Reader<'_>) -> Requests {
    Requests {
        require_pushed: entry.require_pushed,
        require_signed: entry.require_signed,
        signing_alg: entry.signing_alg,
        request_uris: distinct(entry.request_uris, "address of requests", reader),
    }
}

fn grants(entry: &file::Client, reader: &mut Reader<'_>) {
    let kinds: BTreeSet<_> = entry.grants.value.iter().copied().collect();
    let public = entry.authentication.value == Method::None;
    let mut wrong = |message, help| reader.problem(&entry.grants.span, message, help);
    if kinds.is_empty() {
        wrong("a client without a grant type can do nothing", "name one of the grant types");
    }
    let own = [GrantKind::ClientCredentials, GrantKind::TokenExchange, GrantKind::JwtBearer];
    if public && own.iter().any(|kind| kinds.contains(kind)) {
        let help = "choose another `authentication` (RFC 6749 §4.4)";
        wrong("a public client has no credentials of its own", help);
    }
    let code = kinds.contains(&GrantKind::AuthorizationCode);
    if code && entry.redirect_uris.is_empty() {
        let help = "add `redirect_uris`, or write `grants = [\"client_credentials\"]`";
        wrong("the authorization code needs a redirect URI", help);
    }
    let has_user = kinds.iter().any(|kind| kind.begins_with_a_user());
    if !has_user && kinds.contains(&GrantKind::RefreshToken) {
        wrong("no other grant of this client yields refresh tokens", "leave \"refresh_token\" out");
    }
    if !code && let Some(uri) = entry.redirect_uris.first() {
        let help = "leave it out, or add \"authorization_code\" to `grants`";
        reader.problem(&uri.span, "a redirect URI serves the authorization code alone", help);
    }
    if public && entry.pkce.value == Pkce::Optional {
        let message = "a public client must use PKCE (RFC 9700 §2.1.1)";
        reader.problem(&entry.pkce.span, message, "leave `pkce` out");
    }
}

/// A ceiling of global scopes and of resource servers.
pub(in crate::config) fn ceiling(
    scopes: &ReachEntry,
    entries: &Entries<Reached, ReachEntry>,
    tenant: &Tenant,
    servers: &[ResourceServer],
    reader: &mut Reader<'_>,
) -> Ceiling {
    Ceiling { global: global(scopes, tenant, reader), ..resources(entries, servers, reader) }
}

fn global(reach: &ReachEntry, tenant: &Tenant, reader: &mut Reader<'_>) -> Reach {
    if let ReachEntry::Only(scopes) = reach {
        for scope in scopes {
            if !tenant.global_scopes.contains(&scope.value) {
                let known = tenant.global_scopes.iter().map(Scope::as_str);
                let help = nearest(scope.value.as_str(), known).map_or_else(
                    || {
                        "add it to `global_scopes`, or, if it is a scope of an API, to `resources`"
                            .to_owned()
                    },
                    |meant| format!("did you mean `{meant}`?"),
                );
                let message = format!("`{}` is no global scope", scope.value);
                reader.problem(&scope.span, message, help);
            }
        }
    }
    to_reach(reach, reader)
}

fn resources(
    entries: &Entries<Reached, ReachEntry>,
    servers: &[ResourceServer],
    reader: &mut Reader<'_>,
) -> Ceiling {
    let mut ceiling = Ceiling::default();
    for (At { span, value }, entry) in &entries.0 {
        let reach = to_reach(entry, reader);
        match value {
            Reached::Others => ceiling.others = reach,
            Reached::Named(resource) => {
                let name = At { span: span.clone(), value: resource.clone() };
                if let Some(server) = registered(&name, servers, reader)
                    && let ReachEntry::Only(scopes) = entry
                {
                    for scope in scopes {
                        defined(scope, server, reader);
                    }
                }
                if ceiling.resources.insert(resource.clone(), reach).is_some() {
                    let message = format!("\"{resource}\" is there twice, spelled differently");
                    reader.problem(span, message, "put its scopes into one entry");
                }
            }
        }
    }
    ceiling
}

fn required(
    entry: &file::Client,
    ceiling: &Ceiling,
    servers: &[ResourceServer],
    reader: &mut Reader<'_>,
) -> BTreeSet<Permission> {
    let mut required = BTreeSet::new();
    for (resource, scopes) in &entry.required.0 {
        let Some(server) = registered(resource, servers, reader) else { continue };
        for scope in scopes {
            if defined(scope, server, reader) && !ceiling.on(&resource.value).reaches(&scope.value)
            {
                let message =
                    format!("`{}` is required, but above the client's ceiling", scope.value);
                reader.problem(&scope.span, message, "add it to `resources`");
            }
            required.insert(Permission {
                resource: resource.value.clone(),
                scope: scope.value.clone(),
            });
        }
    }
    required
}

fn to_reach(entry: &ReachEntry, reader: &mut Reader<'_>) -> Reach {
    match entry {
        ReachEntry::Everything => Reach::Everything,
        ReachEntry::Only(scopes) => match distinct(scopes.iter().cloned(), "scope", reader) {
            none if none.is_empty() => Reach::Nothing,
            scopes => Reach::Only(scopes.into_iter().collect()),
        },
    }
}
