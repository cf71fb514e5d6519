//! Makes hostile requests out of a good one, by one change.

use std::sync::Arc;

use bailiwick_guard::Reason;
use bailiwick_jose::SigningKey;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use serde_json::{Map, Value, json};

use super::{Aim, Hostile, value};
use crate::ClientCertificate;
use crate::testing::{TestIssuer, forge};

pub(super) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The requests so far, and what the next ones are made of.
pub(super) struct Plan<'i> {
    pub(super) issuer: &'i TestIssuer,
    pub(super) aim: Aim,
    /// The issuer's key.
    pub(super) key: Arc<SigningKey>,
    /// A key that the issuer does not publish.
    pub(super) stranger: SigningKey,
    pub(super) now: i64,
    pub(super) hostile: Vec<Hostile>,
    why: &'static str,
}

impl<'i> Plan<'i> {
    pub(super) fn new(issuer: &'i TestIssuer, aim: Aim) -> Self {
        let key = issuer.key();
        let stranger = SigningKey::generate(key.algorithm()).expect("randomness");
        let now = issuer.clock().now();
        Self { issuer, aim, key, stranger, now, hostile: Vec::new(), why: "" }
    }

    /// Says what the next ones try.
    pub(super) fn next(&mut self, why: &'static str) {
        self.why = why;
    }

    /// Adds a request with these headers.
    pub(super) fn add(
        &mut self,
        name: impl Into<String>,
        expected: &'static [Reason],
        headers: HeaderMap,
    ) -> &mut Hostile {
        self.hostile.push(Hostile {
            name: name.into(),
            why: self.why,
            method: self.aim.method.clone(),
            target: self.aim.target(),
            headers,
            body: String::new(),
            certificate: None,
            expected,
        });
        self.hostile.last_mut().expect("pushed just now")
    }

    /// Adds a request with a bearer token.
    pub(super) fn bearer(
        &mut self,
        name: impl Into<String>,
        expected: &'static [Reason],
        token: &str,
    ) -> &mut Hostile {
        self.add(name, expected, authorization(&format!("Bearer {token}")))
    }

    /// Adds a request whose token has one header member set; `null` removes it.
    pub(super) fn member(
        &mut self,
        name: impl Into<String>,
        expected: &'static [Reason],
        member: &str,
        value: Value,
    ) {
        let header = set(self.header(), member, value);
        let token = self.headed(&header);
        self.bearer(name, expected, &token);
    }

    /// Adds a request whose token has one claim set; `null` removes it.
    pub(super) fn claim(
        &mut self,
        name: impl Into<String>,
        expected: &'static [Reason],
        claim: &str,
        value: Value,
    ) {
        let token = self.claiming(claim, value);
        self.bearer(name, expected, &token);
    }

    /// Adds a request whose token has this text for its claims.
    pub(super) fn payload(
        &mut self,
        name: impl Into<String>,
        expected: &'static [Reason],
        payload: &str,
    ) {
        let token = forge::token(&self.key, &self.header().to_string(), payload);
        self.bearer(name, expected, &token);
    }

    /// Adds a request with a token that was changed after it was signed.
    pub(super) fn edited(
        &mut self,
        name: impl Into<String>,
        expected: &'static [Reason],
        edit: impl FnOnce(String) -> String,
    ) {
        let token = edit(self.good());
        self.bearer(name, expected, &token);
    }

    /// A good token.
    pub(super) fn good(&self) -> String {
        self.signed(&self.claims())
    }

    /// A good token but for one claim; `null` removes it.
    pub(super) fn claiming(&self, name: &str, value: Value) -> String {
        self.signed(&set(self.claims(), name, value))
    }

    /// A token with any claims, signed as it should be.
    pub(super) fn signed(&self, claims: &Value) -> String {
        forge::token(&self.key, &self.header().to_string(), &claims.to_string())
    }

    /// A token with any header and good claims, signed as it should be.
    pub(super) fn headed(&self, header: &Value) -> String {
        forge::token(&self.key, &header.to_string(), &self.claims().to_string())
    }

    /// A good token of a stranger, with this header.
    pub(super) fn forged(&self, header: &Value) -> String {
        forge::token(&self.stranger, &header.to_string(), &self.claims().to_string())
    }

    /// The header of a good token.
    pub(super) fn header(&self) -> Value {
        json!({ "alg": self.key.algorithm(), "typ": "at+jwt", "kid": self.key.kid() })
    }

    /// The claims of a good token.
    pub(super) fn claims(&self) -> Value {
        let token = self.issuer.token();
        let token = if self.aim.scope.is_empty() { token } else { token.scope(&self.aim.scope) };
        let claims: Map<String, Value> = token.claims_for(&self.aim.resource);
        claims.into()
    }

    /// The claims of a good token as text, without one of them, and with this text at the end.
    pub(super) fn claims_and(&self, without: &str, member: &str) -> String {
        let claims = set(self.claims(), without, Value::Null).to_string();
        format!("{},{member}}}", claims.trim_end_matches('}'))
    }

    /// The certificate of somebody.
    pub(super) fn certificate(number: u8) -> ClientCertificate {
        ClientCertificate::from_digest([number; 32])
    }
}

/// An object with one member set; `null` removes it.
pub(super) fn set(mut object: Value, name: &str, value: Value) -> Value {
    match (&mut object, value) {
        (Value::Object(members), Value::Null) => drop(members.remove(name)),
        (object, value) => object[name] = value,
    }
    object
}

pub(super) fn authorization(text: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, value(text))])
}
