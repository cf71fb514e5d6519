//! The client's side of the direct endpoints (RFC 6749 §3.2, RFC 7009, RFC 7662,
//! OpenID Connect Core §5.3).

use std::fmt;

use bailiwick_fetch::{Answer, Fetcher, metadata};
use bailiwick_jose::json;
use bailiwick_oauth::credentials::basic_header;
use bailiwick_oauth::metadata::AuthorizationServer;
use bailiwick_oauth::{ClientId, CodeVerifier, Issuer, RedirectUri, Scopes, Secret};
use bailiwick_oauth::{introspect, token};
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use serde_json::{Map, Value};

use crate::authorize::{self, AuthorizationRequest, Parties, Started};
use crate::error::ClientError;

/// How the client authenticates (RFC 6749 §2.3).
#[derive(Debug)]
pub enum Authentication {
    /// Not at all: a public client.
    None,
    /// `client_secret_basic`
    Basic(Secret),
    /// `client_secret_post`
    Post(Secret),
}

/// A client of one authorization server.
pub struct Client {
    fetcher: Fetcher,
    metadata: AuthorizationServer,
    client_id: ClientId,
    authentication: Authentication,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("issuer", &self.metadata.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client from what the issuer publishes (RFC 8414 §3).
    ///
    /// # Errors
    /// When the metadata cannot be fetched or is somebody else's.
    pub async fn discover(
        fetcher: Fetcher,
        issuer: &Issuer,
        client_id: ClientId,
        authentication: Authentication,
    ) -> Result<Self, ClientError> {
        let metadata = metadata::authorization_server(&fetcher, issuer).await?;
        Ok(Self::with_metadata(fetcher, metadata, client_id, authentication))
    }

    /// Makes a client from metadata at hand, which is not checked.
    pub fn with_metadata(
        fetcher: Fetcher,
        metadata: AuthorizationServer,
        client_id: ClientId,
        authentication: Authentication,
    ) -> Self {
        Self { fetcher, metadata, client_id, authentication }
    }

    /// What the authorization server publishes.
    pub fn metadata(&self) -> &AuthorizationServer {
        &self.metadata
    }

    /// Begins the authorization code flow with PKCE (RFC 6749 §4.1.1, RFC 7636 §4.3).
    ///
    /// # Errors
    /// When the server has no authorization endpoint.
    pub fn authorization_url(&self, request: AuthorizationRequest) -> Result<Started, ClientError> {
        let metadata = &self.metadata;
        let parties = Parties {
            endpoint: known(metadata.authorization_endpoint.as_deref(), "authorization endpoint")?,
            issuer: &metadata.issuer,
            says_issuer: metadata.authorization_response_iss_parameter_supported,
            client_id: &self.client_id,
        };
        authorize::start(&parties, request)
    }

    /// Redeems an authorization code (RFC 6749 §4.1.3), for one resource (RFC 8707 §2.2).
    ///
    /// Does not verify the ID token.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn redeem(
        &self,
        code: &Secret,
        verifier: &CodeVerifier,
        redirect_uri: &RedirectUri,
        resource: Option<&str>,
    ) -> Result<token::Response, ClientError> {
        let form = [
            ("grant_type", Some("authorization_code")),
            ("code", Some(code.expose())),
            ("code_verifier", Some(verifier.expose())),
            ("redirect_uri", Some(redirect_uri.as_str())),
            ("resource", resource),
        ];
        self.token(&form, None).await
    }

    /// Gets a new access token for a refresh token (RFC 6749 §6), each time for another resource
    /// if need be (RFC 8707 §2.2).
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn refresh(
        &self,
        token: &Secret,
        resource: Option<&str>,
        scope: Option<&Scopes>,
    ) -> Result<token::Response, ClientError> {
        let scope = scope.map(Scopes::to_string);
        let form = [
            ("grant_type", Some("refresh_token")),
            ("refresh_token", Some(token.expose())),
            ("resource", resource),
            ("scope", scope.as_deref()),
        ];
        self.token(&form, scope.as_deref()).await
    }

    /// Gets an access token for the client itself (RFC 6749 §4.4.2).
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn client_credentials(
        &self,
        resource: Option<&str>,
        scope: Option<&Scopes>,
    ) -> Result<token::Response, ClientError> {
        let scope = scope.map(Scopes::to_string);
        let form = [
            ("grant_type", Some("client_credentials")),
            ("resource", resource),
            ("scope", scope.as_deref()),
        ];
        self.token(&form, scope.as_deref()).await
    }

    /// Asks about a token (RFC 7662 §2).
    ///
    /// # Errors
    /// When the server refuses to answer; an inactive token is an answer.
    pub async fn introspect(&self, token: &Secret) -> Result<introspect::Response, ClientError> {
        const ENDPOINT: &str = "introspection endpoint";
        let url = known(self.metadata.introspection_endpoint.as_deref(), ENDPOINT)?;
        let answer = self.post(url, &[("token", Some(token.expose()))]).await?;
        let members = object(ENDPOINT, &succeeded(ENDPOINT, answer)?)?;
        serde_json::from_value(Value::Object(members))
            .map_err(|_| malformed(ENDPOINT, "it is no introspection answer"))
    }

    /// Revokes a token and, for a refresh token, its grant (RFC 7009 §2).
    ///
    /// # Errors
    /// When the server refuses; an unknown token is no error (RFC 7009 §2.2).
    pub async fn revoke(&self, token: &Secret) -> Result<(), ClientError> {
        const ENDPOINT: &str = "revocation endpoint";
        let url = known(self.metadata.revocation_endpoint.as_deref(), ENDPOINT)?;
        let answer = self.post(url, &[("token", Some(token.expose()))]).await?;
        succeeded(ENDPOINT, answer).map(drop)
    }

    /// Gets the user's claims (OpenID Connect Core §5.3).
    ///
    /// # Errors
    /// When the server refuses the token.
    pub async fn userinfo(&self, token: &Secret) -> Result<Map<String, Value>, ClientError> {
        const ENDPOINT: &str = "userinfo endpoint";
        let url = known(self.metadata.userinfo_endpoint.as_deref(), ENDPOINT)?;
        let bearer = Secret::new(format!("Bearer {}", token.expose()));
        let answer = self.fetcher.get(url, Some(&bearer)).await?;
        object(ENDPOINT, &succeeded(ENDPOINT, answer)?)
    }

    async fn token(
        &self,
        form: &[(&str, Option<&str>)],
        scope: Option<&str>,
    ) -> Result<token::Response, ClientError> {
        const ENDPOINT: &str = "token endpoint";
        let url = known(self.metadata.token_endpoint.as_deref(), ENDPOINT)?;
        let answer = self.post(url, form).await?;
        let mut members = object(ENDPOINT, &succeeded(ENDPOINT, answer)?)?;
        // Other servers may leave out the scope when it is the one asked for, and the lifetime
        // altogether (RFC 6749 §5.1): 0 then stands for "not said".
        members.entry("scope").or_insert_with(|| scope.unwrap_or_default().into());
        members.entry("expires_in").or_insert_with(|| 0.into());
        serde_json::from_value(Value::Object(members))
            .map_err(|_| malformed(ENDPOINT, "it is no token response")) // its cause may hold tokens
    }

    async fn post(&self, url: &str, form: &[(&str, Option<&str>)]) -> Result<Answer, ClientError> {
        let mut pairs: Vec<(&str, &str)> =
            form.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
        let authorization = match &self.authentication {
            Authentication::Basic(secret) => {
                Some(Secret::new(basic_header(&self.client_id, secret)))
            }
            Authentication::Post(secret) => {
                pairs.push(("client_id", self.client_id.as_str()));
                pairs.push(("client_secret", secret.expose()));
                None
            }
            Authentication::None => {
                pairs.push(("client_id", self.client_id.as_str()));
                None
            }
        };
        Ok(self.fetcher.post_form(url, &pairs, authorization.as_ref()).await?)
    }
}

fn known<'u>(url: Option<&'u str>, endpoint: &'static str) -> Result<&'u str, ClientError> {
    url.ok_or(ClientError::Endpoint(endpoint))
}

fn malformed(endpoint: &'static str, why: &str) -> ClientError {
    ClientError::Malformed { endpoint, why: why.to_owned() }
}

/// The body of a success, else what the server said.
fn succeeded(endpoint: &'static str, answer: Answer) -> Result<bytes::Bytes, ClientError> {
    if answer.status == StatusCode::OK {
        return Ok(answer.body);
    }
    let status = Some(answer.status.as_u16());
    let body = json::parse_object(&answer.body).unwrap_or_default();
    let said = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(error) = said("error") {
        let description = said("error_description");
        return Err(ClientError::Refused { error, description, status });
    }
    for challenge in answer.headers.get_all(WWW_AUTHENTICATE) {
        let Ok(challenge) = challenge.to_str() else { continue };
        if let Some(error) = attribute(challenge, "error") {
            let description = attribute(challenge, "error_description");
            return Err(ClientError::Refused { error, description, status });
        }
    }
    Err(malformed(endpoint, &format!("status {} without an error code", answer.status.as_u16())))
}

fn object(endpoint: &'static str, body: &[u8]) -> Result<Map<String, Value>, ClientError> {
    json::parse_object(body).map_err(|why| malformed(endpoint, &why.to_string()))
}

/// A quoted attribute of a challenge (RFC 6750 §3); its values hold neither `"` nor `\`.
fn attribute(challenge: &str, name: &str) -> Option<String> {
    let mut rest = challenge;
    while let Some(at) = rest.find(name) {
        let is_whole = at == 0 || rest[..at].ends_with([' ', ',']);
        rest = &rest[at + name.len()..];
        if is_whole && let Some(value) = rest.strip_prefix("=\"") {
            return value.split('"').next().map(str::to_owned);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_from_a_challenge() {
        let challenge = r#"Bearer realm="x", error_description="too old", error="invalid_token""#;
        assert_eq!(attribute(challenge, "error").as_deref(), Some("invalid_token"));
        assert_eq!(attribute(challenge, "error_description").as_deref(), Some("too old"));
        assert_eq!(attribute("Bearer", "error"), None);
        assert_eq!(attribute("Bearer xerror=\"a\"", "error"), None);
    }
}
