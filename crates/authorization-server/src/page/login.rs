//! The login page.

use askama::Template;
use axum::response::Response;
use bailiwick_grant::state::Client;
use bailiwick_oauth::Secret;
use http::StatusCode;
use http::header::RETRY_AFTER;

use super::{Forms, Frame, document, waiting_time, written};
use crate::answer::{Failure, set};
use crate::app::App;

#[derive(Template)]
#[template(path = "login.html")]
struct Page<'a> {
    frame: Frame<'a>,
    action: String,
    ticket: &'a str,
    client: &'a str,
    username: &'a str,
    trouble: Option<String>,
}

/// Why the user sees the login page again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginTrouble {
    /// The user name or the password is wrong; which one is not said.
    Wrong,
    /// Too many attempts: so many seconds to wait.
    Wait(i64),
}

/// Asks the user to sign in.
pub(crate) fn login(
    app: &App,
    client: &Client,
    ticket: &Secret,
    username: &str,
    trouble: Option<LoginTrouble>,
) -> Result<Response, Failure> {
    let page = Page {
        frame: Frame::new(app),
        action: app.path("login"),
        ticket: written(ticket),
        client: &client.name,
        username,
        trouble: trouble.map(trouble_text),
    };
    trouble_answer(trouble, &page)
}

/// A page with a login form, and with the status of what went wrong before.
pub(super) fn trouble_answer(
    trouble: Option<LoginTrouble>,
    page: &impl Template,
) -> Result<Response, Failure> {
    let status = match trouble {
        None => StatusCode::OK,
        Some(LoginTrouble::Wrong) => StatusCode::BAD_REQUEST,
        Some(LoginTrouble::Wait(_)) => StatusCode::TOO_MANY_REQUESTS,
    };
    let mut response = document(status, page, Forms::Some)?;
    if let Some(LoginTrouble::Wait(seconds)) = trouble {
        set(&mut response, RETRY_AFTER, &seconds.to_string());
    }
    Ok(response)
}

impl LoginTrouble {
    /// What the log says.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Wrong => "login_failed",
            Self::Wait(_) => "login_throttled",
        }
    }
}

pub(super) fn trouble_text(trouble: LoginTrouble) -> String {
    match trouble {
        LoginTrouble::Wrong => "The user name or the password is not right.".to_owned(),
        LoginTrouble::Wait(seconds) => waiting_time(seconds),
    }
}
