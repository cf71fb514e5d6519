//! What users see: plain pages whose forms work without scripts.

mod account;
mod consent;
mod detail;
mod device;
mod form_post;
mod login;
mod logout;
mod trouble;

pub(crate) use account::{Held, HeldApi, account, account_login};
pub(crate) use consent::consent;
pub(crate) use device::{CodeTrouble, Ending, compare, ended, user_code};
pub(crate) use form_post::form_post;
pub(crate) use login::{LoginTrouble, login};
pub(crate) use logout::{logout, signed_in_still, signed_out};
pub(crate) use trouble::{Trouble, trouble};

use askama::Template;
use axum::response::{IntoResponse, Response};
use bailiwick_oauth::Secret;
use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS};

use crate::answer::{Failure, set};
use crate::app::App;

/// What every page has around it.
struct Frame<'a> {
    style: &'a str,
    icon: &'a str,
    host: &'a str,
    /// The operator's picture and name, where there are any.
    logo: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> Frame<'a> {
    fn new(app: &'a App) -> Self {
        let host = app.tenant.issuer.origin();
        let host = host.split_once("://").map_or(host, |(_, host)| host);
        Self {
            style: &app.style_path,
            icon: &app.icon_path,
            host,
            logo: app.logo_path.as_deref(),
            name: app.branding.name.as_deref(),
        }
    }
}

/// Whether a page has a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forms {
    /// One that comes back here.
    Some,
    /// One that goes to the client, by itself.
    ToClient,
    None,
}

/// A page with the headers that keep it to itself.
fn document(status: StatusCode, page: &impl Template, forms: Forms) -> Result<Response, Failure> {
    let mut response =
        (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], page.render()?).into_response();
    // A page with a form has no form-action: Chromium holds the redirects that follow a form to it
    // too, and where the client sends its users on is not known here.
    let (more, referrer) = match forms {
        // Browsers say `Origin: null` for forms of a page with no-referrer, and the origin is checked.
        Forms::Some => (String::new(), "same-origin"),
        // The client may look at the origin as well; it learns nothing else of the address.
        Forms::ToClient => {
            (format!("; script-src 'sha256-{}'", form_post::SCRIPT_DIGEST), "origin")
        }
        Forms::None => ("; form-action 'none'".to_owned(), "no-referrer"),
    };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
         frame-ancestors 'none'{more}"
    );
    set(&mut response, CONTENT_SECURITY_POLICY, &policy);
    set(&mut response, X_FRAME_OPTIONS, "DENY");
    set(&mut response, REFERRER_POLICY, referrer);
    Ok(response)
}

/// How long to wait after too many attempts, in words.
fn waiting_time(seconds: i64) -> String {
    match seconds {
        1 => "Too many attempts. Try again in a second.".to_owned(),
        seconds if seconds < 120 => format!("Too many attempts. Try again in {seconds} seconds."),
        seconds => {
            format!("Too many attempts. Try again in {} minutes.", seconds.div_euclid(60) + 1)
        }
    }
}

/// The secret of a form, to be written into it: with the browser's cookie it finds the interaction.
fn written(ticket: &Secret) -> &str {
    ticket.expose()
}
