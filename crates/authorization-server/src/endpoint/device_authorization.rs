//! The device authorization endpoint (RFC 8628 §3.1, §3.2).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::flow::device;
use bailiwick_oauth::device::{Request as DeviceRequest, Response as Begun};
use http::StatusCode;

use super::caller;
use crate::answer::{json, to_client};
use crate::app::{Answered, App};
use crate::commit::{Attempts, Committed};
use crate::event::Event;
use crate::load::{self, Named};

/// Answers device authorization requests.
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
    let client = caller::authenticated(app, event, &credentials).await?;
    let request = DeviceRequest::read(&form)?;
    let named = Named {
        resource: &request.resource,
        audience: &request.audience,
        scope: &request.scope,
        details: &request.details,
    };
    let (tenant, now) = (&app.tenant, app.now());
    let mut entropy = app.entropy();
    let mut attempts = Attempts::new();
    // A user code that is taken is a conflict: the next attempt draws another one.
    let decision = loop {
        let decision = load::decided(app, &client, named, None, |directory| {
            device::begin(tenant, &client, directory, &request, now, &mut entropy)
        });
        let mut decision = decision.await?;
        let changes = std::mem::take(&mut decision.changes);
        if attempts.commit(&*app.store, changes).await? == Committed::Done {
            break decision;
        }
    };
    event.dropped(&decision.explanation);
    let begun = decision.outcome?;
    event.verdict("begun");
    let page = tenant.issuer.endpoint(device::PAGE);
    let (device_code, user_code) = (&begun.device_code, &begun.user_code);
    let answer = Begun::new(device_code, user_code, page, begun.expires_in, begun.interval);
    Ok(json(StatusCode::OK, &answer))
}
