//! An assertion of a trusted issuer as a grant (RFC 7523 §2.1, ID-JAG; rules §7): its resource and scope
//! bound what comes of it, under the client's ceiling and the user's permissions. No refresh token.

use bailiwick_oauth::token::Request;
use bailiwick_oauth::{ErrorCode, Grant, Resource, Scopes};

use super::narrow::{Narrowed, Sole, sole};
use super::write::{Source, access_token};
use super::{Context, Outcome, Tokens, grant_type_allowed};
use crate::rule::assertion::{Asserted, not_taken};
use crate::rule::{details, resource, scope};
use crate::state::{GrantId, GrantRecord, GrantedLogin, Rotation, Status, User};
use crate::{Change, Decision, Entropy, Reason, Refused, TrustedIssuer};

/// Issues a token for a verified assertion (RFC 7523 §2.1).
///
/// `asserted` is what [`rule::assertion`](crate::rule::assertion) made of it, and `user` whom it names.
/// It must be spent before the outcome is answered. Does not authenticate the client; see
/// [`rule::client_auth`](crate::rule::client_auth).
pub fn jwt_bearer(
    context: &Context<'_>,
    request: &Request,
    trusted: &TrustedIssuer,
    asserted: &Asserted,
    user: Option<&User>,
    entropy: &mut dyn Entropy,
) -> Outcome {
    let (user, narrowed) = match given(context, request, trusted, asserted, user) {
        Ok(given) => given,
        Err(refused) => return Decision::unchanged(Err(refused)),
    };
    let resources =
        narrowed.server.map(|server| (server.identifier.clone(), narrowed.scopes.clone()));
    let mut record = GrantRecord {
        id: GrantId::draw(entropy),
        client: context.client.id.clone(),
        subject: user.subject.clone(),
        grant: Grant { resources: resources.into_iter().collect(), ..Grant::default() },
        auth_time: asserted.auth_time,
        openid: GrantedLogin::default(),
        status: Status::Live,
        rotation: Rotation::default(),
        given_at: context.now,
        expires_at: context.now,
        listed_until: 0,
    };
    let mut changes = Vec::new();
    let source = Source::grant(context, &record, entropy);
    let access = access_token(context, &narrowed, source, entropy, &mut changes);
    record.expires_at = access.claims.exp;
    changes.push(Change::insert(record));
    let outcome = Ok(Tokens { access, refresh: None, id: None });
    Decision { changes, outcome, explanation: narrowed.explanation }
}

fn given<'a, 'u>(
    context: &Context<'a>,
    request: &Request,
    trusted: &TrustedIssuer,
    asserted: &Asserted,
    user: Option<&'u User>,
) -> Result<(&'u User, Narrowed<'a>), Refused> {
    let Context { tenant, client, directory, .. } = *context;
    grant_type_allowed(client, &request.grant)?;
    let user = user.filter(|user| user.enabled);
    let user = user.ok_or_else(|| not_taken(Reason::SubjectDisabled))?;
    let named = named(context, request, asserted)?;
    let scopes = scopes(context, request, asserted)?;
    details::none(request.details.as_deref())?; // an assertion opens scopes
    let Sole { server, scopes, mut explanation, .. } = sole(context, &named, &scopes, &[])?;
    if !trusted.resources.contains(&server.identifier) {
        let text = "assertions of this issuer do not open this resource";
        return Err(Refused::new(ErrorCode::InvalidTarget, Reason::ResourceNotOpen, text));
    }
    let resources = [(server.identifier.clone(), scopes)].into();
    let asked = Grant { resources, ..Grant::default() };
    let mut permitted = scope::permit(tenant, client, directory, user, &asked)?;
    explanation.extend(permitted.explanation);
    let scopes = permitted.asked.resources.remove(&server.identifier).unwrap_or_default();
    let narrowed = Narrowed::new(context, Some(server), scopes, Vec::new(), explanation)?;
    Ok((user, narrowed))
}

/// The resources that the request names, which the assertion must name too if it names any.
fn named(
    context: &Context<'_>,
    request: &Request,
    asserted: &Asserted,
) -> Result<Vec<Resource>, Refused> {
    let Context { tenant, client, directory, .. } = *context;
    let names =
        |resource, audience| resource::requested(tenant, client, directory, resource, audience);
    let says_so = !request.resource.is_empty() || !request.audience.is_empty();
    if asserted.resources.is_empty() {
        return names(&request.resource, &request.audience);
    }
    let bound = names(&asserted.resources, &[])?;
    let meant = if says_so { names(&request.resource, &request.audience)? } else { bound.clone() };
    // A client whose parameter is ignored names nothing, and then nothing says what is meant.
    if meant.is_empty() || meant.iter().any(|one| !bound.contains(one)) {
        let text = "the assertion is for another resource";
        return Err(Refused::new(ErrorCode::InvalidTarget, Reason::ResourceNotGranted, text));
    }
    Ok(meant)
}

/// The scopes that are asked for: none beyond what the assertion opens, if it says so.
fn scopes(
    context: &Context<'_>,
    request: &Request,
    asserted: &Asserted,
) -> Result<Scopes, Refused> {
    let asked = request.scope.as_ref().filter(|asked| !asked.is_empty());
    let scopes: Scopes = match (asked, &asserted.scope) {
        (Some(asked), Some(bound)) => {
            asked.iter().filter(|scope| bound.contains(scope)).cloned().collect()
        }
        (Some(asked), None) => asked.clone(),
        (None, Some(bound)) => bound.clone(),
        (None, None) => Scopes::new(),
    };
    let is_strict = context.tenant.strict || context.client.strict;
    let lost = asked.is_some_and(|asked| asked.len() > scopes.len());
    if (is_strict && lost) || (asked.is_some() && scopes.is_empty()) {
        let text = "the assertion does not open the scope that is asked for";
        return Err(Refused::new(ErrorCode::InvalidScope, Reason::NotGranted, text));
    }
    // What speaks of the user at userinfo is not in an API's token.
    let global = &context.tenant.global_scopes;
    let left: Scopes = scopes.iter().filter(|scope| !global.contains(scope)).cloned().collect();
    if left.is_empty() && !scopes.is_empty() {
        return Err(scope::nothing_left());
    }
    Ok(left)
}

#[cfg(test)]
#[path = "jwt_bearer_tests.rs"]
mod tests;
