//! Is the token genuine: form, issuer, type, algorithm, key, signature, claims (RFC 9068 §4).
//!
//! The answer depends on the token and the issuer's keys alone, neither on time nor on what the
//! request wants, so it may be kept and used again.

use std::sync::Arc;

use bailiwick_jose::{Algorithm, DecryptionKey, Jwe, Jwks, Jws, NoKey, VerifyingKey, json::Object};
use bailiwick_oauth::{
    AccessToken, ClientId, Confirmation, Issuer, Scopes, Subject, details::AuthorizationDetail,
    status_list::StatusReference,
};

use crate::present::Presented;
use crate::profile::AudienceRule;
use crate::refusal::{Reason, Refusal};
use crate::trust::{Keys, Trust, Trusted};

/// A genuine token: its issuer vouches for it, it is of the right type, and its claims are well
/// typed.
///
/// Cheap to clone. Says nothing about time, revocation, audience, sender or scope.
#[derive(Clone)]
pub struct Authentic(pub(crate) Arc<Known>);

/// What a genuine token says.
pub(crate) struct Known {
    /// Of the whole token, as it was sent.
    pub(crate) digest: [u8; 32],
    pub(crate) token: AccessToken,
    pub(crate) issuer: Issuer,
    pub(crate) subject: Subject,
    pub(crate) client_id: Option<ClientId>,
    pub(crate) scopes: Scopes,
    pub(crate) roles: Vec<String>,
    pub(crate) confirmation: Option<Confirmation>,
    pub(crate) details: Vec<AuthorizationDetail>,
    pub(crate) status: Option<StatusReference>,
    pub(crate) audience: AudienceRule,
}

impl Authentic {
    /// Its issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    /// The key or certificate that it is bound to.
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.0.confirmation.as_ref()
    }

    /// When it expires, in seconds since 1970; a verdict about it is of no use after that.
    pub fn expires(&self) -> Option<i64> {
        self.0.token.exp
    }
}

/// Why there is no verdict of "may pass".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The token is refused.
    Refused(Refusal),
    /// A fact is missing: fetch it once, then ask again.
    Missing(Missing),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A fact that the world may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The key that the token names is not among the keys at hand.
    Key {
        /// Whose key: the trust's issuer or template, as text.
        issuer: String,
        /// Its name; `None` when the token names none.
        kid: Option<String>,
        /// Its algorithm.
        algorithm: Algorithm,
    },
    /// The list that says whether the token was revoked is not at hand.
    Status {
        /// Whose token, and so whose list.
        issuer: Issuer,
        /// Which list.
        reference: StatusReference,
    },
}

impl Missing {
    /// The refusal when the fact was looked for and does not exist: the token is at fault.
    pub fn does_not_exist(&self) -> Refusal {
        match self {
            Self::Key { .. } => Refusal::new(
                Reason::KeyUnknown,
                "the token is signed with a key that its issuer does not publish",
            ),
            // A list that ends before the token's place says nothing good about the token.
            Self::Status { .. } => {
                Refusal::new(Reason::Revoked, "the token is not in its status list")
            }
        }
    }

    /// The refusal when the fact cannot be had just now: nobody can say whether the token is good.
    pub fn cannot_be_had(&self) -> Refusal {
        match self {
            Self::Key { .. } => Refusal::new(
                Reason::KeysUnavailable,
                "the keys of the issuer cannot be had just now; try again",
            ),
            Self::Status { .. } => Refusal::new(
                Reason::StatusUnavailable,
                "whether the token was revoked cannot be found out just now; try again",
            ),
        }
    }
}

impl Presented<'_> {
    /// Decides whether a JWT is genuine (RFC 9068 §4, RFC 8725 §3).
    ///
    /// The issuer is chosen by the `iss` that the token states; its signature must then prove it.
    ///
    /// # Errors
    /// [`Stop::Refused`], or [`Stop::Missing`] when the issuer's key is not at hand.
    pub fn authentic(&self, keys: &Keys<'_>) -> Result<Authentic, Stop> {
        // INVARIANT: what was inside is signed; encryption alone proves no issuer (RFC 8725 §3.7).
        let known = match decrypt(self, keys.decryption)? {
            Some(inside) => signed(self, &inside, keys.issuers)?,
            None => signed(self, self.expose(), keys.issuers)?,
        };
        Ok(Authentic(Arc::new(known)))
    }
}

/// Takes an encrypted token's inside (RFC 7519 §7.2); `None` for one that is not encrypted.
fn decrypt(presented: &Presented<'_>, keys: &[DecryptionKey]) -> Result<Option<String>, Refusal> {
    if !presented.is_encrypted() {
        return Ok(None);
    }
    let token = presented.expose();
    let failed = |why| Refusal::new(Reason::DecryptionFailed, why);
    if keys.is_empty() {
        return Err(failed("encrypted tokens are not accepted here"));
    }
    let unreadable =
        || failed("the token is not encrypted for this API, or not in a form it reads");
    let jwe = Jwe::parse(token).map_err(|_| unreadable())?;
    if !jwe.header().is_content("JWT") {
        return Err(failed("an encrypted token must hold a signed one")); // RFC 7519 §5.2
    }
    let inside = jwe.decrypt(keys).map_err(|_| unreadable())?;
    std::str::from_utf8(&inside).map(|inside| Some(inside.to_owned())).map_err(|_| unreadable())
}

/// Decides about a signed token, which is the one that was presented or its inside.
fn signed(presented: &Presented<'_>, token: &str, issuers: &[Trusted<'_>]) -> Result<Known, Stop> {
    let jws =
        Jws::parse(token).map_err(|why| Refusal::new(Reason::TokenMalformed, why.to_string()))?;
    let jws = jws.read_claims().map_err(|why| {
        Refusal::new(Reason::TokenMalformed, format!("the token's payload: {why}"))
    })?;
    let claims = jws.unverified_payload();
    let (issuer, Trusted { trust, keys }) = issued_by(claims, issuers)?; // RFC 9068 §4
    trust.profile.check_type(jws.header(), claims)?; // RFC 8725 §3.11
    let algorithm = listed(&jws, trust)?; // RFC 8725 §3.1
    let key = key(&jws, algorithm, trust, *keys)?; // RFC 7517 §4.5
    belongs_to_issuer(key, claims, trust, &issuer)?;
    let verified = jws
        .verify(key) // RFC 7515 §5.2
        .map_err(|why| Refusal::new(Reason::SignatureInvalid, why.to_string()))?;
    Ok(trust.profile.read(presented, issuer, verified.payload)?) // RFC 9068 §2.2
}

fn issued_by<'i, 'f>(
    claims: &Object,
    issuers: &'i [Trusted<'f>],
) -> Result<(Issuer, &'i Trusted<'f>), Refusal> {
    let iss = claims.text("iss");
    let found = iss.and_then(|iss| {
        issuers.iter().find_map(|trusted| Some((trusted.trust.issuer.find(&iss)?, trusted)))
    });
    found.ok_or_else(|| {
        Refusal::new(Reason::IssuerMismatch, "the token is not from an issuer that is trusted here")
    })
}

fn listed(jws: &Jws<'_, Object>, trust: &Trust) -> Result<Algorithm, Refusal> {
    jws.algorithm().ok().filter(|algorithm| trust.algorithms.contains(algorithm)).ok_or_else(|| {
        Refusal::new(
            Reason::AlgorithmRefused,
            "the token is signed with an algorithm that is not accepted",
        )
    })
}

fn key<'k>(
    jws: &Jws<'_, Object>,
    algorithm: Algorithm,
    trust: &Trust,
    keys: Option<&'k Jwks>,
) -> Result<&'k VerifyingKey, Stop> {
    let kid = jws.header().kid.as_deref();
    let missing = || {
        let (issuer, kid) = (trust.issuer.as_str().to_owned(), kid.map(str::to_owned));
        Stop::Missing(Missing::Key { issuer, kid, algorithm })
    };
    match keys.ok_or_else(missing)?.find(kid, algorithm) {
        Ok(key) => Ok(key),
        Err(NoKey::UnknownKid) => Err(missing()),
        Err(why @ (NoKey::Ambiguous | NoKey::OtherAlgorithm)) => {
            Err(Refusal::new(Reason::KeyMismatch, why.to_string()).into())
        }
    }
}

/// A key that its set gives to one issuer signs for no other, as in Microsoft's shared sets.
fn belongs_to_issuer(
    key: &VerifyingKey,
    claims: &Object,
    trust: &Trust,
    issuer: &Issuer,
) -> Result<(), Refusal> {
    let Some(owner) = key.issuer() else { return Ok(()) };
    let tid = claims.text("tid");
    if trust.issuer.gives_key_to(owner, issuer, tid.as_deref()) {
        return Ok(());
    }
    Err(Refusal::new(Reason::KeyMismatch, "the key belongs to another issuer"))
}
