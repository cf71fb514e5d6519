//! Tokens for the upstream, which the issuer gives for the client's (RFC 8693 §2).

use std::fmt;
use std::time::Duration;

use bailiwick_fetch::exchange::{Exchange as Asked, Exchanged, Exchanger};
use bailiwick_guard::{Permit, Presented};
use bailiwick_jose::digest;
use bailiwick_oauth::Resource;
use http::{HeaderMap, HeaderValue, StatusCode};
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::answer::Fault;
use crate::config::{Exchange, Protected};
use crate::events::now;
use crate::protect::{self, Failed};

/// How many exchanges may be under way at a time.
const AT_ONCE: usize = 64;

/// How many tokens are kept.
const MOST: usize = 10_000;

/// How long before its end a token is exchanged anew.
const MARGIN: u64 = 10;

/// How long a refusal is remembered, and a token of which nobody says how long it is good.
const SHORT: u64 = 3;

/// Gets tokens for one upstream, and keeps them until shortly before their end.
pub(super) struct Exchanges {
    exchanger: Exchanger,
    how: Exchange,
    scope: String,
    /// By the digest of the client's token.
    kept: Cache<[u8; 32], Kept>,
    permits: Semaphore,
}

#[derive(Clone)]
struct Kept {
    /// `Err` is a refusal of the issuer's.
    what: Result<HeaderValue, Fault>,
    until: Instant,
}

impl Exchanges {
    pub(super) fn new(resource: &Protected, how: &Exchange) -> Result<Self, Failed> {
        let asked = resource.issuers.get(how.number).ok_or("no such issuer")?;
        let fetcher = protect::fetcher([asked], how.endpoint.as_deref(), Some(&how.credentials))?;
        let authentication = how.credentials.authentication();
        let mut exchanger = Exchanger::new(how.issuer.clone(), authentication, fetcher);
        if let Some(url) = &how.endpoint {
            exchanger = exchanger.endpoint(url);
        }
        Ok(Self {
            exchanger,
            scope: how.scopes.to_string(),
            how: how.clone(),
            kept: Cache::new(MOST),
            permits: Semaphore::new(AT_ONCE),
        })
    }

    /// The token that goes on in the place of the client's. All who come with the same one share one
    /// exchange.
    pub(super) async fn instead_of(
        &self,
        headers: &HeaderMap,
        permit: &Permit,
    ) -> Result<HeaderValue, Fault> {
        // The very token that was let in: it was read so before.
        let Ok(presented) = Presented::from_request(headers, None) else {
            return Err(unavailable());
        };
        let token = presented.expose();
        let name = digest::sha256(token.as_bytes());
        loop {
            let place = match self.kept.get_value_or_guard_async(&name).await {
                Ok(kept) if kept.until <= Instant::now() => {
                    self.kept.remove_if(&name, |kept| kept.until <= Instant::now());
                    continue;
                }
                Ok(kept) => return kept.what,
                Err(place) => place,
            };
            let kept = self.exchange(token, permit).await?;
            // A place that was given up meanwhile keeps nothing, which is no fault.
            let _ = place.insert(kept.clone());
            return kept.what;
        }
    }

    /// One exchange. An outage is an error, which nobody remembers.
    async fn exchange(&self, token: &str, permit: &Permit) -> Result<Kept, Fault> {
        let Ok(_permit) = self.permits.acquire().await else { return Err(unavailable()) };
        let asked = Asked {
            subject_token: token,
            resource: self.how.resource.as_ref().map(Resource::as_str),
            audience: self.how.audience.as_deref(),
            scope: &self.scope,
        };
        let issuer = self.how.issuer.as_str();
        let began = Instant::now();
        let keep = |what, seconds| Kept { what, until: began + Duration::from_secs(seconds) };
        match self.exchanger.exchange(&asked, now()).await {
            Ok(Exchanged::Token(token, expires_in)) => {
                let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                else {
                    tracing::warn!(issuer, "the token for the upstream is no header value");
                    return Err(unavailable());
                };
                value.set_sensitive(true);
                // Never longer than the client's own: its end is the end of all that came of it.
                let left = u64::try_from(permit.expires() - now()).unwrap_or(0);
                let good = expires_in.unwrap_or(MARGIN + SHORT).min(left);
                Ok(keep(Ok(value), good.saturating_sub(MARGIN)))
            }
            Ok(Exchanged::Refused(error)) => {
                tracing::warn!(issuer, error, "the issuer gives no token for the upstream");
                let about_the_token =
                    matches!(&*error, "invalid_request" | "invalid_grant" | "access_denied");
                if !about_the_token {
                    return Err(unavailable()); // the operator's mistake, not the client's
                }
                let why = "the issuer gives no token for what is behind this resource";
                let refusal = Fault::new(StatusCode::FORBIDDEN, "access_denied", why);
                Ok(keep(Err(refusal), SHORT))
            }
            Err(error) => {
                tracing::warn!(issuer, %error, "no token for the upstream can be had");
                Err(unavailable())
            }
        }
    }
}

fn unavailable() -> Fault {
    let why = "no token for what is behind this resource can be had just now; try again";
    Fault::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why)
}

impl fmt::Debug for Exchanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanges").field("how", &self.how).finish_non_exhaustive()
    }
}
