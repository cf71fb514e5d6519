//! Encrypted tokens (RFC 7516, RFC 7519 §5.2): read with this server's key, and then verified.

use bailiwick_jose::{ContentEncryption, DecryptionKey, KeyManagement, base64url, digest};
use bailiwick_oauth::dpop::token_hash;
use serde_json::{Value, json};

use crate::mint::*;

#[track_caller]
fn verdict(token: &str, keys: &[DecryptionKey], expected: &str) {
    Attempt { decryption: keys, ..Attempt::bearer(token) }.ends(expected);
}

/// A token encrypted for a key, as its issuer does it.
fn nested(key: &DecryptionKey, enc: ContentEncryption, inside: &str) -> String {
    key.encryption_key().unwrap().encrypt(enc, Some("JWT"), inside.as_bytes()).unwrap()
}

fn short_shared_key() -> DecryptionKey {
    let k = base64url::encode(&[7; 16]);
    DecryptionKey::from_jwk(&json!({ "kty": "oct", "alg": "dir", "k": k })).unwrap()
}

#[test]
fn a_signed_token_inside_passes_by_each_algorithm() {
    for alg in KeyManagement::ALL {
        for enc in ContentEncryption::ALL {
            let key = match (alg, enc) {
                (KeyManagement::Dir, ContentEncryption::A128Gcm) => short_shared_key(),
                _ => DecryptionKey::generate(alg).unwrap(),
            };
            let encrypted = nested(&key, enc, &token(&claims()));
            verdict(&encrypted, std::slice::from_ref(&key), "passed");
            let other = [DecryptionKey::generate(alg).unwrap()];
            verdict(&encrypted, &other, "decryption_failed");
        }
    }
}

// RFC 8725 §3.3: every operation of a nested token is checked.
#[test]
fn what_is_inside_is_checked_like_any_token() {
    let keys = [shared_key()];
    let forged = raw(&WORLD.stranger, &header().to_string(), &claims().to_string());
    let id_token = WORLD.es256.sign_json("JWT", &claims()).unwrap();
    for (inside, expected) in [
        (token(&claims()), "passed"),
        (forged, "signature_invalid"),
        (WORLD.stranger.sign_json("at+jwt", &claims()).unwrap(), "missing"),
        (id_token, "type_mismatch"),
        (token(&with("exp", 1.into())), "expired"),
        (token(&with("aud", "other".into())), "audience_mismatch"),
        (bound(), "proof_missing"),
        (headed(&json!({ "alg": "none", "typ": "at+jwt" })), "algorithm_refused"),
    ] {
        verdict(&sealed("x", json!(1), inside.as_bytes()), &keys, expected);
    }
}

// RFC 8725 §3.7, RFC 7519 §5.2: whoever has the public key can encrypt; only a signature vouches.
#[test]
fn encryption_alone_vouches_for_nothing() {
    let keys = [shared_key()];
    let good = token(&claims());
    let claims = claims().to_string();
    for inside in [&*claims, "", "{}", "a.b", "...."] {
        verdict(&sealed("x", json!(1), inside.as_bytes()), &keys, "token_malformed");
    }
    verdict(&sealed("x", json!(1), b"\xff\xfe"), &keys, "decryption_failed");
    for cty in [json!(null), json!("json"), json!("at+jwt"), json!(""), json!("JWE")] {
        verdict(&sealed("cty", cty.clone(), good.as_bytes()), &keys, "decryption_failed");
        verdict(&sealed("cty", cty, claims.as_bytes()), &keys, "decryption_failed");
    }
    for cty in ["JWT", "jwt", "application/jwt"] {
        verdict(&sealed("cty", cty.into(), good.as_bytes()), &keys, "passed");
    }
}

#[test]
fn an_encrypted_token_holds_no_other_encrypted_one() {
    let keys = [shared_key()];
    let once = sealed("x", json!(1), token(&claims()).as_bytes());
    verdict(&once, &keys, "passed");
    verdict(&sealed("x", json!(1), once.as_bytes()), &keys, "token_malformed");
}

#[test]
fn only_keys_that_fit_are_tried() {
    let good = token(&claims());
    let keys = [shared_key()];
    verdict(&sealed("kid", "other".into(), good.as_bytes()), &keys, "decryption_failed");
    verdict(&sealed("kid", json!(null), good.as_bytes()), &keys, "passed");
    verdict(&sealed("kid", json!(["shared"]), good.as_bytes()), &keys, "decryption_failed");
    verdict(&sealed("x", json!(1), good.as_bytes()), &[], "decryption_failed");
    let nowhere = Attempt::bearer(&sealed("x", json!(1), good.as_bytes())).refusal();
    assert_eq!(nowhere.description(), "encrypted tokens are not accepted here");
    let several = [DecryptionKey::generate(KeyManagement::RsaOaep256).unwrap(), shared_key()];
    verdict(&sealed("x", json!(1), good.as_bytes()), &several, "passed");
    verdict(&good, &several, "passed");
}

// RFC 8725 §3.1, §3.2: a public key is no shared secret.
#[test]
fn a_signing_key_is_no_shared_one() {
    let jwk = WORLD.es256.verifying_key().to_jwk();
    let coordinate = |name: &str| -> [u8; 32] {
        base64url::decode(jwk[name].as_str().unwrap()).unwrap().try_into().unwrap()
    };
    let modulus = WORLD.rs256.verifying_key().to_jwk()["n"].to_string();
    let secrets = [
        coordinate("x"),
        coordinate("y"),
        digest::sha256(jwk.to_string().as_bytes()),
        digest::sha256(modulus.as_bytes()),
        [0; 32],
    ];
    let rsa = DecryptionKey::generate(KeyManagement::RsaOaep256).unwrap();
    let agreeing = DecryptionKey::generate(KeyManagement::EcdhEs).unwrap();
    let keys = [rsa, agreeing, shared_key()];
    let kids = [json!(null), json!(WORLD.es256.kid()), json!("shared"), json!(keys[0].kid())];
    for secret in secrets {
        for kid in &kids {
            let mut header = json!({ "alg": "dir", "enc": "A256GCM", "cty": "JWT" });
            if !kid.is_null() {
                header["kid"] = kid.clone();
            }
            let forged = sealed_with(&secret, &header, token(&claims()).as_bytes());
            verdict(&forged, &keys, "decryption_failed");
        }
    }
}

#[test]
fn extensions_and_costly_algorithms_are_refused() {
    let good = token(&claims());
    let keys = [shared_key()];
    for (member, value) in [
        ("zip", json!("DEF")),
        ("zip", json!(null)),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(true)),
        ("alg", json!("PBES2-HS256+A128KW")),
        ("alg", json!("RSA1_5")),
        ("alg", json!("RSA-OAEP")),
        ("alg", json!("A256KW")),
        ("alg", json!("none")),
        ("alg", json!("DIR")),
        ("enc", json!("A192GCM")),
        ("enc", json!("A256CBC-HS512")),
        ("enc", json!("none")),
    ] {
        let token = if value.is_null() {
            let header = json!({ "alg": "dir", "enc": "A256GCM", "kid": "shared", "cty": "JWT", member: null });
            sealed_with(&SHARED, &header, good.as_bytes())
        } else {
            sealed(member, value, good.as_bytes())
        };
        verdict(&token, &keys, "decryption_failed");
    }
    let costly = json!({
        "alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "cty": "JWT",
        "p2s": "AAAAAAAAAAA", "p2c": 2_000_000_000,
    });
    verdict(&sealed_with(&SHARED, &costly, good.as_bytes()), &keys, "decryption_failed");
}

#[test]
fn a_changed_token_is_not_decrypted() {
    let good = sealed("x", json!(1), token(&claims()).as_bytes());
    let segments: Vec<_> = good.split('.').collect();
    let header = json!({ "alg": "dir", "enc": "A256GCM", "kid": "shared", "cty": "JWT", "x": 2 });
    let header = base64url::encode(header.to_string().as_bytes());
    for (at, by) in [(0, &*header), (1, "AAAA"), (2, "AAAAAAAAAAAAAAAA"), (3, "AAAA"), (4, "AAAA")]
    {
        let mut changed = segments.clone();
        changed[at] = by;
        verdict(&changed.join("."), &[shared_key()], "decryption_failed");
    }
    verdict(&format!("{good}="), &[shared_key()], "decryption_failed");
}

// RFC 9449 §4.2: `ath` is the hash of the token as it is sent.
#[test]
fn a_proof_goes_with_the_token_as_it_is_sent() {
    let inside = bound();
    let outside = sealed("x", json!(1), inside.as_bytes());
    let keys = [shared_key()];
    for (hash, expected) in
        [(token_hash(&outside), "passed"), (token_hash(&inside), "proof_invalid")]
    {
        let mut claims: Value = proof_claims(&outside);
        claims["ath"] = hash.into();
        let attempt = Attempt::dpop(&outside, &proof(&WORLD.sender, &claims));
        Attempt { decryption: &keys, ..attempt }.ends(expected);
    }
}
