//! The pages for devices without a browser (RFC 8628 §3.3, §5.4).

use askama::Template;
use axum::response::Response;
use bailiwick_grant::flow::device;
use bailiwick_grant::rule::consent::Ask;
use bailiwick_grant::state::Client;
use bailiwick_oauth::{Secret, UserCode};
use http::StatusCode;
use http::header::RETRY_AFTER;

use super::{Forms, Frame, document, waiting_time, written};
use crate::answer::{Failure, set};
use crate::app::App;

#[derive(Template)]
#[template(path = "user_code.html")]
struct Typing<'a> {
    frame: Frame<'a>,
    action: String,
    typed: &'a str,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "compare.html")]
struct Comparing<'a> {
    frame: Frame<'a>,
    action: String,
    ticket: &'a str,
    user_code: String,
    client: &'a str,
    ask: &'a Ask,
}

#[derive(Template)]
#[template(path = "ended.html")]
struct Ended<'a> {
    frame: Frame<'a>,
    title: &'a str,
    text: &'a str,
}

/// Why the user sees the page for the code again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeTrouble {
    /// No device waits for this code.
    Wrong,
    /// Too many attempts: so many seconds to wait.
    Wait(i64),
}

impl CodeTrouble {
    /// The trouble, as the log calls it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Wrong => "user_code_wrong",
            Self::Wait(_) => "user_code_throttled",
        }
    }
}

/// Asks for the code that the device shows.
pub(crate) fn user_code(
    app: &App,
    typed: &str,
    trouble: Option<CodeTrouble>,
) -> Result<Response, Failure> {
    let status = match trouble {
        None => StatusCode::OK,
        Some(CodeTrouble::Wrong) => StatusCode::BAD_REQUEST,
        Some(CodeTrouble::Wait(_)) => StatusCode::TOO_MANY_REQUESTS,
    };
    // What a link brings is shown only if it is a code: nobody else's words stand on our page.
    let code = UserCode::parse(typed).map(|code| code.to_string()).unwrap_or_default();
    let page = Typing {
        frame: Frame::new(app),
        action: app.path(device::PAGE),
        typed: &code,
        trouble: trouble.map(|trouble| match trouble {
            CodeTrouble::Wrong => {
                "No device waits for this code. Compare it with the one on your device, or let it \
                 show you a new one."
                    .to_owned()
            }
            CodeTrouble::Wait(seconds) => waiting_time(seconds),
        }),
    };
    let mut response = document(status, &page, Forms::Some)?;
    if let Some(CodeTrouble::Wait(seconds)) = trouble {
        set(&mut response, RETRY_AFTER, &seconds.to_string());
    }
    Ok(response)
}

/// Asks whether the device shows this code, and says what it would get.
pub(crate) fn compare(
    app: &App,
    client: &Client,
    user_code: &UserCode,
    ticket: &Secret,
    ask: &Ask,
) -> Result<Response, Failure> {
    let page = Comparing {
        frame: Frame::new(app),
        action: app.path(device::PAGE),
        ticket: written(ticket),
        user_code: user_code.to_string(),
        client: &client.name,
        ask,
    };
    document(StatusCode::OK, &page, Forms::Some)
}

/// How it ended, where the browser is sent nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The user allowed it.
    Allowed,
    /// The user refused, or there was nothing to allow.
    Refused,
    /// The codes were not the same.
    Stopped,
}

/// Says how it ended.
pub(crate) fn ended(app: &App, ending: Ending) -> Result<Response, Failure> {
    let (title, text) = match ending {
        Ending::Allowed => ("Done", "Go back to your device: it goes on by itself in a moment."),
        Ending::Refused => ("Nothing was given", "The device is told that it gets no access."),
        Ending::Stopped => (
            "Nothing was given",
            "If your device shows another code, let it show you a new one and begin again.",
        ),
    };
    let page = Ended { frame: Frame::new(app), title, text };
    document(StatusCode::OK, &page, Forms::None)
}
