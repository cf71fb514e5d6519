//! The fields on how clients send their authorization requests.

use bailiwick_jose::Algorithm;
use bailiwick_oauth::WebUrl;

use super::read::{At, section};

section! {
    /// How clients send their authorization requests. A client may be held to more than all are.
    struct RequestRules("[requests]") {
        /// Whether all must push them ahead of the browser (RFC 9126).
        require_pushed: bool = default "false";
        /// Whether all must sign them (RFC 9101).
        require_signed: bool = default "false";
    }
}

section! {
    /// How one client sends its authorization requests.
    struct ClientRequests("[client.requests]") {
        /// Whether it must push them ahead of the browser (RFC 9126 §6).
        require_pushed: bool = default "false";
        /// Whether it must sign them, with one of its keys (RFC 9101 §10.5).
        require_signed: bool = default "false";
        /// The one algorithm that it signs them with; without it, any that the metadata lists.
        signing_alg: Algorithm = optional "\"ES256\"";
        /// Where it publishes signed requests: the only addresses that its `request_uri` may name.
        request_uris: Vec<At<WebUrl>> = default "[]";
    }
}
