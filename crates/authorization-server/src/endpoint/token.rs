//! The token endpoint (RFC 6749 §3.2, RFC 8707 §2.2).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::flow::token::{self, Context, Poll, Presented, Tokens};
use bailiwick_grant::rule::assertion::{self, Asserted};
use bailiwick_grant::rule::client_auth::Spent;
use bailiwick_grant::rule::resource;
use bailiwick_grant::rule::sender::Sender;
use bailiwick_grant::state::{
    Client, Code, Fallback, GrantRecord, Pending, PollAnswer, RefreshToken, User,
};
use bailiwick_grant::{Decision, Loaded, Named as UserNamed, Reason, Refused, TrustedIssuer};
use bailiwick_oauth::exchange::TokenType;
use bailiwick_oauth::token::{GrantType, Request as TokenRequest};
use bailiwick_oauth::{Grant, Scopes, Secret, Subject};
use bailiwick_store::{Store, StoreError, StoreExt};
use http::StatusCode;

use super::caller;
use super::sender::{DPOP_NONCE, Proved, Shown};
use crate::answer::{Failure, json, set, to_client};
use crate::app::{Answered, App};
use crate::commit::{Attempts, Committed};
use crate::event::Event;
use crate::load::{self, Named};
use crate::{sealed, signer};

/// Answers token requests.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = answer(&app, &event, request, None).await;
    to_client(&app, &event, answer)
}

/// Answers token requests as Microsoft's v1 endpoint does: who sends no `resource` here named it
/// on the authorization request (rules §5.3, §8).
pub(crate) async fn endpoint_v1(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = answer(&app, &event, request, Some(Fallback::Granted)).await;
    to_client(&app, &event, answer)
}

async fn answer(
    app: &App,
    event: &Event,
    request: Request,
    fallback: Option<Fallback>,
) -> Answered {
    let shown = Shown::of(app, &request);
    let (form, credentials) = caller::presented(request).await?;
    let mut client = caller::authenticated(app, event, &credentials).await?;
    client.fallback = fallback.unwrap_or(client.fallback);
    let request = TokenRequest::read(&form)?;
    // rules §5.6: after the client's authentication, before anything is redeemed.
    let Proved { sender, nonce } = shown.proved(app, &client, None).await?;
    let mut attempts = Attempts::new();
    let tokens = loop {
        let mut decision = decide(app, &client, &request, &sender).await?;
        sealed::seal(app, &mut decision).await?;
        if attempts.commit(&*app.store, decision.changes).await? == Committed::Done {
            event.dropped(&decision.explanation);
            break decision.outcome?;
        }
    };
    event.verdict("issued");
    super::register::used(app, &client).await?;
    if let Some(resource) = &tokens.access.resource {
        event.resource(resource);
    }
    let mut answer = signer::sign(app, tokens).await?;
    if let GrantType::TokenExchange(exchange) = &request.grant {
        let kind = exchange.requested.unwrap_or(TokenType::AccessToken);
        answer.issued_token_type = Some(kind.as_str().to_owned());
    }
    let mut response = json(StatusCode::OK, &answer);
    if let Some(nonce) = nonce {
        set(&mut response, DPOP_NONCE, &nonce); // RFC 9449 §8.2
    }
    Ok(response)
}

type Outcome = Decision<Result<Tokens, Refused>>;

async fn decide(
    app: &App,
    client: &Client,
    request: &TokenRequest,
    sender: &Sender,
) -> Result<Outcome, Failure> {
    let store = &*app.store;
    let mut entropy = app.entropy();
    match &request.grant {
        GrantType::AuthorizationCode { code, .. } => {
            let code = store.load::<Code>(code.digest().as_str()).await?;
            let held = Held::load(store, code.as_ref().map(|c| c.value.grant.as_str())).await?;
            let (grant, user) = (held.grant.as_ref(), held.user.as_ref());
            let given = grant.map(|grant| &grant.value.grant);
            decided(app, client, request, sender, given, |context| {
                token::authorization_code(
                    context,
                    request,
                    code.as_ref(),
                    grant,
                    user,
                    &mut entropy,
                )
            })
            .await
        }
        GrantType::RefreshToken { token } => {
            let token = store.load::<RefreshToken>(token.digest().as_str()).await?;
            let token = token.map(|loaded| loaded.value);
            let held = Held::load(store, token.as_ref().map(|t| t.grant.as_str())).await?;
            let (grant, user) = (held.grant.as_ref(), held.user.as_ref());
            let given = grant.map(|grant| &grant.value.grant);
            decided(app, client, request, sender, given, |context| {
                token::refresh_token(context, request, token.as_ref(), grant, user, &mut entropy)
            })
            .await
        }
        GrantType::JwtBearer { assertion } => {
            let (trusted, asserted) = asserted(app, client, assertion).await?;
            let user = match trusted.names {
                UserNamed::Username => load::user_named(store, &asserted.user).await?,
                UserNamed::Subject => match Subject::parse(&asserted.user) {
                    Ok(subject) => load::user(store, &subject).await?,
                    Err(_) => None,
                },
            };
            let names = resource::names(
                &app.tenant,
                client,
                &asserted.resources,
                &[],
                asserted.scope.as_ref().unwrap_or(&Scopes::new()),
            );
            let named = Grant {
                resources: names.into_iter().map(|name| (name, Scopes::new())).collect(),
                ..Grant::default()
            };
            let decision = decided(app, client, request, sender, Some(&named), |context| {
                token::jwt_bearer(context, request, trusted, &asserted, user.as_ref(), &mut entropy)
            })
            .await?;
            // Good once (RFC 7523 §3, item 7); a refused resource consumes nothing (rules §5.6).
            let Spent { key, until } = &asserted.spent;
            if decision.outcome.is_ok() && !app.first_use.first_use(key, *until, app.now()).await? {
                return Err(assertion::not_taken(Reason::AssertionReplayed).into());
            }
            Ok(decision)
        }
        GrantType::TokenExchange(exchange) => {
            let subject = load::access_token(app, &exchange.subject_token).await?;
            let actor = match &exchange.actor_token {
                Some(token) => Some(load::access_token(app, token).await?),
                None => None,
            };
            let own = client.exchange.acts_for.iter();
            let own = Grant {
                resources: own.map(|resource| (resource.clone(), Scopes::new())).collect(),
                ..Grant::default()
            };
            decided(app, client, request, sender, Some(&own), |context| {
                let (subject, actor) = (presented(&subject), actor.as_ref().map(presented));
                token::token_exchange(context, request, subject, actor, &mut entropy)
            })
            .await
        }
        GrantType::DeviceCode { code } => {
            let key = code.digest();
            let found = store.load_pair::<Pending, PollAnswer>(key.as_str(), key.as_str()).await?;
            let (pending, answer) = (found.0.map(|pending| pending.value), found.1);
            let held = Held::load(store, answer.as_ref().and_then(|a| a.value.grant())).await?;
            let (grant, user) = (held.grant.as_ref(), held.user.as_ref());
            let given = grant.map(|grant| &grant.value.grant);
            let poll = Poll { pending: pending.as_ref(), answer: answer.as_ref() };
            decided(app, client, request, sender, given, |context| {
                token::device_code(context, request, poll, grant, user, &mut entropy)
            })
            .await
        }
        GrantType::ClientCredentials => {
            decided(app, client, request, sender, None, |context| {
                token::client_credentials(context, request, &mut entropy)
            })
            .await
        }
    }
}

/// A grant with its user.
struct Held {
    grant: Option<Loaded<GrantRecord>>,
    user: Option<User>,
}

impl Held {
    async fn load(store: &dyn Store, id: Option<&str>) -> Result<Self, StoreError> {
        let grant = match id {
            Some(id) => store.load::<GrantRecord>(id).await?,
            None => None,
        };
        let user = match &grant {
            Some(grant) => load::user(store, &grant.value.subject).await?,
            None => None,
        };
        Ok(Self { grant, user })
    }
}

/// What an assertion says, if a trusted issuer made it for this client.
async fn asserted<'a>(
    app: &'a App,
    client: &Client,
    jwt: &Secret,
) -> Result<(&'a TrustedIssuer, Asserted), Failure> {
    let unknown = || assertion::not_taken(Reason::UnknownIssuer);
    let trusted = assertion::issuer(&app.tenant, jwt).ok_or_else(unknown)?;
    let keys = app.trusted_keys.of(trusted, jwt).await?.ok_or_else(unknown)?;
    let asserted = assertion::verify(&app.tenant, client, trusted, &keys, jwt, app.now())?;
    Ok((trusted, asserted))
}

fn presented(token: &load::FoundToken) -> Presented<'_> {
    Presented { found: &token.found, known: token.known() }
}

/// Decides with the resource servers of the request and of what is known of it at hand.
async fn decided(
    app: &App,
    client: &Client,
    request: &TokenRequest,
    sender: &Sender,
    known: Option<&Grant>,
    mut decide: impl FnMut(&Context<'_>) -> Outcome,
) -> Result<Outcome, Failure> {
    let (tenant, now) = (&app.tenant, app.now());
    let none = Scopes::new();
    let named = Named {
        resource: &request.resource,
        audience: &request.audience,
        scope: request.scope.as_ref().unwrap_or(&none),
        details: request.details.as_deref().unwrap_or_default(),
    };
    let decided = load::decided(app, client, named, known, |directory| {
        decide(&Context { tenant, client, directory, sender, now })
    });
    Ok(decided.await?)
}
