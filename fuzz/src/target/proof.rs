//! DPoP proofs: only the one that was made for this request and token (RFC 9449 §4.3).

use std::sync::LazyLock;

use bailiwick_guard::{Admission, Presented};
use bailiwick_jose::base64url;
use bailiwick_oauth::dpop::{self, Proof};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use serde_json::{Map, Value};

use crate::world::Signer;
use crate::{NOW, Outcome, RESOURCE, World, oracle, seeds};

/// Proofs that were sent, as they stood in the header.
static MADE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| seeds::good("proof"));

/// A proof as it is sent; or a header and, behind a line break, a payload, which the sender's key
/// signs whatever they are.
pub fn target(data: &[u8]) -> Outcome {
    let parts = data.iter().position(|c| *c == b'\n').map(|at| (&data[..at], &data[at + 1..]));
    let text = match (parts, std::str::from_utf8(data)) {
        (Some((header, payload)), _) => World::get().sign(Signer::Sender, header, payload),
        (None, Ok(text)) => text.to_owned(),
        (None, Err(_)) => return Outcome::Refused,
    };
    let Ok(proof) = Proof::parse(&text) else {
        assert!(!passes(&text), "what is no proof passed");
        return Outcome::Refused;
    };
    let (header, claims) = if let Some((header, payload)) = parts {
        (read(header), read(payload))
    } else {
        assert!(MADE.iter().any(|made| made == data), "a proof that nobody made was taken");
        let mut segments = text.split('.').map(|part| read(&base64url::decode(part).unwrap()));
        (segments.next().unwrap(), segments.next().unwrap())
    };
    says(&proof, &header, &claims);
    if !passes(&text) {
        return Outcome::Refused;
    }
    assert_eq!(proof.htm, "GET");
    assert_eq!(Some(proof.htu), dpop::normalise(RESOURCE));
    assert!((NOW - 70..=NOW + 10).contains(&proof.iat), "a proof of another time passed");
    assert_eq!(proof.ath, Some(dpop::token_hash(&World::get().bound)));
    assert_eq!(proof.thumbprint, World::get().sender.kid());
    Outcome::Accepted
}

fn read(part: &[u8]) -> Map<String, Value> {
    let object = oracle::object(part).expect("a part of a proof is no JSON object");
    let written = oracle::written_members(part);
    assert_eq!(oracle::members(&object.clone().into()), written, "a duplicate member was taken");
    object
}

/// What was read is what the proof says, and no more than it may say.
fn says(proof: &Proof, header: &Map<String, Value>, claims: &Map<String, Value>) {
    assert_eq!(oracle::complaint_of_header(header, dpop::TYPE), None);
    assert_eq!(header["typ"], dpop::TYPE);
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    assert!(private.iter().all(|name| header["jwk"].get(name).is_none()), "a private key");
    assert_eq!(claims["jti"], proof.jti.as_str());
    assert_eq!(claims["htm"], proof.htm.as_str());
    #[expect(clippy::cast_precision_loss, reason = "seconds are at most 2^53")]
    let iat = proof.iat as f64;
    assert_eq!(claims["iat"].as_f64().map(f64::floor), Some(iat));
    assert_eq!(claims.get("ath").and_then(Value::as_str), proof.ath.as_deref());
    assert_eq!(claims.get("nonce").and_then(Value::as_str), proof.nonce.as_deref());
    let htu = claims["htu"].as_str().expect("a URI that is no text");
    assert_eq!(dpop::normalise(htu).as_ref(), Some(&proof.htu));
    assert_eq!(dpop::normalise(&proof.htu).as_ref(), Some(&proof.htu));
    assert!(!proof.jti.is_empty() && proof.jti.chars().count() <= dpop::LONGEST_JTI);
}

/// Whether the bound token passes with this proof.
fn passes(proof: &str) -> bool {
    if HeaderValue::from_str(proof).is_err() {
        return false;
    }
    let mut headers = HeaderMap::new();
    let value = format!("DPoP {}", World::get().bound);
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
    let presented = Presented::from_headers(&headers).unwrap();
    match World::get().verdict(&presented, Some(proof)) {
        Ok(Admission::Now(_)) => panic!("a proof passed without being remembered"),
        Ok(Admission::Once(once)) => once.only().until >= NOW,
        Err(_) => false,
    }
}
