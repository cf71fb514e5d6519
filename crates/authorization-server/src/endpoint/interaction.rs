//! An authorization request that waits for its user: begun, found again, and taken a step further.
//!
//! The key of an interaction is made of two secrets: the ticket in the form and the cookie of the
//! browser. A link or a form that gets into other hands finds nothing, and a form of another site
//! cannot know the ticket.

use axum::extract::Request;
use axum::response::Response;
use bailiwick_grant::flow::authorization_response::AuthorizationResponse;
use bailiwick_grant::flow::authorize::{self, Issued, Login, Step};
use bailiwick_grant::rule::consent::Ask;
use bailiwick_grant::state::{Checked, Client, Destination, Interaction, PollAnswer};
use bailiwick_grant::{Change, Loaded, Reason, Refused};
use bailiwick_oauth::form::encode;
use bailiwick_oauth::{Form, Secret};
use bailiwick_store::StoreExt;
use http::HeaderMap;
use http::header::ORIGIN;

use crate::answer::Failure;
use crate::app::{Answered, App, canonical_origin};
use crate::commit::{Attempts, Committed};
use crate::cookie::{self, Jar};
use crate::event::Event;
use crate::load::{self, SignedIn};
use crate::page::{self, Ending};
use crate::{form, reply};

/// An interaction of this browser.
pub(super) struct Waiting {
    pub(super) ticket: Secret,
    pub(super) client: Client,
    pub(super) interaction: Loaded<Interaction>,
}

/// A form that was posted from a page of ours, with what it is about.
pub(super) struct Posted {
    pub(super) form: Form,
    pub(super) jar: Jar,
    pub(super) waiting: Waiting,
}

/// Reads a form of one of our pages and finds its interaction.
pub(super) async fn posted(app: &App, event: &Event, request: Request) -> Result<Posted, Failure> {
    from_here(app, request.headers())?;
    let jar = app.cookies.read(request.headers());
    let form = form::posted(request).await?;
    let waiting = found(app, event, &jar, &form).await?;
    Ok(Posted { form, jar, waiting })
}

/// Finds the interaction that a form or a query of ours names.
pub(super) async fn found(
    app: &App,
    event: &Event,
    jar: &Jar,
    form: &Form,
) -> Result<Waiting, Failure> {
    let ticket = form.one("interaction")?.filter(|ticket| cookie::is_ours(ticket));
    let (Some(ticket), Some(browser)) = (ticket, &jar.browser) else { return Err(Failure::Over) };
    let key = key(ticket, browser);
    let found = load::interaction(&*app.store, &key, app.now()).await?;
    let interaction = found.ok_or(Failure::Over)?;
    let client = load::client(app, interaction.value.request.client()).await?;
    let client = client.ok_or(Failure::Over)?;
    event.client(&client.id);
    // What was registered may have changed while the user was reading.
    authorize::still_wanted(&client, &interaction.value.request)?;
    Ok(Waiting { ticket: Secret::new(ticket), client, interaction })
}

/// Begins an interaction; the cookie is to be set with the answer when it is a new one.
pub(super) async fn begin(
    app: &App,
    browser: Option<&Secret>,
    request: Checked,
) -> Result<(Secret, Option<Secret>), Failure> {
    let mut entropy = app.entropy();
    let ticket = cookie::fresh(&mut entropy);
    let made = if browser.is_none() { Some(cookie::fresh(&mut entropy)) } else { None };
    let browser = browser.or(made.as_ref()).ok_or(Failure::Over)?;
    insert(app, &key(ticket.expose(), browser), request).await?;
    Ok((ticket, made))
}

/// Keeps a request for whoever has the ticket: it is as good as a link, and no page answers it.
pub(super) async fn keep(app: &App, request: Checked) -> Result<Secret, Failure> {
    let ticket = cookie::fresh(&mut app.entropy());
    insert(app, &ticket, request).await?;
    Ok(ticket)
}

async fn insert(app: &App, key: &Secret, request: Checked) -> Result<(), Failure> {
    let begun_at = app.now();
    let longest = begun_at + app.tenant.lifetimes.interaction;
    let expires_at = request.polled().map_or(longest, |polled| longest.min(polled.expires_at));
    let interaction = Interaction {
        digest: key.digest(),
        request,
        signed_in: None,
        answered: false,
        begun_at,
        expires_at,
    };
    let changes = vec![Change::insert(interaction)];
    match Attempts::new().commit(&*app.store, changes).await? {
        Committed::Done => Ok(()),
        Committed::Again => Err(Failure::Contended),
    }
}

/// The address of an interaction's page, where the user may come and go.
pub(super) fn page_of(app: &App, ticket: &Secret) -> String {
    let query = encode([("interaction", ticket.expose())]);
    format!("{}?{query}", app.path("consent"))
}

/// What comes next for the browser.
pub(super) enum Next {
    /// The page to compare the codes on.
    Confirm(Box<Ask>),
    /// The login page.
    Login,
    /// The consent page.
    Consent(Box<Ask>),
    /// Back to the client, with a code or an error.
    Redirect(Response),
}

/// Takes a checked request a step further; issues the code when nothing is left to ask.
pub(super) async fn next(
    app: &App,
    event: &Event,
    client: &Client,
    request: &Checked,
    interaction: Option<&Loaded<Interaction>>,
    signed_in: Option<&SignedIn>,
) -> Result<Next, Failure> {
    let (store, tenant, now) = (&*app.store, &app.tenant, app.now());
    let directory = load::servers_of(store, request.asked()).await?;
    let consent = match signed_in {
        Some(SignedIn { user, .. }) => {
            load::consent(store, &user.subject, client, request.redirect_uri()).await?
        }
        None => None,
    };
    let mut interaction = interaction.cloned();
    let mut attempts = Attempts::new();
    loop {
        let seen = interaction.as_ref();
        let login =
            signed_in.map(|one| Login::new(&one.user, &one.session, seen.map(|seen| &seen.value)));
        let login = login.as_ref();
        let consent = consent.as_ref().map(|consent| &consent.value);
        let next = authorize::proceed(tenant, client, &directory, request, login, consent, now);
        let next = match next {
            Ok(next) => next,
            Err(refused) => {
                let answer = answered(app, event, client, request, Err(refused)).await?;
                return Ok(Next::Redirect(answer));
            }
        };
        let mut explanation = request.explanation().clone();
        explanation.extend(next.explanation);
        event.dropped(&explanation);
        let (grant, login) = match (next.step, login) {
            (Step::Ready(grant), Some(login)) => (grant, login),
            (Step::Confirm(ask), _) => return Ok(Next::Confirm(Box::new(ask))),
            (Step::Consent(ask), _) => return Ok(Next::Consent(Box::new(ask))),
            (Step::Login | Step::Ready(_), _) => return Ok(Next::Login),
        };
        let mut entropy = app.entropy();
        let decision =
            authorize::issue(tenant, client, request, seen, login, grant, now, &mut entropy);
        if attempts.commit(store, decision.changes).await? == Committed::Done {
            let answer = answered(app, event, client, request, decision.outcome).await?;
            return Ok(Next::Redirect(answer));
        }
        if let Some(seen) = interaction.take() {
            interaction = Some(again(app, &seen).await?);
        }
    }
}

/// The interaction as it is now, if it still waits.
pub(super) async fn again(
    app: &App,
    seen: &Loaded<Interaction>,
) -> Result<Loaded<Interaction>, Failure> {
    if let Some(polled) = seen.value.request.polled()
        && app.store.load::<PollAnswer>(polled.pending.as_str()).await?.is_some()
    {
        return Err(Failure::Over); // another page answered the same device
    }
    let found = app.store.load::<Interaction>(seen.value.digest.as_str()).await?;
    found.filter(|found| !found.value.answered).ok_or(Failure::Over)
}

/// The answer for what comes next in an interaction.
pub(super) fn shown(
    app: &App,
    waiting: &Waiting,
    signed_in: Option<&SignedIn>,
    next: Next,
) -> Result<Response, Failure> {
    let (client, request) = (&waiting.client, &waiting.interaction.value.request);
    match (next, signed_in) {
        (Next::Redirect(response), _) => Ok(response),
        (Next::Confirm(ask), _) => {
            let user_code = request.polled().and_then(|polled| polled.user_code.as_ref());
            let user_code = user_code.ok_or(Failure::Over)?;
            page::compare(app, client, user_code, &waiting.ticket, &ask)
        }
        (Next::Consent(ask), Some(SignedIn { user, .. })) => {
            page::consent(app, client, user, request, &waiting.ticket, &ask)
        }
        (Next::Login | Next::Consent(_), _) => {
            let username = request.login_hint().unwrap_or_default();
            page::login(app, client, &waiting.ticket, username, None)
        }
    }
}

/// Sends the browser back with the code or the refusal of a checked request.
pub(super) async fn answered(
    app: &App,
    event: &Event,
    client: &Client,
    request: &Checked,
    outcome: Result<Issued, Refused>,
) -> Answered {
    match outcome {
        Ok(Issued::Code(code)) => {
            event.verdict("code");
            let destination = request.destination();
            let (tenant, now) = (&app.tenant, app.now());
            let response = AuthorizationResponse::of_code(tenant, client, destination, &code, now);
            reply::send(app, response).await
        }
        Ok(Issued::Polled) => {
            event.verdict("allowed");
            page::ended(app, Ending::Allowed)
        }
        Err(refused) if request.polled().is_some() && refused.reason != Reason::Expired => {
            event.refused(refused.error.as_str(), refused.reason.as_str());
            page::ended(app, Ending::Refused)
        }
        Err(refused) => match refused.reason {
            Reason::Expired => Err(Failure::Over),
            // The client lost the redirect URI meanwhile: nobody is sent there any more.
            Reason::RedirectUri => Err(refused.into()),
            _ => refusal(app, event, client, request.destination(), &refused).await,
        },
    }
}

/// Sends the browser back with a refusal (RFC 6749 §4.1.2.1).
pub(super) async fn refusal(
    app: &App,
    event: &Event,
    client: &Client,
    destination: &Destination,
    refused: &Refused,
) -> Answered {
    event.refused(refused.error.as_str(), refused.reason.as_str());
    let (tenant, now) = (&app.tenant, app.now());
    let response = AuthorizationResponse::of_error(tenant, client, destination, refused, now);
    reply::send(app, response).await
}

/// Refuses a form that a page of another site sent; what says nothing of its origin still needs
/// the ticket and the cookie.
pub(super) fn from_here(app: &App, headers: &HeaderMap) -> Result<(), Failure> {
    let foreign =
        Failure::Foreign("The form was sent by another site. Go back to the app and begin again.");
    let site = headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes);
    if site.is_some_and(|site| !matches!(site, b"same-origin" | b"none")) {
        return Err(foreign);
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => Ok(()),
        (Some(one), None)
            if one.to_str().is_ok_and(|origin| canonical_origin(origin) == app.origin) =>
        {
            Ok(())
        }
        _ => Err(foreign),
    }
}

/// The key of an interaction.
pub(super) fn key(ticket: &str, browser: &Secret) -> Secret {
    Secret::new(format!("{ticket}.{}", browser.expose()))
}
