//! The consent page: each API by name, with its scopes to tick (rules §4.8).

use askama::Template;
use axum::response::Response;
use bailiwick_grant::rule::claims;
use bailiwick_grant::rule::consent::{Ask, AskedScope};
use bailiwick_grant::state::{Checked, Client, Introduction, User};
use bailiwick_oauth::redirect_uri::Kind;
use bailiwick_oauth::{RedirectUri, Resource, Secret, WebUrl};
use http::StatusCode;

use super::detail::Detail;
use super::{Forms, Frame, document, written};
use crate::answer::Failure;
use crate::app::App;

#[derive(Template)]
#[template(path = "consent.html")]
struct Page<'a> {
    frame: Frame<'a>,
    action: String,
    ticket: &'a str,
    /// For whom the page is: another account that signed in meanwhile does not answer it.
    account: &'a str,
    client: &'a str,
    user: &'a str,
    initial: String,
    servers: Vec<Server<'a>>,
    global: Vec<Scope<'a>>,
    goes_to: GoesTo,
    unproven: bool,
    /// Who says that the client is what it says; nothing for those that the operator registered.
    unvetted: Option<String>,
}

/// Who gets what is allowed here.
enum GoesTo {
    /// The app behind this place, to which the browser is sent back.
    Place(String),
    /// The device whose code the user compared.
    Device,
}

struct Server<'a> {
    name: &'a str,
    identifier: &'a str,
    scopes: Vec<Scope<'a>>,
    details: Vec<Detail<'a>>,
}

struct Scope<'a> {
    name: &'a str,
    description: &'a str,
    value: String,
    sensitive: bool,
    required: bool,
    remembered: bool,
    /// Whether it cannot be unticked: the form always sends it.
    fixed: bool,
}

/// Asks the user what the client shall get.
pub(crate) fn consent(
    app: &App,
    client: &Client,
    user: &User,
    request: &Checked,
    ticket: &Secret,
    ask: &Ask,
) -> Result<Response, Failure> {
    let shown = user.claims.get("name").and_then(|name| name.as_str()).unwrap_or(&user.username);
    let page = Page {
        frame: Frame::new(app),
        action: app.path("consent"),
        ticket: written(ticket),
        account: user.subject.as_str(),
        client: &client.name,
        user: shown,
        initial: shown.chars().next().into_iter().flat_map(char::to_uppercase).collect(),
        servers: servers(ask),
        global: scopes(None, &ask.global),
        goes_to: match request.polled() {
            Some(_) => GoesTo::Device,
            None => GoesTo::Place(place(request.redirect_uri())),
        },
        unproven: request.redirect_uri().kind() != Kind::Web,
        unvetted: client.unvetted.as_ref().map(|unvetted| match unvetted.by {
            Introduction::Document => format!("It was described by {}", host(client.id.as_str())),
            Introduction::Registration(_) => "It registered itself".to_owned(),
        }),
    };
    document(StatusCode::OK, &page, Forms::Some)
}

/// The resource servers of a question.
fn servers(ask: &Ask) -> Vec<Server<'_>> {
    ask.servers
        .iter()
        .map(|server| Server {
            name: &server.name,
            identifier: server.resource.as_str(),
            scopes: scopes(Some(&server.resource), &server.scopes),
            details: server.details.iter().map(Detail::new).collect(),
        })
        .collect()
}

fn scopes<'a>(resource: Option<&Resource>, asked: &'a [AskedScope]) -> Vec<Scope<'a>> {
    asked
        .iter()
        .map(|scope| Scope {
            // A claim by name is shown by the name that the client asked for.
            name: claims::named(&scope.name).map_or(scope.name.as_str(), |(claim, _)| claim),
            description: &scope.description,
            // Neither an identifier nor a scope holds a space.
            value: match resource {
                Some(resource) => format!("{resource} {}", scope.name),
                None => scope.name.as_str().to_owned(),
            },
            sensitive: scope.sensitive,
            required: scope.required,
            remembered: scope.remembered,
            fixed: scope.required || scope.remembered,
        })
        .collect()
}

/// The host of a client's document, which says more than a name that anybody can choose.
fn host(id: &str) -> String {
    WebUrl::parse(id).map_or_else(|_| id.to_owned(), |url| url.host())
}

/// Where the user is sent back to, in words.
fn place(redirect_uri: &RedirectUri) -> String {
    let uri = redirect_uri.as_str();
    let (scheme, rest) = uri.split_once(':').unwrap_or((uri, ""));
    match redirect_uri.kind() {
        Kind::PrivateUse => format!("the app {scheme} on this device"),
        Kind::Loopback | Kind::Web => {
            let authority = rest.trim_start_matches('/');
            let end = authority.find(['/', '?']).unwrap_or(authority.len());
            authority[..end].to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_the_host_or_the_app() {
        for (uri, expected) in [
            ("https://shop.example/cb?x=/y", "shop.example"),
            ("https://shop.example:8443?x", "shop.example:8443"),
            ("http://127.0.0.1:5000/cb", "127.0.0.1:5000"),
            ("com.example.app:/cb", "the app com.example.app on this device"),
        ] {
            assert_eq!(place(&RedirectUri::parse(uri).unwrap()), expected);
        }
    }
}
