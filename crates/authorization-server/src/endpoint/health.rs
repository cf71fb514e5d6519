//! Whether the server lives, and whether it can work.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use crate::answer::{json as json_answer, to_client};
use crate::app::App;
use crate::event::Event;

/// The process answers.
pub(crate) async fn live(State(app): State<Arc<App>>, event: Event) -> Response {
    to_client(&app, &event, Ok(json_answer(StatusCode::OK, &json!({"status": "live"}))))
}

/// The store can be read and written.
pub(crate) async fn ready(State(app): State<Arc<App>>, event: Event) -> Response {
    let checked = app.store.check().await;
    let answer = checked
        .map(|()| json_answer(StatusCode::OK, &json!({"status": "ready"})))
        .map_err(Into::into);
    to_client(&app, &event, answer)
}
