//! Key agreement with ephemeral keys (RFC 7518 §4.6, RFC 8037 §3.2) and key wrapping (RFC 3394).

use aws_lc_rs::{
    agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521, ParsedPublicKey, PrivateKey, X25519},
    encoding::{AsBigEndian, Curve25519SeedBin, EcPrivateKeyBin},
    error::Unspecified,
    kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest},
    key_wrap::{AES_128, AES_256, AesKek, KeyWrap},
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{ContentEncryption, KeyManagement, UnfitKey};
use crate::{
    JwkError, base64url, digest,
    material::{number, text},
};

/// A curve to agree on keys with (RFC 7518 §6.2.1.1, RFC 8037 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
    X25519,
}

/// A public key on one of the curves.
#[derive(Clone)]
pub(super) struct Point {
    curve: Curve,
    parsed: ParsedPublicKey,
}

impl Point {
    /// Reads a public key and checks that it lies on its curve (RFC 7518 §6.2.1, RFC 8037 §2).
    pub(super) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, UnfitKey> {
        let (curve, octets) = match (text(jwk, "kty")?, text(jwk, "crv")?) {
            ("EC", name) => {
                let curve = match name {
                    "P-256" => Curve::P256,
                    "P-384" => Curve::P384,
                    "P-521" => Curve::P521,
                    _ => return Err(UnfitKey::UnsupportedCurve),
                };
                let (x, y) = (number(jwk, "x")?, number(jwk, "y")?);
                if x.len() != curve.size() || y.len() != curve.size() {
                    return Err(JwkError::Coordinate.into());
                }
                (curve, [&[4], x.as_slice(), y.as_slice()].concat())
            }
            ("OKP", "X25519") => (Curve::X25519, number(jwk, "x")?),
            ("OKP", _) => return Err(UnfitKey::UnsupportedCurve),
            _ => return Err(UnfitKey::UnsupportedType),
        };
        if curve == Curve::X25519 && octets.len() != curve.size() {
            return Err(JwkError::Coordinate.into());
        }
        Self::new(curve, &octets)
    }

    fn new(curve: Curve, octets: &[u8]) -> Result<Self, UnfitKey> {
        let point = agreement::UnparsedPublicKey::new(curve.algorithm(), octets);
        let parsed = ParsedPublicKey::try_from(&point).map_err(|_| JwkError::Rejected)?;
        Ok(Self { curve, parsed })
    }

    /// The members that make the key, in the order of a thumbprint (RFC 7638 §3.2).
    pub(super) fn members(&self) -> Value {
        let name = self.curve.name();
        let octets = self.parsed.as_ref();
        if self.curve == Curve::X25519 {
            return json!({ "crv": name, "kty": "OKP", "x": base64url::encode(octets) });
        }
        let (x, y) = octets.get(1..).unwrap_or_default().split_at(self.curve.size());
        let (x, y) = (base64url::encode(x), base64url::encode(y));
        json!({ "crv": name, "kty": "EC", "x": x, "y": y })
    }

    /// The SHA-256 thumbprint in base64url (RFC 7638 §3, RFC 8037 §2).
    pub(super) fn thumbprint(&self) -> String {
        // serde_json's map may keep the order of insertion or sort: both are the thumbprint's here
        base64url::encode(&digest::sha256(self.members().to_string().as_bytes()))
    }
}

/// A private key on one of the curves.
pub(super) struct Agreeing {
    private: PrivateKey,
    pub(super) point: Point,
}

impl Agreeing {
    pub(super) fn generate(curve: Curve) -> Result<Self, Unspecified> {
        Self::of(curve, PrivateKey::generate(curve.algorithm())?).map_err(|_| Unspecified)
    }

    /// Reads a private key whose public half must be its own (RFC 7518 §6.2.2).
    pub(super) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, UnfitKey> {
        let point = Point::from_jwk(jwk)?;
        let d = Zeroizing::new(number(jwk, "d")?);
        let private = PrivateKey::from_private_key(point.curve.algorithm(), &d)
            .map_err(|_| JwkError::Rejected)?;
        let this = Self::of(point.curve, private)?;
        if this.point.parsed.as_ref() != point.parsed.as_ref() {
            return Err(UnfitKey::Mismatch);
        }
        Ok(this)
    }

    fn of(curve: Curve, private: PrivateKey) -> Result<Self, UnfitKey> {
        let public = private.compute_public_key().map_err(|_| JwkError::Rejected)?;
        Ok(Self { point: Point::new(curve, public.as_ref())?, private })
    }

    /// The private number `d` in base64url (RFC 7518 §6.2.2.1, RFC 8037 §2).
    pub(super) fn d(&self) -> Result<Zeroizing<String>, Unspecified> {
        Ok(Zeroizing::new(if self.point.curve == Curve::X25519 {
            let seed: Curve25519SeedBin<'_> = self.private.as_be_bytes()?;
            base64url::encode(seed.as_ref())
        } else {
            let number: EcPrivateKeyBin<'_> = self.private.as_be_bytes()?;
            base64url::encode(number.as_ref())
        }))
    }

    /// Agrees with `other` on a key for `alg` and `enc` (RFC 7518 §4.6.2).
    fn agree(
        &self,
        other: &Point,
        alg: KeyManagement,
        enc: ContentEncryption,
        parties: &Parties,
    ) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let (purpose, size) = match alg {
            KeyManagement::EcdhEsA128Kw => (alg.name(), 16),
            KeyManagement::EcdhEsA256Kw => (alg.name(), 32),
            _ => (enc.name(), enc.key_size()),
        };
        // the library refuses a point of another curve, and the secret that is all zeros
        agreement::agree(&self.private, other.parsed.clone(), Unspecified, |secret| {
            derive(secret, purpose, parties, size)
        })
    }
}

/// What the header says of both sides: `apu` and `apv` (RFC 7518 §4.6.1).
#[derive(Default)]
pub(super) struct Parties {
    apu: Vec<u8>,
    apv: Vec<u8>,
}

/// Finds the content encryption key with the header's `epk` (RFC 7518 §4.6.1, RFC 7516 §5.2).
pub(super) fn receive(
    own: &Agreeing,
    alg: KeyManagement,
    enc: ContentEncryption,
    header: &super::Header,
    encrypted_key: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let epk = header.member("epk")?.as_object()?;
    if epk.contains_key("d") {
        return None; // §4.6.1.1: only public members
    }
    let party = |name| match header.member(name) {
        None => Some(Vec::new()),
        Some(value) => base64url::decode(value.as_str()?).ok(),
    };
    let parties = Parties { apu: party("apu")?, apv: party("apv")? };
    let other = Point::from_jwk(epk).ok()?;
    let agreed = own.agree(&other, alg, enc, &parties).ok()?;

    if alg == KeyManagement::EcdhEs {
        return encrypted_key.is_empty().then_some(agreed); // RFC 7516 §5.2, step 10
    }
    if encrypted_key.len() != enc.key_size() + WRAPPING {
        return None;
    }
    let mut key = Zeroizing::new(vec![0; enc.key_size()]);
    wrapping(&agreed).ok()?.unwrap(encrypted_key, &mut key).ok()?;
    Some(key)
}

/// A content encryption key on its way to the recipient.
pub(super) struct Sent {
    pub(super) key: Zeroizing<Vec<u8>>,
    pub(super) encrypted_key: Vec<u8>,
    pub(super) epk: Value,
}

/// Makes a content encryption key for the owner of `other` (RFC 7516 §5.1, steps 2 to 7).
pub(super) fn send(
    other: &Point,
    alg: KeyManagement,
    enc: ContentEncryption,
) -> Result<Sent, Unspecified> {
    let ephemeral = Agreeing::generate(other.curve)?;
    let agreed = ephemeral.agree(other, alg, enc, &Parties::default())?;
    let epk = ephemeral.point.members();
    if alg == KeyManagement::EcdhEs {
        return Ok(Sent { key: agreed, encrypted_key: Vec::new(), epk });
    }
    let key = super::random(enc.key_size())?;
    let mut encrypted_key = vec![0; key.len() + WRAPPING];
    wrapping(&agreed)?.wrap(&key, &mut encrypted_key)?;
    Ok(Sent { key, encrypted_key, epk })
}

/// The Concat KDF with SHA-256 (RFC 7518 §4.6.2).
fn derive(
    secret: &[u8],
    purpose: &str,
    parties: &Parties,
    size: usize,
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let number = |count: usize| u32::try_from(count).map(u32::to_be_bytes).map_err(|_| Unspecified);
    let mut info = Vec::new();
    for field in [purpose.as_bytes(), &parties.apu, &parties.apv] {
        info.extend(number(field.len())?);
        info.extend(field);
    }
    info.extend(number(size * 8)?);

    let mut key = Zeroizing::new(vec![0; size]);
    let sha256 = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256).ok_or(Unspecified)?;
    sskdf_digest(sha256, secret, &info, &mut key)?;
    Ok(key)
}

/// AES Key Wrap under the agreed key (RFC 7518 §4.4, RFC 3394 §2.2).
fn wrapping(agreed: &[u8]) -> Result<AesKek, Unspecified> {
    AesKek::new(if agreed.len() == 16 { &AES_128 } else { &AES_256 }, agreed)
}

impl Curve {
    const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::X25519 => "X25519",
        }
    }

    /// The length of a coordinate, in octets.
    const fn size(self) -> usize {
        match self {
            Self::P256 | Self::X25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    const fn algorithm(self) -> &'static agreement::Algorithm {
        match self {
            Self::P256 => &ECDH_P256,
            Self::P384 => &ECDH_P384,
            Self::P521 => &ECDH_P521,
            Self::X25519 => &X25519,
        }
    }
}

/// What wrapping adds, in octets (RFC 3394 §2.2.1).
const WRAPPING: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(jwk: &Value) -> Agreeing {
        Agreeing::from_jwk(jwk.as_object().unwrap()).unwrap()
    }

    #[test]
    fn the_example_of_rfc_7518_c_is_derived_by_both_sides() {
        let alice = key(&json!({
            "kty": "EC", "crv": "P-256",
            "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
            "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
            "d": "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo",
        }));
        let bob = key(&json!({
            "kty": "EC", "crv": "P-256",
            "x": "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
            "y": "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",
            "d": "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw",
        }));
        let parties = Parties { apu: b"Alice".to_vec(), apv: b"Bob".to_vec() };
        for (own, other) in [(&alice, &bob.point), (&bob, &alice.point)] {
            let derived = own
                .agree(other, KeyManagement::EcdhEs, ContentEncryption::A128Gcm, &parties)
                .unwrap();
            assert_eq!(base64url::encode(&derived), "VqqN6vgjbSBcIijNcacQGg");
        }
    }

    #[test]
    fn a_key_made_on_each_curve_is_read_back() {
        for curve in [Curve::P256, Curve::P384, Curve::P521, Curve::X25519] {
            let made = Agreeing::generate(curve).unwrap();
            let mut jwk = made.point.members();
            jwk["d"] = made.d().unwrap().as_str().into();
            let read = key(&jwk);
            assert_eq!(read.point.thumbprint(), made.point.thumbprint());

            let other = Agreeing::generate(curve).unwrap().point;
            let agree = |own: &Agreeing| {
                let (alg, enc) = (KeyManagement::EcdhEs, ContentEncryption::A256Gcm);
                own.agree(&other, alg, enc, &Parties::default()).unwrap()
            };
            assert_eq!(agree(&made), agree(&read));
        }
    }
}
