//! The page where users type in the code of a device (RFC 8628 §3.3): the code, then the comparison,
//! then login and consent as for every request.
//!
//! Who follows the link with the code in it compares the codes all the same (§3.3.1, §5.4).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::flow::device;
use bailiwick_grant::state::UserCodeRecord;
use bailiwick_grant::state::{Checked, Client, GrantKind, Interaction, Pending, PollAnswer};
use bailiwick_oauth::{Form, UserCode};
use bailiwick_store::StoreExt;
use bailiwick_window::Attempt;

use super::interaction::{Next, Waiting, again, begin, found, from_here, next, shown};
use crate::answer::{Failure, to_user};
use crate::app::{Answered, App};
use crate::commit::{Attempts, Committed};
use crate::cookie::Jar;
use crate::event::Event;
use crate::form;
use crate::load;
use crate::page::{self, CodeTrouble, Ending};
use crate::serve::Peer;
use crate::throttle::{self, Guess};

/// Shows the page, with the code of the link filled in.
pub(crate) async fn page(State(app): State<Arc<App>>, event: Event, request: Request) -> Response {
    let answer = asked(&app, &event, &request);
    to_user(&app, &event, answer)
}

fn asked(app: &App, event: &Event, request: &Request) -> Answered {
    let query = form::queried(request)?;
    event.verdict("code_asked");
    page::user_code(app, query.one("user_code")?.unwrap_or_default(), None)
}

/// Answers the form with the code, and the one with the comparison.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let address = throttle::address(&app.proxies, peer, request.headers());
    let answer = answer(&app, &event, address, request).await;
    to_user(&app, &event, answer)
}

async fn answer(app: &App, event: &Event, address: IpAddr, request: Request) -> Answered {
    from_here(app, request.headers())?;
    let jar = app.cookies.read(request.headers());
    let form = form::posted(request).await?;
    if form.names("interaction") {
        compared(app, event, &jar, &form).await
    } else {
        typed(app, event, address, &jar, form.one("user_code")?.unwrap_or_default()).await
    }
}

/// Finds the request behind a code, and asks for the comparison.
async fn typed(app: &App, event: &Event, address: IpAddr, jar: &Jar, text: &str) -> Answered {
    let again = |trouble: CodeTrouble| {
        event.refused("code_asked", trouble.reason());
        page::user_code(app, text, Some(trouble))
    };
    let Ok(user_code) = UserCode::parse(text) else { return again(CodeTrouble::Wrong) };
    let guess = Guess::of_user_code(address);
    if let Attempt::Wait { seconds } = guess.attempt(app).await? {
        return again(CodeTrouble::Wait(seconds));
    }
    let Some((client, request)) = looked_up(app, user_code.clone()).await? else {
        return again(CodeTrouble::Wrong);
    };
    guess.was_no_guess(app).await?;
    event.client(&client.id);
    event.verdict("comparison_asked");
    let Next::Confirm(ask) = next(app, event, &client, &request, None, None).await? else {
        return Err(Failure::Over); // the page was looked for, so it is not confirmed yet
    };
    let (ticket, browser) = begin(app, jar.browser.as_ref(), request).await?;
    let mut response = page::compare(app, &client, &user_code, &ticket, &ask)?;
    if let Some(browser) = &browser {
        app.cookies.set_browser(&mut response, browser);
    }
    Ok(response)
}

/// The request behind a code, if it still waits and its client may still have it answered.
async fn looked_up(app: &App, user_code: UserCode) -> Result<Option<(Client, Checked)>, Failure> {
    let store = &*app.store;
    let found = store.load::<UserCodeRecord>(user_code.digest().as_str()).await?;
    let Some(key) = found.map(|found| found.value.pending) else { return Ok(None) };
    let (pending, answer) =
        store.load_pair::<Pending, PollAnswer>(key.as_str(), key.as_str()).await?;
    let (pending, answer) = (pending.map(|one| one.value), answer.map(|one| one.value));
    let entered = device::entered(pending.as_ref(), answer.as_ref(), user_code, app.now());
    let Some(request) = entered else { return Ok(None) };
    let client = load::client(app, request.client()).await?;
    let client = client.filter(|client| client.grant_types.contains(&GrantKind::DeviceCode));
    Ok(client.map(|client| (client, request)))
}

/// Goes on after the comparison, or ends it.
async fn compared(app: &App, event: &Event, jar: &Jar, form: &Form) -> Answered {
    let mut waiting = found(app, event, jar, form).await?;
    match form.one("decision")? {
        Some("same") => {}
        Some("stop") => {
            event.verdict("stopped");
            return page::ended(app, Ending::Stopped);
        }
        _ => return Err(Failure::malformed("decision must be same or stop")),
    }
    confirm(app, &mut waiting).await?;
    let signed_in = load::signed_in(&*app.store, jar.session.as_ref(), app.now()).await?;
    let Waiting { client, interaction, .. } = &waiting;
    let request = &interaction.value.request;
    let step = next(app, event, client, request, Some(interaction), signed_in.as_ref()).await?;
    match &step {
        Next::Login => event.verdict("login_asked"),
        Next::Consent(_) => event.verdict("consent_asked"),
        Next::Confirm(_) | Next::Redirect(_) => {}
    }
    shown(app, &waiting, signed_in.as_ref(), step)
}

async fn confirm(app: &App, waiting: &mut Waiting) -> Result<(), Failure> {
    let mut attempts = Attempts::new();
    loop {
        let seen = &waiting.interaction;
        let request = seen.value.request.clone().confirm();
        let changes = vec![seen.update(Interaction { request, ..seen.value.clone() })];
        let committed = attempts.commit(&*app.store, changes).await?;
        waiting.interaction = again(app, &waiting.interaction).await?;
        if committed == Committed::Done {
            return Ok(());
        }
    }
}
