//! Is an opaque token genuine: what its issuer answers about it (RFC 7662 §2.2, §4).

use std::sync::Arc;

use bailiwick_jose::json::Object;
use bailiwick_oauth::introspect::Received;
use serde_json::Value;

use crate::authentic::{Authentic, Known};
use crate::present::Presented;
use crate::refusal::{Reason, Refusal};
use crate::trust::{IssuerRule, Trust};

/// Decides whether a token is genuine, by the answer of the issuer that was asked about it.
///
/// The answer comes from the issuer itself, over TLS or signed; it is as good as a signature. It
/// says what was so when it was given: whoever keeps it must not do so for long.
///
/// # Errors
/// [`Reason::TokenInactive`]; otherwise those of a JWT's claims. An answer that could not be had is
/// no answer: see [`unavailable`].
pub fn looked_up(
    presented: &Presented<'_>,
    trust: &Trust,
    answer: Received,
) -> Result<Authentic, Refusal> {
    if !answer.active {
        return Err(Refusal::new(
            Reason::TokenInactive,
            "the token is expired, revoked or unknown to its issuer",
        ));
    }
    let foreign =
        || Refusal::new(Reason::IssuerMismatch, "the token is from an issuer that is not trusted");
    let issuer = match (answer.claims.get("iss"), &trust.issuer) {
        (Some(Value::String(iss)), rule) => rule.find(iss).ok_or_else(foreign)?,
        // The claim is optional (RFC 7662 §2.2): the one that was asked speaks for itself.
        (None, IssuerRule::Exactly(issuer)) => issuer.clone(),
        _ => return Err(foreign()),
    };
    let claims = Object::from(answer.claims);
    trust.profile.check_kind(&claims)?;
    let known = trust.profile.read(presented, issuer, claims)?;
    says_what_it_is_bound_to(&known)?;
    Ok(Authentic(Arc::new(known)))
}

/// A token that is said to be bound, but not to which key, is never taken for one that is not
/// (RFC 9449 §6.2).
fn says_what_it_is_bound_to(known: &Known) -> Result<(), Refusal> {
    let typ = known.token.claims.text("token_type");
    let is_bound = known.confirmation.as_ref().is_some_and(|cnf| cnf.jkt.is_some());
    if is_bound || !typ.is_some_and(|typ| typ.eq_ignore_ascii_case("DPoP")) {
        return Ok(());
    }
    Err(Refusal::new(Reason::ClaimMissing, "the token is of type DPoP and has no claim 'cnf'"))
}

/// The refusal when the issuer cannot be asked: nobody can say whether the token is good.
pub fn unavailable() -> Refusal {
    Refusal::new(
        Reason::IntrospectionUnavailable,
        "the token cannot be looked up at its issuer just now; try again",
    )
}
