//! Narrowing a grant to the one resource of a token request (RFC 8707 §2.2, rules §5, §6).

use bailiwick_oauth::token::Request;
use bailiwick_oauth::{ErrorCode, Resource, Scopes};

use super::Context;
use super::held::Held;
use crate::rule::resource::{self, Target};
use crate::rule::scope;
use crate::state::ResourceServer;
use crate::{Explanation, Reason, Refused};

/// What a token is for and may hold.
pub(super) struct Narrowed<'a> {
    /// The resource server; absent for the userinfo token.
    pub(super) server: Option<&'a ResourceServer>,
    pub(super) scopes: Scopes,
    pub(super) explanation: Explanation,
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
    let (server, narrowed) = match target {
        Target::Userinfo => (None, scope::narrow_global(tenant, client, directory, grant, asked)?),
        Target::Resource(resource) => {
            let server = directory.find(&resource).ok_or_else(|| gone(&resource))?;
            let of = scope::Holder::User(held.user);
            let narrowed = scope::narrow(tenant, client, directory, server, of, grant, asked)?;
            (Some(server), narrowed)
        }
    };
    Ok(Narrowed { server, scopes: narrowed.scopes, explanation: narrowed.explanation })
}

pub(super) fn gone(resource: &Resource) -> Refused {
    let text = format!("the resource '{resource}' is no longer available");
    Refused::new(ErrorCode::InvalidTarget, Reason::ResourceUnknown, text)
}
