//! The error page: for what cannot be sent back to the client (RFC 6749 §4.1.2.1).

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::{Forms, Frame, document};
use crate::answer::Failure;
use crate::app::App;

#[derive(Template)]
#[template(path = "trouble.html")]
struct Page<'a> {
    frame: Frame<'a>,
    title: &'a str,
    text: &'a str,
    detail: Option<(&'a str, &'a str)>,
}

/// What went wrong, as far as the user can do something about it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble<'a> {
    /// The app sent a request that cannot be taken.
    Request {
        /// The code.
        error: &'a str,
        /// What its developer should know.
        description: &'a str,
    },
    /// The request was answered, is too old, or began in another browser.
    Over,
    /// The form does not come from a page of ours.
    Foreign(&'a str),
    /// The store or a window is busy.
    Busy,
    /// A bug.
    Broken,
}

/// Says what went wrong.
pub(crate) fn trouble(
    app: &App,
    status: StatusCode,
    trouble: Trouble<'_>,
) -> Result<Response, Failure> {
    let (title, text, detail) = match trouble {
        Trouble::Request { error, description } => (
            "This request cannot be taken",
            "The app that sent you here made a mistake. You can go back; nothing was given to it.",
            Some((error, description)),
        ),
        Trouble::Over => (
            "This page is over",
            "It was answered already, was left too long, or was opened in another browser. \
             Go back to the app and begin again.",
            None,
        ),
        Trouble::Foreign(text) => ("This did not come from here", text, None),
        Trouble::Busy => ("Busy just now", "Wait a moment, then try again.", None),
        Trouble::Broken => {
            ("Something is wrong here", "It is not your fault. Please try again later.", None)
        }
    };
    document(status, &Page { frame: Frame::new(app), title, text, detail }, Forms::None)
}
