//! Assertions: what the gateway vouches for by its signature, for one audience (RFC 7519).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_guard::Permit;
use bailiwick_jose::{SigningKey, digest};
use http::{HeaderValue, StatusCode};
use quick_cache::sync::Cache;
use serde_json::json;

use crate::answer::Fault;
use crate::config::Signing;
use crate::events::now;

/// The `typ` of assertions: nobody takes one for another kind of JWT (RFC 8725 §3.11).
const TYPE: &str = "bailiwick-assertion+jwt";

/// How many assertions are kept.
const MOST: usize = 10_000;

/// Makes assertions for one audience. One that was made is used until half of its time is over, so
/// that not each request costs a signature.
pub(super) struct Assertions {
    issuer: String,
    key: Arc<SigningKey>,
    audience: String,
    lifetime: i64,
    /// By all that an assertion says.
    made: Cache<[u8; 32], (i64, HeaderValue)>,
}

impl Assertions {
    pub(super) fn new(signing: &Signing, audience: &str, lifetime: Duration) -> Self {
        Self {
            issuer: signing.issuer.to_string(),
            key: signing.key.share(),
            audience: audience.to_owned(),
            lifetime: i64::try_from(lifetime.as_secs()).unwrap_or(60),
            made: Cache::new(MOST),
        }
    }

    /// An assertion about whoever holds a permit.
    pub(super) fn about(&self, permit: &Permit) -> Result<HeaderValue, Fault> {
        let now = now();
        let name = name(permit);
        if let Some((until, assertion)) = self.made.get(&name)
            && now < until
        {
            return Ok(assertion);
        }
        let expires = (now + self.lifetime).min(permit.expires());
        let mut claims = json!({
            "iss": self.issuer,
            "aud": self.audience,
            "sub": permit.subject().as_str(),
            "sub_iss": permit.issuer().as_str(),
            "scope": permit.scopes().to_string(),
            "iat": now,
            "exp": expires,
        });
        if let Some(client) = permit.client_id() {
            claims["client_id"] = client.as_str().into();
        }
        let signed = self.key.sign_json(TYPE, &claims).ok();
        let Some(mut value) = signed.and_then(|signed| HeaderValue::try_from(signed).ok()) else {
            tracing::error!("no assertion can be signed");
            let why = "the gateway cannot vouch for you just now";
            return Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why));
        };
        value.set_sensitive(true);
        let until = now + self.lifetime / 2;
        self.made.insert(name, (until.min(expires), value.clone()));
        Ok(value)
    }
}

/// The digest of all that an assertion says of a permit; no two permits share one by accident.
fn name(permit: &Permit) -> [u8; 32] {
    let mut text = String::with_capacity(128);
    let scopes = permit.scopes().to_string();
    let expires = permit.expires().to_string();
    let client = permit.client_id().map_or("", |client| client.as_str());
    // None of these holds a line break: they are printable.
    for part in [permit.issuer().as_str(), permit.subject().as_str(), client, &scopes, &expires] {
        text.push_str(part);
        text.push('\n');
    }
    digest::sha256(text.as_bytes())
}

impl fmt::Debug for Assertions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertions").field("audience", &self.audience).finish_non_exhaustive()
    }
}
