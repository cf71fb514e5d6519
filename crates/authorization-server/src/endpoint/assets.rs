//! What pages are drawn with; named after its content, so browsers keep it for good.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

/// The style sheet.
pub(crate) const STYLE: &str = include_str!("../../templates/style.css");

/// The icon.
pub(crate) const ICON: &str = include_str!("../../templates/icon.svg");

const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// Serves the style sheet.
pub(crate) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, FOR_GOOD)], STYLE).into_response()
}

/// Serves the icon.
pub(crate) async fn icon() -> Response {
    ([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, FOR_GOOD)], ICON).into_response()
}
