//! The fields of a client for OpenID Connect, and what they become.

use bailiwick_grant::state::{OpenidSettings, ResponseIss, SubjectType};
use bailiwick_jose::Algorithm;
use bailiwick_oauth::{RedirectUri, WebUrl};

use super::check::distinct;
use super::read::{At, Reader, section};
use super::value::{Seconds, Words};

section! {
    /// What a client wants of OpenID Connect; the names are those of client metadata (OpenID
    /// Connect Dynamic Client Registration §2) where it has one.
    struct ClientOpenid("[client.openid]") {
        /// With what its ID tokens are signed.
        id_token_signed_response_alg: Algorithm = default "\"RS256\"";
        /// With what answers of userinfo are signed for it; left out, they are plain JSON.
        userinfo_signed_response_alg: Algorithm = optional "\"ES256\"";
        /// With what answers of the `jwt` response modes are signed (JARM §3).
        authorization_signed_response_alg: Algorithm = default "\"RS256\"";
        /// Whether `sub` is the user's own (`public`), or one that no other sector knows
        /// (`pairwise`, OpenID Connect Core §8): in ID tokens, at userinfo and in access tokens.
        subject_type: At<SubjectType> = default "\"public\"";
        /// The document that lists the redirect URIs of a sector (OpenID Connect Core §8.1); its
        /// host is the sector. Needed for `pairwise` when the redirect URIs have several hosts, or
        /// none.
        sector_identifier_uri: At<WebUrl> = optional "\"https://example.com/redirect_uris.json\"";
        /// The greatest age of a login where a request names none.
        default_max_age: Seconds = optional "\"1h\"";
        /// The authentication contexts that it likes where a request names none.
        default_acr_values: Vec<Words> = default "[]";
        /// Where users may be sent after signing out (OpenID Connect RP-Initiated Logout §3.1);
        /// compared byte for byte.
        post_logout_redirect_uris: Vec<At<RedirectUri>> = default "[]";
        /// Where it is told that a session ended (OpenID Connect Back-Channel Logout §2.2).
        backchannel_logout_uri: WebUrl = optional "\"https://shop.example.com/backchannel-logout\"";
        /// Whether its authorization responses carry `iss` (RFC 9207); as `response_iss` of the
        /// server, for this client alone.
        response_iss: ResponseIss = default "\"send\"";
    }
}

impl ClientOpenid {
    /// The settings as the server works with them; notes what does not fit together.
    pub(super) fn check(self, uris: &[RedirectUri], reader: &mut Reader<'_>) -> OpenidSettings {
        let is_pairwise = self.subject_type.value == SubjectType::Pairwise;
        let mut hosts: Vec<_> = uris.iter().map(RedirectUri::host).collect();
        hosts.sort();
        hosts.dedup();
        match &self.sector_identifier_uri {
            Some(uri) if !is_pairwise => {
                let help = "leave it out, or write `subject_type = \"pairwise\"`";
                reader.problem(&uri.span, "a sector is for pairwise subjects alone", help);
            }
            None if is_pairwise && !matches!(hosts.as_slice(), [] | [Some(_)]) => {
                let message = "the redirect URIs do not have one host, which would be the sector";
                let help = "add `sector_identifier_uri` (OpenID Connect Core §8.1)";
                reader.problem(&self.subject_type.span, message, help);
            }
            _ => {}
        }
        OpenidSettings {
            id_token_signed_response_alg: self.id_token_signed_response_alg,
            userinfo_signed_response_alg: self.userinfo_signed_response_alg,
            authorization_signed_response_alg: self.authorization_signed_response_alg,
            subject_type: self.subject_type.value,
            sector_identifier_uri: self.sector_identifier_uri.map(|at| at.value),
            default_max_age: self.default_max_age.map(|seconds| seconds.0),
            default_acr_values: self.default_acr_values.into_iter().map(|acr| acr.0).collect(),
            post_logout_redirect_uris: distinct(
                self.post_logout_redirect_uris,
                "post-logout redirect URI",
                reader,
            ),
            backchannel_logout_uri: self.backchannel_logout_uri,
            response_iss: self.response_iss,
        }
    }
}

#[cfg(test)]
#[path = "openid_tests.rs"]
mod tests;
