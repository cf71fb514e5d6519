//! Google's `tokeninfo`, an introspection of its own kind (compare RFC 7662 §2).

use bailiwick_jose::json;
use bailiwick_oauth::introspect::Received;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::fetcher::{Call, JSON, Posted};
use crate::target::shown;
use crate::{Answer, FetchError, Fetcher};

/// What is written as a text there and is a number everywhere else.
const NUMBERS: [&str; 3] = ["exp", "iat", "expires_in"];

/// Looks up tokens at an endpoint such as `https://oauth2.googleapis.com/tokeninfo`, which asks
/// nobody to authenticate.
#[derive(Debug)]
pub struct Tokeninfo {
    url: String,
    fetcher: Fetcher,
}

impl Tokeninfo {
    /// Looks up tokens at `url`.
    pub fn new(url: impl Into<String>, fetcher: Fetcher) -> Self {
        Self { url: url.into(), fetcher }
    }

    /// Asks about one token: in the body, since queries end up in logs.
    ///
    /// Status 200 makes it active, with `exp`, `iat` and `expires_in` as numbers; an error with
    /// status 400 or 401 makes it inactive. Whom the token is for (`aud`) is not checked, and it is
    /// all that sets the tokens of one's own clients apart from those of everybody else's.
    ///
    /// # Errors
    /// When there is any other answer or none, which says nothing about the token.
    pub async fn look_up(&self, token: &str) -> Result<Received, FetchError> {
        let form = [("access_token", token)];
        let call = Call {
            url: &self.url,
            authorization: None,
            accept: JSON,
            posted: Some(Posted::form(&form)),
        };
        let answer = self.fetcher.send(call).await?;
        match answer.status {
            StatusCode::OK => {
                let mut claims = self.members(&answer)?;
                if is_error(&claims) {
                    return Err(self.malformed("status 200 with an error"));
                }
                for name in NUMBERS {
                    if let Some(Value::String(digits)) = claims.get(name) {
                        let number = number(digits)
                            .ok_or_else(|| self.malformed("a time is no number of seconds"))?;
                        claims.insert(name.to_owned(), number.into());
                    }
                }
                Ok(received(true, claims))
            }
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => {
                if is_error(&self.members(&answer)?) {
                    Ok(received(false, Map::new()))
                } else {
                    Err(self.malformed("an error status without an error"))
                }
            }
            status => Err(FetchError::Status { url: shown(&self.url), status: status.as_u16() }),
        }
    }

    fn members(&self, answer: &Answer) -> Result<Map<String, Value>, FetchError> {
        answer.expect_json(&self.url)?;
        json::parse_object(&answer.body).map_err(|why| self.malformed(&why.to_string()))
    }

    fn malformed(&self, why: &str) -> FetchError {
        FetchError::Malformed { url: shown(&self.url), why: why.to_owned() }
    }
}

/// The answer in the form that introspection has.
fn received(active: bool, mut claims: Map<String, Value>) -> Received {
    claims.insert("active".to_owned(), active.into());
    Received { active, claims }
}

/// Google's errors have both members, or the description alone.
fn is_error(members: &Map<String, Value>) -> bool {
    ["error", "error_description"]
        .iter()
        .any(|name| members.get(*name).is_some_and(Value::is_string))
}

/// Decimal digits alone: no sign, no space.
fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
