//! The token request: code, refresh token and client credentials (RFC 6749 §4.1.3, §4.4, §6; RFC 8707 §2.2).

use bailiwick_jose::Algorithm;
use bailiwick_oauth::access_token::Claims;
use bailiwick_oauth::token::{GrantType, Request};
use bailiwick_oauth::{ErrorCode, IdToken, Resource, Scopes, Secret, Subject};

use crate::entropy::{identifier, secret};
use crate::rule::resource::{self, Directory, Target};
use crate::rule::{pkce, scope};
use crate::state::{
    Client, Code, GrantId, GrantKind, GrantRecord, OpaqueToken, RefreshToken, RefreshTokens,
    ResourceServer, Rotation, Standing, TokenFormat, User,
};
use crate::{Change, Decision, Entropy, Explanation, Loaded, Reason, Refused, Tenant};

/// Under what a token request is decided; the client is authenticated.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The issuer's settings.
    pub tenant: &'a Tenant,
    /// The authenticated client.
    pub client: &'a Client,
    /// The resource servers of the request and of the grant.
    pub directory: &'a Directory,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// The tokens of one answer; signing them is part of answering.
#[derive(Debug)]
pub struct Tokens {
    /// The access token.
    pub access: Access,
    /// The refresh token.
    pub refresh: Option<Secret>,
    /// The ID token.
    pub id: Option<IdToken>,
}

/// An access token to be written down.
#[derive(Debug)]
pub struct Access {
    /// Its claims.
    pub claims: Claims,
    /// The resource that it is for; absent for the userinfo token.
    pub resource: Option<Resource>,
    /// Its form.
    pub form: AccessForm,
}

/// The form of an access token.
#[derive(Debug)]
pub enum AccessForm {
    /// To be signed with a key of this algorithm (RFC 9068).
    Jwt(Algorithm),
    /// This random string; what it stands for is among the changes.
    Opaque(Secret),
}

type Outcome = Decision<Result<Tokens, Refused>>;

/// Redeems an authorization code (RFC 6749 §4.1.3).
///
/// Does not authenticate the client; see [`rule::client_auth`](crate::rule::client_auth).
pub fn authorization_code(
    context: &Context<'_>,
    request: &Request,
    code: Option<&Loaded<Code>>,
    grant: Option<&Loaded<GrantRecord>>,
    user: Option<&User>,
    entropy: &mut dyn Entropy,
) -> Outcome {
    let (code, held) = match redeemable(context, request, code, grant, user) {
        Ok(held) => held,
        Err(decision) => return *decision,
    };
    // rules §5.6: a refused resource consumes nothing, and is looked at only after all of the above.
    let narrowed = match narrow(context, request, &held, None) {
        Ok(narrowed) => narrowed,
        Err(refused) => {
            let counted = code.update(code.value.clone().refuse());
            return Decision::new(vec![counted], Err(refused));
        }
    };
    let now = context.now;
    let record = &held.grant.value;
    let mut changes = vec![code.update(code.value.clone().spend())]; // RFC 6749 §4.1.2: single use
    let may = |scope| {
        scope::holds_global(context.tenant, context.client, &record.grant, scope) // rules §6.3
    };
    let id = may("openid").then(|| id_token(context, record, &code.value));
    let access = write(context, &narrowed, Some(record), &record.subject, entropy, &mut changes);
    let gets_refresh = context.client.grant_types.contains(&GrantKind::RefreshToken)
        && (may("offline_access") || context.client.refresh_tokens == RefreshTokens::Always);
    let mut expires_at = record.expires_at.max(access.claims.exp);
    let refresh = gets_refresh.then(|| {
        let (token, change) = refresh(context, record, record.rotation.generation, entropy);
        expires_at = expires_at.max(now + context.tenant.lifetimes.refresh_token);
        changes.push(change);
        token
    });
    changes.push(held.grant.update(GrantRecord { expires_at, ..record.clone() }));
    let outcome = Ok(Tokens { access, refresh, id });
    Decision { changes, outcome, explanation: narrowed.explanation }
}

/// Refreshes an access token, for the same or another resource of the grant (RFC 6749 §6).
///
/// Does not authenticate the client; see [`rule::client_auth`](crate::rule::client_auth).
pub fn refresh_token(
    context: &Context<'_>,
    request: &Request,
    token: Option<&RefreshToken>,
    grant: Option<&Loaded<GrantRecord>>,
    user: Option<&User>,
    entropy: &mut dyn Entropy,
) -> Outcome {
    let (held, rotation) = match refreshable(context, token, grant, user) {
        Ok(held) => held,
        Err(decision) => return *decision,
    };
    // rules §5.6, §6: a refused resource or scope rotates nothing.
    let narrowed = match narrow(context, request, &held, request.scope.as_ref()) {
        Ok(narrowed) => narrowed,
        Err(refused) => return Decision::unchanged(Err(refused)),
    };
    let record = &held.grant.value;
    let mut changes = Vec::new();
    let access = write(context, &narrowed, Some(record), &record.subject, entropy, &mut changes);
    let (next, change) = refresh(context, record, rotation.generation, entropy);
    changes.push(change);
    let expires_at = record
        .expires_at
        .max(access.claims.exp)
        .max(context.now + context.tenant.lifetimes.refresh_token);
    // Written even by a sibling: a revocation in the meantime is a conflict.
    changes.push(held.grant.update(GrantRecord { rotation, expires_at, ..record.clone() }));
    let outcome = Ok(Tokens { access, refresh: Some(next), id: None });
    Decision { changes, outcome, explanation: narrowed.explanation }
}

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
    let access = write(context, &narrowed, None, &subject, entropy, &mut changes);
    let outcome = Ok(Tokens { access, refresh: None, id: None });
    Decision { changes, outcome, explanation: narrowed.explanation }
}

/// Whether the client may use the grant type of its request (RFC 6749 §5.2).
///
/// # Errors
/// `unauthorized_client` when it may not.
pub fn grant_type_allowed(client: &Client, grant: &GrantType) -> Result<(), Refused> {
    let kind = match grant {
        GrantType::AuthorizationCode { .. } => GrantKind::AuthorizationCode,
        GrantType::RefreshToken { .. } => GrantKind::RefreshToken,
        GrantType::ClientCredentials => GrantKind::ClientCredentials,
    };
    // A public client has no credentials of its own (RFC 6749 §4.4).
    let is_possible = kind != GrantKind::ClientCredentials || !client.is_public();
    if is_possible && client.grant_types.contains(&kind) {
        return Ok(());
    }
    let text = format!("this client is not registered for grant_type {}", grant.as_str());
    Err(Refused::new(ErrorCode::UnauthorizedClient, Reason::GrantTypeNotAllowed, text))
}

/// A live grant with its live user.
struct HeldGrant<'a> {
    grant: &'a Loaded<GrantRecord>,
    user: &'a User,
}

type Held<'a> = Result<(&'a Loaded<Code>, HeldGrant<'a>), Box<Outcome>>;

fn redeemable<'a>(
    context: &Context<'_>,
    request: &Request,
    code: Option<&'a Loaded<Code>>,
    grant: Option<&'a Loaded<GrantRecord>>,
    user: Option<&'a User>,
) -> Held<'a> {
    let refuse = |refused: Refused| Box::new(Decision::unchanged(Err(refused)));
    grant_type_allowed(context.client, &request.grant).map_err(refuse)?;
    let GrantType::AuthorizationCode { redirect_uri, verifier, .. } = &request.grant else {
        return Err(refuse(invalid_grant(Reason::Malformed)));
    };
    let code = code.ok_or_else(|| refuse(invalid_grant(Reason::Unknown)))?;
    // INVARIANT: another client's attempt changes nothing (rules §5.8).
    if code.value.client != context.client.id {
        return Err(refuse(invalid_grant(Reason::OtherClient)));
    }
    if code.value.standing == Standing::Spent {
        return Err(Box::new(replayed(grant, Reason::CodeReplayed))); // RFC 6749 §4.1.2
    }
    if context.now >= code.value.expires_at {
        return Err(refuse(invalid_grant(Reason::Expired)));
    }
    same_redirect_uri(context.client, &code.value, redirect_uri.as_deref()).map_err(refuse)?; // RFC 6749 §4.1.3
    pkce::verify(code.value.challenge.as_ref(), verifier.as_ref()).map_err(refuse)?; // RFC 7636 §4.6
    live(context, &code.value.grant, grant, user).map(|held| (code, held)).map_err(refuse)
}

fn refreshable<'a>(
    context: &Context<'_>,
    token: Option<&RefreshToken>,
    grant: Option<&'a Loaded<GrantRecord>>,
    user: Option<&'a User>,
) -> Result<(HeldGrant<'a>, Rotation), Box<Outcome>> {
    let refuse = |refused: Refused| Box::new(Decision::unchanged(Err(refused)));
    if !context.client.grant_types.contains(&GrantKind::RefreshToken) {
        let text = "this client is not registered for grant_type refresh_token";
        let error = ErrorCode::UnauthorizedClient;
        return Err(refuse(Refused::new(error, Reason::GrantTypeNotAllowed, text)));
    }
    let token = token.ok_or_else(|| refuse(invalid_grant(Reason::Unknown)))?;
    if token.client != context.client.id {
        return Err(refuse(invalid_grant(Reason::OtherClient)));
    }
    if context.now >= token.expires_at {
        return Err(refuse(invalid_grant(Reason::Expired)));
    }
    let held = live(context, &token.grant, grant, user).map_err(refuse)?;
    let Some(rotation) = rotated(context, token, held.grant.value.rotation) else {
        return Err(Box::new(replayed(grant, Reason::RefreshReplayed))); // RFC 9700 §4.14.2
    };
    Ok((held, rotation))
}

/// The rotation after this use of a token; `None` when the token was retired for good (rules §6.4).
fn rotated(context: &Context<'_>, token: &RefreshToken, before: Rotation) -> Option<Rotation> {
    if token.generation == before.generation {
        // The first use of a generation retires it and all of its siblings.
        return Some(Rotation { generation: before.generation + 1, rotated_at: context.now });
    }
    let was_just_retired = token.generation + 1 == before.generation
        && context.now <= before.rotated_at + context.tenant.lifetimes.replay;
    // One replay window a generation: it is not begun anew.
    was_just_retired.then_some(before)
}

fn live<'a>(
    context: &Context<'_>,
    id: &GrantId,
    grant: Option<&'a Loaded<GrantRecord>>,
    user: Option<&'a User>,
) -> Result<HeldGrant<'a>, Refused> {
    let is_meant = |grant: &GrantRecord| grant.id == *id && grant.client == context.client.id;
    let grant = grant.filter(|grant| is_meant(&grant.value) && grant.value.is_live(context.now));
    let grant = grant.ok_or_else(|| invalid_grant(Reason::Revoked))?;
    let user = user.filter(|user| user.enabled && user.subject == grant.value.subject);
    let user = user.ok_or_else(|| invalid_grant(Reason::SubjectDisabled))?;
    Ok(HeldGrant { grant, user })
}

fn same_redirect_uri(client: &Client, code: &Code, sent: Option<&str>) -> Result<(), Refused> {
    let is_same = match (&code.redirect_uri, sent) {
        (Some(before), Some(now)) => before == now,
        (Some(_), None) => false,
        (None, None) => true,
        (None, Some(now)) => client.redirect_uris.iter().any(|uri| uri.as_str() == now),
    };
    if is_same {
        return Ok(());
    }
    let text = "redirect_uri differs from the one of the authorization request";
    Err(Refused::new(ErrorCode::InvalidGrant, Reason::RedirectUriDiffers, text))
}

/// What a token is for and may hold.
struct Narrowed<'a> {
    /// The resource server; absent for the userinfo token.
    server: Option<&'a ResourceServer>,
    scopes: Scopes,
    explanation: Explanation,
}

fn narrow<'a>(
    context: &Context<'a>,
    request: &Request,
    held: &HeldGrant<'_>,
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
            let narrowed =
                scope::narrow(tenant, client, directory, server, held.user, grant, asked)?;
            (Some(server), narrowed)
        }
    };
    Ok(Narrowed { server, scopes: narrowed.scopes, explanation: narrowed.explanation })
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
    if !scope::has_target(tenant, client, directory, &named, &scopes) {
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
    let resolved = scope::resolve(tenant, client, directory, &named, &scopes)?;
    let mut targets: Vec<&Resource> = named.iter().chain(resolved.asked.resources.keys()).collect();
    targets.sort();
    targets.dedup();
    if targets.len() > 1 {
        return Err(several());
    }
    let Some((resource, scopes)) = resolved.asked.resources.into_iter().next() else {
        return Err(scope::nothing_left());
    };
    let server = directory.find(&resource).ok_or_else(|| gone(&resource))?;
    let mut explanation = resolved.explanation;
    for scope in &global {
        explanation.add(None, scope, Reason::ScopeUnknown); // they speak of a user; here is none
    }
    Ok(Narrowed { server: Some(server), scopes, explanation })
}

/// Writes an access token; an opaque one is remembered among the changes.
fn write(
    context: &Context<'_>,
    narrowed: &Narrowed<'_>,
    grant: Option<&GrantRecord>,
    subject: &Subject,
    entropy: &mut dyn Entropy,
    changes: &mut Vec<Change>,
) -> Access {
    let tenant = context.tenant;
    let (audience, lifetime) = match narrowed.server {
        Some(server) => (server.audience(), server.lifetime),
        None => (tenant.issuer.as_str(), tenant.lifetimes.userinfo_token),
    };
    let claims = Claims {
        iss: tenant.issuer.clone(),
        sub: subject.clone(),
        aud: audience.to_owned(),
        client_id: context.client.id.clone(),
        scope: narrowed.scopes.clone(),
        jti: match grant {
            Some(grant) => grant.id.token_id(entropy),
            None => identifier(entropy),
        },
        iat: context.now,
        exp: context.now + lifetime,
        auth_time: grant.map(|grant| grant.auth_time),
    };
    let resource = narrowed.server.map(|server| server.identifier.clone());
    let form = match narrowed.server {
        Some(server) if server.format == TokenFormat::Opaque => {
            let token = secret(entropy);
            changes.push(Change::insert(OpaqueToken {
                digest: token.digest(),
                resource: server.identifier.clone(),
                claims: claims.clone(),
            }));
            AccessForm::Opaque(token)
        }
        Some(server) => AccessForm::Jwt(server.algorithm),
        None => AccessForm::Jwt(Algorithm::Es256),
    };
    Access { claims, resource, form }
}

fn refresh(
    context: &Context<'_>,
    grant: &GrantRecord,
    generation: u64,
    entropy: &mut dyn Entropy,
) -> (Secret, Change) {
    let token = secret(entropy);
    let record = RefreshToken {
        digest: token.digest(),
        client: context.client.id.clone(),
        grant: grant.id.clone(),
        generation,
        expires_at: context.now + context.tenant.lifetimes.refresh_token,
    };
    (token, Change::insert(record))
}

/// The ID token (OpenID Connect Core §3.1.3.6): its audience is the client, never a resource.
fn id_token(context: &Context<'_>, grant: &GrantRecord, code: &Code) -> IdToken {
    IdToken {
        iss: context.tenant.issuer.clone(),
        sub: grant.subject.clone(),
        aud: context.client.id.clone(),
        iat: context.now,
        exp: context.now + context.tenant.lifetimes.id_token,
        auth_time: grant.auth_time,
        nonce: code.nonce.clone(),
    }
}

/// A second use by the client that it belongs to: all tokens of the grant are revoked.
fn replayed(grant: Option<&Loaded<GrantRecord>>, reason: Reason) -> Outcome {
    let revoked = grant.map(|grant| grant.update(grant.value.clone().revoke()));
    Decision::new(revoked.into_iter().collect(), Err(invalid_grant(reason)))
}

fn invalid_grant(reason: Reason) -> Refused {
    let text = match reason {
        Reason::CodeReplayed => "the code was used before; its tokens are revoked, begin again",
        Reason::RefreshReplayed => {
            "the refresh token was used before; its tokens are revoked, begin again"
        }
        Reason::Expired => "the code or refresh token has expired; begin again",
        _ => "the code or refresh token is not valid for this client; begin again",
    };
    Refused::new(ErrorCode::InvalidGrant, reason, text)
}

fn gone(resource: &Resource) -> Refused {
    let text = format!("the resource '{resource}' is no longer available");
    Refused::new(ErrorCode::InvalidTarget, Reason::ResourceUnknown, text)
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod refresh_tests;
