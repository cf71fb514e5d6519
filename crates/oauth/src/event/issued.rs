//! Security event tokens that are issued (RFC 8417 §2.2).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{ACCOUNT_DISABLED, GRANT_REVOKED, RevokedGrant, TOKEN_REVOKED};

/// The claims of a security event token, about one event.
///
/// It has neither `sub` nor `exp`, so that nobody takes it for another kind of token
/// (RFC 8417 §4.5, §4.6).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Issued {
    /// Who says it.
    pub iss: String,
    /// To whom.
    pub aud: String,
    /// Its identifier.
    pub jti: String,
    /// When it happened, in seconds since 1970.
    pub iat: i64,
    /// Of whom or what (RFC 9493 §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_id: Option<Value>,
    /// What happened.
    pub events: BTreeMap<&'static str, Value>,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// One token was revoked (OAuth event types 1.0).
    Token {
        /// Its `jti`.
        jti: String,
    },
    /// All tokens of a client or a grant were revoked; our own event.
    Grant(RevokedGrant),
    /// An account was disabled (RISC 1.0).
    Account {
        /// Whose.
        sub: String,
    },
}

impl Issued {
    /// The claims that tell one thing.
    pub fn new(iss: &str, aud: &str, jti: &str, iat: i64, told: Told) -> Self {
        let (sub_id, kind, event) = match told {
            Told::Token { jti } => {
                let sub_id = json!({ "format": "jwt_id", "iss": iss, "jti": jti });
                (Some(sub_id), TOKEN_REVOKED, json!({}))
            }
            Told::Grant(grant) => (None, GRANT_REVOKED, json!(grant)),
            Told::Account { sub } => {
                let sub_id = json!({ "format": "iss_sub", "iss": iss, "sub": sub });
                (Some(sub_id), ACCOUNT_DISABLED, json!({ "event_timestamp": iat }))
            }
        };
        Self {
            iss: iss.to_owned(),
            aud: aud.to_owned(),
            jti: jti.to_owned(),
            iat,
            sub_id,
            events: [(kind, event)].into(),
        }
    }
}
