//! The authorization endpoint (RFC 6749 §3.1, §4.1.1; RFC 8707 §2.1).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::flow::authorize;
use bailiwick_grant::rule::redirect_uri;
use bailiwick_grant::rule::resource::Directory;
use bailiwick_grant::rule::way::{Signature, Way};
use bailiwick_grant::state::{Checked, Client, Destination};
use bailiwick_grant::{Reason, Refused};
use bailiwick_oauth::authorize::{Asker, Reply, Request as AuthorizationRequest, client_id};
use bailiwick_oauth::error::ErrorAnswer;
use bailiwick_oauth::form::encode;
use bailiwick_oauth::{ErrorCode, Form, IdToken, Secret};
use http::Method;

use super::asked::{self, Asked};
use super::interaction::{Next, begin, keep, next, page_of, refusal};
use super::unattended;
use crate::answer::{Failure, see_other, to_user};
use crate::app::{Answered, App};
use crate::cookie::{self, Jar};
use crate::event::Event;
use crate::load::{self, Named};
use crate::{form, page, signer};

/// Answers authorization requests: with a page, or by sending the browser back.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = answer(&app, &event, request).await;
    to_user(&app, &event, answer)
}

/// Takes up a request that was posted.
pub(crate) async fn posted(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let jar = app.cookies.read(request.headers());
    let query = form::queried(&request);
    let answer = taken_up(&app, &event, &jar, query).await;
    to_user(&app, &event, answer)
}

async fn answer(app: &App, event: &Event, request: Request) -> Answered {
    let jar = app.cookies.read(request.headers());
    let was_posted = *request.method() == Method::POST;
    let form = if was_posted { form::posted(request).await? } else { form::queried(&request)? };
    let id = client_id(&form)?;
    event.client(&id);
    let client = load::client(app, &id).await?.ok_or_else(|| {
        let text = format!("no client is registered as '{id}'");
        Refused::new(ErrorCode::InvalidClient, Reason::UnknownClient, text)
    })?;
    let Asked { form, way } = match asked::by_browser(app, &client, form.clone()).await {
        Ok(asked) => asked,
        Err(failure) => return unusable(app, event, &client, &form, failure).await,
    };
    // RFC 6749 §4.1.2.1: until client and redirect URI belong together, nothing is redirected.
    let asker = Asker::read(&form)?;
    let (reply, trouble) = Reply::read(&form);
    let destination = authorize::destination(&client, &asker, reply)?;
    let checked = match trouble {
        Ok(()) => checked(app, &client, destination.clone(), &form).await,
        Err(answer) => Err(answer.into()),
    };
    let refused = match checked {
        Ok(checked) if was_posted => return put_aside(app, event, checked).await,
        Ok(checked) => return proceed(app, event, &jar, client, checked, way).await,
        Err(Failure::Refused(refused)) => refused,
        Err(Failure::Malformed(answer)) => malformed(&answer),
        Err(other) => return Err(other),
    };
    refusal(app, event, &client, &destination, &refused).await
}

/// Keeps a posted request and sends the browser to it by GET: with a post of another site comes no
/// cookie (`SameSite=Lax`), so only now is it seen who signed in.
async fn put_aside(app: &App, event: &Event, request: Checked) -> Answered {
    event.dropped(request.explanation());
    event.verdict("put_aside");
    let ticket = keep(app, request).await?;
    let query = encode([("request", ticket.expose())]);
    Ok(see_other(&format!("{}?{query}", app.path("authorize/posted"))))
}

async fn taken_up(app: &App, event: &Event, jar: &Jar, query: Result<Form, Failure>) -> Answered {
    let query = query?;
    let ticket = query.one("request")?.filter(|ticket| cookie::is_ours(ticket));
    let ticket = Secret::new(ticket.ok_or(Failure::Over)?);
    let kept = load::interaction(&*app.store, &ticket, app.now()).await?;
    let request = kept.ok_or(Failure::Over)?.value.request;
    event.client(request.client());
    let client = load::client(app, request.client()).await?.ok_or(Failure::Over)?;
    redirect_uri::matched(&client, Some(request.redirect_uri()))?;
    proceed(app, event, jar, client, request, Way::Direct(Signature::Absent)).await
}

/// Sends a request whose parameters cannot be used back to where it says itself that it belongs, if
/// that is a place of the client's; else the user reads what is wrong.
async fn unusable(
    app: &App,
    event: &Event,
    client: &Client,
    form: &Form,
    failure: Failure,
) -> Answered {
    let refused = match failure {
        Failure::Refused(refused) => refused,
        Failure::Malformed(answer) => malformed(&answer),
        other => return Err(other),
    };
    let named = Asker::read(form).ok().filter(|asker| asker.redirect_uri.is_some());
    let (reply, _) = Reply::read(form);
    let place = named.and_then(|asker| authorize::destination(client, &asker, reply).ok());
    let Some(place) = place else { return Err(refused.into()) };
    refusal(app, event, client, &place, &refused).await
}

/// Checks what does not depend on the user.
pub(super) async fn checked(
    app: &App,
    client: &Client,
    destination: Destination,
    form: &Form,
) -> Result<Checked, Failure> {
    let (store, tenant) = (&*app.store, &app.tenant);
    let request = AuthorizationRequest::read(form)?;
    let named = Named {
        resource: &request.resource,
        audience: &request.audience,
        scope: &request.scope,
        details: &request.details,
    };
    let hint = hint(app, request.openid.id_token_hint.as_deref())?;
    let mut directory = load::directory(store, tenant, client, named, None).await?;
    let check = |directory: &Directory| {
        authorize::check(tenant, client, directory, destination.clone(), &request, hint.as_ref())
    };
    match check(&directory) {
        Err(refused) if load::wants_hint(&refused) => {
            directory.suggest_among(load::open_to(store, client).await?);
            Ok(check(&directory)?)
        }
        checked => Ok(checked?),
    }
}

/// The ID token of a hint, which must be one of ours.
fn hint(app: &App, sent: Option<&str>) -> Result<Option<IdToken>, Failure> {
    let Some(sent) = sent else { return Ok(None) };
    match signer::verified_id_token(&app.tenant, &app.keyring.load(), sent) {
        Some(hint) => Ok(Some(hint)),
        None => Err(Failure::malformed("id_token_hint is no ID token of this issuer")),
    }
}

/// Goes on with the user: straight back to the client, or by a page.
async fn proceed(
    app: &App,
    event: &Event,
    jar: &Jar,
    client: Client,
    request: Checked,
    way: Way,
) -> Answered {
    if let Some(username) = &app.dangerous_sign_in_as {
        return unattended::walk(app, event, username, client, request).await;
    }
    let signed_in = load::signed_in(&*app.store, jar.session.as_ref(), app.now()).await?;
    let step = next(app, event, &client, &request, None, signed_in.as_ref()).await?;
    if let Next::Redirect(response) = step {
        return Ok(response);
    }
    let (ticket, browser) = begin(app, jar.browser.as_ref(), request.clone()).await?;
    let mut response = if way != Way::Direct(Signature::Absent) {
        // What is good once leaves the address bar, so that the user may reload (RFC 9126 §4).
        event.verdict("interaction_begun");
        see_other(&page_of(app, &ticket))
    } else if let (Next::Consent(ask), Some(one)) = (&step, &signed_in) {
        event.verdict("consent_asked");
        page::consent(app, &client, &one.user, &request, &ticket, ask)?
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
