//! The challenge: what a refused client is told in `WWW-Authenticate` (RFC 6750 §3, RFC 9728 §5.1).

use bailiwick_oauth::{Resource, Scopes, metadata};
use http::{HeaderValue, StatusCode};

use crate::refusal::Refusal;

/// Writes the challenge for a refusal; `None` when the client is not at fault, as with 503.
///
/// `needed` is the scope that the request needs, as far as it is known. A client without
/// credentials reads where the metadata is and nothing of an error; for a resource that is no web
/// address, and so has no metadata, the realm is its identifier.
pub fn challenge(refusal: &Refusal, resource: &Resource, needed: &Scopes) -> Option<HeaderValue> {
    let mut parameters = Vec::with_capacity(5);
    match refusal.answer() {
        Some(_) if refusal.status().is_server_error() => return None,
        Some(answer) => {
            parameters.push(("error", answer.error.as_str().to_owned()));
            parameters.push(("error_description", answer.error_description));
        }
        None => {}
    }
    let scope = refusal.scope().unwrap_or(needed);
    // A malformed request is not cured by another scope.
    if !scope.is_empty() && refusal.status() != StatusCode::BAD_REQUEST {
        parameters.push(("scope", scope.to_string()));
    }
    match metadata::protected_resource_url(resource) {
        Some(url) => parameters.push(("resource_metadata", url)),
        None => parameters.insert(0, ("realm", resource.to_string())),
    }
    let parameters: Vec<_> =
        parameters.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
    HeaderValue::from_str(&format!("Bearer {}", parameters.join(", "))).ok()
}

/// The inside of a `quoted-string` (RFC 9110 §5.6.4).
fn quoted(value: &str) -> String {
    let mut inside = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '"' | '\\' => inside.extend(['\\', c]),
            ' '..='~' => inside.push(c),
            _ => inside.push('?'),
        }
    }
    inside
}
