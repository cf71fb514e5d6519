//! The page that carries an answer to the client (OAuth 2.0 Form Post Response Mode §2): it submits
//! itself, or by its button where there are no scripts.

use askama::Template;
use axum::response::Response;
use bailiwick_oauth::RedirectUri;
use http::StatusCode;

use super::{Forms, Frame, document};
use crate::answer::Failure;
use crate::app::App;

#[derive(Template)]
#[template(path = "form_post.html")]
struct Page<'a> {
    frame: Frame<'a>,
    action: &'a str,
    parameters: &'a [(&'a str, &'a str)],
    script: &'a str,
}

/// The one script that any page of ours has; the page's policy names it by its digest.
const SCRIPT: &str = "document.forms[0].submit()";
pub(super) const SCRIPT_DIGEST: &str = "ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE=";

/// Posts parameters to a redirect URI.
pub(crate) fn form_post(
    app: &App,
    redirect_uri: &RedirectUri,
    parameters: &[(&str, &str)],
) -> Result<Response, Failure> {
    let (action, script) = (redirect_uri.as_str(), SCRIPT);
    let page = Page { frame: Frame::new(app), action, parameters, script };
    document(StatusCode::OK, &page, Forms::ToClient)
}

#[cfg(test)]
mod tests {
    use bailiwick_jose::{base64url, digest::sha256};

    use super::*;

    #[test]
    fn the_digest_is_that_of_the_script() {
        let digest = base64url::encode(&sha256(SCRIPT.as_bytes()));
        assert_eq!(SCRIPT_DIGEST, digest.replace('-', "+").replace('_', "/") + "=");
    }
}
