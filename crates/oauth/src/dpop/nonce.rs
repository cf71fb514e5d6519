//! Nonces of a server that need no memory (RFC 9449 §8, §9).

use std::fmt;

use bailiwick_jose::SealingKey;

/// The nonces that a server gives to its clients (RFC 9449 §8, §9).
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

/// Nonces that carry their time under a seal, and are good for one client's key alone.
///
/// Nodes that share the key take each other's nonces; nothing is stored.
pub struct SealedNonces {
    key: SealingKey,
    lifetime: i64,
}

impl SealedNonces {
    /// Nonces under this seal, each good for `lifetime` seconds.
    pub fn new(key: SealingKey, lifetime: i64) -> Self {
        Self { key, lifetime }
    }

    /// A nonce for whoever holds the key with this thumbprint; `None` for want of randomness.
    pub fn make(&self, thumbprint: &str, now: i64) -> Option<String> {
        self.key.seal(&purpose(thumbprint), &now.to_be_bytes()).ok()
    }
}

impl Nonces for SealedNonces {
    fn accept(&self, nonce: Option<&str>, thumbprint: &str, now: i64) -> bool {
        let opened = nonce.and_then(|nonce| self.key.open(&purpose(thumbprint), nonce));
        let Some(made) = opened.and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes)
        else {
            return false;
        };
        // Another node's clock may be ahead; the seal says that nobody else made it.
        (now.saturating_sub(self.lifetime)..=now.saturating_add(self.lifetime)).contains(&made)
    }
}

impl fmt::Debug for SealedNonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedNonces({} s)", self.lifetime)
    }
}

fn purpose(thumbprint: &str) -> String {
    format!("dpop nonce for {thumbprint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_its_key_and_its_time_alone() {
        let nonces = |byte| SealedNonces::new(SealingKey::from_bytes(&[byte; 32]).unwrap(), 60);
        let (ours, shared, other) = (nonces(1), nonces(1), nonces(2));
        let nonce = ours.make("alice", 1000).unwrap();
        let cases = [
            (&ours, Some(&*nonce), "alice", 1000, true),
            (&shared, Some(&*nonce), "alice", 1060, true),
            (&ours, Some(&*nonce), "alice", 1061, false),
            (&ours, Some(&*nonce), "alice", 939, false),
            (&ours, Some(&*nonce), "mallory", 1000, false),
            (&other, Some(&*nonce), "alice", 1000, false),
            (&ours, Some(&nonce[1..]), "alice", 1000, false),
            (&ours, Some(""), "alice", 1000, false),
            (&ours, None, "alice", 1000, false),
        ];
        for (at, nonce, thumbprint, now, expected) in cases {
            assert_eq!(at.accept(nonce, thumbprint, now), expected, "{nonce:?} {thumbprint} {now}");
        }
    }
}
