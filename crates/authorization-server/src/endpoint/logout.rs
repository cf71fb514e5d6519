//! The end session endpoint (OpenID Connect RP-Initiated Logout §2): signs the browser out, asking
//! first unless the client shows an ID token of this very session.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::flow::logout::{self as rules, Place};
use bailiwick_grant::state::{Client, Session};
use bailiwick_jose::{base64url, digest};
use bailiwick_oauth::form::encode;
use bailiwick_oauth::logout::{self, Request as LogoutRequest};
use bailiwick_oauth::{Form, IdToken, Secret};
use http::Method;

use super::interaction::from_here;
use crate::answer::{Failure, see_other, to_user};
use crate::app::{Answered, App};
use crate::event::Event;
use crate::{form, load, page, signer};

/// The parameters that are carried through the question.
const CARRIED: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// A request that was checked.
struct Checked {
    client: Option<Client>,
    hint: Option<IdToken>,
    place: Option<Place>,
}

/// Answers logout requests.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = answer(&app, &event, request).await;
    to_user(&app, &event, answer)
}

async fn answer(app: &App, event: &Event, request: Request) -> Answered {
    let cookie = app.cookies.read(request.headers()).session;
    if *request.method() == Method::POST {
        // With a post of another site comes no cookie (`SameSite=Lax`): only by GET is it seen
        // whose session it is.
        let form = form::posted(request).await?;
        let carried = encode(carried(&form)?);
        event.verdict("put_aside");
        return Ok(see_other(&format!("{}?{carried}", app.path("logout"))));
    }
    let form = form::queried(&request)?;
    let checked = checked(app, event, &form).await?;
    let session = load::session(&*app.store, cookie.as_ref(), app.now()).await?;
    let (Some(session), Some(cookie)) = (session, cookie) else {
        return left(app, event, &checked);
    };
    let Checked { client, hint, .. } = &checked;
    if rules::must_confirm(&app.tenant, client.as_ref(), hint.as_ref(), &session) {
        event.verdict("logout_asked");
        let name = client.as_ref().map(|client| client.name.as_str());
        return page::logout(app, name, &token(&cookie), &carried(&form)?);
    }
    ended(app, event, &session, &checked).await
}

/// Answers the question whether to sign out.
pub(crate) async fn confirmed(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = answered(&app, &event, request).await;
    to_user(&app, &event, answer)
}

async fn answered(app: &App, event: &Event, request: Request) -> Answered {
    from_here(app, request.headers())?;
    let cookie = app.cookies.read(request.headers()).session;
    let form = form::posted(request).await?;
    let checked = checked(app, event, &form).await?;
    let session = load::session(&*app.store, cookie.as_ref(), app.now()).await?;
    let (Some(session), Some(cookie)) = (session, cookie) else {
        return left(app, event, &checked);
    };
    let is_ours = form
        .one("token")?
        .is_some_and(|sent| digest::equal(sent.as_bytes(), token(&cookie).as_bytes()));
    if !is_ours {
        return Err(Failure::Over);
    }
    match form.one("decision")? {
        Some("accept") => ended(app, event, &session, &checked).await,
        Some("deny") => {
            event.verdict("logout_denied");
            page::signed_in_still(app)
        }
        _ => Err(Failure::malformed("decision must be accept or deny")),
    }
}

/// Checks what does not depend on the session.
async fn checked(app: &App, event: &Event, form: &Form) -> Result<Checked, Failure> {
    let request = LogoutRequest::read(form)?;
    let hint = match logout::id_token_hint(form)? {
        None => None,
        Some(sent) => Some(
            signer::verified_id_token(&app.tenant, &app.keyring.load(), sent)
                .ok_or_else(|| Failure::malformed("id_token_hint is no ID token of this issuer"))?,
        ),
    };
    let client = match rules::asker(&request, hint.as_ref())? {
        None => None,
        Some(id) => {
            event.client(&id);
            load::client(app, &id).await?
        }
    };
    let place = rules::place(&request, client.as_ref())?;
    Ok(Checked { client, hint, place })
}

async fn ended(app: &App, event: &Event, session: &Session, checked: &Checked) -> Answered {
    crate::logout::end(app, session).await?;
    let mut response = left(app, event, checked)?;
    app.cookies.clear_session(&mut response);
    Ok(response)
}

/// The answer for a browser that is signed out.
fn left(app: &App, event: &Event, checked: &Checked) -> Answered {
    event.verdict("signed_out");
    match &checked.place {
        Some(place) => Ok(see_other(&place.url())),
        None => page::signed_out(app),
    }
}

/// The parameters of a request, as they are carried on.
fn carried(form: &Form) -> Result<Vec<(&'static str, &str)>, Failure> {
    let mut carried = Vec::new();
    for name in CARRIED {
        carried.extend(form.one(name)?.map(|value| (name, value)));
    }
    Ok(carried)
}

/// What only a page of ours for this very session can know.
fn token(cookie: &Secret) -> String {
    let seed = format!("bailiwick logout\n{}", cookie.expose());
    base64url::encode(&digest::sha256(seed.as_bytes()))
}
