//! Development on one machine: a user who signs in and allows everything without a page, so that a
//! client under test is done in one redirect.

use axum::response::Response;
use bailiwick_grant::flow::authorize::Answer;
use bailiwick_grant::state::{Checked, Client};

use super::consent::decided;
use super::interaction::{Waiting, begin, key};
use super::login::begin_session;
use crate::answer::Failure;
use crate::app::App;
use crate::event::Event;
use crate::load::{self, SignedIn};

/// Takes a checked request through login and consent, step by step as a person would.
pub(super) async fn walk(
    app: &App,
    event: &Event,
    username: &str,
    client: Client,
    request: Checked,
) -> Result<Response, Failure> {
    let user = load::user_named(&*app.store, username).await?.filter(|user| user.enabled);
    let user = user.ok_or_else(|| {
        let text = format!("`dangerous_sign_in_as` names `{username}`, whom nobody registered");
        Failure::Broken(text.into())
    })?;
    let everything = Answer::Accept(request.asked().clone());
    let (ticket, browser) = begin(app, None, request).await?;
    let browser = browser.ok_or(Failure::Over)?;
    let found = load::interaction(&*app.store, &key(ticket.expose(), &browser), app.now()).await?;
    let mut waiting = Waiting { ticket, client, interaction: found.ok_or(Failure::Over)? };
    let (_, session) = begin_session(app, &mut waiting, &user, None).await?;
    decided(app, event, waiting, &SignedIn { user, session }, &everything).await
}
