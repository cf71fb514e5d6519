//! Revocations that an issuer pushes: security event tokens over HTTP (RFC 8417, RFC 8935).
//!
//! A token is taken when it is a security event token (`typ`), signed with a key that the issuer
//! publishes, and says that it is from that issuer and for this audience; an access token, an ID
//! token or a logout token is none. What it takes back goes to a [`DenyList`] before it is
//! acknowledged. Events that take nothing back are acknowledged and have no effect.
//!
//! A token that comes twice is acknowledged twice, and has the effect of one: what is denied, and
//! until when, follows from the times inside it, not from when it came. So nothing needs to be
//! remembered of tokens that were taken, and a token may come late: after an outage its sender
//! delivers what was held back. One that is older than the longest life of an access token has no
//! effect.
//!
//! ```
//! use std::sync::Arc;
//! use axum::Router;
//! use bailiwick_resource_server::{DenyList, EventReceiver, Issuer, IssuerKeys};
//!
//! fn events(issuer: Issuer, keys: Arc<IssuerKeys>, denied: Arc<DenyList>) -> Router {
//!     let receiver = EventReceiver::new(issuer, keys, "https://api.example.com", denied);
//!     Router::new().nest("/events", receiver.router()) // outside of the layer that asks for tokens
//! }
//! ```

mod answer;
mod effect;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::Response as AxumResponse;
use axum::routing::post;
use bailiwick_fetch::IssuerKeys;
use bailiwick_guard::current::SKEW;
use bailiwick_jose::{Jwks, Jws, NoKey, VerifyingKey, digest, json};
use bailiwick_oauth::event::{self, DeliveryError, SecurityEvent};
use bailiwick_oauth::{Issuer, Secret};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use serde_json::{Map, Value};

use crate::denied::DenyList;
use answer::{Untaken, refused};

/// Takes the security event tokens of one issuer and denies what they take back (RFC 8935 §2).
#[must_use]
pub struct EventReceiver {
    issuer: Issuer,
    keys: Arc<IssuerKeys>,
    audiences: Vec<String>,
    denied: Arc<DenyList>,
    /// The digest of the secret that the sender must show.
    authorization: Option<[u8; 32]>,
    skew: i64,
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl EventReceiver {
    /// The longest request that is read, in bytes.
    pub const LONGEST: usize = bailiwick_jose::jws::LONGEST;

    /// Takes the events of an issuer that name this audience, byte for byte; what they take back is
    /// denied by the list.
    pub fn new(
        issuer: Issuer,
        keys: Arc<IssuerKeys>,
        audience: impl Into<String>,
        denied: Arc<DenyList>,
    ) -> Self {
        Self {
            issuer,
            keys,
            audiences: vec![audience.into()],
            denied,
            authorization: None,
            skew: SKEW,
            clock: Arc::new(system_clock),
        }
    }

    /// Takes events for a further audience.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Takes events only from a sender that shows this secret as its bearer token (RFC 8935 §3).
    ///
    /// The signature proves who made an event with or without it; a secret keeps strangers from
    /// having signatures checked and keys fetched.
    #[expect(clippy::needless_pass_by_value, reason = "a secret is handed over, not lent")]
    pub fn authorization(mut self, secret: Secret) -> Self {
        self.authorization = Some(digest::sha256(secret.expose().as_bytes()));
        self
    }

    /// How far clocks may differ, in seconds: [`SKEW`] unless said otherwise.
    pub fn skew(mut self, skew: i64) -> Self {
        self.skew = skew;
        self
    }

    /// Tells the router the time in another way, in seconds since 1970; for tests.
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The route at which events are taken: `POST /`, to be nested where the issuer was told.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let receiver = Arc::new(self);
        let take = move |headers: HeaderMap, body: Bytes| async move {
            let now = (receiver.clock)();
            let answer: AxumResponse = receiver.receive(&headers, body, now).await.map(Into::into);
            answer
        };
        Router::new().route("/", post(take)).layer(DefaultBodyLimit::max(Self::LONGEST))
    }

    /// Answers one request: 202 once what it takes back is denied, 400 with the reason when the token
    /// is refused, 503 when it shall be sent again (RFC 8935 §2.2, §2.3). For servers that have no
    /// axum router; the method is `POST`.
    pub async fn receive(&self, headers: &HeaderMap, body: Bytes, now: i64) -> Response<Bytes> {
        match self.take(headers, &body, now).await {
            Ok(()) => answer::taken(),
            Err(untaken) => {
                untaken.log(&self.issuer);
                untaken.response()
            }
        }
    }

    async fn take(&self, headers: &HeaderMap, body: &[u8], now: i64) -> Result<(), Untaken> {
        self.authenticate(headers)?; // before the rest: a stranger costs nothing
        content_type(headers)?; // RFC 8935 §2.1
        if body.len() > Self::LONGEST {
            return Err(Untaken::TooLong);
        }
        let token = std::str::from_utf8(body).map_err(|_| malformed("the body is no token"))?;
        let jws = Jws::parse(token).map_err(|why| malformed(why.to_string()))?;
        if !jws.header().is_type(event::TYPE) {
            // RFC 8417 §2.3, §4.5: or tokens made for another purpose would be taken for events.
            return Err(malformed("the token's 'typ' is not 'secevent+jwt'"));
        }
        // INVARIANT: the claims are read from the very bytes that the signature covers.
        let claims = json::parse_object(jws.unverified_payload())
            .map_err(|why| malformed(format!("the payload: {why}")))?;
        let set = SecurityEvent::read(&claims).map_err(|why| malformed(why.to_string()))?;
        self.is_meant(&set)?; // before the keys: junk fetches none
        self.verify(token, &jws).await?;
        self.in_time(&claims, set.iat, now)?;
        self.apply(&set, now)
    }

    fn authenticate(&self, headers: &HeaderMap) -> Result<(), Untaken> {
        let Some(expected) = &self.authorization else { return Ok(()) };
        let shown = only(headers, &AUTHORIZATION).and_then(bearer);
        if shown.is_some_and(|secret| digest::equal(expected, &digest::sha256(secret.as_bytes()))) {
            return Ok(());
        }
        let why = "show the secret that was agreed on as 'Authorization: Bearer'";
        Err(refused(DeliveryError::AuthenticationFailed, why))
    }

    fn is_meant(&self, set: &SecurityEvent) -> Result<(), Untaken> {
        if set.iss != self.issuer.as_str() {
            let why = "events are not taken from this issuer";
            return Err(refused(DeliveryError::InvalidIssuer, why));
        }
        if !set.aud.iter().any(|audience| self.audiences.contains(audience)) {
            let why = "the event is not for this receiver";
            return Err(refused(DeliveryError::InvalidAudience, why));
        }
        Ok(())
    }

    /// Checks the signature with the key that the token names; one that is missing is fetched once.
    async fn verify(&self, token: &str, jws: &Jws<'_>) -> Result<(), Untaken> {
        let algorithm = jws.algorithm().map_err(invalid_key)?;
        let kid = jws.header().kid.as_deref();
        let find = |keys: &Jwks| keys.find(kid, algorithm).cloned();
        match find(&*self.keys.keys().await.map_err(Untaken::NoKeys)?) {
            Ok(key) => {
                let verdict = self.verify_with(&key, token);
                // Where no name tells, another key may have come into its place.
                if verdict.is_ok() || (kid.is_some() && key.kid() == kid) {
                    return verdict;
                }
            }
            Err(why @ (NoKey::Ambiguous | NoKey::OtherAlgorithm)) => return Err(invalid_key(why)),
            Err(NoKey::UnknownKid) => {}
        }
        let keys = self.keys.refresh_for_unknown_kid(kid.unwrap_or_default()).await;
        let key = find(&*keys.map_err(Untaken::NoKeys)?).map_err(invalid_key)?;
        self.verify_with(&key, token)
    }

    fn verify_with(&self, key: &VerifyingKey, token: &str) -> Result<(), Untaken> {
        if key.issuer().is_some_and(|owner| owner != self.issuer.as_str()) {
            return Err(refused(DeliveryError::InvalidKey, "the key is another issuer's"));
        }
        Jws::parse(token).map_err(invalid_key)?.verify(key).map(drop).map_err(invalid_key)
    }

    /// An event lies in the past, however far; its token is seldom limited, but then it is
    /// (RFC 8417 §2.2, RFC 7519 §4.1.4).
    fn in_time(&self, claims: &Map<String, Value>, iat: i64, now: i64) -> Result<(), Untaken> {
        if iat > now.saturating_add(self.skew) {
            return Err(malformed("'iat' is in the future"));
        }
        match claims.get("exp").map(Value::as_i64) {
            None => Ok(()),
            Some(Some(exp)) if now.saturating_sub(self.skew) < exp => Ok(()),
            Some(_) => Err(malformed("'exp' is over, or no time")),
        }
    }

    fn apply(&self, set: &SecurityEvent, now: i64) -> Result<(), Untaken> {
        let latest = now.saturating_add(self.skew);
        let denials = effect::of(set, &self.issuer, latest)?;
        for denial in &denials {
            // A repetition adds nothing: when the last one finds no room, all may come again.
            self.denied.add(denial, now).map_err(Untaken::NoRoom)?;
        }
        let (events, denials) = (set.events.len(), denials.len());
        tracing::info!(issuer = %self.issuer, events, denials, "security event taken");
        Ok(())
    }
}

impl fmt::Debug for EventReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReceiver")
            .field("issuer", &self.issuer)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

fn content_type(headers: &HeaderMap) -> Result<(), Untaken> {
    let stated = only(headers, &CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = stated.and_then(|stated| stated.split(';').next()).unwrap_or_default();
    if essence.trim().eq_ignore_ascii_case(MEDIA_TYPE) { Ok(()) } else { Err(Untaken::ContentType) }
}

/// The value of a header that stands there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(secret)
}

fn invalid_key(why: impl fmt::Display) -> Untaken {
    refused(DeliveryError::InvalidKey, why.to_string())
}

fn malformed(why: impl Into<String>) -> Untaken {
    refused(DeliveryError::InvalidRequest, why)
}

fn system_clock() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// What is posted (RFC 8935 §2.1).
const MEDIA_TYPE: &str = "application/secevent+jwt";
