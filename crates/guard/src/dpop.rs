//! Does a DPoP proof belong to this request and this token (RFC 9449 §4.3).

use bailiwick_jose::base64url;
pub use bailiwick_oauth::dpop::{Nonces, OnceOnly};
use bailiwick_oauth::dpop::{Proof, WrongProof};
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
        let once = proof
            .made_for(self.method, self.uri, now, self.lifetime, skew) // steps 8, 9 and 11
            .map_err(wrong)?;
        proof.made_with_hash(&base64url::encode(token)).map_err(wrong)?; // step 12
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
        Ok(once)
    }

    fn proof(&self) -> Result<Proof, Refusal> {
        Proof::among(self.headers)
            .map_err(|why| Refusal::new(Reason::ProofInvalid, why.to_string()))?
            .ok_or_else(|| {
                Refusal::new(
                    Reason::ProofMissing,
                    "the token is bound to a key and was sent without a DPoP proof",
                )
            })
    }
}

fn wrong(why: WrongProof) -> Refusal {
    Refusal::new(Reason::ProofInvalid, why.to_string())
}
