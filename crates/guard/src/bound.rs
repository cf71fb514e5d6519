//! Is the token in the hands of the one it was issued to (RFC 9449 §7.2, RFC 8705 §3).

use bailiwick_jose::digest;
use bailiwick_oauth::Confirmation;

use crate::addressed::Addressed;
use crate::dpop::{OnceOnly, Shown};
use crate::present::Scheme;
use crate::refusal::{Reason, Refusal};

/// What the sender shows about itself.
#[derive(Clone, Copy)]
pub struct Sender<'f> {
    /// How it sent the token.
    pub scheme: Scheme,
    /// What it shows of DPoP; `None` where that cannot be checked.
    pub dpop: Option<Shown<'f>>,
    /// The SHA-256 digest of the certificate that it proved to hold (RFC 8705 §3).
    pub certificate: Option<[u8; 32]>,
}

impl Sender<'_> {
    /// A sender that shows nothing but a bearer token.
    pub const BEARER: Self = Self { scheme: Scheme::Bearer, dpop: None, certificate: None };
}

/// Which bindings a resource wants. Whatever a token is bound to, must be proved in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Binding {
    /// Bearer tokens will do.
    #[default]
    AsTheTokenSays,
    /// Only tokens that are bound to a DPoP key (RFC 9449 §5.1 `dpop_bound_access_tokens`).
    Dpop,
    /// Only tokens that are bound to a client certificate (RFC 8705 §3).
    Certificate,
    /// Only tokens that are bound, one way or the other.
    Either,
}

/// A token that was sent by whoever may send it.
pub struct Bound {
    pub(crate) addressed: Addressed,
    pub(crate) once: Option<OnceOnly>,
}

impl Addressed {
    /// Decides whether the sender may use the token (RFC 7800 §3).
    ///
    /// # Errors
    /// [`Reason::BindingRequired`], [`Reason::CertificateMissing`], [`Reason::ProofMissing`],
    /// [`Reason::BindingMismatch`], and those of a DPoP proof.
    pub fn bound_to(
        self,
        sender: &Sender<'_>,
        binding: Binding,
        now: i64,
        skew: i64,
    ) -> Result<Bound, Refusal> {
        let known = &self.current.token.0;
        let confirmation = known.confirmation.as_ref();
        binding.wants(confirmation)?;
        if let Some(expected) = confirmation.and_then(|cnf| cnf.x5t_s256.as_ref()) {
            certificate(expected, sender.certificate.as_ref())?; // RFC 8705 §3
        }
        let once = match (confirmation.and_then(|cnf| cnf.jkt.as_deref()), sender.scheme) {
            (None, Scheme::Bearer) => None,
            // RFC 9449 §7.1: the scheme says that the token is bound.
            (None, Scheme::Dpop) => {
                return Err(Refusal::new(
                    Reason::BindingMismatch,
                    "the token is not bound to a key; send it as 'Authorization: Bearer'",
                ));
            }
            // RFC 9449 §7.2: a proof beside it does not make a bearer token of a bound one.
            (Some(_), Scheme::Bearer) => {
                return Err(Refusal::new(
                    Reason::ProofMissing,
                    "the token is bound to a key; send it as 'Authorization: DPoP' with a proof",
                ));
            }
            (Some(thumbprint), Scheme::Dpop) => {
                let shown = sender.dpop.as_ref().ok_or_else(|| {
                    Refusal::new(Reason::ProofMissing, "DPoP proofs cannot be checked here")
                })?;
                Some(shown.check(&known.digest, thumbprint, now, skew)?)
            }
        };
        Ok(Bound { addressed: self, once })
    }
}

impl Binding {
    fn wants(self, confirmation: Option<&Confirmation>) -> Result<(), Refusal> {
        let by_dpop = confirmation.is_some_and(|cnf| cnf.jkt.is_some());
        let by_certificate = confirmation.is_some_and(|cnf| cnf.x5t_s256.is_some());
        let (is_enough, why) = match self {
            Self::AsTheTokenSays => (true, ""),
            Self::Dpop => (by_dpop, "only tokens that are bound by DPoP are accepted here"),
            Self::Certificate => {
                (by_certificate, "only tokens that are bound to a client certificate are accepted")
            }
            Self::Either => {
                (by_dpop || by_certificate, "only tokens that are bound to a key are accepted here")
            }
        };
        if is_enough { Ok(()) } else { Err(Refusal::new(Reason::BindingRequired, why)) }
    }
}

fn certificate(expected: &[u8; 32], shown: Option<&[u8; 32]>) -> Result<(), Refusal> {
    match shown {
        None => Err(Refusal::new(
            Reason::CertificateMissing,
            "the token is bound to a client certificate, and none was shown",
        )),
        Some(shown) if digest::equal(expected, shown) => Ok(()),
        Some(_) => Err(Refusal::new(
            Reason::BindingMismatch,
            "the token is bound to another client certificate",
        )),
    }
}
