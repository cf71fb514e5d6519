//! The pages of signing out (OpenID Connect RP-Initiated Logout §2).

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::{Forms, Frame, document};
use crate::answer::Failure;
use crate::app::App;

#[derive(Template)]
#[template(path = "logout.html")]
struct Question<'a> {
    frame: Frame<'a>,
    action: String,
    client: Option<&'a str>,
    token: &'a str,
    carried: &'a [(&'a str, &'a str)],
}

#[derive(Template)]
#[template(path = "said.html")]
struct Said<'a> {
    frame: Frame<'a>,
    title: &'a str,
    text: &'a str,
}

/// Asks whether to sign out.
pub(crate) fn logout(
    app: &App,
    client: Option<&str>,
    token: &str,
    carried: &[(&str, &str)],
) -> Result<Response, Failure> {
    let action = app.path("logout/confirm");
    let page = Question { frame: Frame::new(app), action, client, token, carried };
    document(StatusCode::OK, &page, Forms::Some)
}

/// Says that the browser is signed out.
pub(crate) fn signed_out(app: &App) -> Result<Response, Failure> {
    let text =
        "Apps that you used may stay open in this browser: sign out there too, if you share it.";
    let page = Said { frame: Frame::new(app), title: "You are signed out", text };
    document(StatusCode::OK, &page, Forms::None)
}

/// Says that nothing changed.
pub(crate) fn signed_in_still(app: &App) -> Result<Response, Failure> {
    let text = "Nothing was changed. You can close this page or go back to the app.";
    let page = Said { frame: Frame::new(app), title: "You are still signed in", text };
    document(StatusCode::OK, &page, Forms::None)
}
