//! Token exchange at an issuer: another token for the one that somebody sent (RFC 8693 §2).
//!
//! Each call is one request: answers are not kept, and calls for the same token not joined; whoever
//! forwards requests does both.

use std::fmt;

use bailiwick_jose::json;
use bailiwick_oauth::{Issuer, Secret};
use http::StatusCode;
use serde_json::{Map, Value};

use crate::fetcher::{Call, JSON, Posted};
use crate::introspection::endpoint::{Discovered, Endpoint, Entry};
use crate::target::{clip, shown};
use crate::{ClientAuthentication, FetchError, Fetcher};

/// Exchanges tokens at one issuer's token endpoint.
pub struct Exchanger {
    issuer: Issuer,
    endpoint: Endpoint,
    authentication: ClientAuthentication,
    fetcher: Fetcher,
}

/// What is asked for (RFC 8693 §2.1).
#[derive(Clone, Copy)]
pub struct Exchange<'e> {
    /// The token that was sent.
    pub subject_token: &'e str,
    /// The API that the new one shall be for (RFC 8707 §2).
    pub resource: Option<&'e str>,
    /// Its name at the issuer, for issuers that know no `resource`.
    pub audience: Option<&'e str>,
    /// Its scope, with spaces between; empty leaves it to the issuer.
    pub scope: &'e str,
}

/// What came of it.
#[derive(Debug)]
pub enum Exchanged {
    /// A bearer token, and for how many seconds it is good, if the issuer says so.
    Token(Secret, Option<u64>),
    /// The issuer gives none: its error code (RFC 8693 §2.2.2).
    Refused(String),
}

impl Exchanger {
    /// Asks at the token endpoint that the issuer's metadata names. Nothing is fetched yet.
    pub fn new(issuer: Issuer, authentication: ClientAuthentication, fetcher: Fetcher) -> Self {
        let endpoint = Endpoint::Discovered(Discovered::of(Entry::Token));
        Self { issuer, endpoint, authentication, fetcher }
    }

    /// Asks here, whatever the metadata says.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Endpoint::Given(url.into());
        self
    }

    /// Asks for one token at `now`, in seconds since 1970.
    ///
    /// Of the new token nothing is checked: it is for somebody else.
    ///
    /// # Errors
    /// Whenever there is no well-formed answer; also when the endpoint refuses our own credentials,
    /// or gives a token that is no bearer token.
    pub async fn exchange(&self, asked: &Exchange<'_>, now: i64) -> Result<Exchanged, FetchError> {
        let url = self.endpoint.url(&self.fetcher, &self.issuer).await?;
        let presented = self.authentication.present(&self.issuer, &url, now)?;
        let mut form = vec![
            ("grant_type", GRANT),
            ("subject_token", asked.subject_token),
            ("subject_token_type", ACCESS_TOKEN),
            ("requested_token_type", ACCESS_TOKEN),
        ];
        form.extend(asked.resource.map(|resource| ("resource", resource)));
        form.extend(asked.audience.map(|audience| ("audience", audience)));
        form.extend(Some(asked.scope).filter(|scope| !scope.is_empty()).map(|it| ("scope", it)));
        form.extend(presented.form.iter().map(|(name, value)| (*name, value.as_str())));
        let authorization = presented.authorization.as_ref();
        let call =
            Call { url: &url, authorization, accept: JSON, posted: Some(Posted::form(&form)) };
        let answer = self.fetcher.send(call).await?;
        if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            self.endpoint.doubt();
        }
        let status = answer.status.as_u16();
        let malformed = |why: &str| FetchError::Malformed { url: shown(&url), why: why.to_owned() };
        match answer.status {
            StatusCode::OK => {
                answer.expect_json(&url)?;
                let members =
                    json::parse_object(&answer.body).map_err(|why| malformed(&why.to_string()))?;
                token(&members).map_err(malformed)
            }
            StatusCode::BAD_REQUEST => {
                answer.expect_json(&url)?;
                let members =
                    json::parse_object(&answer.body).map_err(|why| malformed(&why.to_string()))?;
                match members.get("error").and_then(Value::as_str) {
                    Some("invalid_client") => Err(FetchError::Refused { url: shown(&url), status }),
                    Some(error) => Ok(Exchanged::Refused(clip(error))),
                    None => Err(malformed("an error status without an error")),
                }
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(FetchError::Refused { url: shown(&url), status })
            }
            _ => Err(FetchError::Status { url: shown(&url), status }),
        }
    }
}

/// The token of an answer (RFC 8693 §2.2.1).
fn token(members: &Map<String, Value>) -> Result<Exchanged, &'static str> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let token = text("access_token").filter(|token| !token.is_empty()).ok_or("it has no token")?;
    if !text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err("the token is no bearer token, so it cannot be sent on");
    }
    Ok(Exchanged::Token(Secret::new(token), members.get("expires_in").and_then(Value::as_u64)))
}

impl fmt::Debug for Exchanger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanger")
            .field("issuer", &self.issuer)
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
