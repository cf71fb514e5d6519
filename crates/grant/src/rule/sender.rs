//! Who a token is bound to, and whether it is the one who sends it (RFC 9449 §5, §6, §7.2;
//! RFC 8705 §3, §4; RFC 7800 §3).

use bailiwick_oauth::{Confirmation, ErrorCode};

use crate::state::{Client, DpopNonce, ResourceServer, SenderConstraint};
use crate::{Reason, Refused, Tenant};

/// What the sender of a request proved to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// The thumbprint of the key that signed the request's DPoP proof; see
    /// [`dpop::prove`](super::dpop::prove).
    pub jkt: Option<String>,
    /// The SHA-256 digest of the certificate of the TLS connection (RFC 8705 §3).
    pub certificate: Option<[u8; 32]>,
}

/// How an access token was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Bearer` (RFC 6750 §2.1).
    Bearer,
    /// `Authorization: DPoP` (RFC 9449 §7.1).
    Dpop,
}

/// An access token as it was sent to us: how, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// How.
    pub scheme: Scheme,
    /// By whom; the proof was made with this token.
    pub sender: &'a Sender,
}

/// What a token is bound to: the key of a proof always, a certificate where somebody asks for it.
///
/// `server` is absent for the userinfo token.
///
/// # Errors
/// `invalid_dpop_proof` or `invalid_request` when issuer, client or resource server demand what the
/// sender did not prove.
pub fn bind(
    tenant: &Tenant,
    client: &Client,
    server: Option<&ResourceServer>,
    sender: &Sender,
) -> Result<Option<Confirmation>, Refused> {
    let of_server = server.map_or(SenderConstraint::None, |server| server.sender_constraint);
    let wanted = [tenant.sender.constraint, client.sender.constraint, of_server];
    let wants = |constraint| wanted.contains(&constraint);
    if wants(SenderConstraint::Dpop) && sender.jkt.is_none() {
        let text = "the token must be bound to a key; send a DPoP proof with the request";
        return Err(Refused::new(ErrorCode::InvalidDpopProof, Reason::SenderUnproved, text));
    }
    if wants(SenderConstraint::Mtls) && sender.certificate.is_none() {
        let text = "the token must be bound to a certificate; show the client certificate in TLS";
        return Err(Refused::new(ErrorCode::InvalidRequest, Reason::SenderUnproved, text));
    }
    let has_either = sender.jkt.is_some() || sender.certificate.is_some();
    if wants(SenderConstraint::Any) && !has_either {
        let text = "the token must be bound to its sender; send a DPoP proof, or show a client \
                    certificate in TLS";
        return Err(Refused::new(ErrorCode::InvalidRequest, Reason::SenderUnproved, text));
    }
    let by_certificate =
        wants(SenderConstraint::Mtls) || (wants(SenderConstraint::Any) && sender.jkt.is_none());
    let confirmation = Confirmation {
        jkt: sender.jkt.clone(),
        x5t_s256: sender.certificate.filter(|_| by_certificate),
    };
    let is_bound = confirmation.jkt.is_some() || confirmation.x5t_s256.is_some();
    Ok(is_bound.then_some(confirmation))
}

/// Whether the sender of a code holds the key that the authorization request named
/// (RFC 9449 §10).
///
/// # Errors
/// `invalid_dpop_proof` without a proof, `invalid_grant` with another key's.
pub fn holds_code(jkt: Option<&str>, sender: &Sender) -> Result<(), Refused> {
    let Some(jkt) = jkt else { return Ok(()) };
    holds_key(jkt, sender, "the code is bound to a key by dpop_jkt")
}

/// Whether the sender of a refresh token holds what it is bound to (RFC 9449 §5, RFC 8705 §4).
///
/// # Errors
/// `invalid_dpop_proof` without a proof, `invalid_grant` with another key or certificate, or none.
pub fn holds_refresh(bound: Option<&Confirmation>, sender: &Sender) -> Result<(), Refused> {
    let Some(bound) = bound else { return Ok(()) };
    if let Some(jkt) = &bound.jkt {
        holds_key(jkt, sender, "the refresh token is bound to a key")?;
    }
    if bound.x5t_s256.is_some() && bound.x5t_s256 != sender.certificate {
        let text = "the refresh token is bound to a client certificate; show that one in TLS";
        return Err(Refused::new(ErrorCode::InvalidGrant, Reason::SenderDiffers, text));
    }
    Ok(())
}

fn holds_key(jkt: &str, sender: &Sender, what: &str) -> Result<(), Refused> {
    match &sender.jkt {
        Some(shown) if shown == jkt => Ok(()),
        Some(_) => {
            let text = format!("{what}; send a DPoP proof with that key");
            Err(Refused::new(ErrorCode::InvalidGrant, Reason::SenderDiffers, text))
        }
        None => {
            let text = format!("{what}; send a DPoP proof with the request");
            Err(Refused::new(ErrorCode::InvalidDpopProof, Reason::SenderUnproved, text))
        }
    }
}

/// Whether an access token of ours is in the hands of the one it was issued to (RFC 9449 §7.2,
/// RFC 8705 §3).
///
/// # Errors
/// `invalid_token`.
pub fn holds_access(bound: Option<&Confirmation>, sent: Sent<'_>) -> Result<(), Refused> {
    let Sent { scheme, sender } = sent;
    let invalid = |text| Err(Refused::new(ErrorCode::InvalidToken, Reason::SenderDiffers, text));
    if let Some(certificate) = bound.and_then(|cnf| cnf.x5t_s256)
        && sender.certificate != Some(certificate)
    {
        return invalid("the token is bound to a client certificate that was not shown");
    }
    match (bound.and_then(|cnf| cnf.jkt.as_ref()), scheme) {
        (None, Scheme::Bearer) => Ok(()),
        // RFC 9449 §7.1: the scheme says that the token is bound.
        (None, Scheme::Dpop) => {
            invalid("the token is not bound to a key; send it as 'Authorization: Bearer'")
        }
        // RFC 9449 §7.2: a bound token is never good as a bearer token.
        (Some(_), Scheme::Bearer) => {
            invalid("the token is bound to a key; send it as 'Authorization: DPoP' with a proof")
        }
        (Some(jkt), Scheme::Dpop) if sender.jkt.as_ref() == Some(jkt) => Ok(()),
        (Some(_), Scheme::Dpop) => {
            invalid("the token is bound to another key than the DPoP proof's")
        }
    }
}

/// Whether DPoP proofs of this client must carry a nonce.
pub fn wants_nonce(tenant: &Tenant, client: &Client) -> bool {
    [tenant.sender.nonce, client.sender.nonce].contains(&DpopNonce::Required)
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;
