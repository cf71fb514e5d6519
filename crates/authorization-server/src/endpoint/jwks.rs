//! The key set (RFC 7517 §5, RFC 8414 §2).

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::app::App;

/// Serves the public keys.
pub(crate) async fn endpoint(State(app): State<Arc<App>>) -> Response {
    let headers =
        [(CONTENT_TYPE, "application/jwk-set+json"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, app.keyring.load().jwks_json().to_owned()).into_response()
}
