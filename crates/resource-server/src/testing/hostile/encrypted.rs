//! Encrypted tokens: whoever has the public key can make them (RFC 7516 §11, RFC 8725 §2.4, §3.6).

use std::sync::Arc;

use bailiwick_guard::Reason::{
    self, AlgorithmRefused, AudienceMismatch, DecryptionFailed, Expired, KeyUnknown, ProofMissing,
    SignatureInvalid, TokenMalformed, TypeMismatch,
};
use bailiwick_jose::base64url;
use serde_json::{Value, json};

use super::SHARED;
use super::plan::{Plan, set};
use crate::testing::forge;
use crate::testing::issuer::rsa_key;

pub(super) fn add(plan: &mut Plan<'_>) {
    headers(plan);
    keys(plan);
    insides(plan);
}

fn header() -> Value {
    json!({ "alg": "dir", "enc": "A256GCM", "kid": SHARED, "cty": "JWT" })
}

/// A token for the API's own key, with any content.
fn sealed(plan: &Plan<'_>, header: &Value, content: &str) -> String {
    forge::sealed(plan.issuer.shared(), &header.to_string(), content.as_bytes())
}

fn headers(plan: &mut Plan<'_>) {
    plan.next("a header makes the API work for nothing");
    let good = plan.good();
    let costly = set(header(), "alg", "PBES2-HS512+A256KW".into());
    let costly = set(set(costly, "p2s", "AAAAAAAAAAA".into()), "p2c", i32::MAX.into());
    let token = sealed(plan, &costly, &good);
    plan.bearer("PBES2 with a huge count", &[DecryptionFailed], &token);
    for (name, member, value) in [
        ("a compressed bomb", "zip", json!("DEF")),
        ("encrypted, crit", "crit", json!(["exp"])),
        ("encrypted, alg RSA1_5", "alg", json!("RSA1_5")),
        ("encrypted, alg none", "alg", json!("none")),
        ("encrypted, enc none", "enc", json!("none")),
        ("encrypted, enc unknown", "enc", json!("A192GCM")),
        ("encrypted, cty missing", "cty", Value::Null),
        ("encrypted, cty another", "cty", json!("json")),
    ] {
        let token = sealed(plan, &set(header(), member, value), &good);
        plan.bearer(name, &[DecryptionFailed], &token);
    }
    plan.next("what was encrypted is changed on its way");
    let token = sealed(plan, &header(), &good);
    let mut segments: Vec<&str> = token.split('.').collect();
    segments[4] = "AAAAAAAAAAAAAAAAAAAAAA";
    plan.bearer("encrypted, its tag changed", &[DecryptionFailed], &segments.join("."));
}

fn keys(plan: &mut Plan<'_>) {
    plan.next("a public key is taken for a shared secret");
    let (own, good) = (Arc::clone(&plan.key), plan.good());
    let modulus = rsa_key().verifying_key().to_jwk()["n"].to_string();
    for (name, secret, kid) in [
        ("encrypted by a key of zeros", [0; 32], SHARED),
        ("encrypted by the thumbprint", thumbprint(plan), SHARED),
        ("encrypted by the thumbprint, under its kid", thumbprint(plan), own.kid()),
        ("encrypted by a digest of the modulus", digest(&modulus), rsa_key().kid()),
        ("encrypted for somebody else", [7; 32], "another"),
    ] {
        let header = set(header(), "kid", kid.into()).to_string();
        let token = forge::sealed(&secret, &header, good.as_bytes());
        plan.bearer(name, &[DecryptionFailed], &token);
    }
}

fn thumbprint(plan: &Plan<'_>) -> [u8; 32] {
    let octets = base64url::decode(plan.key.kid()).unwrap_or_default();
    octets.try_into().expect("a SHA-256 digest")
}

fn digest(text: &str) -> [u8; 32] {
    bailiwick_jose::digest::sha256(text.as_bytes())
}

fn insides(plan: &mut Plan<'_>) {
    plan.next("encryption is taken for a signature, or spares what is inside its checks");
    let good = plan.good();
    let unsigned = set(plan.header(), "alg", "none".into()).to_string();
    let unsigned = format!("{}.", forge::input(&unsigned, &plan.claims().to_string()));
    let client = plan.issuer.client();
    type Case = (&'static str, &'static [Reason], String);
    let cases: [Case; 9] = [
        ("encrypted claims without a signature", &[TokenMalformed, DecryptionFailed], {
            plan.claims().to_string()
        }),
        ("encrypted twice", &[TokenMalformed, DecryptionFailed], sealed(plan, &header(), &good)),
        ("encrypted, alg none inside", &[AlgorithmRefused, DecryptionFailed], unsigned),
        (
            "encrypted, signed by a stranger",
            &[KeyUnknown, DecryptionFailed],
            plan.forged(&set(plan.header(), "kid", plan.stranger.kid().into())),
        ),
        ("encrypted, forged", &[SignatureInvalid, DecryptionFailed], plan.forged(&plan.header())),
        (
            "encrypted, an ID token inside",
            &[TypeMismatch, DecryptionFailed],
            plan.headed(&set(plan.header(), "typ", "JWT".into())),
        ),
        (
            "encrypted, expired inside",
            &[Expired, DecryptionFailed],
            plan.claiming("exp", (plan.now - 3600).into()),
        ),
        (
            "encrypted, for another API",
            &[AudienceMismatch, DecryptionFailed],
            plan.claiming("aud", super::EVIL.into()),
        ),
        (
            "encrypted, bound to a key, sent plainly",
            &[ProofMissing, DecryptionFailed],
            plan.claiming("cnf", json!({ "jkt": client.thumbprint() })),
        ),
    ];
    for (name, expected, inside) in cases {
        let token = sealed(plan, &header(), &inside);
        plan.bearer(name, expected, &token);
    }
}
