//! The fields of a client for OpenID Connect, and what they become.

use bailiwick_grant::state::{OpenidSettings, ResponseIss};
use bailiwick_jose::Algorithm;

use super::read::section;

section! {
    /// What a client wants of OpenID Connect; the names are those of client metadata (OpenID
    /// Connect Dynamic Client Registration §2) where it has one.
    struct ClientOpenid("[client.openid]") {
        /// With what answers of the `jwt` response modes are signed (JARM §3).
        authorization_signed_response_alg: Algorithm = default "\"RS256\"";
        /// Whether its authorization responses carry `iss` (RFC 9207); as `response_iss` of the
        /// server, for this client alone.
        response_iss: ResponseIss = default "\"send\"";
    }
}

impl ClientOpenid {
    /// The settings as the server works with them.
    pub(super) fn settings(self) -> OpenidSettings {
        OpenidSettings {
            authorization_signed_response_alg: self.authorization_signed_response_alg,
            response_iss: self.response_iss,
        }
    }
}
