//! What an issuer, a client or an API wants tokens to be bound to (RFC 9449 §5.2, RFC 8705 §3.4).

use serde::{Deserialize, Serialize};

/// What tokens must be bound to; whoever wants more beats who wants less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SenderConstraint {
    /// Nothing; a DPoP proof that is sent binds all the same.
    #[default]
    None,
    /// The key of a DPoP proof (RFC 9449 §5.2 `dpop_bound_access_tokens`).
    Dpop,
    /// A client certificate (RFC 8705 §3.4 `tls_client_certificate_bound_access_tokens`).
    Mtls,
    /// One of the two.
    Any,
}

/// Whether DPoP proofs must carry a nonce of this server (RFC 9449 §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DpopNonce {
    /// They need not, and one that they carry is not looked at.
    #[default]
    Optional,
    /// They must.
    Required,
}

/// What an issuer or a client wants of the senders of token requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SenderSettings {
    /// What tokens must be bound to.
    pub constraint: SenderConstraint,
    /// Whether DPoP proofs need a nonce.
    pub nonce: DpopNonce,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_before_wants_nothing() {
        let none =
            SenderSettings { constraint: SenderConstraint::None, nonce: DpopNonce::Optional };
        assert_eq!(serde_json::from_str::<SenderSettings>("{}").unwrap(), none);
    }
}
