//! What tokens are signed with: nothing, too little, or by somebody else (RFC 8725 §2.1, §3.1, §3.2).

use std::sync::Arc;

use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding};
use bailiwick_guard::Reason::{
    self, AlgorithmRefused, KeyMismatch, KeyUnknown, SignatureInvalid, TokenMalformed,
};
use bailiwick_jose::{Algorithm, base64url};
use serde_json::{Value, json};

use super::plan::{Plan, set};
use super::{EVIL, SYMMETRIC};
use crate::testing::forge;
use crate::testing::issuer::rsa_key;

/// `n` of P-256, which no half of a signature may reach (FIPS 186-5 §6.4.2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// `L` of Ed25519, little end first, which `S` may not reach (RFC 8032 §5.1.7).
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub(super) fn add(plan: &mut Plan<'_>) {
    named(plan);
    symmetric(plan);
    rsa(plan);
    keys(plan);
    brought_along(plan);
    signatures(plan);
    match plan.key.algorithm() {
        Algorithm::Es256 => p256_signatures(plan),
        Algorithm::EdDsa => ed25519_signatures(plan),
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es384 => {}
    }
}

fn named(plan: &mut Plan<'_>) {
    let (own, payload) = (plan.key.algorithm(), plan.claims().to_string());
    plan.next("an unsigned token is a forged one, however `none` is written");
    for none in ["none", "None", "NONE", "nOnE"] {
        let header = set(plan.header(), "alg", none.into()).to_string();
        let token = format!("{}.", forge::input(&header, &payload));
        plan.bearer(format!("alg {none}, no signature"), &[AlgorithmRefused], &token);
    }
    plan.member("alg none, signed", &[AlgorithmRefused], "alg", "none".into());
    plan.next("the header says which algorithm verifies it");
    plan.member("alg empty", &[AlgorithmRefused], "alg", "".into());
    plan.member("alg missing", &[TokenMalformed], "alg", Value::Null);
    plan.member("alg a list", &[TokenMalformed], "alg", json!([own]));
    plan.member("alg in lower case", &[AlgorithmRefused], "alg", own.name().to_lowercase().into());
    plan.member("alg unknown", &[AlgorithmRefused], "alg", "ES512".into());
    let other = if own == Algorithm::Rs256 { Algorithm::Es256 } else { Algorithm::Rs256 };
    plan.member("alg of another type of key", &[KeyMismatch], "alg", other.name().into());
}

fn symmetric(plan: &mut Plan<'_>) {
    plan.next("what is public is taken for a secret");
    let (own, payload) = (Arc::clone(&plan.key), plan.claims().to_string());
    let jwk = plan.key.verifying_key().to_jwk();
    let modulus = rsa_key().verifying_key().to_jwk()["n"].clone();
    let modulus = base64url::decode(modulus.as_str().unwrap_or_default()).unwrap_or_default();
    let bare = plan.key.verifying_key().to_bare_jwk();
    for (name, secret, kid) in [
        ("HS256 with the public key", jwk.to_string().into_bytes(), own.kid()),
        ("HS256 with the bare public key", bare.to_string().into_bytes(), own.kid()),
        ("HS256 with the modulus", modulus, rsa_key().kid()),
        ("HS256 with an empty key", Vec::new(), own.kid()),
        ("HS256 with a published key", plan.issuer.traps().symmetric.to_vec(), SYMMETRIC),
    ] {
        let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid }).to_string();
        let token = forge::symmetric(&secret, &header, &payload);
        plan.bearer(name, &[AlgorithmRefused], &token);
    }
}

fn rsa(plan: &mut Plan<'_>) {
    plan.next("a key signs with another algorithm than its own");
    type Case = (&'static str, &'static str, &'static dyn RsaEncoding, &'static [Reason]);
    let cases: [Case; 4] = [
        ("PS256 with a key for RS256", "PS256", &RSA_PSS_SHA256, &[KeyMismatch]),
        ("RS512 with a key for RS256", "RS512", &RSA_PKCS1_SHA512, &[AlgorithmRefused]),
        ("RS256 over a PSS signature", "RS256", &RSA_PSS_SHA256, &[SignatureInvalid]),
        ("RS256 over SHA-512", "RS256", &RSA_PKCS1_SHA512, &[SignatureInvalid]),
    ];
    let (key, payload) = (rsa_key(), plan.claims().to_string());
    for (name, alg, encoding, expected) in cases {
        let header = json!({ "alg": alg, "typ": "at+jwt", "kid": key.kid() }).to_string();
        let input = forge::input(&header, &payload);
        let signature = forge::sign_rsa(key, encoding, input.as_bytes());
        plan.bearer(name, expected, &forge::with_signature(&input, &signature));
    }
    plan.next("a signature is good for any length");
    let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": key.kid() }).to_string();
    let input = forge::input(&header, &payload);
    let signature = forge::sign_rsa(key, &RSA_PKCS1_SHA256, input.as_bytes());
    let longer = forge::with_signature(&input, &[&[0], &signature[..]].concat());
    plan.bearer("RSA signature with a leading zero", &[SignatureInvalid], &longer);
}

fn keys(plan: &mut Plan<'_>) {
    let (traps, payload) = (plan.issuer.traps(), plan.claims().to_string());
    plan.next("a key of the set is used for what it is not there for");
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": traps.for_encryption.kid() });
    let token = forge::token(&traps.for_encryption, &header.to_string(), &payload);
    plan.bearer("a key for encryption", &[KeyUnknown], &token);
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": traps.of_another.kid() });
    let token = forge::token(&traps.of_another, &header.to_string(), &payload);
    plan.bearer("a key of another issuer", &[KeyMismatch], &token);
    let is_rsa = plan.key.algorithm() == Algorithm::Rs256;
    let kid = if is_rsa { traps.of_another.kid() } else { rsa_key().kid() };
    plan.member("a kid of a key of another type", &[KeyMismatch], "kid", kid.into());

    plan.next("somebody else's key is taken for the issuer's");
    let token = plan.forged(&plan.header());
    plan.bearer("a stranger's key under the issuer's kid", &[SignatureInvalid], &token);
    let token = plan.forged(&set(plan.header(), "kid", plan.stranger.kid().into()));
    plan.bearer("a stranger's key under its own kid", &[KeyUnknown], &token);
    plan.next("the name of a key is taken for a path, a query or an address");
    plan.member("kid a path", &[KeyUnknown], "kid", "../../../../dev/null".into());
    plan.member("kid SQL", &[KeyUnknown], "kid", "x' UNION SELECT 'k'--".into());
    plan.member("kid a URL", &[KeyUnknown], "kid", format!("{EVIL}/jwks").into());
    plan.member("kid empty", &[KeyUnknown], "kid", "".into());
    plan.member("kid a number", &[TokenMalformed], "kid", 1.into());
}

fn brought_along(plan: &mut Plan<'_>) {
    plan.next("a token brings the key along that it is verified with");
    let jwk = plan.stranger.verifying_key().to_bare_jwk();
    for (name, member, value) in [
        ("key embedded", "jwk", jwk),
        ("key referenced by jku", "jku", format!("{EVIL}/jwks").into()),
        ("key referenced by x5u", "x5u", format!("{EVIL}/certificate").into()),
        ("key certified by x5c", "x5c", json!(["MIIB"])),
    ] {
        let header = set(plan.header(), member, value);
        let token = plan.forged(&header);
        plan.bearer(name, &[SignatureInvalid], &token);
        let token = plan.forged(&set(header, "kid", plan.stranger.kid().into()));
        plan.bearer(format!("{name}, under its own kid"), &[KeyUnknown], &token);
    }
}

fn signatures(plan: &mut Plan<'_>) {
    let input = forge::input(&plan.header().to_string(), &plan.claims().to_string());
    let right = forge::sign(&plan.key, input.as_bytes());
    let mut flipped = right.clone();
    flipped[right.len() / 2] ^= 1;
    let other = forge::sign(&plan.key, plan.good().as_bytes());
    plan.next("a signature that is not exactly right is right enough");
    for (name, signature) in [
        ("signature empty", Vec::new()),
        ("signature of zeros", vec![0; right.len()]),
        ("signature with a bit changed", flipped),
        ("signature of another token", other),
        ("signature too short", right[..right.len() - 1].to_vec()),
        ("signature too long", [&right[..], &[0]].concat()),
    ] {
        let token = forge::with_signature(&input, &signature);
        plan.bearer(name, &[SignatureInvalid], &token);
    }
}

fn p256_signatures(plan: &mut Plan<'_>) {
    let input = forge::input(&plan.header().to_string(), &plan.claims().to_string());
    let right = forge::sign(&plan.key, input.as_bytes());
    let der = forge::sign_der(&plan.key, input.as_bytes());
    let (r, s) = right.split_at(32);
    let zero = [0; 32];
    plan.next("a signature of impossible numbers is right for every key and text");
    for (name, signature) in [
        ("signature with r zero", [&zero[..], s].concat()),
        ("signature with s zero", [r, &zero].concat()),
        ("signature with r out of range", [&P256_ORDER[..], s].concat()),
        ("signature with s out of range", [r, &P256_ORDER].concat()),
        ("signature in DER", der),
        ("signature with leading zeros", [&[0], r, &[0], s].concat()),
    ] {
        let token = forge::with_signature(&input, &signature);
        plan.bearer(name, &[SignatureInvalid], &token);
    }
}

fn ed25519_signatures(plan: &mut Plan<'_>) {
    let input = forge::input(&plan.header().to_string(), &plan.claims().to_string());
    let mut signature = forge::sign(&plan.key, input.as_bytes());
    // S and S + L are the same number to whoever does not look at its size.
    let mut carry = 0;
    for (octet, order) in signature[32..].iter_mut().zip(ED25519_ORDER) {
        let sum = u16::from(*octet) + u16::from(order) + carry;
        [*octet, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    plan.next("one token has many signatures, so that revocations and caches miss it");
    let token = forge::with_signature(&input, &signature);
    plan.bearer("signature with S out of range", &[SignatureInvalid], &token);
}
