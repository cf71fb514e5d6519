//! The error codes of OAuth 2.0 and its extensions (RFC 6749 §4.1.2.1, §5.2; RFC 8707 §2).

use std::fmt;

use serde::Serialize;

/// An error code as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// A parameter is missing, repeated or malformed (RFC 6749 §5.2).
    InvalidRequest,
    /// The client is unknown or did not authenticate (RFC 6749 §5.2).
    InvalidClient,
    /// The code or refresh token is invalid, expired, revoked or another client's (RFC 6749 §5.2).
    InvalidGrant,
    /// The client may not use this grant or response type (RFC 6749 §5.2).
    UnauthorizedClient,
    /// The server does not know this grant type (RFC 6749 §5.2).
    UnsupportedGrantType,
    /// The server does not know this response type (RFC 6749 §4.1.2.1).
    UnsupportedResponseType,
    /// The scope is malformed or nothing of it can be given (RFC 6749 §5.2).
    InvalidScope,
    /// The resource is malformed, unknown or not to be had (RFC 8707 §2).
    InvalidTarget,
    /// The user or the server said no (RFC 6749 §4.1.2.1).
    AccessDenied,
    /// The user has not answered yet: poll again (RFC 8628 §3.5).
    AuthorizationPending,
    /// The user has not answered yet, and the polls come too fast (RFC 8628 §3.5).
    SlowDown,
    /// The device code is past its time (RFC 8628 §3.5).
    ExpiredToken,
    /// Something is wrong here (RFC 6749 §4.1.2.1).
    ServerError,
    /// Too busy just now (RFC 6749 §4.1.2.1).
    TemporarilyUnavailable,
    /// `prompt=none`, but the user must sign in (OpenID Connect Core §3.1.2.6).
    LoginRequired,
    /// No login can be as strong as the request needs it (OpenID Connect Core Error Code
    /// `unmet_authentication_requirements` §2).
    UnmetAuthenticationRequirements,
    /// `prompt=none`, but the user must consent (OpenID Connect Core §3.1.2.6).
    ConsentRequired,
    /// `prompt=none`, but something must be asked (OpenID Connect Core §3.1.2.6).
    InteractionRequired,
    /// Request objects are not taken (OpenID Connect Core §3.1.2.6).
    RequestNotSupported,
    /// Request objects by reference are not taken (OpenID Connect Core §3.1.2.6).
    RequestUriNotSupported,
    /// The request object is malformed or not to be believed (RFC 9101 §7).
    InvalidRequestObject,
    /// There is no usable request behind the reference (RFC 9101 §7, RFC 9126 §4).
    InvalidRequestUri,
    /// The token type cannot be revoked here (RFC 7009 §2.2.1).
    UnsupportedTokenType,
    /// The access token is expired, revoked, malformed or not for this API (RFC 6750 §3.1).
    InvalidToken,
    /// The access token is good but not for this (RFC 6750 §3.1).
    InsufficientScope,
    /// The login is not fresh or strong enough (RFC 9470 §3).
    InsufficientUserAuthentication,
    /// The DPoP proof is missing where one is due, malformed, or of something else (RFC 9449 §5,
    /// §7.1).
    InvalidDpopProof,
    /// The DPoP proof must carry the nonce that this answer brings (RFC 9449 §8, §9).
    UseDpopNonce,
    /// The authorization details are malformed, unknown or not to be had (RFC 9396 §5).
    InvalidAuthorizationDetails,
    /// A redirect URI of a client is missing, malformed or not allowed (RFC 7591 §3.2.2).
    InvalidRedirectUri,
    /// What a client says of itself is malformed or not to be had (RFC 7591 §3.2.2).
    InvalidClientMetadata,
    /// No software statement is approved here (RFC 7591 §3.2.2).
    UnapprovedSoftwareStatement,
}

impl ErrorCode {
    /// The code as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::LoginRequired => "login_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientUserAuthentication => "insufficient_user_authentication",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::UnapprovedSoftwareStatement => "unapproved_software_statement",
        }
    }

    /// The HTTP status of a direct answer with this code (RFC 6749 §5.2, RFC 6750 §3.1).
    ///
    /// The codes of DPoP get what a resource server answers (RFC 9449 §7.1, §9); a token endpoint
    /// answers both with 400 (§5, §8).
    pub const fn status(self) -> http::StatusCode {
        match self {
            Self::InvalidClient
            | Self::InvalidToken
            | Self::InsufficientUserAuthentication
            | Self::InvalidDpopProof
            | Self::UseDpopNonce => http::StatusCode::UNAUTHORIZED,
            Self::InsufficientScope | Self::AccessDenied => http::StatusCode::FORBIDDEN,
            Self::ServerError => http::StatusCode::INTERNAL_SERVER_ERROR,
            Self::TemporarilyUnavailable => http::StatusCode::SERVICE_UNAVAILABLE,
            _ => http::StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error answer's body (RFC 6749 §5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorAnswer {
    /// The code.
    pub error: ErrorCode,
    /// What to do about it, for a developer; ASCII without `"` and `\` (RFC 6749 §5.2).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error_description: String,
}

impl ErrorAnswer {
    /// An answer whose description holds only what RFC 6749 §5.2 lets it hold.
    pub fn new(error: ErrorCode, description: impl AsRef<str>) -> Self {
        let error_description = description
            .as_ref()
            .chars()
            .map(|c| match c {
                '"' | '\\' => '\'',
                ' '..='~' => c,
                _ => '?',
            })
            .collect();
        Self { error, error_description }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= https://www.rfc-editor.org/rfc/rfc6749#section-5.2
    //= type=test
    //# Values for the "error_description" parameter MUST NOT include
    //# characters outside the set %x20-21 / %x23-5B / %x5D-7E.
    #[test]
    fn a_description_holds_only_what_it_may() {
        let answer = ErrorAnswer::new(ErrorCode::InvalidScope, "a\"b\\c\ndé");
        assert_eq!(answer.error_description, "a'b'c?d?");
        let json = serde_json::to_value(&answer).unwrap();
        assert_eq!(json["error"], ErrorCode::InvalidScope.as_str());
    }

    #[test]
    fn codes_of_later_extensions_have_their_status() {
        let cases = [
            (ErrorCode::InsufficientUserAuthentication, "insufficient_user_authentication", 401),
            (ErrorCode::InvalidDpopProof, "invalid_dpop_proof", 401),
            (ErrorCode::UseDpopNonce, "use_dpop_nonce", 401),
            (ErrorCode::InvalidRequestObject, "invalid_request_object", 400),
            (ErrorCode::InvalidRequestUri, "invalid_request_uri", 400),
            (ErrorCode::InvalidAuthorizationDetails, "invalid_authorization_details", 400),
            (ErrorCode::InvalidRedirectUri, "invalid_redirect_uri", 400),
            (ErrorCode::InvalidClientMetadata, "invalid_client_metadata", 400),
            (ErrorCode::UnapprovedSoftwareStatement, "unapproved_software_statement", 400),
        ];
        for (code, text, status) in cases {
            assert_eq!((code.as_str(), code.status().as_u16()), (text, status));
            assert_eq!(serde_json::to_value(code).unwrap(), text);
        }
    }
}
