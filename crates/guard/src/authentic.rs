//! Is the token genuine: form, issuer, type, algorithm, key, signature, claims (RFC 9068 §4).
//!
//! The answer depends on the token and the issuer's keys alone, neither on time nor on what the
//! request wants, so it may be kept and used again.

use std::sync::Arc;

use bailiwick_jose::{Algorithm, Jwks, Jws, NoKey, VerifyingKey, json};
use bailiwick_oauth::{AccessToken, ClientId, Issuer, Scopes, Subject};
use serde_json::{Map, Value};

use crate::present::Presented;
use crate::profile::Profile;
use crate::refusal::{Reason, Refusal};

/// An issuer whose tokens may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The issuer, compared byte for byte with `iss`.
    pub issuer: Issuer,
    /// The algorithms that its tokens may be signed with (RFC 8725 §3.1).
    pub algorithms: Vec<Algorithm>,
    /// What its tokens look like.
    pub profile: Profile,
}

impl Trust {
    /// Trusts an issuer of RFC 9068 tokens, with any of the algorithms of [`Algorithm::ALL`].
    pub fn new(issuer: Issuer) -> Self {
        Self { issuer, algorithms: Algorithm::ALL.to_vec(), profile: Profile::rfc9068() }
    }
}

/// A trusted issuer and what is known of its keys just now.
#[derive(Debug, Clone, Copy)]
pub struct Trusted<'f> {
    /// The issuer.
    pub trust: &'f Trust,
    /// Its keys; `None` while they could not be had.
    pub keys: Option<&'f Jwks>,
}

/// A genuine token: signed by a trusted issuer, of the right type, with well-typed claims.
///
/// Cheap to clone. Says nothing about time, audience, sender or scope.
#[derive(Clone)]
pub struct Authentic(pub(crate) Arc<Known>);

/// What a genuine token says.
pub(crate) struct Known {
    pub(crate) token: AccessToken,
    pub(crate) issuer: Issuer,
    pub(crate) subject: Subject,
    pub(crate) client_id: Option<ClientId>,
    pub(crate) scopes: Scopes,
}

/// Why there is no verdict of "genuine".
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
        /// Whose key.
        issuer: Issuer,
        /// Its name; `None` when the token names none.
        kid: Option<String>,
        /// Its algorithm.
        algorithm: Algorithm,
    },
}

impl Missing {
    /// The refusal when the fact was looked for and does not exist: the token is at fault.
    pub fn does_not_exist(&self) -> Refusal {
        let Self::Key { .. } = self;
        Refusal::new(
            Reason::KeyUnknown,
            "the token is signed with a key that its issuer does not publish",
        )
    }

    /// The refusal when the fact cannot be had just now: nobody can say whether the token is good.
    pub fn cannot_be_had(&self) -> Refusal {
        let Self::Key { .. } = self;
        Refusal::new(
            Reason::KeysUnavailable,
            "the keys of the issuer cannot be had just now; try again",
        )
    }
}

impl Presented {
    /// Decides whether the token is genuine (RFC 9068 §4, RFC 8725 §3).
    ///
    /// The issuer is chosen by the `iss` that the token states; its signature must then prove it.
    ///
    /// # Errors
    /// [`Stop::Refused`], or [`Stop::Missing`] when the issuer's key is not at hand.
    pub fn authentic(&self, issuers: &[Trusted<'_>]) -> Result<Authentic, Stop> {
        let jws = Jws::parse(self.expose())
            .map_err(|why| Refusal::new(Reason::TokenMalformed, why.to_string()))?;
        let claims = json::parse_object(jws.unverified_payload()).map_err(|why| {
            Refusal::new(Reason::TokenMalformed, format!("the token's payload: {why}"))
        })?;
        let Trusted { trust, keys } = issued_by(&claims, issuers)?; // RFC 9068 §4
        trust.profile.check_type(jws.header(), &claims)?; // RFC 8725 §3.11
        let algorithm = listed(&jws, trust)?; // RFC 8725 §3.1
        let key = key(&jws, algorithm, trust, *keys)?; // RFC 7517 §4.5
        belongs_to_issuer(key, &claims, trust)?;
        // INVARIANT: `claims` was read from the very bytes that the signature covers.
        jws.verify(key).map_err(|why| Refusal::new(Reason::SignatureInvalid, why.to_string()))?; // RFC 7515 §5.2
        let known = trust.profile.read(trust.issuer.clone(), claims)?; // RFC 9068 §2.2
        Ok(Authentic(Arc::new(known)))
    }
}

fn issued_by<'i, 'f>(
    claims: &Map<String, Value>,
    issuers: &'i [Trusted<'f>],
) -> Result<&'i Trusted<'f>, Refusal> {
    let iss = claims.get("iss").and_then(Value::as_str);
    issuers.iter().find(|trusted| iss == Some(trusted.trust.issuer.as_str())).ok_or_else(|| {
        Refusal::new(Reason::IssuerMismatch, "the token is not from an issuer that is trusted here")
    })
}

fn listed(jws: &Jws<'_>, trust: &Trust) -> Result<Algorithm, Refusal> {
    jws.algorithm().ok().filter(|algorithm| trust.algorithms.contains(algorithm)).ok_or_else(|| {
        Refusal::new(
            Reason::AlgorithmRefused,
            "the token is signed with an algorithm that is not accepted",
        )
    })
}

fn key<'k>(
    jws: &Jws<'_>,
    algorithm: Algorithm,
    trust: &Trust,
    keys: Option<&'k Jwks>,
) -> Result<&'k VerifyingKey, Stop> {
    let kid = jws.header().kid.as_deref();
    let missing = || {
        let (issuer, kid) = (trust.issuer.clone(), kid.map(str::to_owned));
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

/// A key that its set gives to one issuer signs for no other, as in Microsoft's shared sets; there
/// `{tenantid}` stands for the token's own tenant.
fn belongs_to_issuer(
    key: &VerifyingKey,
    claims: &Map<String, Value>,
    trust: &Trust,
) -> Result<(), Refusal> {
    let Some(owner) = key.issuer() else { return Ok(()) };
    let tenant = claims.get("tid").and_then(Value::as_str).unwrap_or("{tenantid}");
    if owner.replace("{tenantid}", tenant) == trust.issuer.as_str() {
        return Ok(());
    }
    Err(Refusal::new(Reason::KeyMismatch, "the key belongs to another issuer"))
}
