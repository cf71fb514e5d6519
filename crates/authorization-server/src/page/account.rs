//! The account page: what applications hold, with a button for each thing to take back.

use askama::Template;
use axum::response::Response;
use bailiwick_grant::state::User;
use bailiwick_oauth::Secret;

use super::login::{LoginTrouble, trouble_answer, trouble_text};
use super::{Forms, Frame, document, written};
use crate::answer::Failure;
use crate::app::App;
use http::StatusCode;

/// What one application holds.
pub(crate) struct Held {
    pub(crate) client: String,
    pub(crate) name: String,
    /// Whether it may know who the user is.
    pub(crate) has_profile: bool,
    pub(crate) apis: Vec<HeldApi>,
}

/// What an application may do at one API.
pub(crate) struct HeldApi {
    pub(crate) name: String,
    pub(crate) identifier: String,
    pub(crate) scopes: Vec<String>,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Page<'a> {
    frame: Frame<'a>,
    action: String,
    ticket: &'a str,
    /// For whom the page is: another account that signed in meanwhile does not answer it.
    account: &'a str,
    user: &'a str,
    held: &'a [Held],
}

#[derive(Template)]
#[template(path = "account_login.html")]
struct LoginPage<'a> {
    frame: Frame<'a>,
    action: String,
    ticket: &'a str,
    username: &'a str,
    trouble: Option<String>,
}

/// Shows what applications hold.
pub(crate) fn account(
    app: &App,
    user: &User,
    ticket: &Secret,
    held: &[Held],
) -> Result<Response, Failure> {
    let shown = user.claims.get("name").and_then(|name| name.as_str()).unwrap_or(&user.username);
    let page = Page {
        frame: Frame::new(app),
        action: app.path("account"),
        ticket: written(ticket),
        account: user.subject.as_str(),
        user: shown,
        held,
    };
    document(StatusCode::OK, &page, Forms::Some)
}

/// Asks the user to sign in to see it.
pub(crate) fn account_login(
    app: &App,
    ticket: &Secret,
    username: &str,
    trouble: Option<LoginTrouble>,
) -> Result<Response, Failure> {
    let page = LoginPage {
        frame: Frame::new(app),
        action: app.path("account/login"),
        ticket: written(ticket),
        username,
        trouble: trouble.map(trouble_text),
    };
    trouble_answer(trouble, &page)
}
