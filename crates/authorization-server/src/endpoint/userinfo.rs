//! Userinfo (OpenID Connect Core §5.3): the token in the `Authorization` header, or in a form that was
//! posted (RFC 6750 §2.1, §2.2).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bailiwick_grant::flow::userinfo::userinfo;
use bailiwick_grant::rule::sender::{Scheme, Sent};
use bailiwick_guard::{self as guard, Presented, Refusal};
use bailiwick_oauth::error::ErrorAnswer;
use bailiwick_oauth::{ErrorCode, Form, Secret};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, StatusCode};

use super::sender::Shown;
use crate::answer::{Failure, json, to_client};
use crate::app::{Answered, App};
use crate::event::Event;
use crate::{form, load, signer};

/// Answers who the user is.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let shown = Shown::of(&app, &request);
    let answer = match posted(request).await {
        Ok((request, token)) => {
            let (headers, query) = (&request.headers, request.uri.query());
            let presented = match (&token, Presented::from_request(headers, query)) {
                (Some(token), Err(refusal)) if refusal.error().is_none() => {
                    Presented::from_token(token.expose())
                }
                // RFC 6750 §2: one way in each request.
                (Some(_), _) => {
                    return to_client(&app, &event, Err(several()));
                }
                (None, presented) => presented,
            };
            answer(&app, &event, &shown, presented).await
        }
        Err(failure) => Err(failure),
    };
    to_client(&app, &event, answer)
}

/// Takes the token out of a form that was posted (RFC 6750 §2.2), if there is one.
async fn posted(request: Request) -> Result<(Parts, Option<Secret>), Failure> {
    let has_form = *request.method() == Method::POST && form::is_form(request.headers());
    let (parts, body) = request.into_parts();
    if !has_form {
        return Ok((parts, None));
    }
    let body = Form::parse_bytes(&form::body(body).await?)?;
    let token = body.one("access_token").map_err(|why| unreadable(&why.to_string()))?;
    Ok((parts, token.map(Secret::new)))
}

fn several() -> Failure {
    unreadable("a token stands in the form and another in the header or the query; send one")
}

fn unreadable(text: &str) -> Failure {
    Failure::Unreadable(ErrorAnswer::new(ErrorCode::InvalidRequest, text))
}

async fn answer(
    app: &App,
    event: &Event,
    shown: &Shown,
    presented: Result<Presented<'_>, Refusal>,
) -> Answered {
    let presented = presented.map_err(|refusal| unusable(&refusal))?;
    let scheme = match presented.scheme() {
        guard::Scheme::Bearer => Scheme::Bearer,
        guard::Scheme::Dpop => Scheme::Dpop,
    };
    let told = |failure| match failure {
        Failure::Refused(refused) => Failure::Token { refused, scheme, nonce: None },
        Failure::WantsNonce { refused, nonce } => Failure::Token { refused, scheme, nonce },
        other => other,
    };
    let token = Secret::new(presented.expose());
    let token = load::access_token(app, &token).await?;
    if let Some(claims) = token.found.claims() {
        event.client(&claims.client_id);
    }
    let known = token.known();
    let sender = match known.client {
        Some(client) if scheme == Scheme::Dpop => {
            shown.proved(app, client, Some(presented.expose())).await.map_err(told)?.sender
        }
        _ => shown.without_proof(),
    };
    let sent = Sent { scheme, sender: &sender };
    let answer = userinfo(&app.tenant, &token.found, &known, known.user, sent, app.now())
        .map_err(|refused| told(refused.into()))?;
    match answer.signed {
        None => Ok(json(StatusCode::OK, &answer.claims)),
        Some(algorithm) => {
            let token = signer::signed(app, algorithm, "JWT", &answer.claims).await?;
            Ok(([(CONTENT_TYPE, "application/jwt")], token).into_response())
        }
    }
}

/// What is wrong with the presented token, as this product answers it (RFC 6750 §3.1).
fn unusable(refusal: &Refusal) -> Failure {
    match refusal.error() {
        None => Failure::NoToken,
        Some(error) => Failure::Unreadable(ErrorAnswer::new(error, refusal.description())),
    }
}
