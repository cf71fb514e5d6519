//! Introspection (RFC 7662 §2): for the resource server that a token is for; signed where it asks for
//! that or is registered so (RFC 9701).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bailiwick_grant::flow::introspect::introspect;
use bailiwick_grant::rule::client_auth;
use bailiwick_grant::state::ResourceServer;
use bailiwick_grant::{Reason, Refused};
use bailiwick_jose::Algorithm;
use bailiwick_oauth::introspect::{
    Request as IntrospectionRequest, Response as Introspected, SIGNED, Signed,
};
use bailiwick_oauth::{ErrorCode, Resource};
use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use http::{HeaderMap, StatusCode};

use super::caller;
use crate::answer::{json, to_client};
use crate::app::{Answered, App};
use crate::event::Event;
use crate::{load, signer};

/// The media type of a signed answer (RFC 9701 §4).
const MEDIA_TYPE: &str = "application/token-introspection+jwt";

/// Answers introspection requests.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = answer(&app, &event, request).await;
    to_client(&app, &event, answer)
}

async fn answer(app: &App, event: &Event, request: Request) -> Answered {
    let asks_signed = asks_signed(request.headers());
    let (form, credentials) = caller::presented(request).await?;
    // A resource server's name is its identifier, or an alias of it.
    let name = Resource::parse_with(credentials.client_id().as_str(), app.tenant.plain_http).ok();
    let servers = load::servers(&*app.store, name.as_slice()).await?;
    let server = name.as_ref().and_then(|name| servers.find(name));
    let now = app.now();
    let authenticated =
        client_auth::authenticate_resource_server(&app.tenant, server, &credentials, now)?;
    caller::spend(app, authenticated).await?;
    let request = IntrospectionRequest::read(&form)?;
    let Some(server) = server else {
        let text = "the resource server is unknown";
        return Err(Refused::new(ErrorCode::InvalidClient, Reason::UnknownClient, text).into());
    };
    event.resource(&server.identifier);
    let token = load::access_token(app, &request.token).await?;
    let answer = introspect(&app.tenant, server, &token.found, &token.known(), now);
    event.verdict(match &answer {
        Introspected::Active(_) => "active",
        Introspected::Inactive { .. } => "inactive",
    });
    if asks_signed || server.introspection_signing.is_some() {
        return signed(app, server, &answer).await;
    }
    Ok(json(StatusCode::OK, &answer))
}

/// The answer as a JWT for this one resource server (RFC 9701 §5).
async fn signed(app: &App, asker: &ResourceServer, answer: &Introspected) -> Answered {
    let algorithm = asker.introspection_signing.unwrap_or(Algorithm::Rs256);
    let claims = Signed {
        iss: app.tenant.issuer.as_str(),
        aud: asker.identifier.as_str(),
        iat: app.now(),
        token_introspection: answer,
    };
    let token = signer::signed(app, algorithm, SIGNED, &claims).await?;
    Ok(([(CONTENT_TYPE, MEDIA_TYPE), (VARY, "accept")], token).into_response())
}

/// Whether the caller takes a signed answer (RFC 9701 §4).
fn asks_signed(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let essence = one.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case(MEDIA_TYPE)
    })
}
