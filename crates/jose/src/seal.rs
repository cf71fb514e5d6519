//! Values that only their maker can read or make again (RFC 9449 §8: nonces without a store).

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, rand,
};
use zeroize::Zeroizing;

use crate::base64url;

/// A key that seals values under a purpose, by AES-256-GCM (NIST SP 800-38D).
///
/// What was sealed for one purpose does not open for another. It does open any number of times, and
/// forever: a value that ages or is used once says so itself. A key seals at most 2³² values, for
/// its nonces are random.
///
/// ```
/// use bailiwick_jose::SealingKey;
///
/// let key = SealingKey::generate()?;
/// let nonce = key.seal("dpop nonce", b"1700000000")?;
/// assert_eq!(key.open("dpop nonce", &nonce).as_deref(), Some(&b"1700000000"[..]));
/// assert_eq!(key.open("cookie", &nonce), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SealingKey {
    /// The library wipes it when it is dropped.
    key: LessSafeKey,
}

impl SealingKey {
    /// Makes a new key.
    ///
    /// # Errors
    ///
    /// [`SealError`], when the system has no randomness to give.
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| SealError)?;
        Self::from_bytes(&bytes)
    }

    /// Takes 256 random bits as key, as several nodes share it.
    ///
    /// # Errors
    ///
    /// [`SealError`], only when the cryptographic library fails.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| SealError)?;
        Ok(Self { key: LessSafeKey::new(key) })
    }

    /// Derives the key for a purpose from a secret of at least 128 bits (RFC 5869, HKDF-SHA-256):
    /// whoever shares the secret has the same key, and the key does not tell the secret.
    ///
    /// # Errors
    ///
    /// [`SealError`], only when the cryptographic library fails.
    pub fn derive(secret: &[u8], purpose: &str) -> Result<Self, SealError> {
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, b"").extract(secret);
        let purpose = [purpose.as_bytes()];
        let key = secret.expand(&purpose, &AES_256_GCM).map_err(|_| SealError)?;
        Ok(Self { key: LessSafeKey::new(UnboundKey::from(key)) })
    }

    /// Seals `text`: base64url of a nonce, the ciphertext and its tag.
    ///
    /// # Errors
    ///
    /// [`SealError`], when the system has no randomness to give.
    pub fn seal(&self, purpose: &str, text: &[u8]) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError)?;
        let mut sealed = [&nonce, text].concat();
        let inside = sealed.get_mut(NONCE_LEN..).ok_or(SealError)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(purpose), inside)
            .map_err(|_| SealError)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(base64url::encode(&sealed))
    }

    /// Opens what this key sealed for `purpose`; nothing else opens.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let mut sealed = base64url::decode(sealed).ok()?;
        let (nonce, inside) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self.key.open_in_place(nonce, Aad::from(purpose), inside).ok()?;
        Some(text.to_vec())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey([redacted])")
    }
}

/// Nothing was sealed, for want of randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot seal")]
pub struct SealError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_for_its_purpose_and_key_only() {
        let key = SealingKey::from_bytes(&[7; 32]).unwrap();
        for text in [&b""[..], b"1700000000", &[0; 300]] {
            let sealed = key.seal("nonce", text).unwrap();
            let same = SealingKey::from_bytes(&[7; 32]).unwrap();
            assert_eq!(same.open("nonce", &sealed).as_deref(), Some(text));
            assert_eq!(key.open("nonces", &sealed), None);
            assert_eq!(key.open("", &sealed), None);
            assert_eq!(SealingKey::generate().unwrap().open("nonce", &sealed), None);
        }
    }

    #[test]
    fn a_derived_key_is_its_secrets_and_its_purposes_alone() {
        let derived = |secret: &[u8], purpose| SealingKey::derive(secret, purpose).unwrap();
        let sealed = derived(b"secret", "nonces").seal("a", b"text").unwrap();
        for (secret, purpose, opens) in [
            (&b"secret"[..], "nonces", true),
            (b"secret", "cookies", false),
            (b"other", "nonces", false),
            (b"", "nonces", false),
        ] {
            assert_eq!(derived(secret, purpose).open("a", &sealed).is_some(), opens, "{purpose}");
        }
    }

    #[test]
    fn a_changed_value_does_not_open() {
        let key = SealingKey::generate().unwrap();
        let sealed = key.seal("nonce", b"text").unwrap();
        let octets = base64url::decode(&sealed).unwrap();
        for place in 0..octets.len() {
            let mut changed = octets.clone();
            changed[place] ^= 1;
            assert_eq!(key.open("nonce", &base64url::encode(&changed)), None, "{place}");
            assert_eq!(key.open("nonce", &base64url::encode(&octets[..place])), None, "{place}");
        }
        for other in
            ["", "A", "=", &format!("{sealed}="), &format!("{sealed}A"), "AAAAAAAAAAAAAAAA"]
        {
            assert_eq!(key.open("nonce", other), None, "{other}");
        }
    }

    #[test]
    fn two_seals_of_one_text_differ() {
        let key = SealingKey::generate().unwrap();
        assert_ne!(key.seal("nonce", b"text").unwrap(), key.seal("nonce", b"text").unwrap());
    }

    #[test]
    fn a_sealing_key_in_a_log_shows_nothing() {
        let key = SealingKey::from_bytes(&[7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "SealingKey([redacted])");
    }
}
