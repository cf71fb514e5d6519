//! Does a DPoP proof belong to this request and this token (RFC 9449 §4.3).

use bailiwick_jose::base64url;
use bailiwick_oauth::dpop::{self, Proof};
use http::{HeaderMap, Method};

use crate::refusal::{Reason, Refusal};

/// For how many seconds a proof is good, unless the operator says otherwise (RFC 9449 §11.1).
pub const LIFETIME: i64 = 60;

/// What a request shows of DPoP, and what this server wants of it.
#[derive(Clone, Copy)]
pub struct Shown<'f> {
    /// The request's headers.
    pub headers: &'f HeaderMap,
    /// The request's method.
    pub method: &'f Method,
    /// The URI that the client called, from the scheme on; a query does not matter.
    pub uri: &'f str,
    /// For how many seconds a proof is good; usually [`LIFETIME`].
    pub lifetime: i64,
    /// The nonces of this server; `&()` where it asks for none.
    pub nonces: &'f dyn Nonces,
}

/// The nonces that a server gives to its clients (RFC 9449 §9).
pub trait Nonces: Send + Sync {
    /// Whether a proof by the key with this thumbprint may pass with this nonce, or with none.
    fn accept(&self, nonce: Option<&str>, thumbprint: &str, now: i64) -> bool;
}

/// Asks for no nonce.
impl Nonces for () {
    fn accept(&self, _: Option<&str>, _: &str, _: i64) -> bool {
        true
    }
}

/// What must be used once only: the identifier of a proof, under its key (RFC 9449 §11.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceOnly {
    /// What is remembered.
    pub key: String,
    /// Until when, in seconds since 1970: the proof is good for nothing after that.
    pub until: i64,
}

impl Shown<'_> {
    /// Decides whether the one proof of the request is right, for a token with this digest that is
    /// bound to the key with this thumbprint (RFC 9449 §4.3, §7.1).
    ///
    /// Does not find out whether the proof was used before: that is for whoever remembers.
    ///
    /// # Errors
    /// [`Reason::ProofMissing`], [`Reason::ProofInvalid`], [`Reason::BindingMismatch`],
    /// [`Reason::NonceRequired`].
    pub(crate) fn check(
        &self,
        token: &[u8; 32],
        thumbprint: &str,
        now: i64,
        skew: i64,
    ) -> Result<OnceOnly, Refusal> {
        let proof = self.proof()?; // steps 1 to 7
        if proof.htm != self.method.as_str() {
            return invalid("the DPoP proof is for another method"); // step 8
        }
        if dpop::normalise(self.uri).is_none_or(|uri| uri != proof.htu) {
            return invalid("the DPoP proof is for another URI"); // step 9
        }
        let oldest = now.saturating_sub(self.lifetime.saturating_add(skew));
        if proof.iat < oldest || proof.iat > now.saturating_add(skew) {
            return invalid("the DPoP proof is too old, or from the future"); // step 11
        }
        let hash = proof.ath.as_deref().unwrap_or_default();
        if hash != base64url::encode(token) {
            return invalid("the DPoP proof is for another token"); // step 12
        }
        if proof.thumbprint != thumbprint {
            return Err(Refusal::new(
                Reason::BindingMismatch,
                "the token is bound to another key than the DPoP proof's",
            ));
        }
        // Step 10 last: a nonce is given to whoever holds the token and its key, and to nobody else.
        if !self.nonces.accept(proof.nonce.as_deref(), thumbprint, now) {
            return Err(Refusal::new(
                Reason::NonceRequired,
                "the DPoP proof needs the nonce of this answer's header DPoP-Nonce",
            ));
        }
        let until = proof.iat.saturating_add(self.lifetime.saturating_add(skew));
        Ok(OnceOnly { key: format!("{} {}", proof.thumbprint, proof.jti), until })
    }

    fn proof(&self) -> Result<Proof, Refusal> {
        let mut values = self.headers.get_all("DPoP").iter();
        match (values.next(), values.next()) {
            (None, _) => Err(Refusal::new(
                Reason::ProofMissing,
                "the token is bound to a key and was sent without a DPoP proof",
            )),
            (Some(_), Some(_)) => invalid("more than one DPoP proof; send one"),
            (Some(one), None) => one.to_str().ok().map_or_else(
                || invalid("the DPoP proof is not ASCII"),
                |text| {
                    Proof::parse(text)
                        .map_err(|why| Refusal::new(Reason::ProofInvalid, why.to_string()))
                },
            ),
        }
    }
}

fn invalid<T>(why: &'static str) -> Result<T, Refusal> {
    Err(Refusal::new(Reason::ProofInvalid, why))
}
