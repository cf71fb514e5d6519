//! DPoP proofs: what a sender shows to hold the key of its token (RFC 9449 §4).

mod htu;
mod nonce;
mod request;

use bailiwick_jose::{
    Algorithm, JwkError, Jws, VerifyError, VerifyingKey, base64url, digest, json, jws,
};
use serde::{Deserialize, Serialize};

pub use htu::normalise;
pub use nonce::{Nonces, SealedNonces};
pub use request::{OnceOnly, WrongProof};

use crate::access_token::MalformedClaim;
use crate::claim;

/// The `typ` of a proof (RFC 9449 §4.2).
pub const TYPE: &str = "dpop+jwt";

/// What a proof may be signed with: no other algorithm is asymmetric and supported.
pub const PROOF_ALGORITHMS: [Algorithm; 5] = Algorithm::ALL;

/// A proof longer than this is refused unread, in octets.
pub const LONGEST: usize = 8 * 1024;

/// The longest `jti` that is taken, in characters: it has to be remembered.
pub const LONGEST_JTI: usize = 256;

/// A proof that was signed with the key it carries (RFC 9449 §4.3, steps 2 to 7).
///
/// Which request, token and nonce it belongs to, whether it is fresh and not replayed, is for
/// `guard` and `grant` to say, by [`Proof::made_for`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of its key, as `cnf.jkt` has it (RFC 9449 §6.1).
    pub thumbprint: String,
    /// What it is signed with.
    pub algorithm: Algorithm,
    /// Its identifier.
    pub jti: String,
    /// The request's method; case counts.
    pub htm: String,
    /// The request's URI, in its [normal form](normalise).
    pub htu: String,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// The [hash](token_hash) of the access token that it goes with.
    pub ath: Option<String>,
    /// The server's nonce.
    pub nonce: Option<String>,
}

impl Proof {
    /// Reads the value of a `DPoP` header and verifies its signature with the key it carries.
    ///
    /// # Errors
    /// The first fault, in the order of RFC 9449 §4.2.
    pub fn parse(text: &str) -> Result<Self, MalformedProof> {
        if text.len() > LONGEST {
            return Err(MalformedProof::TooLong);
        }
        let jws = Jws::parse(text)?;
        if jws.header().typ.as_deref() != Some(TYPE) {
            return Err(MalformedProof::Type);
        }
        let algorithm = jws.algorithm().map_err(|_| MalformedProof::Algorithm)?;
        let jwk = jws.header().member("jwk").ok_or(MalformedProof::NoKey)?;
        let key = VerifyingKey::from_embedded(jwk, algorithm)?;
        let claims = json::parse_object(&jws.verify(&key)?.payload)?;
        let htu = claim::required_text(&claims, "htu")?;
        Ok(Self {
            thumbprint: key.thumbprint().to_owned(),
            algorithm,
            jti: Some(claim::required_text(&claims, "jti")?)
                .filter(|jti| jti.chars().count() <= LONGEST_JTI)
                .ok_or(MalformedClaim("jti"))?,
            htm: Some(claim::required_text(&claims, "htm")?)
                .filter(|htm| http::Method::from_bytes(htm.as_bytes()).is_ok())
                .ok_or(MalformedClaim("htm"))?,
            htu: normalise(&htu).ok_or(MalformedClaim("htu"))?,
            iat: claim::seconds(&claims, "iat")?.ok_or(MalformedClaim("iat"))?,
            ath: claim::text(&claims, "ath")?,
            nonce: claim::text(&claims, "nonce")?,
        })
    }
}

/// Why a text is no DPoP proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedProof {
    /// There is another one beside it (RFC 9449 §4.3, step 1).
    #[error("more than one DPoP proof; send one")]
    Several,
    /// It is not ASCII.
    #[error("the DPoP proof is not ASCII")]
    NotAscii,
    /// It is longer than [`LONGEST`].
    #[error("the DPoP proof is longer than {LONGEST} octets")]
    TooLong,
    /// It is no signed JWT.
    #[error("the DPoP proof is not a signed JWT")]
    Form(#[from] jws::Malformed),
    /// Its `typ` is another.
    #[error("the DPoP proof's typ is not {TYPE}")]
    Type,
    /// Its `alg` is none of [`PROOF_ALGORITHMS`].
    #[error("the DPoP proof's algorithm is not supported")]
    Algorithm,
    /// It carries no key.
    #[error("the DPoP proof has no jwk")]
    NoKey,
    /// The key that it carries is private, or none for its algorithm.
    #[error("the DPoP proof's jwk is not a public key for its algorithm")]
    Key(#[from] JwkError),
    /// It is not signed with the key that it carries.
    #[error("the DPoP proof is not signed with its jwk")]
    Signature(#[from] VerifyError),
    /// Its payload is no strict JSON object.
    #[error("the DPoP proof's payload is not a JSON object")]
    Payload(#[from] json::Malformed),
    /// A claim is missing or malformed.
    #[error("the DPoP proof's claim '{0}' is missing or malformed")]
    Claim(&'static str),
}

impl From<MalformedClaim> for MalformedProof {
    fn from(MalformedClaim(name): MalformedClaim) -> Self {
        Self::Claim(name)
    }
}

/// The claims of a proof to be signed (RFC 9449 §4.2); its header must carry the public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofClaims {
    /// An identifier that no other proof has.
    pub jti: String,
    /// The request's method.
    pub htm: String,
    /// The request's URI without query and fragment.
    pub htu: String,
    /// Now, in seconds since 1970.
    pub iat: i64,
    /// The [hash](token_hash) of the access token that is sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ath: Option<String>,
    /// The nonce that the server gave last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

impl ProofClaims {
    /// The claims for a request; `None` when `uri` has no [normal form](normalise).
    pub fn new(jti: String, method: &http::Method, uri: &str, iat: i64) -> Option<Self> {
        let htu = normalise(uri)?;
        Some(Self { jti, htm: method.to_string(), htu, iat, ath: None, nonce: None })
    }

    /// The same, for a request that carries this access token.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        Self { ath: Some(token_hash(token)), ..self }
    }

    /// The same, with the server's nonce.
    #[must_use]
    pub fn with_nonce(self, nonce: String) -> Self {
        Self { nonce: Some(nonce), ..self }
    }
}

/// The `ath` of an access token: its SHA-256 digest in base64url (RFC 9449 §4.2).
pub fn token_hash(token: &str) -> String {
    base64url::encode(&digest::sha256(token.as_bytes()))
}
