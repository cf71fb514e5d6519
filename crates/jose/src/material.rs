//! The numbers that make a public key (RFC 7518 §6, RFC 8037 §2) and their thumbprint (RFC 7638).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
};
use serde_json::{Map, Value, json};

use crate::{Algorithm, JwkError, base64url, digest};

/// One public key, its numbers checked for form but not yet for lying on the curve.
#[derive(Clone)]
pub(crate) enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

impl Material {
    /// Reads the members that RFC 7518 §6 and RFC 8037 §2 require for the key's type.
    pub(crate) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, JwkError> {
        match text(jwk, "kty")? {
            "RSA" => Self::rsa(&number(jwk, "n")?, &number(jwk, "e")?),
            "EC" => match text(jwk, "crv")? {
                "P-256" => Self::ec(Curve::P256, number(jwk, "x")?, number(jwk, "y")?),
                "P-384" => Self::ec(Curve::P384, number(jwk, "x")?, number(jwk, "y")?),
                _ => Err(JwkError::UnsupportedCurve),
            },
            "OKP" => match text(jwk, "crv")? {
                "Ed25519" => Self::ed25519(number(jwk, "x")?),
                _ => Err(JwkError::UnsupportedCurve),
            },
            _ => Err(JwkError::UnsupportedType),
        }
    }

    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, JwkError> {
        // Some publishers keep the sign octet of their big integers (RFC 7518 §6.3.1.1 warns of
        // it). It changes no value; without it the thumbprint is the one everybody computes.
        let (n, e) = (trim(n), trim(e));

        let bits = n.len() * 8 - n.first().map_or(0, |octet| octet.leading_zeros() as usize);
        if !MODULUS_BITS.contains(&bits) || n.last().is_none_or(|octet| octet % 2 == 0) {
            return Err(JwkError::Modulus);
        }
        if e.len() > size_of::<u64>() {
            return Err(JwkError::Exponent);
        }
        let exponent = e.iter().fold(0, |number, octet| number << 8 | u64::from(*octet));
        if exponent < 3 || exponent % 2 == 0 || exponent > LARGEST_EXPONENT {
            return Err(JwkError::Exponent);
        }
        Ok(Self::Rsa { n: n.to_vec(), e: e.to_vec() })
    }

    fn ec(curve: Curve, x: Vec<u8>, y: Vec<u8>) -> Result<Self, JwkError> {
        let size = curve.coordinate_size();
        if x.len() != size || y.len() != size {
            return Err(JwkError::Coordinate);
        }
        Ok(Self::Ec { curve, x, y })
    }

    /// Reads a point as SEC 1 §2.3.3 writes it uncompressed.
    pub(crate) fn point(curve: Curve, octets: &[u8]) -> Result<Self, JwkError> {
        let coordinates = octets.strip_prefix(&[4]).ok_or(JwkError::Coordinate)?;
        let (x, y) =
            coordinates.split_at_checked(curve.coordinate_size()).ok_or(JwkError::Coordinate)?;
        Self::ec(curve, x.to_vec(), y.to_vec())
    }

    pub(crate) fn ed25519(x: Vec<u8>) -> Result<Self, JwkError> {
        if x.len() != 32 {
            return Err(JwkError::Coordinate);
        }
        if has_small_order(&x) {
            return Err(JwkError::Rejected);
        }
        Ok(Self::Ed25519 { x })
    }

    /// The algorithm of a key that names none.
    pub(crate) fn usual_algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::Ec { curve: Curve::P256, .. } => Algorithm::Es256,
            Self::Ec { curve: Curve::P384, .. } => Algorithm::Es384,
            Self::Ed25519 { .. } => Algorithm::EdDsa,
        }
    }

    /// Gives the numbers to the library, once, for the one algorithm they will serve.
    pub(crate) fn parse(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, JwkError> {
        let parsed = match (self, algorithm) {
            (Self::Rsa { n, e }, Algorithm::Rs256) => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            }
            (Self::Rsa { n, e }, Algorithm::Ps256) => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PSS_2048_8192_SHA256)
            }
            (Self::Ec { curve: Curve::P256, x, y }, Algorithm::Es256) => {
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, uncompressed(x, y))
            }
            (Self::Ec { curve: Curve::P384, x, y }, Algorithm::Es384) => {
                ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, uncompressed(x, y))
            }
            (Self::Ed25519 { x }, Algorithm::EdDsa) => ParsedPublicKey::new(&ED25519, x),
            _ => return Err(JwkError::OtherAlgorithm),
        };
        parsed.map_err(|_| JwkError::Rejected)
    }

    /// The public members of a JWK.
    pub(crate) fn members(&self) -> Value {
        match self {
            Self::Rsa { n, e } => json!({
                "kty": "RSA", "n": base64url::encode(n), "e": base64url::encode(e),
            }),
            Self::Ec { curve, x, y } => json!({
                "kty": "EC", "crv": curve.name(),
                "x": base64url::encode(x), "y": base64url::encode(y),
            }),
            Self::Ed25519 { x } => json!({
                "kty": "OKP", "crv": "Ed25519", "x": base64url::encode(x),
            }),
        }
    }

    /// The SHA-256 thumbprint in base64url (RFC 7638 §3, RFC 8037 §2).
    ///
    /// Written out by hand: the order and the absence of spaces are what is hashed, and no value
    /// needs an escape.
    pub(crate) fn thumbprint(&self) -> String {
        let text = match self {
            Self::Rsa { n, e } => {
                let (n, e) = (base64url::encode(n), base64url::encode(e));
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
            }
            Self::Ec { curve, x, y } => {
                let (crv, x, y) = (curve.name(), base64url::encode(x), base64url::encode(y));
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Ed25519 { x } => {
                let x = base64url::encode(x);
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
            }
        };
        base64url::encode(&digest::sha256(text.as_bytes()))
    }
}

impl Curve {
    const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    const fn coordinate_size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

/// A required member that is text.
pub(crate) fn text<'a>(
    jwk: &'a Map<String, Value>,
    name: &'static str,
) -> Result<&'a str, JwkError> {
    let value = jwk.get(name).ok_or(JwkError::Missing(name))?;
    value.as_str().ok_or(JwkError::Mistyped(name))
}

/// A required member that is a number or key in base64url.
pub(crate) fn number(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    base64url::decode(text(jwk, name)?).map_err(|_| JwkError::Encoding(name))
}

fn trim(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Whether a point of Ed25519 is one of the few under which anybody can sign: of order 1, 2, 4 or 8,
/// in every spelling. The library verifies with them, as RFC 8032 §5.1.7 does.
fn has_small_order(x: &[u8]) -> bool {
    let Some((last, rest)) = x.split_last() else { return false };
    let last = last & 0x7f; // without the sign
    let all = |octet: u8| rest[1..].iter().all(|other| *other == octet);
    match (rest[0], last) {
        (0 | 1, 0) => all(0),
        (0xec..=0xee, 0x7f) => all(0xff), // p - 1, p and p + 1
        (first, last) => {
            ORDER_8.iter().any(|y| y[0] == first && y[1..31] == rest[1..] && y[31] == last)
        }
    }
}

/// A point as SEC 1 §2.3.3 writes it.
fn uncompressed(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

/// RFC 7518 §3.3 sets the lower bound; the upper one bounds the work of a verification.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The library's own bound: larger exponents only make verification slow.
const LARGEST_EXPONENT: u64 = (1 << 33) - 1;

/// The two coordinates of the points of order 8 on Ed25519.
#[rustfmt::skip] // a row of octets
const ORDER_8: [[u8; 32]; 2] = [
    [0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05],
    [0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a],
];
