//! Randomness as an argument.

use bailiwick_jose::base64url;
use bailiwick_oauth::Secret;

/// A source of random octets; secure in a product, seeded in a test.
pub trait Entropy {
    /// 32 fresh random octets.
    fn draw(&mut self) -> [u8; 32];
}

impl<F: FnMut() -> [u8; 32]> Entropy for F {
    fn draw(&mut self) -> [u8; 32] {
        self()
    }
}

/// A fresh secret of 256 bits: a code, a token, a client secret.
pub(crate) fn secret(entropy: &mut dyn Entropy) -> Secret {
    Secret::new(base64url::encode(&entropy.draw()))
}

/// A fresh identifier of 128 bits: not secret, but not to be guessed either.
pub(crate) fn identifier(entropy: &mut dyn Entropy) -> String {
    base64url::encode(&entropy.draw()[..16])
}
