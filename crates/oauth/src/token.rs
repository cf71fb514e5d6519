//! The token request and its answer (RFC 6749 §3.2, §4.1.3, §4.4.2, §5.1, §6; RFC 8707 §2.2).

use serde::{Deserialize, Serialize};

use crate::authorize::{details, invalid, once, scope};
use crate::details::Detail;
use crate::error::ErrorAnswer;
use crate::exchange::Exchange;
use crate::form::Form;
use crate::{CodeVerifier, Confirmation, ErrorCode, Scopes, Secret, device, exchange, jwt_bearer};

/// A token request, well-formed but not yet checked against anything.
#[derive(Debug)]
pub struct Request {
    /// What is exchanged for tokens.
    pub grant: GrantType,
    /// The `resource` values as they were sent (RFC 8707 §2.2).
    pub resource: Vec<String>,
    /// The `audience` values as they were sent: a dialect of `resource`.
    pub audience: Vec<String>,
    /// The scopes asked for.
    pub scope: Option<Scopes>,
    /// The authorization details asked for (RFC 9396 §6).
    pub details: Option<Vec<Detail>>,
}

/// The grant types that are taken.
#[derive(Debug)]
pub enum GrantType {
    /// RFC 6749 §4.1.3
    AuthorizationCode {
        /// The code.
        code: Secret,
        /// The redirect URI of the authorization request, as it was sent there.
        redirect_uri: Option<String>,
        /// The PKCE verifier.
        verifier: Option<CodeVerifier>,
    },
    /// RFC 6749 §6
    RefreshToken {
        /// The refresh token.
        token: Secret,
    },
    /// RFC 6749 §4.4.2
    ClientCredentials,
    /// RFC 7523 §2.1
    JwtBearer {
        /// The JWT.
        assertion: Secret,
    },
    /// RFC 8693 §2.1
    TokenExchange(Exchange),
    /// RFC 8628 §3.4
    DeviceCode {
        /// The device code.
        code: Secret,
    },
}

impl GrantType {
    /// The value of `grant_type`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::AuthorizationCode { .. } => "authorization_code",
            Self::RefreshToken { .. } => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode { .. } => device::GRANT_TYPE,
            Self::TokenExchange(_) => exchange::GRANT_TYPE,
            Self::JwtBearer { .. } => jwt_bearer::GRANT_TYPE,
        }
    }
}

impl Request {
    /// Reads a token request.
    ///
    /// # Errors
    /// An answer for the client.
    pub fn read(form: &Form) -> Result<Self, ErrorAnswer> {
        let grant = match once(form, "grant_type")? {
            Some("authorization_code") => GrantType::AuthorizationCode {
                code: secret(form, "code")?,
                redirect_uri: once(form, "redirect_uri")?.map(str::to_owned),
                verifier: once(form, "code_verifier")?
                    .map(CodeVerifier::parse)
                    .transpose()
                    .map_err(|why| invalid(why.to_string()))?,
            },
            Some("refresh_token") => {
                GrantType::RefreshToken { token: secret(form, "refresh_token")? }
            }
            Some("client_credentials") => GrantType::ClientCredentials,
            Some(jwt_bearer::GRANT_TYPE) => {
                GrantType::JwtBearer { assertion: secret(form, "assertion")? }
            }
            Some(exchange::GRANT_TYPE) => GrantType::TokenExchange(Exchange::read(form)?),
            Some(device::GRANT_TYPE) => {
                GrantType::DeviceCode { code: secret(form, "device_code")? }
            }
            Some(_) => {
                return Err(ErrorAnswer::new(
                    ErrorCode::UnsupportedGrantType,
                    "grant_type is none that grant_types_supported of the metadata lists",
                ));
            }
            None => return Err(invalid("grant_type is missing")),
        };
        Ok(Self {
            grant,
            resource: form.all("resource").map(str::to_owned).collect(),
            audience: form.all("audience").map(str::to_owned).collect(),
            scope: scope(form)?,
            details: details(form)?,
        })
    }
}

pub(crate) fn secret(form: &Form, name: &'static str) -> Result<Secret, ErrorAnswer> {
    once(form, name)?.map(Secret::new).ok_or_else(|| invalid(format!("{name} is missing")))
}

/// The type of an access token that is bound to this: `DPoP` where each use takes a proof
/// (RFC 9449 §5), else `Bearer`, also with a certificate (RFC 8705 §3).
pub fn token_type(confirmation: Option<&Confirmation>) -> &'static str {
    match confirmation {
        Some(Confirmation { jkt: Some(_), .. }) => "DPoP",
        _ => "Bearer",
    }
}

/// A successful token response (RFC 6749 §5.1). Holds secrets: it is sent, never logged.
#[derive(Serialize, Deserialize)]
pub struct Response {
    /// The access token.
    pub access_token: String,
    /// How to use it: `Bearer` or `DPoP`.
    pub token_type: String,
    /// Its lifetime in seconds.
    pub expires_in: i64,
    /// The scopes of the access token, always said.
    pub scope: Scopes,
    /// The authorization details of the access token (RFC 9396 §7).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<Detail>,
    /// The resource that the access token is for; absent for the userinfo token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What the access token is, in an answer to a token exchange (RFC 8693 §2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<String>,
    /// A refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// An ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(body: &str) -> Result<&'static str, ErrorCode> {
        let form = Form::parse(body).unwrap();
        Request::read(&form).map(|request| request.grant.as_str()).map_err(|answer| answer.error)
    }

    #[test]
    fn requests_are_read_or_refused_with_their_code() {
        let cases = [
            ("grant_type=client_credentials&resource=x", Ok("client_credentials")),
            ("grant_type=authorization_code&code=x", Ok("authorization_code")),
            ("grant_type=refresh_token&refresh_token=x", Ok("refresh_token")),
            (
                "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=x",
                Ok(device::GRANT_TYPE),
            ),
            (
                "grant_type=urn:ietf:params:oauth:grant-type:device_code&code=x",
                Err(ErrorCode::InvalidRequest),
            ),
            ("grant_type=authorization_code", Err(ErrorCode::InvalidRequest)),
            (
                "grant_type=authorization_code&code=x&code_verifier=y",
                Err(ErrorCode::InvalidRequest),
            ),
            ("grant_type=refresh_token", Err(ErrorCode::InvalidRequest)),
            ("grant_type=password&username=x", Err(ErrorCode::UnsupportedGrantType)),
            ("", Err(ErrorCode::InvalidRequest)),
            ("grant_type=client_credentials&scope=%C3%A9", Err(ErrorCode::InvalidScope)),
            ("grant_type=client_credentials&scope=a&scope=b", Err(ErrorCode::InvalidRequest)),
        ];
        for (body, expected) in cases {
            assert_eq!(verdict(body), expected, "{body}");
        }
    }
}
