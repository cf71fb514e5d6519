//! Token exchange: what is presented, and what is asked for (RFC 8693 §2.1, §3).

use crate::authorize::{invalid, once};
use crate::error::ErrorAnswer;
use crate::form::Form;
use crate::{Secret, token::secret};

/// The `grant_type` of token exchange (RFC 8693 §2.1).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// A token exchange request, well-formed but not yet checked against anything.
#[derive(Debug)]
pub struct Exchange {
    /// The token of the one for whom the new token is.
    pub subject_token: Secret,
    /// What it is said to be.
    pub subject_token_type: TokenType,
    /// The token of the one who acts.
    pub actor_token: Option<Secret>,
    /// What is asked for.
    pub requested: Option<TokenType>,
}

/// The types of tokens that are taken or given (RFC 8693 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An access token of this server.
    AccessToken,
    /// The same, said to be a JWT.
    Jwt,
}

impl TokenType {
    /// The identifier.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
        }
    }

    fn parse(text: &str, name: &str) -> Result<Self, ErrorAnswer> {
        let known = [Self::AccessToken, Self::Jwt];
        known.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = known.iter().map(|known| known.as_str()).collect();
            invalid(format!("{name} must be one of {}", known.join(" ")))
        })
    }
}

impl Exchange {
    /// Reads what is exchanged.
    ///
    /// # Errors
    /// An answer for the client.
    pub fn read(form: &Form) -> Result<Self, ErrorAnswer> {
        let kind = |name| {
            let text = once(form, name)?;
            text.map(|text| TokenType::parse(text, name)).transpose()
        };
        let actor_token = once(form, "actor_token")?.map(Secret::new);
        // RFC 8693 §2.1: required with an actor token, and forbidden without one.
        match (&actor_token, kind("actor_token_type")?) {
            (Some(_), None) => return Err(invalid("actor_token needs actor_token_type")),
            (None, Some(_)) => return Err(invalid("actor_token_type without actor_token")),
            _ => {}
        }
        Ok(Self {
            subject_token: secret(form, "subject_token")?,
            subject_token_type: kind("subject_token_type")?
                .ok_or_else(|| invalid("subject_token_type is missing"))?,
            actor_token,
            requested: kind("requested_token_type")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

    fn read(more: &str) -> Result<Exchange, String> {
        let form = Form::parse(more).unwrap();
        Exchange::read(&form).map_err(|answer| answer.error_description)
    }

    //= https://www.rfc-editor.org/rfc/rfc8693#section-2.1
    //= type=test
    //# This is REQUIRED when the actor_token
    //# parameter is present in the request but MUST NOT be included
    //# otherwise.
    #[test]
    fn an_actor_token_and_its_type_come_together() {
        let subject = format!("subject_token=s&subject_token_type={ACCESS}");
        assert!(read(&subject).unwrap().actor_token.is_none());
        let with = format!("{subject}&actor_token=a&actor_token_type={ACCESS}");
        assert!(read(&with).unwrap().actor_token.is_some());
        assert!(read(&format!("{subject}&actor_token=a")).is_err());
        assert!(read(&format!("{subject}&actor_token_type={ACCESS}")).is_err());
    }

    #[test]
    fn what_is_missing_or_unknown_is_said() {
        for (body, expected) in [
            ("", "subject_token is missing"),
            ("subject_token=s", "subject_token_type is missing"),
            ("subject_token=s&subject_token_type=x", "subject_token_type must be one of"),
            (
                "subject_token=s&subject_token_type=urn:ietf:params:oauth:token-type:refresh_token",
                "subject_token_type must be one of",
            ),
            ("subject_token=s&subject_token=t", "given more than once"),
        ] {
            let said = read(body).unwrap_err();
            assert!(said.contains(expected), "{body}: {said}");
        }
        let body = format!("subject_token=s&subject_token_type={ACCESS}&requested_token_type=x");
        assert!(read(&body).unwrap_err().contains("requested_token_type must be"));
    }
}
