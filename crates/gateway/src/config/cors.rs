//! Which web pages may call a resource (Fetch Standard, "CORS protocol").

use http::Uri;
use toml::Spanned;

use super::reading::{Checked, fault};

/// The origins whose pages may call a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    /// Every one.
    Any,
    /// These, as browsers write them.
    Origins(Vec<String>),
}

/// Checks the origins of a resource; `None` when the gateway leaves it all to the upstream.
pub(super) fn check(origins: Option<&Spanned<Vec<Spanned<String>>>>) -> Checked<Option<Cors>> {
    let Some(origins) = origins else { return Ok(None) };
    match origins.get_ref().as_slice() {
        [] => Err(fault(origins, "no origin; leave `cors_origins` out")),
        [any] if any.get_ref() == "*" => Ok(Some(Cors::Any)),
        listed => {
            let listed = listed.iter().map(|origin| {
                if is_origin(origin.get_ref()) {
                    return Ok(origin.get_ref().clone());
                }
                Err(fault(
                    origin,
                    "not an origin; write it as browsers do, such as \
                     \"https://app.example.com\", or \"*\" alone for all of them",
                ))
            });
            listed.collect::<Checked<_>>().map(|origins| Some(Cors::Origins(origins)))
        }
    }
}

/// Whether a text is an origin as browsers write it (Fetch Standard, "serializing a request origin").
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    let is_usual =
        matches!((scheme, authority.port_u16()), ("https", Some(443)) | ("http", Some(80)));
    !is_usual
        && format!("{scheme}://{authority}") == text
        && text == text.to_ascii_lowercase()
        && !text.contains(['@', '*'])
}
