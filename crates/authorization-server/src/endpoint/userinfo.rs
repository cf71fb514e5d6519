//! Userinfo (OpenID Connect Core §5.3): the token in the `Authorization` header only (RFC 6750 §2.1).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::flow::userinfo::userinfo;
use bailiwick_oauth::Secret;
use http::{HeaderMap, StatusCode};

use crate::answer::{Failure, json, to_client};
use crate::app::{Answered, App};
use crate::event::Event;
use crate::{form, load};

/// Answers who the user is.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = answer(&app, &event, request.headers()).await;
    to_client(&app, &event, answer)
}

async fn answer(app: &App, event: &Event, headers: &HeaderMap) -> Answered {
    let token = bearer(headers)?;
    let store = &*app.store;
    let token = load::access_token(store, &app.keyring.load(), &token).await?;
    let user = match token.found.claims() {
        Some(claims) => {
            event.client(&claims.client_id);
            load::user(store, &claims.sub).await?
        }
        None => None,
    };
    let claims = userinfo(&app.tenant, &token.found, &token.known(), user.as_ref(), app.now())?;
    Ok(json(StatusCode::OK, &claims))
}

fn bearer(headers: &HeaderMap) -> Result<Secret, Failure> {
    let Some(header) = form::authorization(headers)? else { return Err(Failure::NoToken) };
    let (scheme, token) = header.split_once(' ').unwrap_or((&header, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Failure::NoToken);
    }
    let token = token.trim_matches(' ');
    // RFC 6750 §2.1: b64token.
    let is_token = |c: u8| c.is_ascii_alphanumeric() || b"-._~+/=".contains(&c);
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(Failure::malformed("the Authorization header holds no bearer token"));
    }
    Ok(Secret::new(token))
}
