//! Tokens to measure with: those of an issuer as RFC 9068 wants them, and their bare signatures.

use std::time::SystemTime;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
};
use bailiwick_jose::{Algorithm, SigningKey, VerifyingKey, base64url};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Result;

/// The issuer of tokens that are measured in process.
pub const ISSUER: &str = "https://id.example.com";
/// The resource that they are for.
pub const RESOURCE: &str = "https://api.example.com/orders";
/// The algorithms that are measured.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// An issuer with one key.
pub struct Mint {
    key: SigningKey,
    issuer: String,
    resource: String,
    minted: u64,
    now: u64,
}

impl Mint {
    /// Makes a key.
    pub fn new(algorithm: Algorithm, issuer: &str, resource: &str) -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let (issuer, resource) = (issuer.to_owned(), resource.to_owned());
        Ok(Self { key: SigningKey::generate(algorithm)?, issuer, resource, minted: 0, now })
    }

    /// The key that its tokens are verified with.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.key.verifying_key().clone()
    }

    /// The same key for programs that read PEM (RFC 7468 §13).
    pub fn public_pem(&self) -> Result<String> {
        let pkcs8 = self.key.to_pkcs8();
        let der = match self.key.algorithm() {
            Algorithm::Rs256 => rsa::KeyPair::from_pkcs8(&pkcs8)?.public_key().as_der()?,
            Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8)?
                .public_key()
                .as_der()?,
            other => return Err(format!("{other} is not measured").into()),
        };
        let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        for line in STANDARD.encode(der.as_ref()).as_bytes().chunks(64) {
            pem += std::str::from_utf8(line)?;
            pem.push('\n');
        }
        Ok(pem + "-----END PUBLIC KEY-----\n")
    }

    /// A token like no other, valid for a day.
    pub fn token(&mut self) -> Result<String> {
        self.token_with("at+jwt", &json!({}))
    }

    /// Some of them.
    pub fn tokens(&mut self, count: usize) -> Result<Vec<String>> {
        (0..count).map(|_| self.token()).collect()
    }

    /// The same with another type, and with some claims changed; `null` takes one away.
    pub fn token_with(&mut self, typ: &str, changes: &Value) -> Result<String> {
        self.minted += 1;
        let mut claims = json!({
            "iss": self.issuer,
            "sub": "5ba552d67f2c4c0d8a1e9b3f",
            "aud": self.resource,
            "client_id": "s6BhdRkqt3",
            "scope": "read:orders write:orders",
            "iat": self.now,
            "exp": self.now + 24 * 3600,
            "jti": format!("{:032x}", self.minted),
        });
        if let (Some(claims), Some(changes)) = (claims.as_object_mut(), changes.as_object()) {
            claims.extend(changes.clone());
            claims.retain(|_, value| !value.is_null());
        }
        Ok(self.key.sign_json(typ, &claims)?)
    }

    /// What verifies its signatures without anything around it.
    pub fn bare(&self) -> Result<Bare> {
        let pkcs8 = self.key.to_pkcs8();
        let key = match self.key.algorithm() {
            Algorithm::Rs256 => ParsedPublicKey::new(
                &RSA_PKCS1_2048_8192_SHA256,
                rsa::KeyPair::from_pkcs8(&pkcs8)?.public_key(),
            )?,
            Algorithm::Es256 => ParsedPublicKey::new(
                &ECDSA_P256_SHA256_FIXED,
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8)?.public_key(),
            )?,
            Algorithm::EdDsa => {
                ParsedPublicKey::new(&ED25519, Ed25519KeyPair::from_pkcs8(&pkcs8)?.public_key())?
            }
            other => return Err(format!("{other} is not measured").into()),
        };
        Ok(Bare(key))
    }
}

/// The cryptographic library and nothing else, its key parsed beforehand.
pub struct Bare(ParsedPublicKey);

/// A token taken apart: what is signed, and the signature's bytes.
pub struct Signed(Vec<u8>, Vec<u8>);

impl Signed {
    /// Takes a token apart.
    pub fn of(token: &str) -> Result<Self> {
        let (message, signature) = token.rsplit_once('.').ok_or("a token has three segments")?;
        Ok(Self(message.as_bytes().to_vec(), base64url::decode(signature)?))
    }
}

impl Bare {
    /// Verifies a signature.
    pub fn verify(&self, Signed(message, signature): &Signed) -> Result<()> {
        Ok(self.0.verify_sig(message, signature)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bare_verification_takes_the_tokens_of_its_own_mint_alone() -> Result<()> {
        for algorithm in ALGORITHMS {
            let mut mint = Mint::new(algorithm, ISSUER, RESOURCE)?;
            let signed = Signed::of(&mint.token()?)?;
            mint.bare()?.verify(&signed)?;
            let other = Mint::new(algorithm, ISSUER, RESOURCE)?;
            assert!(other.bare()?.verify(&signed).is_err(), "{algorithm}");
        }
        Ok(())
    }
}
