//! Where an API takes revocations (RFC 8935).

use bailiwick_grant::state::Receiver;

use super::read::section;
use super::secret::PlainSecret;
use super::url::Url;

section! {
    /// Pushes revocations to an API at once, as security event tokens (RFC 8417, RFC 8935), so that
    /// signed tokens are refused there before they expire.
    struct Section("[resource.events]") {
        /// The URL that the events are posted to.
        url: Url = required "\"https://api.example.com/events\"";
        /// The secret that is shown there as a bearer token, so that strangers are sent away
        /// before a signature is checked. It is sent, so it stands in the store as it is.
        authorization: PlainSecret = optional "{ env = \"ORDERS_EVENTS\" }";
    }
}

/// Turns what was read into where revocations go.
pub(super) fn check(section: &Section) -> Receiver {
    Receiver {
        url: section.url.0.clone(),
        authorization: section.authorization.as_ref().map(|secret| secret.0.clone()),
    }
}
