//! The client's own credentials (RFC 6749 §4.4, rules §7): one resource, under its ceiling.

use bailiwick_oauth::token::Request;
use bailiwick_oauth::{Scopes, Subject};

use super::narrow::{Narrowed, Sole, sole};
use super::write::{Source, access_token};
use super::{Context, Outcome, Tokens, grant_type_allowed};
use crate::rule::resource;
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
    let Sole { server, scopes, details, mut explanation } = sole(context, &named, &scopes, wanted)?;
    for scope in &global {
        explanation.add(None, scope, Reason::ScopeUnknown); // they speak of a user; here is none
    }
    Narrowed::new(context, Some(server), scopes, details, explanation)
}
