//! Keys to encrypt and decrypt with: what is taken and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::LazyLock;

use bailiwick_jose::{
    Algorithm, DecryptionKey, EncryptionKey, JwkError, KeyManagement, SigningKey, UnfitKey,
    VerifyingKey, base64url, json,
};
use serde_json::{Value, json};

static RSA: LazyLock<Value> = LazyLock::new(|| stored(KeyManagement::RsaOaep256));
static EC: LazyLock<Value> = LazyLock::new(|| stored(KeyManagement::EcdhEs));
static OCT: LazyLock<Value> = LazyLock::new(|| stored(KeyManagement::Dir));

fn stored(alg: KeyManagement) -> Value {
    let key = DecryptionKey::generate(alg).unwrap();
    json::parse(key.to_jwk().unwrap().as_bytes()).unwrap()
}

/// A key with some members changed, or removed by `null`.
fn changed(jwk: &Value, changes: Value) -> Value {
    let mut jwk = jwk.clone();
    let members = jwk.as_object_mut().unwrap();
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    jwk
}

fn verdict(jwk: &Value, changes: Value) -> Result<(), UnfitKey> {
    DecryptionKey::from_jwk(&changed(jwk, changes)).map(drop)
}

fn public(jwk: &Value) -> Value {
    changed(jwk, json!({"d": null, "p": null, "q": null, "dp": null, "dq": null, "qi": null}))
}

#[test]
fn a_key_for_anything_else_is_refused() {
    for jwk in [&*RSA, &*EC, &*OCT] {
        assert_eq!(verdict(jwk, json!({})), Ok(()));
        assert_eq!(verdict(jwk, json!({"use": null, "key_ops": ["deriveKey", "decrypt"]})), Ok(()));
        assert_eq!(verdict(jwk, json!({"use": "sig"})), Err(UnfitKey::OtherUse));
        assert_eq!(verdict(jwk, json!({"use": ""})), Err(UnfitKey::OtherUse));
        let mistyped = Err(UnfitKey::Jwk(JwkError::Mistyped("use")));
        assert_eq!(verdict(jwk, json!({"use": ["enc"]})), mistyped);
        for operations in [json!([]), json!(["sign"]), json!(["verify", "encrypt"])] {
            let why = verdict(jwk, json!({ "key_ops": operations }));
            assert_eq!(why, Err(UnfitKey::OtherOperations));
        }
        for operations in [json!("decrypt"), json!(["decrypt", 1])] {
            let why = verdict(jwk, json!({ "key_ops": operations }));
            assert_eq!(why, Err(UnfitKey::Jwk(JwkError::Mistyped("key_ops"))));
        }
    }
}

#[test]
fn an_algorithm_of_another_kind_is_refused() {
    for alg in [
        "RS256",
        "ES256",
        "HS256",
        "RSA1_5",
        "RSA-OAEP",
        "RSA-OAEP-512",
        "A128KW",
        "A256GCMKW",
        "PBES2-HS256+A128KW",
        "A256CBC-HS512",
        "none",
        "",
    ] {
        for jwk in [&*RSA, &*EC, &*OCT] {
            let changes = json!({ "alg": alg });
            assert_eq!(verdict(jwk, changes), Err(UnfitKey::UnsupportedAlgorithm), "{alg}");
        }
    }
    for (jwk, alg) in [(&*RSA, "ECDH-ES"), (&*EC, "RSA-OAEP-256"), (&*EC, "dir"), (&*RSA, "dir")] {
        let why = verdict(jwk, json!({ "alg": alg }));
        assert_eq!(why, Err(UnfitKey::UnsupportedAlgorithm), "{alg}");
    }
    assert_eq!(verdict(&OCT, json!({"alg": null})), Err(UnfitKey::UnsupportedAlgorithm));
    assert_eq!(verdict(&OCT, json!({"alg": "ECDH-ES"})), Err(UnfitKey::UnsupportedAlgorithm));
    assert_eq!(verdict(&RSA, json!({"alg": null})), Ok(()));
    assert_eq!(verdict(&EC, json!({"alg": null})), Ok(()));
}

#[test]
fn a_signature_key_does_not_decrypt() {
    for algorithm in Algorithm::ALL {
        let jwk = SigningKey::generate(algorithm).unwrap().verifying_key().to_jwk();
        assert_eq!(DecryptionKey::from_jwk(&jwk).unwrap_err(), UnfitKey::OtherUse);
        assert_eq!(EncryptionKey::from_jwk(&jwk).unwrap_err(), UnfitKey::OtherUse);
    }
    let ed25519 = SigningKey::generate(Algorithm::EdDsa).unwrap().verifying_key().to_bare_jwk();
    assert_eq!(EncryptionKey::from_jwk(&ed25519).unwrap_err(), UnfitKey::UnsupportedCurve);
}

#[test]
fn a_decryption_key_does_not_verify() {
    for (jwk, why) in [(&*RSA, JwkError::OtherUse), (&*EC, JwkError::OtherUse)] {
        assert_eq!(VerifyingKey::from_jwk(&public(jwk)).unwrap_err(), why);
        assert_eq!(VerifyingKey::from_jwk(jwk).unwrap_err(), JwkError::Private);
    }
}

#[test]
fn a_key_without_its_private_half_does_not_decrypt() {
    for jwk in [&*RSA, &*EC] {
        let why = verdict(&public(jwk), json!({}));
        assert_eq!(why, Err(UnfitKey::Jwk(JwkError::Missing("d"))));
    }
    for name in ["p", "q", "dp", "dq", "qi"] {
        let why = verdict(&RSA, json!({ name: null }));
        assert_eq!(why, Err(UnfitKey::Jwk(JwkError::Missing(name))));
    }
    assert_eq!(verdict(&OCT, json!({"k": null})), Err(UnfitKey::Jwk(JwkError::Missing("k"))));
}

#[test]
fn halves_that_do_not_belong_together_are_refused() {
    let other = stored(KeyManagement::RsaOaep256);
    for name in ["n", "d", "p", "q", "dp", "dq", "qi"] {
        let why = verdict(&RSA, json!({ name: other[name] }));
        assert_eq!(why, Err(UnfitKey::Mismatch), "{name}");
    }
    let other = stored(KeyManagement::EcdhEs);
    assert_eq!(verdict(&EC, json!({"d": other["d"]})), Err(UnfitKey::Mismatch));
    assert_eq!(verdict(&EC, json!({"x": other["x"], "y": other["y"]})), Err(UnfitKey::Mismatch));
}

#[test]
fn numbers_that_make_no_key_are_refused() {
    let off_curve = verdict(&EC, json!({"y": EC["x"]}));
    assert_eq!(off_curve, Err(UnfitKey::Jwk(JwkError::Rejected)));
    let longer = base64url::encode(&[0; 33]);
    let coordinate = verdict(&EC, json!({ "x": longer }));
    assert_eq!(coordinate, Err(UnfitKey::Jwk(JwkError::Coordinate)));
    for d in [&[0; 32][..], &[0xff; 32], &[1; 31], &[]] {
        let why = verdict(&EC, json!({ "d": base64url::encode(d) }));
        assert_eq!(why, Err(UnfitKey::Jwk(JwkError::Rejected)), "{d:?}");
    }
    let padded = verdict(&EC, json!({"d": format!("{}=", EC["d"].as_str().unwrap())}));
    assert_eq!(padded, Err(UnfitKey::Jwk(JwkError::Encoding("d"))));
    let small = base64url::encode(&[0xff; 128]);
    assert_eq!(verdict(&RSA, json!({ "n": small })), Err(UnfitKey::Jwk(JwkError::Modulus)));
    assert_eq!(verdict(&EC, json!({"crv": "secp256k1"})), Err(UnfitKey::UnsupportedCurve));
    assert_eq!(verdict(&EC, json!({"kty": "AKP"})), Err(UnfitKey::UnsupportedType));
    assert_eq!(
        DecryptionKey::from_jwk(&json!([])).unwrap_err(),
        UnfitKey::Jwk(JwkError::NotObject)
    );
}

#[test]
fn a_shared_key_is_as_long_as_its_content_encryption_demands() {
    for (alg, length, taken) in [
        ("dir", 16, true),
        ("dir", 32, true),
        ("dir", 0, false),
        ("dir", 24, false),
        ("dir", 31, false),
        ("dir", 64, false),
        ("A128GCM", 16, true),
        ("A128GCM", 32, false),
        ("A256GCM", 32, true),
        ("A256GCM", 16, false),
        ("A128CBC-HS256", 32, true),
        ("A128CBC-HS256", 16, false),
    ] {
        let changes = json!({"alg": alg, "k": base64url::encode(&vec![7; length])});
        let expected = if taken { Ok(()) } else { Err(UnfitKey::Length) };
        assert_eq!(verdict(&OCT, changes), expected, "{alg} {length}");
    }
}

#[test]
fn a_private_key_is_not_taken_for_a_recipients() {
    for jwk in [&*RSA, &*EC] {
        let why = EncryptionKey::from_jwk(jwk).unwrap_err();
        assert_eq!(why, UnfitKey::Jwk(JwkError::Private));
        let recipient = EncryptionKey::from_jwk(&public(jwk)).unwrap();
        assert_eq!(recipient.to_jwk(), Some(public(jwk)));
    }
}
