//! Narrowing a grant to the one resource of a token request (RFC 8707 §2.2, rules §5, §6).

use bailiwick_oauth::details::Detail;
use bailiwick_oauth::token::Request;
use bailiwick_oauth::{Confirmation, ErrorCode, Resource, Scopes};

use super::Context;
use super::held::Held;
use crate::rule::resource::{self, Target};
use crate::rule::{details, scope, sender};
use crate::state::ResourceServer;
use crate::{Explanation, Reason, Refused};

/// What a token is for and may hold.
pub(super) struct Narrowed<'a> {
    /// The resource server; absent for the userinfo token.
    pub(super) server: Option<&'a ResourceServer>,
    pub(super) scopes: Scopes,
    /// The authorization details of that resource server.
    pub(super) details: Vec<Detail>,
    /// What the token is bound to.
    pub(super) confirmation: Option<Confirmation>,
    pub(super) explanation: Explanation,
}

impl<'a> Narrowed<'a> {
    /// What a token is for, with its binding to the sender of the request (RFC 9449 §5, RFC 8705 §3).
    ///
    /// The only way to make one: no grant type can leave out what client and resource server demand.
    pub(super) fn new(
        context: &Context<'a>,
        server: Option<&'a ResourceServer>,
        scopes: Scopes,
        details: Vec<Detail>,
        explanation: Explanation,
    ) -> Result<Self, Refused> {
        let Context { tenant, client, sender, .. } = *context;
        let confirmation = sender::bind(tenant, client, server, sender)?;
        Ok(Self { server, scopes, details, confirmation, explanation })
    }
}

pub(super) fn narrow<'a>(
    context: &Context<'a>,
    request: &Request,
    held: &Held<'_>,
    asked: Option<&Scopes>,
) -> Result<Narrowed<'a>, Refused> {
    let Context { tenant, client, directory, .. } = *context;
    let grant = &held.grant.value.grant;
    let (named, audience) = (&request.resource, &request.audience);
    let target = resource::select(tenant, client, directory, grant, named, audience)?; // RFC 8707 §2.2
    let wanted = request.details.as_deref();
    let (server, narrowed, details) = match target {
        Target::Userinfo => {
            details::none(wanted)?;
            (None, scope::narrow_global(tenant, client, directory, grant, asked)?, Vec::new())
        }
        Target::Resource(resource) => {
            let server = directory.find(&resource).ok_or_else(|| gone(&resource))?;
            let of = scope::Holder::User(held.user);
            let narrowed = scope::narrow(tenant, client, directory, server, of, grant, asked)?;
            let details = details::narrow(client, server, grant, wanted)?; // RFC 9396 §6
            if narrowed.scopes.is_empty() && details.is_empty() && !server.allow_empty_scope {
                return Err(scope::nothing_left());
            }
            (Some(server), narrowed, details)
        }
    };
    Narrowed::new(context, server, narrowed.scopes, details, narrowed.explanation)
}

/// The one resource of a token that comes of no user's answer, with its pairs.
pub(super) struct Sole<'a> {
    pub(super) server: &'a ResourceServer,
    pub(super) scopes: Scopes,
    pub(super) details: Vec<Detail>,
    pub(super) explanation: Explanation,
}

/// Resolves a request for a token of one resource, under the client's ceiling (rules §7).
pub(super) fn sole<'a>(
    context: &Context<'a>,
    named: &[Resource],
    scopes: &Scopes,
    wanted: &[Detail],
) -> Result<Sole<'a>, Refused> {
    let Context { tenant, client, directory, .. } = *context;
    let details = details::resolve(tenant, client, directory, named, wanted)?; // RFC 9396 §5
    if details.is_empty() && !scope::has_target(tenant, client, directory, named, scopes) {
        let text = "send resource to say which API the token is for";
        return Err(Refused::new(ErrorCode::InvalidTarget, Reason::ResourceAmbiguous, text));
    }
    let several = || {
        let text = "a token is for one resource; send one resource with each token request";
        Refused::new(ErrorCode::InvalidTarget, Reason::SeveralResources, text)
    };
    if named.len() > 1 {
        return Err(several());
    }
    let resolved = scope::resolve_beside(tenant, client, directory, named, scopes, details)?;
    let mut targets: Vec<&Resource> = named.iter().chain(resolved.asked.resources.keys()).collect();
    targets.sort();
    targets.dedup();
    if targets.len() > 1 {
        return Err(several());
    }
    let mut details = resolved.asked.details;
    let Some((resource, scopes)) = resolved.asked.resources.into_iter().next() else {
        return Err(scope::nothing_left());
    };
    let server = directory.find(&resource).ok_or_else(|| gone(&resource))?;
    let details = details.remove(&resource).unwrap_or_default();
    Ok(Sole { server, scopes, details, explanation: resolved.explanation })
}

pub(super) fn gone(resource: &Resource) -> Refused {
    let text = format!("the resource '{resource}' is no longer available");
    Refused::new(ErrorCode::InvalidTarget, Reason::ResourceUnknown, text)
}
