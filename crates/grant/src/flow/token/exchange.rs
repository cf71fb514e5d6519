//! Token exchange (RFC 8693): a resource server, or who acts for it, gets a token for what it calls on
//! its turn. The rules are those of §7: never more than the token that was sent, or than a policy
//! "this API may call that one" makes of it.

use bailiwick_oauth::access_token::{Actor, Claims};
use bailiwick_oauth::exchange::{Exchange, TokenType};
use bailiwick_oauth::token::{GrantType, Request};
use bailiwick_oauth::{ErrorCode, Grant, Resource, Scopes, Subject};

use super::narrow::{Narrowed, gone};
use super::write::{Source, access_token};
use super::{Context, Outcome, Tokens, grant_type_allowed};
use crate::entropy::identifier;
use crate::flow::introspect::{Found, Known};
use crate::rule::scope::Holder;
use crate::rule::{details, resource, scope};
use crate::state::{GrantId, GrantOrigin, ResourceServer, TokenFormat};
use crate::{Decision, Entropy, Reason, Refused};

/// The most actors that a token may name (RFC 8693 §4.1).
const MOST_ACTORS: usize = 4;

/// A token that was presented, with what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// What was found behind it.
    pub found: &'a Found,
    /// What else is known.
    pub known: Known<'a>,
}

/// Exchanges a token for one for another resource, or a narrower one for the same (RFC 8693 §2).
///
/// Does not authenticate the client; see [`rule::client_auth`](crate::rule::client_auth).
pub fn token_exchange(
    context: &Context<'_>,
    request: &Request,
    subject: Presented<'_>,
    actor: Option<Presented<'_>>,
    entropy: &mut dyn Entropy,
) -> Outcome {
    match exchanged(context, request, subject, actor) {
        Ok((narrowed, passed)) => {
            let mut changes = Vec::new();
            let source = passed.source(entropy);
            let access = access_token(context, &narrowed, source, entropy, &mut changes);
            let outcome = Ok(Tokens { access, refresh: None, id: None });
            Decision { changes, outcome, explanation: narrowed.explanation }
        }
        Err(refused) => Decision::unchanged(Err(refused)),
    }
}

/// What a subject token passes on.
struct Passed<'a> {
    claims: &'a Claims,
    by: &'a ResourceServer,
    act: Option<Actor>,
}

impl Passed<'_> {
    fn source(self, entropy: &mut dyn Entropy) -> Source {
        let Self { claims, by, act } = self;
        Source {
            // As the API that it was sent to knows the user already.
            subject: claims.sub.clone(),
            // INVARIANT: it dies with the grant of the subject token.
            jti: match GrantId::of_token(&claims.jti) {
                Some(grant) => {
                    grant.exchanged_id(&GrantOrigin::of(&claims.jti, &by.identifier), entropy)
                }
                None => identifier(entropy),
            },
            auth_time: claims.auth_time,
            acr: claims.acr.clone(),
            amr: claims.amr.clone(),
            act,
            until: Some(claims.exp),
        }
    }
}

fn exchanged<'a>(
    context: &Context<'a>,
    request: &Request,
    subject: Presented<'a>,
    actor: Option<Presented<'_>>,
) -> Result<(Narrowed<'a>, Passed<'a>), Refused> {
    grant_type_allowed(context.client, &request.grant)?;
    let GrantType::TokenExchange(asked) = &request.grant else {
        return Err(unacceptable(Reason::Malformed, "this is no token exchange"));
    };
    let (by, claims) = sent_to(context, subject)?;
    // Who holds nothing but the token learns nothing of resources.
    let delegates = acts(context, actor)?;
    let act = actors(context, claims, delegates)?;
    let of = holder(subject, claims)?;
    let server = target(context, request)?;
    typed(asked, server)?;
    let grant = passes(claims, by, server)?;
    let Context { tenant, client, directory, .. } = *context;
    let asked = request.scope.as_ref();
    let narrowed = scope::narrow(tenant, client, directory, server, of, &grant, asked)?;
    let (scopes, explanation) = (narrowed.scopes, narrowed.explanation);
    details::none(request.details.as_deref())?; // what was granted to one API is for no other
    // RFC 9449 §5
    let narrowed = Narrowed::new(context, Some(server), scopes, Vec::new(), explanation)?;
    Ok((narrowed, Passed { claims, by, act }))
}

/// The resource server that the subject token was sent to: one that this client acts for.
fn sent_to<'a>(
    context: &Context<'a>,
    subject: Presented<'a>,
) -> Result<(&'a ResourceServer, &'a Claims), Refused> {
    let Context { tenant, client, directory, now, .. } = *context;
    let Presented { found, known } = subject;
    let mut own = client.exchange.acts_for.iter().filter_map(|own| directory.find(own));
    own.find_map(|own| Some((own, found.active_at(tenant, own, &known, now)?))).ok_or_else(|| {
        let text = "subject_token is no active access token for an API that this client acts for";
        unacceptable(Reason::OtherAudience, text)
    })
}

/// Whether an actor token says that the client acts; it can only be the client's own.
fn acts(context: &Context<'_>, actor: Option<Presented<'_>>) -> Result<bool, Refused> {
    let Some(Presented { found, known }) = actor else { return Ok(false) };
    let own = Subject::of_client(&context.client.id);
    let claims = found.live(context.tenant, &known, context.now);
    if claims.is_some_and(|claims| claims.sub == own && claims.client_id == context.client.id) {
        return Ok(true);
    }
    let text = "actor_token is no active token of this client on its own behalf";
    Err(unacceptable(Reason::OtherClient, text))
}

/// Who acts from now on: this client, unless it may impersonate, for those who acted before.
fn actors(
    context: &Context<'_>,
    claims: &Claims,
    delegates: bool,
) -> Result<Option<Actor>, Refused> {
    let before = claims.act.clone();
    if context.client.exchange.impersonates && !delegates {
        return Ok(before);
    }
    let sub = Subject::of_client(&context.client.id);
    let act = Actor { sub, act: before.map(Box::new) };
    if act.depth() > MOST_ACTORS {
        let text = format!("more than {MOST_ACTORS} clients would act for one another");
        return Err(unacceptable(Reason::TooManyActors, text));
    }
    Ok(Some(act))
}

/// Whose permissions the new token can hold.
fn holder<'a>(subject: Presented<'a>, claims: &Claims) -> Result<Holder<'a>, Refused> {
    let Known { grant, client, user, .. } = subject.known;
    match (grant, user, client) {
        (Some(_), Some(user), _) => Ok(Holder::User(user)),
        (None, _, Some(client)) if Subject::of_client(&client.id) == claims.sub => {
            Ok(Holder::Client(client))
        }
        _ => {
            let text = "a token of a client on its own behalf is exchanged once";
            Err(unacceptable(Reason::TooManyActors, text))
        }
    }
}

/// The one resource server that the request names (rules §7).
fn target<'a>(context: &Context<'a>, request: &Request) -> Result<&'a ResourceServer, Refused> {
    let Context { tenant, client, directory, .. } = *context;
    let (resources, audiences) = (&request.resource, &request.audience);
    let named = resource::requested(tenant, client, directory, resources, audiences)?;
    match named.as_slice() {
        [one] => directory.find(one).ok_or_else(|| gone(one)),
        [] => {
            let text = "send resource to say which API the token is for";
            Err(Refused::new(ErrorCode::InvalidTarget, Reason::ResourceRequired, text))
        }
        _ => {
            let text = "a token is for one resource; send one resource with each token request";
            Err(Refused::new(ErrorCode::InvalidTarget, Reason::SeveralResources, text))
        }
    }
}

/// Whether the token can be of the type that is asked for (RFC 8693 §2.2.1).
fn typed(asked: &Exchange, server: &ResourceServer) -> Result<(), Refused> {
    if asked.requested == Some(TokenType::Jwt) && server.format != TokenFormat::Jwt {
        let text = "tokens for this resource are no JWTs; ask for an access token";
        return Err(unacceptable(Reason::Malformed, text));
    }
    Ok(())
}

/// What the token can be exchanged for: its own scopes at its own resource server; elsewhere what
/// that one may call.
fn passes(claims: &Claims, by: &ResourceServer, server: &ResourceServer) -> Result<Grant, Refused> {
    let scopes: Scopes = if server.identifier == by.identifier {
        claims.scope.clone()
    } else {
        let may_call = by.may_call.get(&server.identifier);
        may_call.cloned().ok_or_else(|| not_called(&by.identifier, &server.identifier))?
    };
    Ok(Grant {
        global: Scopes::new(),
        resources: [(server.identifier.clone(), scopes)].into(),
        ..Grant::default()
    })
}

fn not_called(by: &Resource, server: &Resource) -> Refused {
    let text = format!("tokens for '{by}' are not exchanged for tokens for '{server}'");
    Refused::new(ErrorCode::InvalidTarget, Reason::MayNotCall, text)
}

/// RFC 8693 §2.2.2: whatever is wrong with a token.
fn unacceptable(reason: Reason, description: impl Into<String>) -> Refused {
    Refused::new(ErrorCode::InvalidRequest, reason, description)
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
