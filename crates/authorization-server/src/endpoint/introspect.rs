//! Introspection (RFC 7662 §2): for the resource server that a token is for.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::flow::introspect::introspect;
use bailiwick_grant::rule::client_auth;
use bailiwick_grant::{Reason, Refused};
use bailiwick_oauth::introspect::{Request as IntrospectionRequest, Response as Introspected};
use bailiwick_oauth::{ErrorCode, Resource};
use http::StatusCode;

use super::caller;
use crate::answer::{json, to_client};
use crate::app::{Answered, App};
use crate::event::Event;
use crate::load;

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
    let (form, credentials) = caller::presented(request).await?;
    let store = &*app.store;
    // A resource server's name is its identifier, or an alias of it.
    let name = Resource::parse_with(credentials.client_id().as_str(), app.tenant.plain_http).ok();
    let servers = load::servers(store, name.as_slice()).await?;
    let server = name.as_ref().and_then(|name| servers.find(name));
    client_auth::authenticate_resource_server(server, &credentials)?;
    let request = IntrospectionRequest::read(&form)?;
    let Some(server) = server else {
        let text = "the resource server is unknown";
        return Err(Refused::new(ErrorCode::InvalidClient, Reason::UnknownClient, text).into());
    };
    event.resource(&server.identifier);
    let token = load::access_token(app, &request.token).await?;
    let answer = introspect(&app.tenant, server, &token.found, &token.known(), app.now());
    event.verdict(match &answer {
        Introspected::Active(_) => "active",
        Introspected::Inactive { .. } => "inactive",
    });
    Ok(json(StatusCode::OK, &answer))
}
