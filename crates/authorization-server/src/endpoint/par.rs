//! Pushed authorization requests (RFC 9126 §2): a client hands its request in ahead of the browser.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bailiwick_grant::flow::{authorize, push};
use bailiwick_grant::rule::dpop;
use bailiwick_oauth::authorize::{Asker, Reply};
use bailiwick_oauth::push::Response as Pushed;
use http::StatusCode;

use super::authorize::checked;
use super::sender::{DPOP_NONCE, Proved, Shown};
use super::{asked, caller};
use crate::answer::{Failure, json, set, to_client};
use crate::app::{Answered, App};
use crate::commit::{Attempts, Committed};
use crate::event::Event;

/// What authenticates the client and is no part of its request.
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// Answers pushed authorization requests.
pub(crate) async fn endpoint(
    State(app): State<Arc<App>>,
    event: Event,
    request: Request,
) -> Response {
    let answer = answer(&app, &event, request).await;
    to_client(&app, &event, answer)
}

async fn answer(app: &App, event: &Event, request: Request) -> Answered {
    let shown = Shown::of(app, &request);
    let (form, credentials) = caller::presented(request).await?;
    let client = caller::authenticated(app, event, &credentials).await?;
    let Proved { sender, nonce } = shown.proved(app, &client, None).await?;
    let form = form.without(&CREDENTIALS);
    // A client that authenticates in the header may have left its name out of the body.
    let form = match form.one("client_id")? {
        None => form.without(&["client_id"]).with("client_id", client.id.as_str()),
        Some(_) => form,
    };
    let mut asked = asked::by_client(app, &client, form).await?;
    // RFC 9449 §10.1: the proof names the key as dpop_jkt does.
    if let Some(jkt) = dpop::of_request(asked.form.one("dpop_jkt")?, sender.jkt.as_deref())? {
        asked.form = asked.form.without(&["dpop_jkt"]).with("dpop_jkt", &jkt);
    }
    // Checked as if it came through the browser (RFC 9126 §2.1, item 3), and then once more when it
    // is taken up: meanwhile what is registered may change.
    let (reply, trouble) = Reply::read(&asked.form);
    let destination = authorize::destination(&client, &Asker::read(&asked.form)?, reply)?;
    trouble?;
    let _ = checked(app, &client, destination, &asked.form).await?;
    let (tenant, now) = (&app.tenant, app.now());
    let (form, signature) = (asked.form, asked.way.signature());
    let decision = push::push(tenant, &client.id, form, signature, now, &mut app.entropy());
    let committed = Attempts::new().commit(&*app.store, decision.changes).await?;
    if committed == Committed::Again {
        return Err(Failure::Contended);
    }
    event.verdict("pushed");
    let push::Pushed { request_uri, expires_in } = decision.outcome;
    let mut response = json(StatusCode::CREATED, &Pushed { request_uri, expires_in });
    if let Some(nonce) = nonce {
        set(&mut response, DPOP_NONCE, &nonce);
    }
    Ok(response)
}
