//! JWT access tokens: the claims that are issued and those that are received (RFC 9068 §2.2).

use std::borrow::Cow;

use bailiwick_jose::json::Object;
use serde::{Deserialize, Serialize};

use crate::details::Detail;
use crate::{ClientId, Confirmation, Issuer, Scopes, Subject, claim};

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
    /// How strongly (RFC 9068 §2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By what means (RFC 9068 §2.2.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The authorization details, of that resource server alone (RFC 9396 §9.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<Detail>,
    /// Who acts for the subject (RFC 8693 §4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// What it is bound to (RFC 9449 §6.1, RFC 8705 §3.1); nothing makes it a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// Who acts for somebody, and who acted before (RFC 8693 §4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The one who acts: a client.
    pub sub: Subject,
    /// For whom that one acts: the actor before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

impl Actor {
    /// How many actors there are.
    pub fn depth(&self) -> usize {
        std::iter::successors(Some(self), |actor| actor.act.as_deref()).count()
    }
}

/// The claims of an access token that was received: present ones have the right type.
///
/// Whether they are *right* is for `guard` to say. Texts are read where they stand: a token is
/// kept for as long as it is used, and most of its claims concern nobody.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AccessToken {
    /// When it expires, in seconds since 1970.
    pub exp: Option<i64>,
    /// Before when it is not valid, in seconds since 1970.
    pub nbf: Option<i64>,
    /// When it was issued, in seconds since 1970.
    pub iat: Option<i64>,
    /// When the user signed in, in seconds since 1970.
    pub auth_time: Option<i64>,
    /// By what means; none when the claim is absent (RFC 9068 §2.2.1).
    pub amr: Vec<String>,
    /// Every claim, as it was received.
    pub claims: Object,
    /// The audiences, where they are a list.
    list: Vec<String>,
}

/// A claim of the wrong type; its name is said, its value never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claim '{0}' is malformed")]
pub struct MalformedClaim(pub &'static str);

impl AccessToken {
    /// Reads the claims of a verified token. Where an issuer puts scopes, its profile knows.
    ///
    /// # Errors
    /// Names the first claim that has another type than RFC 7519 §4.1 and RFC 9068 §2.2 give it.
    pub fn read(claims: impl Into<Object>) -> Result<Self, MalformedClaim> {
        let claims = claims.into();
        for name in ["iss", "sub", "jti", "client_id", "acr"] {
            claim::borrowed_text(&claims, name)?;
        }
        let list = match claims.text("aud") {
            Some(_) => claim::borrowed_text(&claims, "aud").map(|_| Vec::new()),
            None => claim::texts(&claims, "aud"),
        };
        Ok(Self {
            list: list?,
            exp: claim::seconds(&claims, "exp")?,
            nbf: claim::seconds(&claims, "nbf")?,
            iat: claim::seconds(&claims, "iat")?,
            auth_time: claim::seconds(&claims, "auth_time")?,
            amr: claim::texts(&claims, "amr")?,
            claims,
        })
    }

    /// The issuer.
    pub fn iss(&self) -> Option<Cow<'_, str>> {
        self.claims.text("iss")
    }

    /// The subject.
    pub fn sub(&self) -> Option<Cow<'_, str>> {
        self.claims.text("sub")
    }

    /// The audiences; none when the claim is absent.
    pub fn aud(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let one = self.claims.text("aud");
        one.into_iter().chain(self.list.iter().map(Cow::from))
    }

    /// The token's identifier.
    pub fn jti(&self) -> Option<Cow<'_, str>> {
        self.claims.text("jti")
    }

    /// The client.
    pub fn client_id(&self) -> Option<Cow<'_, str>> {
        self.claims.text("client_id")
    }

    /// How strongly the user signed in (RFC 9068 §2.2.1).
    pub fn acr(&self) -> Option<Cow<'_, str>> {
        self.claims.text("acr")
    }
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
            (r#"{"aud":["a","b\u0000"]}"#, "aud"),
            (r#"{"acr":1}"#, "acr"),
            (r#"{"acr":["1"]}"#, "acr"),
            (r#"{"amr":"pwd"}"#, "amr"),
            (r#"{"amr":["pwd",1]}"#, "amr"),
            (r#"{"client_id":7}"#, "client_id"),
        ];
        for (claims, name) in cases {
            assert_eq!(verdict(claims).unwrap_err(), name, "{claims}");
        }
    }

    #[test]
    fn well_typed_claims_are_read() {
        let token = verdict(r#"{"aud":["a","b"],"exp":1700000000.5,"jti":"\u0031"}"#).unwrap();
        assert!(token.aud().eq(["a", "b"]));
        assert_eq!(token.exp, Some(1_700_000_000));
        assert_eq!(token.jti().as_deref(), Some("1"));
        assert!(verdict(r#"{"aud":"a"}"#).unwrap().aud().eq(["a"]));
        assert_eq!(verdict("{}").unwrap().aud().count(), 0);
    }

    #[test]
    fn how_the_user_signed_in_is_read() {
        let token = verdict(r#"{"acr":"urn:example:gold","amr":["pwd","otp"]}"#).unwrap();
        assert_eq!(token.acr().as_deref(), Some("urn:example:gold"));
        assert_eq!(token.amr, ["pwd", "otp"]);
        let token = verdict("{}").unwrap();
        assert_eq!((token.acr(), token.amr.len()), (None, 0));
    }
}
