//! Key sets: what comes out is public, verifies nothing by itself, and is written as it was read
//! (RFC 7517 §5).

use bailiwick_jose::{Algorithm, Jwks, NoKey, VerifyingKey};
use serde_json::Value;

use crate::{Outcome, oracle};

/// A key set; accepted when a key of it is usable.
pub fn target(data: &[u8]) -> Outcome {
    let Ok(set) = Jwks::parse(data) else { return Outcome::Refused };
    let written = oracle::object(data).expect("what is no JSON object was taken for a key set");
    let entries = written["keys"].as_array().expect("a key set without an array of keys");
    assert_eq!(entries.len(), set.keys().len() + set.skipped().len());
    assert!(entries.len() <= Jwks::MOST);

    for (key, entry) in set.keys().iter().zip(usable(entries, &set)) {
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        assert!(private.iter().all(|name| entry.get(name).is_none()), "a private key was taken");
        assert_eq!(key.kid(), entry.get("kid").and_then(Value::as_str));
        verifies_nothing(key, data);
        found(&set, key);
    }
    let again = Jwks::from_json(&set.to_json()).unwrap();
    assert!(again.skipped().is_empty(), "a published key cannot be read: {:?}", again.skipped());
    assert_eq!(again.to_json(), set.to_json());
    for (one, other) in again.keys().iter().zip(set.keys()) {
        assert_eq!((one.thumbprint(), one.algorithm()), (other.thumbprint(), other.algorithm()));
    }
    Outcome::of(!set.is_empty())
}

fn usable<'e>(entries: &'e [Value], set: &'e Jwks) -> impl Iterator<Item = &'e Value> {
    let skipped = |at: &usize| set.skipped().iter().any(|one| one.index == *at);
    entries.iter().enumerate().filter(move |(at, _)| !skipped(at)).map(|(_, entry)| entry)
}

/// No signature that anybody can write down without the private key.
fn verifies_nothing(key: &VerifyingKey, data: &[u8]) {
    let length = match key.algorithm() {
        Algorithm::Es256 | Algorithm::EdDsa => 64,
        Algorithm::Es384 => 96,
        Algorithm::Rs256 | Algorithm::Ps256 => 256,
    };
    let zeros = vec![0; length];
    let mut ones = zeros.clone();
    (ones[length / 2 - 1], ones[length - 1]) = (1, 1);
    // A point of small order signs everything with itself.
    let mut itself = zeros.clone();
    itself[0] = 1;
    let of_input: Vec<u8> = data.iter().copied().cycle().take(length).collect();
    for signature in [&[][..], &zeros, &vec![0xff; length], &ones, &itself, &of_input] {
        assert!(key.verify(b"message", signature).is_err(), "a signature that nobody made");
    }
}

/// Who asks for a key by its name gets that key, or is told that there are two of it.
fn found(set: &Jwks, key: &VerifyingKey) {
    match set.find(key.kid(), key.algorithm()) {
        Ok(found) => {
            assert_eq!(found.algorithm(), key.algorithm());
            assert_eq!(found.thumbprint(), key.thumbprint());
        }
        Err(NoKey::Ambiguous) => {
            let rival = |other: &&std::sync::Arc<VerifyingKey>| {
                (key.kid().is_none() || other.kid() == key.kid())
                    && other.algorithm() == key.algorithm()
                    && other.thumbprint() != key.thumbprint()
            };
            assert!(set.keys().iter().find(rival).is_some(), "ambiguous without a rival");
        }
        Err(why) => panic!("a key of the set is not found: {why}"),
    }
}
