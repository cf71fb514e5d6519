//! What stands in the server in place of texts: digests of fixed size.

use aws_lc_rs::hmac;

/// Makes 128-bit digests; the same at all nodes that have the same key.
#[derive(Clone)]
pub(crate) struct Digests(hmac::Key);

impl Digests {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The digest of `text` in a window, in hexadecimal. Another window has others, so that nobody
    /// learns from two windows that one text stands in both.
    pub(crate) fn of(&self, window: &str, text: &str) -> String {
        let mut digest = hmac::Context::with_key(&self.0);
        digest.update(&(window.len() as u64).to_be_bytes());
        digest.update(window.as_bytes());
        digest.update(text.as_bytes());
        digest.sign().as_ref()[..16].iter().fold(String::with_capacity(32), |mut hex, byte| {
            for half in [byte >> 4, byte & 0xf] {
                hex.push(char::from(b"0123456789abcdef"[usize::from(half)]));
            }
            hex
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_key_window_and_text() {
        let digest = Digests::new(b"key").of("dpop", "alice");
        assert_eq!(digest.len(), 32);
        assert_eq!(digest, Digests::new(b"key").of("dpop", "alice"));
        assert_ne!(digest, Digests::new(b"").of("dpop", "alice"));
        assert_ne!(digest, Digests::new(b"key").of("dpo", "palice"));
        assert_ne!(digest, Digests::new(b"key").of("dpop", "bob"));
    }

    #[test]
    fn a_digest_is_the_same_in_every_release() {
        // Nodes of two releases share a server while one replaces the other.
        let digest = Digests::new(b"key").of("dpop", "alice");
        assert_eq!(digest, "012ce29dc3385245460c44a668a15d79");
    }
}
