//! The user's answer: what the client gets (RFC 6749 §4.1.1, rules §4.8).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::Reason;
use bailiwick_grant::flow::authorize::{self, Answer, Login};
use bailiwick_grant::state::Interaction;
use bailiwick_oauth::resource::PlainHttp;
use bailiwick_oauth::{Form, Grant, Permission, Resource, Scope};

use super::interaction::{Next, Posted, Waiting, again, answered, found, next, posted, shown};
use crate::answer::{Failure, to_user};
use crate::app::{Answered, App};
use crate::commit::{Attempts, Committed};
use crate::cookie::Jar;
use crate::event::Event;
use crate::load::{self, SignedIn};
use crate::{form, logout};

/// Shows the consent page of an interaction, or whatever its next step is.
pub(crate) async fn page(State(app): State<Arc<App>>, event: Event, request: Request) -> Response {
    let jar = app.cookies.read(request.headers());
    let query = form::queried(&request);
    let answer = asked(&app, &event, &jar, query).await;
    to_user(&app, &event, answer)
}

async fn asked(app: &App, event: &Event, jar: &Jar, query: Result<Form, Failure>) -> Answered {
    let waiting = found(app, event, jar, &query?).await?;
    let signed_in = load::signed_in(&*app.store, jar.session.as_ref(), app.now()).await?;
    once_more(app, event, &waiting, signed_in.as_ref()).await
}

/// Answers the consent form.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = answer(&app, &event, request).await;
    to_user(&app, &event, answer)
}

async fn answer(app: &App, event: &Event, request: Request) -> Answered {
    let Posted { form, jar, waiting } = posted(app, event, request).await?;
    let answer = match form.one("decision")? {
        Some("accept") => Answer::Accept(ticked(&form)),
        Some("deny") => Answer::Deny,
        Some("switch") => return switch(app, event, &jar, waiting).await,
        _ => return Err(Failure::malformed("decision must be accept, deny or switch")),
    };
    let signed_in = load::signed_in(&*app.store, jar.session.as_ref(), app.now()).await?;
    // The page was for one account: another that signed in meanwhile is asked for itself.
    let account = form.one("account")?;
    match signed_in {
        Some(one) if account == Some(one.user.subject.as_str()) => {
            decided(app, event, waiting, &one, &answer).await
        }
        other => once_more(app, event, &waiting, other.as_ref()).await,
    }
}

/// Takes the next step without an answer.
async fn once_more(
    app: &App,
    event: &Event,
    waiting: &Waiting,
    signed_in: Option<&SignedIn>,
) -> Answered {
    let interaction = &waiting.interaction;
    let (client, request) = (&waiting.client, &interaction.value.request);
    let step = next(app, event, client, request, Some(interaction), signed_in).await?;
    shown(app, waiting, signed_in, step)
}

pub(super) async fn decided(
    app: &App,
    event: &Event,
    mut waiting: Waiting,
    signed_in: &SignedIn,
    answer: &Answer,
) -> Answered {
    let (store, tenant, now) = (&*app.store, &app.tenant, app.now());
    let client = waiting.client.clone();
    let SignedIn { user, session } = signed_in;
    let mut attempts = Attempts::new();
    loop {
        let interaction = &waiting.interaction;
        let request = &interaction.value.request;
        let directory = load::servers_of(store, request.asked()).await?;
        let consent = load::consent(store, &user.subject, &client, request.redirect_uri()).await?;
        let login = Login::new(user, session, Some(&interaction.value));
        let mut entropy = app.entropy();
        let decision = authorize::answer(
            tenant,
            &client,
            &directory,
            interaction,
            &login,
            consent.as_ref(),
            answer,
            now,
            &mut entropy,
        );
        if attempts.commit(store, decision.changes).await? == Committed::Again {
            waiting.interaction = again(app, &waiting.interaction).await?;
            continue;
        }
        event.dropped(&decision.explanation);
        return match decision.outcome {
            Err(refused) if refused.reason == Reason::LoginRequired => {
                shown(app, &waiting, None, Next::Login)
            }
            Err(refused) if refused.reason == Reason::ConfirmationRequired => {
                once_more(app, event, &waiting, Some(signed_in)).await
            }
            outcome => answered(app, event, &client, request, outcome).await,
        };
    }
}

/// Signs the browser out and asks for another account.
async fn switch(app: &App, event: &Event, jar: &Jar, mut waiting: Waiting) -> Answered {
    let mut attempts = Attempts::new();
    loop {
        let seen = &waiting.interaction;
        let without = seen.update(Interaction { signed_in: None, ..seen.value.clone() });
        if attempts.commit(&*app.store, vec![without]).await? == Committed::Done {
            break;
        }
        waiting.interaction = again(app, &waiting.interaction).await?;
    }
    if let Some(session) = load::session(&*app.store, jar.session.as_ref(), app.now()).await? {
        logout::end(app, &session).await?;
    }
    event.verdict("signed_out");
    let mut response = shown(app, &waiting, None, Next::Login)?;
    app.cookies.clear_session(&mut response);
    Ok(response)
}

/// What was left ticked or fixed; what was never asked is ignored by the decision.
fn ticked(form: &Form) -> Grant {
    let mut grant = Grant::default();
    for value in form.all("permission") {
        match value.split_once(' ') {
            None => grant.global.extend(Scope::parse(value)),
            Some((resource, scope)) => {
                if let (Some(resource), Ok(scope)) = (identifier(resource), Scope::parse(scope)) {
                    grant.insert(Permission { resource, scope });
                }
            }
        }
    }
    for resource in form.all("resource").filter_map(identifier) {
        grant.resources.entry(resource).or_default();
    }
    grant
}

fn identifier(text: &str) -> Option<Resource> {
    // It was registered before, so the operator's word on plain http was asked already.
    Resource::parse_with(text, PlainHttp::Anywhere).ok()
}
