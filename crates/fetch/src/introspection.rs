//! Token introspection at an issuer (RFC 7662 §2), with signed answers where they are required
//! (RFC 9701).
//!
//! Each call is one request: answers are not kept, and calls for the same token not joined; the
//! resource server does both. An error is an outage, and never says that a token is not live.

mod authentication;
pub(crate) mod endpoint;
mod tokeninfo;

use std::fmt;
use std::sync::Arc;

use bailiwick_oauth::Issuer;
use bailiwick_oauth::introspect::{Received, SIGNED};
use http::StatusCode;
use serde_json::{Map, Value};

use self::endpoint::{Discovered, Endpoint, Entry};
use crate::fetcher::{Call, JSON, Posted};
use crate::signed::{self, untrusted};
use crate::target::shown;
use crate::{Answer, FetchError, Fetcher, IssuerKeys};

pub use self::authentication::ClientAuthentication;
pub use self::tokeninfo::Tokeninfo;

/// How far the issuer's clock may be ahead, in seconds, before a signed answer is from the future.
const AHEAD: i64 = 60;

/// How old a signed answer may be, in seconds: it is made for each request, so an older one is
/// from another.
const OLDEST: i64 = 300;

/// The media type of signed answers (RFC 9701 §4).
const ACCEPT_SIGNED: &str = "application/token-introspection+jwt";

/// Looks up tokens at one issuer's introspection endpoint.
pub struct Introspector {
    issuer: Issuer,
    endpoint: Endpoint,
    authentication: ClientAuthentication,
    fetcher: Fetcher,
    signed: Option<Signed>,
}

/// What a signed answer must be.
struct Signed {
    audience: String,
    keys: Arc<IssuerKeys>,
}

impl fmt::Debug for Introspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspector")
            .field("issuer", &self.issuer)
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}

impl Introspector {
    /// Looks up tokens at the endpoint that the issuer's metadata names. Nothing is fetched yet.
    pub fn new(issuer: Issuer, authentication: ClientAuthentication, fetcher: Fetcher) -> Self {
        let endpoint = Endpoint::Discovered(Discovered::of(Entry::Introspection));
        Self { issuer, endpoint, authentication, fetcher, signed: None }
    }

    /// Uses this endpoint, whatever the metadata says.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Endpoint::Given(url.into());
        self
    }

    /// Requires answers that are signed with the issuer's published keys, for this audience: the
    /// identifier by which the issuer knows the resource server (RFC 9701 §5). Unsigned answers are
    /// refused from then on.
    #[must_use]
    pub fn require_signed(mut self, audience: impl Into<String>, keys: Arc<IssuerKeys>) -> Self {
        self.signed = Some(Signed { audience: audience.into(), keys });
        self
    }

    /// Whose tokens are looked up.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Asks about one token at `now`, in seconds since 1970.
    ///
    /// Of what the answer says about a live token nothing is checked: its `iss`, `aud`, `exp`,
    /// `scope` and `cnf` are for `guard`.
    ///
    /// # Errors
    /// Whenever there is no well-formed answer with status 200; also when the endpoint refuses our
    /// own credentials. None of it says anything about the token.
    pub async fn introspect(&self, token: &str, now: i64) -> Result<Received, FetchError> {
        let url = self.endpoint.url(&self.fetcher, &self.issuer).await?;
        let answer = self.ask(&url, token, now).await;
        if let Err(FetchError::Redirect { .. } | FetchError::Status { status: 404 | 410, .. }) =
            &answer
        {
            self.endpoint.doubt();
        }
        let answer = answer?;
        let read = if let Some(signed) = &self.signed {
            let claims =
                signed::claims(&answer.body, SIGNED, &self.issuer, &signed.keys, &url).await?;
            Received::of(signed.open(claims, &self.issuer, &url, now)?)
        } else {
            answer.expect_json(&url)?;
            Received::read(&answer.body)
        };
        read.map_err(|why| FetchError::Malformed { url: shown(&url), why: why.to_string() })
    }

    /// One request and its answer, which has status 200.
    async fn ask(&self, url: &str, token: &str, now: i64) -> Result<Answer, FetchError> {
        let presented = self.authentication.present(&self.issuer, url, now)?;
        let mut form = vec![("token", token), ("token_type_hint", "access_token")];
        form.extend(presented.form.iter().map(|(name, value)| (*name, value.as_str())));
        let accept = if self.signed.is_some() { ACCEPT_SIGNED } else { JSON };
        let authorization = presented.authorization.as_ref();
        let answer = self
            .fetcher
            .send(Call { url, authorization, accept, posted: Some(Posted::form(&form)) })
            .await?;
        let status = answer.status.as_u16();
        match answer.status {
            StatusCode::OK => Ok(answer),
            // RFC 7662 §2.3: 401 is about us, never about the token.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(FetchError::Refused { url: shown(url), status })
            }
            _ => Err(FetchError::Status { url: shown(url), status }),
        }
    }
}

impl Signed {
    /// Takes the answer out of a verified one (RFC 9701 §5).
    fn open(
        &self,
        mut claims: Map<String, Value>,
        issuer: &Issuer,
        url: &str,
        now: i64,
    ) -> Result<Map<String, Value>, FetchError> {
        if claims.get("iss").and_then(Value::as_str) != Some(issuer.as_str()) {
            return Err(untrusted(url, "it is from another issuer"));
        }
        let is_ours = match claims.get("aud") {
            Some(Value::String(one)) => *one == self.audience,
            Some(Value::Array(all)) => {
                all.iter().any(|one| one.as_str() == Some(self.audience.as_str()))
            }
            _ => false,
        };
        if !is_ours {
            return Err(untrusted(url, "it is for somebody else"));
        }
        let seconds = |name: &str| claims.get(name).map(Value::as_i64);
        match seconds("iat") {
            Some(Some(iat)) if (now - OLDEST..=now + AHEAD).contains(&iat) => {}
            Some(Some(_)) => return Err(untrusted(url, "it was not made just now")),
            _ => return Err(untrusted(url, "it does not say when it was made")),
        }
        // Not in the RFC's answers, but where it stands it counts (RFC 7519 §4.1.4).
        if seconds("exp").is_some_and(|exp| exp.is_none_or(|exp| exp <= now)) {
            return Err(untrusted(url, "it has expired"));
        }
        match claims.remove("token_introspection") {
            Some(Value::Object(answer)) => Ok(answer),
            _ => Err(untrusted(url, "it holds no introspection answer")),
        }
    }
}
