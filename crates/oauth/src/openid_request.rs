//! What OpenID Connect adds to an authorization request (OpenID Connect Core §3.1.2.1, §5.5).
//!
//! `display` and `ui_locales` are taken and change nothing: the pages fit every screen and are in
//! English.

use std::fmt;

use crate::authorize::{invalid, once};
use crate::claims_request::ClaimsRequest;
use crate::error::ErrorAnswer;
use crate::form::Form;

/// What OpenID Connect adds to an authorization request.
#[derive(Clone, Default)]
pub struct OpenidRequest {
    /// The authentication contexts that the client would like, the best first.
    pub acr_values: Vec<String>,
    /// The claims that are asked for by name.
    pub claims: ClaimsRequest,
    /// An ID token of the user who shall have signed in; not verified.
    pub id_token_hint: Option<String>,
}

/// The most authentication contexts that are kept.
const MOST_ACR: usize = 16;

impl OpenidRequest {
    /// Reads the parameters.
    ///
    /// # Errors
    /// An answer that goes to the client's redirect URI.
    pub fn read(form: &Form) -> Result<Self, ErrorAnswer> {
        let acr_values = once(form, "acr_values")?.unwrap_or_default();
        let acr_values = acr_values.split(' ').filter(|value| !value.is_empty());
        let claims = match once(form, "claims")? {
            None => ClaimsRequest::default(),
            Some(text) => ClaimsRequest::parse(text).map_err(|why| invalid(why.to_string()))?,
        };
        Ok(Self {
            acr_values: acr_values.take(MOST_ACR).map(str::to_owned).collect(),
            claims,
            id_token_hint: once(form, "id_token_hint")?.map(str::to_owned),
        })
    }
}

/// Without the hint: it is a token.
impl fmt::Debug for OpenidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenidRequest")
            .field("acr_values", &self.acr_values)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Option<OpenidRequest> {
        OpenidRequest::read(&Form::parse(query).unwrap()).ok()
    }

    #[test]
    fn what_is_malformed_is_refused_and_what_is_unknown_ignored() {
        let request = read("acr_values=a++b&claims=%7B%7D&display=popup&ui_locales=de+fr").unwrap();
        assert_eq!(request.acr_values, ["a", "b"]);
        assert!(read("display=x&display=y&ui_locales=1&ui_locales=2").is_some(), "never read");
        for bad in ["claims=x", "claims=%7B%7D&claims=%7B%7D", "acr_values=a&acr_values=b"] {
            assert!(read(bad).is_none(), "{bad}");
        }
        let many = read(&format!("acr_values={}", "a+".repeat(100))).unwrap();
        assert_eq!(many.acr_values.len(), MOST_ACR);
        let debug = format!("{:?}", read("id_token_hint=secret-token").unwrap());
        assert!(!debug.contains("secret-token"));
    }
}
