//! The client's own credentials (RFC 6749 §4.4, rules §7): one resource, under its ceiling.

use bailiwick_oauth::token::Request;
use bailiwick_oauth::{ErrorCode, Resource, Scopes, Subject};

use super::narrow::{Narrowed, gone};
use super::write::{Source, access_token};
use super::{Context, Outcome, Tokens, grant_type_allowed};
use crate::rule::{details, resource, scope};
use crate::{Decision, Entropy, Reason, Refused};

/// Issues a token to a client on its own behalf (RFC 6749 §4.4, rules §7).
///
/// Does not authenticate the client; see [`rule::client_auth`](crate::rule::client_auth).
pub fn client_credentials(
    context: &Context<'_>,
    request: &Request,
    entropy: &mut dyn Entropy,
) -> Outcome {
    let narrowed = match own(context, request) {
        Ok(narrowed) => narrowed,
        Err(refused) => return Decision::unchanged(Err(refused)),
    };
    let subject = Subject::of_client(&context.client.id);
    let mut changes = Vec::new();
    let source = Source::client(subject, entropy);
    let access = access_token(context, &narrowed, source, entropy, &mut changes);
    let outcome = Ok(Tokens { access, refresh: None, id: None });
    Decision { changes, outcome, explanation: narrowed.explanation }
}

/// What a client gets on its own behalf: the pairs of one resource under its ceiling (rules §7).
fn own<'a>(context: &Context<'a>, request: &Request) -> Result<Narrowed<'a>, Refused> {
    let Context { tenant, client, directory, .. } = *context;
    grant_type_allowed(client, &request.grant)?;
    let (resources, audiences) = (&request.resource, &request.audience);
    let (global, scopes): (Vec<_>, Vec<_>) = request
        .scope
        .iter()
        .flatten()
        .cloned()
        .partition(|scope| tenant.global_scopes.contains(scope));
    let scopes: Scopes = scopes.into_iter().collect();
    let named = resource::requested(tenant, client, directory, resources, audiences)?;
    let wanted = request.details.as_deref().unwrap_or_default();
    let details = details::resolve(tenant, client, directory, &named, wanted)?; // RFC 9396 §5
    if details.is_empty() && !scope::has_target(tenant, client, directory, &named, &scopes) {
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
    let resolved = scope::resolve_beside(tenant, client, directory, &named, &scopes, details)?;
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
    let mut explanation = resolved.explanation;
    for scope in &global {
        explanation.add(None, scope, Reason::ScopeUnknown); // they speak of a user; here is none
    }
    let details = details.remove(&resource).unwrap_or_default();
    Narrowed::new(context, Some(server), scopes, details, explanation)
}
