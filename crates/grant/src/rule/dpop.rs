//! DPoP proofs at our own endpoints (RFC 9449 §4.3, §8, §10.1).

use bailiwick_oauth::ErrorCode;
use bailiwick_oauth::dpop::{Nonces, OnceOnly, Proof};
use http::Method;

use super::fapi;
use super::sender::wants_nonce;
use crate::state::Client;
use crate::{Reason, Refused, Tenant};

/// For how many seconds a proof is good (RFC 9449 §11.1).
const LIFETIME: i64 = 60;

/// How far the clocks of client and server may be apart, in seconds.
const SKEW: i64 = 10;

/// The request that a proof came with.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The endpoint's URIs: the issuer's, and the one for clients with certificates.
    pub uris: &'a [String],
    /// The access token that was sent along; none at the token endpoint.
    pub token: Option<&'a str>,
}

/// Checks that a proof was made for this request (RFC 9449 §4.3).
///
/// Whether it was made before is for whoever remembers: what is returned must be used once only.
///
/// # Errors
/// `invalid_dpop_proof` when it is another request's, `use_dpop_nonce` when its client must send a
/// nonce and did not, or one that is too old.
pub fn prove(
    tenant: &Tenant,
    client: &Client,
    proof: &Proof,
    shown: &Shown<'_>,
    nonces: &dyn Nonces,
    now: i64,
) -> Result<OnceOnly, Refused> {
    let invalid = |why: &dyn std::fmt::Display| {
        let text = format!("{why}; make a new one for each request");
        Refused::new(ErrorCode::InvalidDpopProof, Reason::ProofInvalid, text)
    };
    let checks =
        shown.uris.iter().map(|uri| proof.made_for(shown.method, uri, now, LIFETIME, SKEW));
    let once = checks
        .reduce(Result::or)
        .ok_or_else(|| invalid(&"the endpoint has no URI"))?
        .map_err(|why| invalid(&why))?;
    if !fapi::takes(tenant, client, proof.algorithm) {
        return Err(invalid(&"FAPI 2.0 wants the DPoP proof signed with PS256, ES256 or EdDSA"));
    }
    if let Some(token) = shown.token {
        proof.made_with(token).map_err(|why| invalid(&why))?;
    }
    // Last: a nonce is given to whoever made a right proof, and to nobody else.
    let is_answered = nonces.accept(proof.nonce.as_deref(), &proof.thumbprint, now);
    if wants_nonce(tenant, client) && !is_answered {
        let text = "the DPoP proof needs the nonce of this answer's header DPoP-Nonce";
        return Err(Refused::new(ErrorCode::UseDpopNonce, Reason::NonceMissing, text));
    }
    Ok(once)
}

/// The key that a code will be bound to: the one that `dpop_jkt` names, or that signed the proof of
/// a pushed request (RFC 9449 §10, §10.1).
///
/// # Errors
/// `invalid_dpop_proof` when both are there and differ.
pub fn of_request(named: Option<&str>, proved: Option<&str>) -> Result<Option<String>, Refused> {
    match (named, proved) {
        (Some(named), Some(proved)) if named != proved => {
            let text = "dpop_jkt is not the thumbprint of the DPoP proof's key";
            Err(Refused::new(ErrorCode::InvalidDpopProof, Reason::SenderDiffers, text))
        }
        (named, proved) => Ok(named.or(proved).map(str::to_owned)),
    }
}

#[cfg(test)]
#[path = "dpop_tests.rs"]
mod tests;
