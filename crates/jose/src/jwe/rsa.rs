//! RSA-OAEP-256 (RFC 7518 §4.3) and the numbers of an RSA key pair (RFC 7518 §6.3).

use aws_lc_rs::{
    encoding::AsDer,
    error::Unspecified,
    rsa::{
        KeyPair, KeyPairComponents, KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey,
        OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey, PublicKeyComponents,
    },
};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{ContentEncryption, UnfitKey};
use crate::{
    JwkError, base64url,
    material::{Material, number},
};

/// An RSA key that decrypts.
pub(super) struct RsaPrivate {
    key: OaepPrivateDecryptingKey,
    pub(super) material: Material,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl RsaPrivate {
    pub(super) fn generate() -> Result<Self, Unspecified> {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048)?;
        let pkcs8 = Zeroizing::new(key.as_der()?.as_ref().to_vec());
        Self::new(pkcs8).map_err(|_| Unspecified)
    }

    /// Reads a key with two primes, all of whose numbers must agree (RFC 7518 §6.3.2).
    pub(super) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, UnfitKey> {
        let Material::Rsa { n, e } = Material::rsa(&number(jwk, "n")?, &number(jwk, "e")?)? else {
            return Err(JwkError::Rejected.into());
        };
        let secret = |name| number(jwk, name).map(Zeroizing::new);
        let pair = KeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents { n, e },
            d: secret("d")?.as_slice(),
            p: secret("p")?.as_slice(),
            q: secret("q")?.as_slice(),
            dP: secret("dp")?.as_slice(),
            dQ: secret("dq")?.as_slice(),
            qInv: secret("qi")?.as_slice(),
        })
        .map_err(|_| UnfitKey::Mismatch)?;
        let pkcs8 = pair.as_der().map_err(|_| JwkError::Rejected)?;
        Self::new(Zeroizing::new(pkcs8.as_ref().to_vec()))
    }

    fn new(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, UnfitKey> {
        let key = PrivateDecryptingKey::from_pkcs8(&pkcs8).map_err(|_| JwkError::Rejected)?;
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| JwkError::Rejected)?;
        let [n, e, ..] = numbers(&pkcs8).ok_or(JwkError::Rejected)?;
        Ok(Self { key, material: Material::rsa(n, e)?, pkcs8 })
    }

    /// Decrypts a content encryption key; what is no such key gives a random one.
    ///
    /// Then it is the content's tag that is wrong, and nobody learns which of the two failed
    /// (RFC 7516 §11.5).
    pub(super) fn receive(
        &self,
        enc: ContentEncryption,
        encrypted_key: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let mut key = super::random(enc.key_size()).ok()?; // before: both ways cost the same
        let mut text = Zeroizing::new(vec![0; self.key.min_output_size()]);
        let decrypted = self.key.decrypt(&OAEP_SHA256_MGF1SHA256, encrypted_key, &mut text, None);
        if let Ok(decrypted) = decrypted
            && decrypted.len() == key.len()
        {
            key.copy_from_slice(decrypted);
        }
        Some(key)
    }

    /// The private numbers in base64url, by name (RFC 7518 §6.3.2).
    pub(super) fn secrets(&self) -> Option<[(&'static str, Zeroizing<String>); 6]> {
        let [n, _, d, p, q, dp, dq, qi] = numbers(&self.pkcs8)?;
        // `d` is as long as the modulus (§6.3.2.1)
        let mut padded = Zeroizing::new(vec![0; n.len().saturating_sub(d.len())]);
        padded.extend_from_slice(d);
        let text = |number: &[u8]| Zeroizing::new(base64url::encode(number));
        Some([
            ("d", text(&padded)),
            ("p", text(p)),
            ("q", text(q)),
            ("dp", text(dp)),
            ("dq", text(dq)),
            ("qi", text(qi)),
        ])
    }
}

/// An RSA key that encrypts.
pub(super) struct RsaPublic {
    key: OaepPublicEncryptingKey,
    pub(super) material: Material,
}

impl RsaPublic {
    pub(super) fn new(material: Material) -> Result<Self, UnfitKey> {
        let Material::Rsa { n, e } = &material else { return Err(UnfitKey::UnsupportedType) };
        let key: PublicEncryptingKey =
            PublicKeyComponents { n, e }.try_into().map_err(|_| JwkError::Rejected)?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| JwkError::Rejected)?;
        Ok(Self { key, material })
    }

    pub(super) fn send(&self, content_key: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut encrypted = vec![0; self.key.ciphertext_size()];
        self.key.encrypt(&OAEP_SHA256_MGF1SHA256, content_key, &mut encrypted, None)?;
        Ok(encrypted)
    }
}

/// n, e, d, p, q, dP, dQ and qInv of a PKCS#8 key, without sign octets (RFC 8017 §A.1.2).
fn numbers(pkcs8: &[u8]) -> Option<[&[u8]; 8]> {
    let mut outer = pkcs8;
    let mut info = take(&mut outer, SEQUENCE)?; // RFC 5208 §5
    take(&mut info, INTEGER)?; // version
    take(&mut info, SEQUENCE)?; // algorithm
    let mut octets = take(&mut info, OCTET_STRING)?;
    let mut key = take(&mut octets, SEQUENCE)?; // RFC 8017 §A.1.2
    take(&mut key, INTEGER)?; // version

    let mut numbers: [&[u8]; 8] = [&[]; 8];
    for number in &mut numbers {
        let octets = take(&mut key, INTEGER)?;
        *number = octets.strip_prefix(&[0]).unwrap_or(octets);
    }
    Some(numbers)
}

/// Takes the value of one DER element with this tag off the front (X.690 §8.1).
fn take<'a>(der: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&[found, length], rest) = der.split_first_chunk()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => rest.split_first().map(|(octet, rest)| (usize::from(*octet), rest))?,
        0x82 => {
            let (octets, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*octets)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *der = rest;
    (found == tag).then_some(value)
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
