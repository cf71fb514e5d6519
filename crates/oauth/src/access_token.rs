//! JWT access tokens: the claims that are issued and those that are received (RFC 9068 §2.2).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ClientId, Issuer, Scopes, Subject};

/// The `typ` of a JWT access token (RFC 9068 §2.1).
pub const TYPE: &str = "at+jwt";

/// The claims of an access token that is issued; it always has exactly one audience.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer.
    pub iss: Issuer,
    /// The user, or the client itself.
    pub sub: Subject,
    /// The one audience: the resource's canonical identifier or its configured audience.
    pub aud: String,
    /// The client.
    pub client_id: ClientId,
    /// The scopes, in that resource server's own words.
    pub scope: Scopes,
    /// The token's identifier.
    pub jti: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// When the user signed in, in seconds since 1970 (RFC 9068 §2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
}

/// The claims of an access token that was received: present ones have the right type.
///
/// Whether they are *right* is for `guard` to say.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessToken {
    /// The issuer.
    pub iss: Option<String>,
    /// The subject.
    pub sub: Option<String>,
    /// The audiences; none when the claim is absent.
    pub aud: Vec<String>,
    /// When it expires, in seconds since 1970.
    pub exp: Option<i64>,
    /// Before when it is not valid, in seconds since 1970.
    pub nbf: Option<i64>,
    /// When it was issued, in seconds since 1970.
    pub iat: Option<i64>,
    /// The token's identifier.
    pub jti: Option<String>,
    /// The client.
    pub client_id: Option<String>,
    /// The scopes.
    pub scope: Scopes,
    /// When the user signed in, in seconds since 1970.
    pub auth_time: Option<i64>,
    /// Every claim, as it was received.
    pub claims: Map<String, Value>,
}

/// A claim of the wrong type; its name is said, its value never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claim '{0}' is malformed")]
pub struct MalformedClaim(pub &'static str);

impl AccessToken {
    /// Reads the claims of a verified token.
    ///
    /// # Errors
    /// Names the first claim that has another type than RFC 7519 §4.1 and RFC 9068 §2.2 give it.
    pub fn read(claims: Map<String, Value>) -> Result<Self, MalformedClaim> {
        Ok(Self {
            iss: text(&claims, "iss")?,
            sub: text(&claims, "sub")?,
            aud: audiences(&claims)?,
            exp: seconds(&claims, "exp")?,
            nbf: seconds(&claims, "nbf")?,
            iat: seconds(&claims, "iat")?,
            jti: text(&claims, "jti")?,
            client_id: text(&claims, "client_id")?,
            scope: match text(&claims, "scope")? {
                Some(scope) => Scopes::parse(&scope).map_err(|_| MalformedClaim("scope"))?,
                None => Scopes::new(),
            },
            auth_time: seconds(&claims, "auth_time")?,
            claims,
        })
    }
}

fn text(claims: &Map<String, Value>, name: &'static str) -> Result<Option<String>, MalformedClaim> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.contains('\0') => Ok(Some(text.clone())),
        Some(_) => Err(MalformedClaim(name)),
    }
}

fn audiences(claims: &Map<String, Value>) -> Result<Vec<String>, MalformedClaim> {
    let broken = MalformedClaim("aud");
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(several)) => {
            several.iter().map(|one| one.as_str().map(str::to_owned).ok_or(broken)).collect()
        }
        Some(_) => Err(broken),
    }
}

/// A NumericDate (RFC 7519 §2): not negative, within what a double holds exactly.
fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, MalformedClaim> {
    const MOST: i64 = 1 << 53;
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = match (value.as_i64(), value.as_f64()) {
        (Some(whole), _) => whole,
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "bounded")]
        (None, Some(part)) if part >= 0.0 && part <= MOST as f64 => part.floor() as i64,
        _ => return Err(MalformedClaim(name)),
    };
    if (0..=MOST).contains(&whole) { Ok(Some(whole)) } else { Err(MalformedClaim(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(claims: &str) -> Result<AccessToken, &'static str> {
        let claims = bailiwick_jose::json::parse_object(claims.as_bytes()).unwrap();
        AccessToken::read(claims).map_err(|broken| broken.0)
    }

    #[test]
    fn mistyped_claims_are_named() {
        let cases = [
            (r#"{"exp":"1"}"#, "exp"),
            (r#"{"exp":-1}"#, "exp"),
            (r#"{"exp":1e300}"#, "exp"),
            (r#"{"exp":18446744073709551615}"#, "exp"),
            (r#"{"exp":null}"#, "exp"),
            (r#"{"nbf":[1]}"#, "nbf"),
            (r#"{"iat":true}"#, "iat"),
            (r#"{"iss":["a"]}"#, "iss"),
            (r#"{"aud":1}"#, "aud"),
            (r#"{"aud":["a",1]}"#, "aud"),
            (r#"{"aud":{"a":1}}"#, "aud"),
            (r#"{"sub":"a\u0000b"}"#, "sub"),
            (r#"{"scope":["read"]}"#, "scope"),
            (r#"{"scope":"read\nwrite"}"#, "scope"),
            (r#"{"client_id":7}"#, "client_id"),
        ];
        for (claims, name) in cases {
            assert_eq!(verdict(claims).unwrap_err(), name, "{claims}");
        }
    }

    #[test]
    fn well_typed_claims_are_read() {
        let token =
            verdict(r#"{"aud":["a","b"],"exp":1700000000.5,"scope":"read  write"}"#).unwrap();
        assert_eq!(token.aud, ["a", "b"]);
        assert_eq!(token.exp, Some(1_700_000_000));
        assert_eq!(token.scope.to_string(), "read write");
        assert_eq!(verdict("{}").unwrap().aud, Vec::<String>::new());
    }
}
