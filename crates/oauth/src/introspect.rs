//! Token introspection: what is asked and answered, and what others answer (RFC 7662 §2,
//! RFC 9701 §5).

use bailiwick_jose::json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::access_token::Actor;
use crate::authorize::{invalid, once};
use crate::details::Detail;
use crate::error::ErrorAnswer;
use crate::form::Form;
use crate::{Confirmation, Scopes, Secret};

/// An introspection request (RFC 7662 §2.1); the hint is never needed to find a token here.
#[derive(Debug)]
pub struct Request {
    /// The token asked about.
    pub token: Secret,
}

impl Request {
    /// Reads an introspection request.
    ///
    /// # Errors
    /// When `token` is missing or a parameter is repeated.
    pub fn read(form: &Form) -> Result<Self, ErrorAnswer> {
        once(form, "token_type_hint")?;
        let token = once(form, "token")?.ok_or_else(|| invalid("token is missing"))?;
        Ok(Self { token: Secret::new(token) })
    }
}

/// An introspection answer (RFC 7662 §2.2). Of an inactive token nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Response {
    /// A live token of the asking resource server.
    Active(Box<Active>),
    /// Anything else.
    Inactive {
        /// Always `false`.
        active: False,
    },
}

impl Response {
    /// The answer about every token that the asker shall learn nothing of.
    pub const INACTIVE: Self = Self::Inactive { active: False };
}

/// What is said of a live token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// Always `true`.
    pub active: True,
    /// The issuer.
    pub iss: String,
    /// The audience: the one resource that the token is for.
    pub aud: String,
    /// The subject.
    pub sub: String,
    /// The client.
    pub client_id: String,
    /// The scopes, in the asking resource server's own words.
    pub scope: Scopes,
    /// The authorization details, of the asking resource server alone (RFC 9396 §9.2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<Detail>,
    /// `Bearer` or `DPoP`.
    pub token_type: String,
    /// The token's identifier.
    pub jti: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// When the user signed in, in seconds since 1970 (RFC 9470 §6.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// Who acts for the subject (RFC 8693 §4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// What it is bound to (RFC 9449 §6.2, RFC 8705 §3.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// The claims of a signed answer (RFC 9701 §5). It says nothing of when it expires: it is for this
/// one request.
#[derive(Debug, Serialize)]
pub struct Signed<'a> {
    /// The issuer.
    pub iss: &'a str,
    /// The resource server that asked.
    pub aud: &'a str,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// The answer.
    pub token_introspection: &'a Response,
}

/// The JSON value `true`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub struct True;

/// The JSON value `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub struct False;

impl From<True> for bool {
    fn from(_: True) -> Self {
        true
    }
}

impl From<False> for bool {
    fn from(_: False) -> Self {
        false
    }
}

impl TryFrom<bool> for True {
    type Error = &'static str;
    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Ok(Self) } else { Err("active is false") }
    }
}

impl TryFrom<bool> for False {
    type Error = &'static str;
    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Err("active is true") } else { Ok(Self) }
    }
}

/// The `typ`, and behind `application/` the media type, of a signed answer (RFC 9701 §5).
pub const SIGNED: &str = "token-introspection+jwt";

/// An answer of any authorization server, of which only `active` has been read.
///
/// What else it says of a live token is read by [`AccessToken::read`](crate::AccessToken::read),
/// which refuses claims of the wrong type.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Whether the token is live.
    pub active: bool,
    /// Every member of the answer, `active` too.
    pub claims: Map<String, Value>,
}

/// Why an introspection answer cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedAnswer {
    /// It is no strict JSON object.
    #[error("the introspection answer is not a JSON object")]
    Json(#[from] json::Malformed),
    /// `active` is missing or no boolean.
    #[error("the introspection answer does not say whether the token is active")]
    Active,
}

impl Received {
    /// Reads the body of an answer (RFC 7662 §2.2).
    ///
    /// # Errors
    /// When it is no strict JSON object, or `active` no boolean.
    pub fn read(bytes: &[u8]) -> Result<Self, MalformedAnswer> {
        Self::of(json::parse_object(bytes)?)
    }

    /// Reads the members of an answer: the `token_introspection` of a signed one (RFC 9701 §5).
    ///
    /// # Errors
    /// When `active` is missing or no boolean.
    pub fn of(claims: Map<String, Value>) -> Result<Self, MalformedAnswer> {
        let active = claims.get("active").and_then(Value::as_bool);
        Ok(Self { active: active.ok_or(MalformedAnswer::Active)?, claims })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccessToken;

    //= https://www.rfc-editor.org/rfc/rfc7662#section-2.2
    //= type=test
    //# the authorization
    //# server SHOULD NOT include any additional information about an
    //# inactive token, including why the token is inactive.
    #[test]
    fn of_an_inactive_token_nothing_else_is_said() {
        assert_eq!(serde_json::to_string(&Response::INACTIVE).unwrap(), r#"{"active":false}"#);
        let read: Response = serde_json::from_str(r#"{"active":false}"#).unwrap();
        assert_eq!(read, Response::INACTIVE);
        assert!(serde_json::from_str::<Response>(r#"{"active":true}"#).is_err());
    }

    #[test]
    fn the_token_must_be_there() {
        let read = |body| Request::read(&Form::parse(body).unwrap()).map(|r| r.token.digest());
        assert!(read("token_type_hint=access_token").is_err());
        assert!(read("token=a&token=b").is_err());
        assert_eq!(read("token=a").unwrap(), Secret::new("a").digest());
    }
    #[test]
    fn an_answer_that_does_not_say_whether_is_refused() {
        for body in [
            "{}",
            r#"{"active":null}"#,
            r#"{"active":"true"}"#,
            r#"{"active":1}"#,
            r#"{"active":[true]}"#,
            r#"{"Active":true}"#,
        ] {
            assert_eq!(Received::read(body.as_bytes()), Err(MalformedAnswer::Active), "{body}");
        }
        for body in [
            "",
            "true",
            "[]",
            "<html>",
            r#"{"active":true}x"#,
            r#"{"active":false,"active":true}"#,
            r#"{"active":false,"\u0061ctive":true}"#,
        ] {
            let read = Received::read(body.as_bytes());
            assert!(matches!(read, Err(MalformedAnswer::Json(_))), "{body}");
        }
    }

    #[test]
    fn what_is_said_of_a_live_token_is_read_as_a_token() {
        let body = br#"{"active":true,"scope":"read","aud":"a","exp":1700000000}"#;
        let received = Received::read(body).unwrap();
        assert!(received.active);
        let token = AccessToken::read(received.claims).unwrap();
        assert!(token.aud().eq(["a"]));
        assert_eq!(token.exp, Some(1_700_000_000));

        let received = Received::read(br#"{"active":true,"exp":"1700000000"}"#).unwrap();
        assert_eq!(AccessToken::read(received.claims).unwrap_err().0, "exp");
        assert!(!Received::read(br#"{"active":false}"#).unwrap().active);
    }
}
