//! Whom or what an event is about (RFC 9493 §3; Shared Signals Framework 1.0 §3).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Secret;
use crate::claim;

/// A subject identifier; [`Other`](Self::Other) in a format that no token can be found by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectIdentifier {
    /// `iss_sub`: an issuer and its name for the subject (RFC 9493 §3.2.3).
    IssuerSubject {
        /// The issuer.
        iss: String,
        /// The subject.
        sub: String,
    },
    /// `opaque`: a name that only the two parties understand (RFC 9493 §3.2.4).
    Opaque {
        /// The name.
        id: String,
    },
    /// `jwt_id`: a token (Shared Signals Framework 1.0).
    JwtId {
        /// Its issuer.
        iss: String,
        /// Its identifier.
        jti: String,
    },
    /// `complex`: a user, a session, a device and so on, all of which apply together (Shared
    /// Signals Framework 1.0).
    Complex(BTreeMap<String, SubjectIdentifier>),
    /// Another format: its name.
    Other(String),
}

/// Which token was revoked.
#[derive(Debug)]
pub enum TokenIdentifier {
    /// A JWT, by its identifier.
    JwtId {
        /// Its issuer.
        iss: String,
        /// Its identifier.
        jti: String,
    },
    /// Any token, by itself or by something made of it (OAuth event types 1.0).
    Derived {
        /// `access_token` or `refresh_token`.
        token_type: String,
        /// How `token` is made of the token: `plain`, `prefix`, a hash.
        token_identifier_alg: String,
        /// The token, or what was made of it.
        token: Secret,
    },
}

/// The most parts that a complex subject may have.
const MOST: usize = 16;

impl SubjectIdentifier {
    /// Reads a subject identifier; `None` when it is malformed.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let members = value.as_object()?;
        if format(members)? == "complex" {
            let parts = members.iter().filter(|(name, _)| *name != "format");
            let parts: BTreeMap<_, _> = parts
                .map(|(name, part)| Some((name.clone(), Self::simple(part.as_object()?)?)))
                .collect::<Option<_>>()?;
            return (1..=MOST).contains(&parts.len()).then_some(Self::Complex(parts));
        }
        Self::simple(members)
    }

    fn simple(members: &Map<String, Value>) -> Option<Self> {
        let member = |name| claim::required_text(members, name).ok();
        Some(match format(members)? {
            "iss_sub" | "iss-sub" => {
                Self::IssuerSubject { iss: member("iss")?, sub: member("sub")? }
            }
            "opaque" => Self::Opaque { id: member("id")? },
            "jwt_id" => Self::JwtId { iss: member("iss")?, jti: member("jti")? },
            "complex" => return None,
            other => Self::Other(other.to_owned()),
        })
    }
}

impl TokenIdentifier {
    /// Reads the subject of a token event; `None` when it identifies no token.
    pub(super) fn read(value: &Value) -> Option<Self> {
        if let Some(SubjectIdentifier::JwtId { iss, jti }) = SubjectIdentifier::read(value) {
            return Some(Self::JwtId { iss, jti });
        }
        let member = |name| claim::required_text(value.as_object()?, name).ok();
        Some(Self::Derived {
            token_type: member("token_type")?,
            token_identifier_alg: member("token_identifier_alg")?,
            token: Secret::new(member("token")?),
        })
    }
}

/// The name of the format, which drafts of RFC 9493 called `subject_type`.
fn format(members: &Map<String, Value>) -> Option<&str> {
    let name = members.get("format").or_else(|| members.get("subject_type"))?.as_str()?;
    (!name.is_empty()).then_some(name)
}
