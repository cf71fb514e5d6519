//! Revocation (RFC 7009 §2).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bailiwick_grant::flow::revoke::{Presented, revoke};
use bailiwick_grant::rule::resource::Directory;
use bailiwick_grant::state::{GrantRecord, OpaqueToken, RefreshToken};
use bailiwick_oauth::Secret;
use bailiwick_oauth::revoke::Request as RevocationRequest;
use bailiwick_store::StoreExt;
use http::StatusCode;

use super::caller;
use crate::answer::{Failure, to_client};
use crate::app::{Answered, App};
use crate::commit::{Attempts, Committed};
use crate::event::Event;
use crate::{load, signer};

/// Answers revocation requests.
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
    let request = RevocationRequest::read(&form)?;
    let (store, now) = (&*app.store, app.now());
    let mut attempts = Attempts::new();
    loop {
        let presented = presented(app, &request.token).await?;
        let (grant, directory) = match &presented {
            Presented::Refresh(token) => {
                let grant = store.load::<GrantRecord>(token.grant.as_str()).await?;
                let held = grant.as_ref().map(|grant| grant.value.grant.clone());
                (grant, load::servers_of(store, &held.unwrap_or_default()).await?)
            }
            Presented::Opaque(OpaqueToken { claims, .. }) | Presented::Jwt(claims) => {
                (None, load::servers_of_audience(store, &claims.aud).await?)
            }
            Presented::Nothing => (None, Directory::new()),
        };
        let (resources, grant) = (&request.resource, grant.as_ref());
        let decision = revoke(&app.tenant, &client, &presented, resources, grant, &directory, now);
        if attempts.commit(store, decision.changes).await? == Committed::Done {
            decision.outcome?;
            event.verdict("revoked");
            return Ok(StatusCode::OK.into_response());
        }
    }
}

/// Finds what a string is, whatever the client's hint says (RFC 7009 §2.1).
async fn presented(app: &App, token: &Secret) -> Result<Presented, Failure> {
    if let Some(claims) = signer::verified(&app.keyring.load(), token) {
        return Ok(Presented::Jwt(claims));
    }
    let key = token.digest();
    let found = app.store.load_pair::<RefreshToken, OpaqueToken>(key.as_str(), key.as_str());
    Ok(match found.await? {
        (Some(refresh), _) => Presented::Refresh(refresh.value),
        (None, Some(opaque)) => Presented::Opaque(opaque.value),
        (None, None) => Presented::Nothing,
    })
}
