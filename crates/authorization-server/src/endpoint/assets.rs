//! What pages are drawn with; named after its content, so browsers keep it for good.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use crate::app::App;

/// The style sheet.
pub(crate) const STYLE: &str = include_str!("../../templates/style.css");

/// The icon.
pub(crate) const ICON: &str = include_str!("../../templates/icon.svg");

const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// Serves the style sheet.
pub(crate) async fn style(State(app): State<Arc<App>>) -> Response {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, FOR_GOOD)];
    (headers, app.style.clone()).into_response()
}

/// Serves the operator's picture; whoever opens it by itself runs nothing that stands in it.
pub(crate) async fn logo(State(app): State<Arc<App>>) -> Response {
    let Some(logo) = &app.branding.logo else { return StatusCode::NOT_FOUND.into_response() };
    let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
    let headers = [
        (CONTENT_TYPE, logo.media_type()),
        (CACHE_CONTROL, FOR_GOOD),
        (CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, logo.octets().to_vec()).into_response()
}

/// Serves the icon.
pub(crate) async fn icon() -> Response {
    ([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, FOR_GOOD)], ICON).into_response()
}
