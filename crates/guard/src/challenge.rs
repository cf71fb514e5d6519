//! The challenges: what a refused client is told in `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1,
//! RFC 9470 §3, RFC 9728 §5.1).

use bailiwick_jose::Algorithm;
use bailiwick_oauth::dpop::PROOF_ALGORITHMS;
use bailiwick_oauth::{ErrorCode, Resource, Scopes, metadata};
use http::{HeaderValue, StatusCode};

use crate::bound::Binding;
use crate::present::Scheme;
use crate::refusal::{Refusal, Remedy};

/// What a client may be told of a resource.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'o> {
    /// The resource.
    pub resource: &'o Resource,
    /// The scope that the request needs, as far as it is known.
    pub needed: &'o Scopes,
    /// Which bindings the resource wants.
    pub binding: Binding,
    /// Whether clients are told that DPoP is an option.
    pub offers_dpop: bool,
    /// How the request's token was sent, if one was.
    pub sent: Option<Scheme>,
}

/// Writes the challenges for a refusal, one for each header `WWW-Authenticate`; none when no other
/// token would help, as with 503.
///
/// `Bearer` comes before `DPoP`: many clients read the first one only. A client without credentials
/// reads where the metadata is and nothing of an error. For a resource that is no web address, and
/// so has no metadata, the realm is its identifier.
pub fn challenges(refusal: &Refusal, offer: &Offer<'_>) -> Vec<HeaderValue> {
    if refusal.status().is_server_error() || refusal.error() == Some(ErrorCode::AccessDenied) {
        return Vec::new();
    }
    let takes_bearer = offer.binding != Binding::Dpop;
    let takes_dpop =
        offer.offers_dpop || offer.sent == Some(Scheme::Dpop) || wants_dpop(refusal, offer);
    // The scheme that the client tried is told of its error; Bearer when it tried none.
    let told = match offer.sent {
        Some(scheme) if scheme == Scheme::Bearer && !takes_bearer => Scheme::Dpop,
        Some(scheme) => scheme,
        None if takes_bearer => Scheme::Bearer,
        None => Scheme::Dpop,
    };
    let mut challenges = Vec::new();
    if takes_bearer {
        challenges.extend(challenge(Scheme::Bearer, told, refusal, offer));
    }
    if takes_dpop {
        challenges.extend(challenge(Scheme::Dpop, told, refusal, offer));
    }
    challenges
}

fn wants_dpop(refusal: &Refusal, offer: &Offer<'_>) -> bool {
    use crate::refusal::Reason;
    // A bound token that was sent as a bearer token: its holder must learn how to send it.
    matches!(offer.binding, Binding::Dpop | Binding::Either)
        || refusal.reason() == Reason::ProofMissing
}

fn challenge(
    scheme: Scheme,
    told: Scheme,
    refusal: &Refusal,
    offer: &Offer<'_>,
) -> Option<HeaderValue> {
    let mut parameters = Vec::with_capacity(8);
    let metadata = metadata::protected_resource_url(offer.resource);
    if metadata.is_none() {
        parameters.push(("realm", offer.resource.to_string()));
    }
    if scheme == told {
        if let Some(answer) = refusal.answer() {
            parameters.push(("error", answer.error.as_str().to_owned()));
            parameters.push(("error_description", answer.error_description));
        }
        if let Some(Remedy::Login { acr_values, max_age }) = refusal.remedy() {
            if !acr_values.is_empty() {
                parameters.push(("acr_values", acr_values.join(" ")));
            }
            if let Some(max_age) = max_age {
                parameters.push(("max_age", max_age.to_string()));
            }
        }
    }
    let scope = refusal.scope().unwrap_or(offer.needed);
    // A malformed request is not cured by another scope.
    if !scope.is_empty() && refusal.status() != StatusCode::BAD_REQUEST {
        parameters.push(("scope", scope.to_string()));
    }
    if scheme == Scheme::Dpop {
        let names: Vec<_> = PROOF_ALGORITHMS.iter().copied().map(Algorithm::name).collect();
        parameters.push(("algs", names.join(" "))); // RFC 9449 §7.1
    }
    if let Some(url) = metadata {
        parameters.push(("resource_metadata", url));
    }
    let name = match scheme {
        Scheme::Bearer => "Bearer",
        Scheme::Dpop => "DPoP",
    };
    let parameters: Vec<_> =
        parameters.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
    HeaderValue::from_str(&format!("{name} {}", parameters.join(", "))).ok()
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
