//! Who sends a request: its DPoP proof and its client certificate (RFC 9449 §5, RFC 8705 §3).

use axum::extract::Request;
use bailiwick_grant::rule::dpop;
use bailiwick_grant::rule::sender::{Sender, wants_nonce};
use bailiwick_grant::state::Client;
use bailiwick_grant::{Reason, Refused};
use bailiwick_oauth::dpop::Proof;
use bailiwick_oauth::{ClientCertificate, ErrorCode};
use http::{HeaderMap, HeaderName, Method};

use crate::answer::Failure;
use crate::app::App;

/// The header with the proof.
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The header with a nonce for the next proof.
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// What a request shows of its sender. Taken before the body is read, and not looked at before the
/// client is authenticated.
pub(super) struct Shown {
    proofs: HeaderMap,
    method: Method,
    uris: Vec<String>,
    certificate: Option<[u8; 32]>,
}

/// What a sender proved.
pub(super) struct Proved {
    pub(super) sender: Sender,
    /// A nonce for its next proof, where it needs one.
    pub(super) nonce: Option<String>,
}

impl Shown {
    pub(super) fn of(app: &App, request: &Request) -> Self {
        let proofs = request.headers().get_all(DPOP).iter().map(|value| (DPOP, value.clone()));
        let for_certificates = app.certificates.as_ref().and_then(|it| it.origin.as_deref());
        // The issuer's origin, whatever name a proxy calls this server by.
        let origins = [Some(app.tenant.issuer.origin()), for_certificates];
        let path = request.uri().path();
        Self {
            proofs: proofs.collect(),
            method: request.method().clone(),
            uris: origins.into_iter().flatten().map(|origin| format!("{origin}{path}")).collect(),
            certificate: request.extensions().get::<ClientCertificate>().map(|it| it.digest),
        }
    }

    /// What a sender proved who shows no proof, or whose proof does not count.
    pub(super) fn without_proof(&self) -> Sender {
        Sender { jkt: None, certificate: self.certificate }
    }

    /// Checks the proof, if there is one; the client is authenticated. `token` is the access token
    /// that came with it.
    pub(super) async fn proved(
        &self,
        app: &App,
        client: &Client,
        token: Option<&str>,
    ) -> Result<Proved, Failure> {
        let invalid = |reason, text: &str| Refused::new(ErrorCode::InvalidDpopProof, reason, text);
        let proof = Proof::among(&self.proofs)
            .map_err(|why| invalid(Reason::ProofInvalid, &why.to_string()))?;
        let Some(proof) = proof else {
            return Ok(Proved { sender: self.without_proof(), nonce: None });
        };
        let now = app.now();
        let keyring = app.keyring.load();
        let nonces = keyring.nonces();
        let shown = dpop::Shown { method: &self.method, uris: &self.uris, token };
        let once = match dpop::prove(&app.tenant, client, &proof, &shown, nonces, now) {
            Ok(once) => once,
            Err(refused) if refused.error == ErrorCode::UseDpopNonce => {
                let nonce = nonces.make(&proof.thumbprint, now);
                return Err(Failure::WantsNonce { refused, nonce });
            }
            Err(refused) => return Err(refused.into()),
        };
        // RFC 9449 §11.1: a proof is good once.
        if !app.first_use.first_use(&once.key, once.until, now).await? {
            let text = "the DPoP proof was used before; make a new one for each request";
            return Err(invalid(Reason::ProofReplayed, text).into());
        }
        let nonce =
            wants_nonce(&app.tenant, client).then(|| nonces.make(&proof.thumbprint, now)).flatten();
        let sender = Sender { jkt: Some(proof.thumbprint), certificate: self.certificate };
        Ok(Proved { sender, nonce })
    }
}
