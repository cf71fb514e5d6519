//! Proof Key for Code Exchange: verifier and challenge, S256 only (RFC 7636 §4.1, §4.2).

use std::fmt;

use bailiwick_jose::{base64url, digest};
use serde::{Deserialize, Serialize};

/// The S256 challenge of an authorization request: 43 characters of base64url.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge(String);

/// The secret of the client that began the flow: 43 to 128 unreserved characters.
pub struct CodeVerifier(String);

/// What makes a text no challenge or verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedChallenge {
    /// Not 43 characters of base64url.
    #[error("code_challenge must be the base64url SHA-256 of the verifier, 43 characters")]
    Challenge,
    /// Not 43 to 128 unreserved characters.
    #[error("code_verifier must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~")]
    Verifier,
}

impl CodeChallenge {
    /// Parses an S256 challenge.
    ///
    /// # Errors
    /// When it is not the base64url form of 32 octets.
    pub fn parse(text: &str) -> Result<Self, MalformedChallenge> {
        match base64url::decode(text) {
            Ok(octets) if octets.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(MalformedChallenge::Challenge),
        }
    }

    /// The challenge.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the verifier is the one that this challenge was made of (RFC 7636 §4.6).
    pub fn matches(&self, verifier: &CodeVerifier) -> bool {
        digest::equal(self.0.as_bytes(), verifier.challenge().0.as_bytes())
    }
}

impl CodeVerifier {
    /// Parses a verifier.
    ///
    /// # Errors
    /// When its length or a character is outside RFC 7636 §4.1.
    pub fn parse(text: &str) -> Result<Self, MalformedChallenge> {
        let well_formed = (43..=128).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._~".contains(&c));
        if well_formed { Ok(Self(text.to_owned())) } else { Err(MalformedChallenge::Verifier) }
    }

    /// The verifier, to be sent.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The S256 challenge of this verifier (RFC 7636 §4.2).
    pub fn challenge(&self) -> CodeChallenge {
        CodeChallenge(base64url::encode(&digest::sha256(self.0.as_bytes())))
    }
}

impl fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636 Appendix B.
    #[test]
    fn the_example_of_the_rfc_matches() {
        let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let challenge =
            CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.matches(&verifier));
        let other = CodeVerifier::parse(&"a".repeat(43)).unwrap();
        assert!(!challenge.matches(&other));
    }

    #[test]
    fn lengths_and_characters_are_kept() {
        for bad in ["a".repeat(42), "a".repeat(129), format!("{}+", "a".repeat(43))] {
            assert!(CodeVerifier::parse(&bad).is_err());
        }
        assert!(CodeChallenge::parse(&"a".repeat(42)).is_err());
        assert!(CodeChallenge::parse(&format!("{}=", "A".repeat(43))).is_err());
    }
}
