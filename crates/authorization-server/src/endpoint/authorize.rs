//! The authorization endpoint (RFC 6749 §3.1, §4.1.1; RFC 8707 §2.1).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::flow::authorize::{self, Destination};
use bailiwick_grant::state::{Checked, Client};
use bailiwick_grant::{Reason, Refused};
use bailiwick_oauth::authorize::{Asker, Request as AuthorizationRequest, state};
use bailiwick_oauth::error::ErrorAnswer;
use bailiwick_oauth::{ErrorCode, Form};
use http::Method;

use super::interaction::{Next, begin, next, refusal};
use crate::answer::{Failure, to_user};
use crate::app::{Answered, App};
use crate::cookie::Jar;
use crate::event::Event;
use crate::load::{self, Named};
use crate::{form, page};

/// Answers authorization requests: with a page, or by sending the browser back.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = answer(&app, &event, request).await;
    to_user(&app, &event, answer)
}

async fn answer(app: &App, event: &Event, request: Request) -> Answered {
    let jar = app.cookies.read(request.headers());
    let form = match *request.method() {
        Method::POST => form::posted(request).await?,
        _ => form::queried(&request)?,
    };
    // RFC 6749 §4.1.2.1: until client and redirect URI belong together, nothing is redirected.
    let asker = Asker::read(&form)?;
    event.client(&asker.client_id);
    let client = load::client(app, &asker.client_id).await?.ok_or_else(|| {
        let text = format!("no client is registered as '{}'", asker.client_id);
        Refused::new(ErrorCode::InvalidClient, Reason::UnknownClient, text)
    })?;
    let destination = authorize::destination(&client, &asker)?;

    let redirect_uri = destination.redirect_uri().clone();
    let state = match state(&form) {
        Ok(state) => state,
        Err(answer) => {
            return Ok(refusal(app, event, &redirect_uri, None, &malformed(&answer)));
        }
    };
    let refused = match checked(app, &client, destination, &form, state.clone()).await {
        Ok(checked) => return proceed(app, event, &jar, client, checked).await,
        Err(Failure::Refused(refused)) => refused,
        Err(Failure::Malformed(answer)) => malformed(&answer),
        Err(other) => return Err(other),
    };
    Ok(refusal(app, event, &redirect_uri, state.as_deref(), &refused))
}

/// Checks what does not depend on the user.
async fn checked(
    app: &App,
    client: &Client,
    destination: Destination,
    form: &Form,
    state: Option<String>,
) -> Result<Checked, Failure> {
    let (store, tenant) = (&*app.store, &app.tenant);
    let request = AuthorizationRequest::read(form)?;
    let named =
        Named { resource: &request.resource, audience: &request.audience, scope: &request.scope };
    let mut directory = load::directory(store, tenant, client, named, None).await?;
    let again = (destination.clone(), state.clone());
    match authorize::check(tenant, client, &directory, destination, &request, state) {
        Err(refused) if load::wants_hint(&refused) => {
            directory.suggest_among(load::open_to(store, client).await?);
            let (destination, state) = again;
            Ok(authorize::check(tenant, client, &directory, destination, &request, state)?)
        }
        checked => Ok(checked?),
    }
}

/// Goes on with the user: straight back to the client, or by a page.
async fn proceed(
    app: &App,
    event: &Event,
    jar: &Jar,
    client: Client,
    request: Checked,
) -> Answered {
    let signed_in = load::signed_in(&*app.store, jar.session.as_ref(), app.now()).await?;
    let step = next(app, event, &client, &request, None, signed_in.as_ref()).await?;
    if let Next::Redirect(response) = step {
        return Ok(response);
    }
    let (ticket, browser) = begin(app, jar.browser.as_ref(), request.clone()).await?;
    let mut response = if let (Next::Consent(ask), Some(one)) = (&step, &signed_in) {
        event.verdict("consent_asked");
        page::consent(app, &client, &one.user, request.redirect_uri(), &ticket, ask)?
    } else {
        event.verdict("login_asked");
        let username = request.login_hint().unwrap_or_default();
        page::login(app, &client, &ticket, username, None)?
    };
    if let Some(browser) = &browser {
        app.cookies.set_browser(&mut response, browser);
    }
    Ok(response)
}

fn malformed(answer: &ErrorAnswer) -> Refused {
    Refused::new(answer.error, Reason::Malformed, answer.error_description.clone())
}
