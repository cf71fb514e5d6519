//! Is the token in the hands of the one it was issued to (RFC 9449 §7.2, RFC 8705 §3).

use crate::addressed::Addressed;
use crate::refusal::{Reason, Refusal};

/// What the sender proved about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: it sent a bearer token.
    None,
}

/// A token that was sent by whoever may send it.
pub struct Bound {
    pub(crate) addressed: Addressed,
}

impl Addressed {
    /// Decides whether the sender may use the token (RFC 7800 §3).
    ///
    /// A token with `cnf`, in whatever form, is bound to a key and passes only with a proof of it.
    ///
    /// # Errors
    /// [`Reason::ProofMissing`].
    pub fn bound_to(self, proof: &Proof) -> Result<Bound, Refusal> {
        let is_bound = self.current.token.0.token.claims.contains_key("cnf");
        match proof {
            Proof::None if is_bound => Err(Refusal::new(
                Reason::ProofMissing,
                "the token is bound to a key and was sent without proof of it",
            )),
            Proof::None => Ok(Bound { addressed: self }),
        }
    }
}
