//! What a security event takes back (CAEP 1.0 §3.1, RISC 1.0 §2, RFC 9493 §3).
//!
//! Rather too much is denied than too little: a part of a subject by which no token can be told
//! apart (a device, a tenant) narrows nothing. A subject by which no token can be found at all (an
//! e-mail address, the hash of a token) has no effect, which is logged.

use bailiwick_oauth::Issuer;
use bailiwick_oauth::event::{
    DeliveryError, Event, RevokedGrant, SecurityEvent, SubjectIdentifier, TokenIdentifier,
};

use super::answer::{Untaken, refused};
use crate::denied::{Denial, Name};

/// The denials that follow from a token; `latest` is the last second that may be past.
///
/// An issuer speaks for its own subjects and tokens only: where one event is about another's, the
/// whole token is refused.
pub(super) fn of(
    set: &SecurityEvent,
    issuer: &Issuer,
    latest: i64,
) -> Result<Vec<Denial>, Untaken> {
    let mut denials = Vec::new();
    for event in &set.events {
        let (names, at) = match event {
            Event::SessionRevoked { subject, at } => (session(subject, issuer)?, *at),
            Event::AccountRevoked { subject, at } => (account(subject, issuer)?, *at),
            Event::TokenRevoked { token } => (revoked_token(token, issuer)?, None),
            Event::GrantRevoked(grant) => (vec![of_grant(grant)], None),
            _ => continue, // takes nothing back
        };
        // Nothing was revoked in the future: who signs in after this moment gets in.
        let at = at.unwrap_or(set.iat).min(latest);
        let before = denials.len();
        denials.extend(names.into_iter().filter_map(|names| denial(names, issuer, at)));
        if denials.len() == before {
            tracing::warn!(%issuer, "an event revokes what no token can be found by");
        }
    }
    Ok(denials)
}

/// Names that apply together.
type Names = Vec<Name>;

fn denial(names: Names, issuer: &Issuer, at: i64) -> Option<Denial> {
    let mut names = names.into_iter();
    let first = Denial::new(issuer.clone(), names.next()?, at);
    Some(names.fold(first, Denial::and))
}

fn session(subject: &SubjectIdentifier, issuer: &Issuer) -> Result<Vec<Names>, Untaken> {
    Ok(match subject {
        // It may be the session's name or the user's: only the two parties know.
        SubjectIdentifier::Opaque { id } => {
            vec![vec![Name::Session(id.clone())], vec![Name::Subject(id.clone())]]
        }
        SubjectIdentifier::Complex(parts) => {
            let session = match parts.get("session") {
                Some(SubjectIdentifier::Opaque { id }) => Some(Name::Session(id.clone())),
                Some(other) => one(other, issuer)?,
                None => None,
            };
            vec![session.into_iter().chain(user(parts.get("user"), issuer)?).collect()]
        }
        simple => vec![one(simple, issuer)?.into_iter().collect()],
    })
}

fn account(subject: &SubjectIdentifier, issuer: &Issuer) -> Result<Vec<Names>, Untaken> {
    let user = match subject {
        SubjectIdentifier::Complex(parts) => user(parts.get("user"), issuer)?,
        simple => one(simple, issuer)?,
    };
    Ok(vec![user.into_iter().collect()])
}

fn user(part: Option<&SubjectIdentifier>, issuer: &Issuer) -> Result<Option<Name>, Untaken> {
    part.map_or(Ok(None), |part| one(part, issuer))
}

/// The name in a simple subject.
fn one(subject: &SubjectIdentifier, issuer: &Issuer) -> Result<Option<Name>, Untaken> {
    Ok(match subject {
        SubjectIdentifier::IssuerSubject { iss, sub } => {
            own(iss, issuer)?;
            Some(Name::Subject(sub.clone()))
        }
        SubjectIdentifier::JwtId { iss, jti } => {
            own(iss, issuer)?;
            Some(Name::Token(jti.clone()))
        }
        SubjectIdentifier::Opaque { id } => Some(Name::Subject(id.clone())),
        _ => None,
    })
}

fn revoked_token(token: &TokenIdentifier, issuer: &Issuer) -> Result<Vec<Names>, Untaken> {
    Ok(match token {
        TokenIdentifier::JwtId { iss, jti } => {
            own(iss, issuer)?;
            vec![vec![Name::Token(jti.clone())]]
        }
        TokenIdentifier::Derived { .. } => Vec::new(),
    })
}

/// Each member that is there must apply.
fn of_grant(grant: &RevokedGrant) -> Names {
    let members = [
        grant.jti.clone().map(Name::Token),
        grant.grant.clone().map(Name::Grant),
        grant.sub.clone().map(Name::Subject),
        grant.client_id.clone().map(Name::Client),
    ];
    members.into_iter().flatten().collect()
}

fn own(iss: &str, issuer: &Issuer) -> Result<(), Untaken> {
    if iss == issuer.as_str() {
        return Ok(());
    }
    Err(refused(DeliveryError::AccessDenied, "an event is about another issuer's subject"))
}

#[cfg(test)]
mod tests;
