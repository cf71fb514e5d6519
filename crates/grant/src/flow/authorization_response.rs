//! The authorization response: what it says and how it travels, code and error alike
//! (RFC 6749 §4.1.2, RFC 9207 §2, JARM §2.1).

use std::fmt;

use bailiwick_jose::Algorithm;
use bailiwick_oauth::{RedirectUri, ResponseMode, Secret};
use serde_json::{Map, Value};

use crate::state::{Client, Destination, ResponseIss};
use crate::{Refused, Tenant};

/// An answer to an authorization request; writing it down is part of answering.
pub struct AuthorizationResponse {
    /// Where it goes.
    pub redirect_uri: RedirectUri,
    /// How it travels.
    pub mode: ResponseMode,
    /// What it says.
    pub content: Content,
}

/// What an authorization response says. It may hold a code.
pub enum Content {
    /// Parameters as they are.
    Plain(Vec<(&'static str, String)>),
    /// The same parameters as the claims of a token, to be signed (JARM §2.1).
    Signed {
        /// The claims.
        claims: Map<String, Value>,
        /// With what.
        algorithm: Algorithm,
    },
}

/// How long a signed response is good, in seconds: a browser carries it at once (JARM §2.1).
const LIFETIME: i64 = 600;

impl AuthorizationResponse {
    /// Sends a code (RFC 6749 §4.1.2).
    pub fn of_code(
        tenant: &Tenant,
        client: &Client,
        destination: &Destination,
        code: &Secret,
        now: i64,
    ) -> Self {
        let parameters = vec![("code", code.expose().to_owned())];
        Self::new(tenant, client, destination, parameters, now)
    }

    /// Sends an error (RFC 6749 §4.1.2.1).
    pub fn of_error(
        tenant: &Tenant,
        client: &Client,
        destination: &Destination,
        refused: &Refused,
        now: i64,
    ) -> Self {
        let answer = refused.answer();
        let mut parameters = vec![("error", answer.error.as_str().to_owned())];
        if !answer.error_description.is_empty() {
            parameters.push(("error_description", answer.error_description));
        }
        Self::new(tenant, client, destination, parameters, now)
    }

    fn new(
        tenant: &Tenant,
        client: &Client,
        destination: &Destination,
        mut parameters: Vec<(&'static str, String)>,
        now: i64,
    ) -> Self {
        parameters.extend(destination.state().map(|state| ("state", state.to_owned())));
        let mode = destination.mode();
        let content = if mode.is_signed() {
            // JARM §2.1: the token says who made it and for whom, so `iss` is always there.
            let mut claims: Map<String, Value> = parameters
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect();
            claims.insert("iss".to_owned(), tenant.issuer.as_str().into());
            claims.insert("aud".to_owned(), client.id.as_str().into());
            claims.insert("exp".to_owned(), (now + LIFETIME).into());
            let algorithm = client.openid.authorization_signed_response_alg;
            Content::Signed { claims, algorithm }
        } else {
            let all = [tenant.response_iss, client.openid.response_iss];
            if all == [ResponseIss::Send; 2] {
                parameters.push(("iss", tenant.issuer.as_str().to_owned()));
            }
            Content::Plain(parameters)
        };
        Self { redirect_uri: destination.redirect_uri().clone(), mode, content }
    }
}

impl fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationResponse")
            .field("redirect_uri", &self.redirect_uri)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "authorization_response_tests.rs"]
mod tests;
