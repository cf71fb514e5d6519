//! Userinfo (OpenID Connect Core §5.3): the token in the `Authorization` header only (RFC 6750 §2.1).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::flow::userinfo::userinfo;
use bailiwick_guard::{Presented, Refusal, Scheme};
use bailiwick_oauth::Secret;
use bailiwick_oauth::error::ErrorAnswer;
use http::StatusCode;

use crate::answer::{Failure, json, to_client};
use crate::app::{Answered, App};
use crate::event::Event;
use crate::load;

/// Answers who the user is.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let presented = Presented::from_request(request.headers(), request.uri().query());
    let answer = answer(&app, &event, presented).await;
    to_client(&app, &event, answer)
}

async fn answer(app: &App, event: &Event, presented: Result<Presented<'_>, Refusal>) -> Answered {
    let presented = presented.map_err(|refusal| unusable(&refusal))?;
    if presented.scheme() != Scheme::Bearer {
        return Err(Failure::NoToken); // no token is bound to a key yet
    }
    let token = Secret::new(presented.expose());
    let token = load::access_token(app, &token).await?;
    if let Some(claims) = token.found.claims() {
        event.client(&claims.client_id);
    }
    let known = token.known();
    let claims = userinfo(&app.tenant, &token.found, &known, known.user, app.now())?;
    Ok(json(StatusCode::OK, &claims))
}

/// What is wrong with the presented token, as this product answers it (RFC 6750 §3.1).
fn unusable(refusal: &Refusal) -> Failure {
    match refusal.error() {
        None => Failure::NoToken,
        Some(error) => Failure::Unreadable(ErrorAnswer::new(error, refusal.description())),
    }
}
