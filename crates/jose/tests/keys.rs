//! Keys and key sets: what is taken, what is refused, what is found.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::LazyLock;

use bailiwick_jose::{
    Algorithm, JwkError, Jwks, JwksError, Jws, KeyError, NoKey, SigningKey, VerifyingKey,
    base64url, json,
};
use serde_json::{Value, json};

static KEYS: LazyLock<Vec<SigningKey>> =
    LazyLock::new(|| Algorithm::ALL.map(|one| SigningKey::generate(one).unwrap()).into());

fn signing(algorithm: Algorithm) -> &'static SigningKey {
    KEYS.iter().find(|key| key.algorithm() == algorithm).unwrap()
}

/// The published form of a key with some members changed, or removed by `null`.
fn jwk(algorithm: Algorithm, changes: Value) -> Value {
    let mut jwk = signing(algorithm).verifying_key().to_jwk();
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

fn verdict(algorithm: Algorithm, changes: Value) -> Result<Algorithm, JwkError> {
    VerifyingKey::from_jwk(&jwk(algorithm, changes)).map(|key| key.algorithm())
}

/// An odd modulus of so many bits.
fn modulus(bits: usize) -> String {
    let mut n = vec![0xff_u8; bits.div_ceil(8)];
    n[0] >>= n.len() * 8 - bits;
    base64url::encode(&n)
}

#[test]
fn a_published_key_is_read_back() {
    for key in KEYS.iter() {
        let read = VerifyingKey::from_jwk(&key.verifying_key().to_jwk()).unwrap();
        assert_eq!(read.kid(), Some(key.kid()));
        assert_eq!(read.algorithm(), key.algorithm());
        assert_eq!(read.thumbprint(), key.verifying_key().thumbprint());
        assert_eq!(read.to_jwk(), key.verifying_key().to_jwk());
        let token = key.sign("JWT", b"{}").unwrap();
        assert!(Jws::parse(&token).unwrap().verify(&read).is_ok());
    }
}

#[test]
fn a_published_key_holds_nothing_private() {
    for key in KEYS.iter() {
        let jwk = key.verifying_key().to_jwk();
        let names: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        for name in names {
            assert!(["kty", "n", "e", "crv", "x", "y", "alg", "use", "kid"].contains(&name));
        }
    }
}

#[test]
fn a_key_without_an_algorithm_gets_the_usual_one() {
    for (algorithm, usual) in [
        (Algorithm::Rs256, Algorithm::Rs256),
        (Algorithm::Ps256, Algorithm::Rs256),
        (Algorithm::Es256, Algorithm::Es256),
        (Algorithm::Es384, Algorithm::Es384),
        (Algorithm::EdDsa, Algorithm::EdDsa),
    ] {
        assert_eq!(verdict(algorithm, json!({"alg": null})), Ok(usual));
    }
    assert_eq!(verdict(Algorithm::EdDsa, json!({"alg": "Ed25519"})), Ok(Algorithm::EdDsa));
}

#[test]
fn an_algorithm_that_does_not_fit_the_key_is_refused() {
    use Algorithm::{EdDsa, Es256, Es384, Rs256};
    for (key, alg) in [
        (Rs256, "ES256"),
        (Rs256, "EdDSA"),
        (Es256, "ES384"),
        (Es384, "ES256"),
        (Es256, "RS256"),
        (EdDsa, "ES256"),
    ] {
        assert_eq!(verdict(key, json!({ "alg": alg })), Err(JwkError::OtherAlgorithm));
    }
    for alg in ["RS512", "RSA-OAEP", "HS256", "none", "rs256", ""] {
        let refusal = verdict(Rs256, json!({ "alg": alg }));
        assert_eq!(refusal, Err(JwkError::UnsupportedAlgorithm), "{alg}");
    }
    assert_eq!(verdict(Rs256, json!({"alg": 1})), Err(JwkError::Mistyped("alg")));
}

#[test]
fn a_key_for_another_use_is_refused() {
    use Algorithm::Es256;
    for (changes, expected) in [
        (json!({"use": null}), Ok(Es256)),
        (json!({"use": "enc"}), Err(JwkError::OtherUse)),
        (json!({"use": "SIG"}), Err(JwkError::OtherUse)),
        (json!({"use": ["sig"]}), Err(JwkError::Mistyped("use"))),
        (json!({"key_ops": ["verify"]}), Ok(Es256)),
        (json!({"key_ops": ["sign", "verify"]}), Ok(Es256)),
        (json!({"key_ops": ["sign"]}), Err(JwkError::OtherOperations)),
        (json!({"key_ops": []}), Err(JwkError::OtherOperations)),
        (json!({"key_ops": "verify"}), Err(JwkError::Mistyped("key_ops"))),
        (json!({"key_ops": ["verify", 1]}), Err(JwkError::Mistyped("key_ops"))),
    ] {
        assert_eq!(verdict(Es256, changes.clone()), expected, "{changes}");
    }
}

#[test]
fn a_private_or_symmetric_key_is_not_one_to_verify_with() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for algorithm in Algorithm::ALL {
            assert_eq!(verdict(algorithm, json!({ name: "AQAB" })), Err(JwkError::Private));
        }
    }
    let secret = json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"});
    assert_eq!(VerifyingKey::from_jwk(&secret).unwrap_err(), JwkError::Private);
    let empty = json!({"kty": "oct", "alg": "HS256"});
    assert_eq!(VerifyingKey::from_jwk(&empty).unwrap_err(), JwkError::UnsupportedType);
}

//= https://www.rfc-editor.org/rfc/rfc7518#section-3.3
//= type=test
//# A key of size 2048 bits or larger MUST be used with these algorithms.
#[test]
fn an_rsa_key_too_short_too_long_or_weak_is_refused() {
    use Algorithm::Rs256;
    for bits in [8, 512, 1024, 2040, 2047, 8193, 16384] {
        let n = modulus(bits);
        assert_eq!(verdict(Rs256, json!({ "n": n })), Err(JwkError::Modulus), "{bits}");
    }
    for bits in [2048, 3072, 4096, 8192] {
        assert_eq!(verdict(Rs256, json!({ "n": modulus(bits) })), Ok(Rs256), "{bits}");
    }
    let even = base64url::encode(&[0xfe; 256]);
    assert_eq!(verdict(Rs256, json!({ "n": even })), Err(JwkError::Modulus));
    assert_eq!(verdict(Rs256, json!({"n": ""})), Err(JwkError::Modulus));
    for e in [&[][..], &[0], &[1], &[2], &[1, 0], &[1, 0, 0], &[0xff; 8], &[0xff; 9], &[0xff; 256]]
    {
        let e = base64url::encode(e);
        assert_eq!(verdict(Rs256, json!({ "e": e })), Err(JwkError::Exponent), "{e}");
    }
    assert_eq!(verdict(Rs256, json!({"e": "Aw"})), Ok(Rs256));
}

#[test]
fn a_sign_octet_changes_neither_the_key_nor_its_thumbprint() {
    let key = signing(Algorithm::Rs256);
    let n = key.verifying_key().to_jwk()["n"].as_str().unwrap().to_owned();
    let padded = base64url::encode(&[&[0], &base64url::decode(&n).unwrap()[..]].concat());
    let read = VerifyingKey::from_jwk(&jwk(Algorithm::Rs256, json!({ "n": padded }))).unwrap();
    assert_eq!(read.thumbprint(), key.kid());
    assert_eq!(read.to_jwk()["n"], n.as_str());
}

//= https://www.rfc-editor.org/rfc/rfc7518#section-6.2.1.2
//= type=test
//# The length of this octet string MUST be the full size of a coordinate
//# for the curve specified in the "crv" parameter.
#[test]
fn a_coordinate_of_the_wrong_length_or_off_the_curve_is_refused() {
    use Algorithm::{EdDsa, Es256, Es384};
    for (algorithm, lengths) in [(Es256, [0, 31, 33]), (Es384, [32, 47, 49]), (EdDsa, [0, 31, 33])]
    {
        for length in lengths {
            let x = base64url::encode(&vec![1; length]);
            assert_eq!(verdict(algorithm, json!({ "x": x })), Err(JwkError::Coordinate));
        }
    }
    let off = json!({"x": base64url::encode(&[0xff; 32]), "y": base64url::encode(&[1; 32])});
    assert_eq!(verdict(Es256, off), Err(JwkError::Rejected));
    let other = signing(Es256).verifying_key().to_jwk()["x"].clone();
    assert_eq!(verdict(Es256, json!({ "y": other })), Err(JwkError::Rejected));
}

/// Under such a key the point itself, and nothing behind it, signs every message.
#[test]
fn a_key_of_small_order_is_refused() {
    for x in [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", // order 4
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", // the neutral element
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA", // the same with the other sign
        "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU", // order 8
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o", // order 8
        "7P_______________________________________38", // order 2
        "7f_______________________________________38", // order 4, not reduced
        "7v_______________________________________38", // the neutral element, not reduced
    ] {
        assert_eq!(verdict(Algorithm::EdDsa, json!({ "x": x })), Err(JwkError::Rejected), "{x}");
    }
}

#[test]
fn a_key_that_is_incomplete_or_of_an_unknown_kind_is_refused() {
    use Algorithm::{EdDsa, Es256, Rs256};
    for (algorithm, changes, why) in [
        (Rs256, json!({"kty": null}), JwkError::Missing("kty")),
        (Rs256, json!({"kty": "rsa"}), JwkError::UnsupportedType),
        (Rs256, json!({"kty": "AKP", "alg": "ML-DSA-44"}), JwkError::UnsupportedType),
        (Rs256, json!({"kty": 1}), JwkError::Mistyped("kty")),
        (Rs256, json!({"n": null}), JwkError::Missing("n")),
        (Rs256, json!({"e": 65537}), JwkError::Mistyped("e")),
        (Rs256, json!({"e": "AQAB="}), JwkError::Encoding("e")),
        (Es256, json!({"crv": null}), JwkError::Missing("crv")),
        (Es256, json!({"crv": "secp256k1", "alg": "ES256K"}), JwkError::UnsupportedCurve),
        (Es256, json!({"crv": "P-521"}), JwkError::UnsupportedCurve),
        (Es256, json!({"y": null}), JwkError::Missing("y")),
        (EdDsa, json!({"crv": "X25519"}), JwkError::UnsupportedCurve),
        (EdDsa, json!({"crv": "Ed448"}), JwkError::UnsupportedCurve),
        (EdDsa, json!({"kid": 7}), JwkError::Mistyped("kid")),
        (EdDsa, json!({"issuer": []}), JwkError::Mistyped("issuer")),
    ] {
        assert_eq!(verdict(algorithm, changes.clone()), Err(why), "{changes}");
    }
    assert_eq!(VerifyingKey::from_jwk(&json!([])).unwrap_err(), JwkError::NotObject);
}

#[test]
fn the_issuer_of_a_key_is_read() {
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let key = VerifyingKey::from_jwk(&jwk(Algorithm::Rs256, json!({ "issuer": issuer }))).unwrap();
    assert_eq!(key.issuer(), Some(issuer));
    assert_eq!(signing(Algorithm::Rs256).verifying_key().issuer(), None);
}

#[test]
fn a_private_key_survives_its_storage() {
    for key in KEYS.iter() {
        let again = SigningKey::from_pkcs8(key.algorithm(), &key.to_pkcs8()).unwrap();
        assert_eq!(again.kid(), key.kid());
        assert_eq!(*again.to_pkcs8(), *key.to_pkcs8());
        let token = again.sign("JWT", b"{}").unwrap();
        assert!(Jws::parse(&token).unwrap().verify(key.verifying_key()).is_ok());
    }
}

#[test]
fn a_private_key_of_another_type_is_refused() {
    for key in KEYS.iter() {
        for algorithm in Algorithm::ALL {
            let rsa = [Algorithm::Rs256, Algorithm::Ps256];
            let fits = algorithm == key.algorithm()
                || rsa.contains(&algorithm) && rsa.contains(&key.algorithm());
            let read = SigningKey::from_pkcs8(algorithm, &key.to_pkcs8());
            assert_eq!(read.is_ok(), fits, "{} as {algorithm}", key.algorithm());
        }
        let refusal = SigningKey::from_pkcs8(key.algorithm(), b"junk").unwrap_err();
        assert_eq!(refusal, KeyError::Rejected);
    }
}

#[test]
fn a_private_key_does_not_show_itself() {
    for key in KEYS.iter() {
        assert_eq!(format!("{key:?}"), "SigningKey([redacted])");
    }
}

#[test]
fn keys_are_used_from_many_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<SigningKey>();
    shared::<VerifyingKey>();
    shared::<Jwks>();
}

#[test]
fn what_json_cannot_express_is_not_signed() {
    let unspeakable = std::collections::HashMap::from([((1, 2), 3)]);
    assert!(signing(Algorithm::EdDsa).sign_json("JWT", &unspeakable).is_err());
}

fn set(keys: &[Value]) -> Jwks {
    Jwks::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

//= https://www.rfc-editor.org/rfc/rfc7517#section-5
//= type=test
//# Implementations SHOULD ignore JWKs within a JWK Set that use "kty"
//# (key type) values that are not understood by them, that are missing
//# required members, or for which values are out of the supported
//# ranges.
#[test]
fn a_key_that_cannot_be_used_does_not_spoil_the_set() {
    let set = set(&[
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "pq"}),
        jwk(Algorithm::Es256, json!({"kid": "good"})),
        json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "k1"}),
        jwk(Algorithm::Rs256, json!({"n": modulus(1024), "kid": "short"})),
        json!("junk"),
        jwk(Algorithm::EdDsa, json!({"kid": null})),
    ]);
    assert_eq!(set.keys().len(), 2);
    let skipped: Vec<_> =
        set.skipped().iter().map(|one| (one.index, one.kid.as_deref(), one.why)).collect();
    assert_eq!(
        skipped,
        [
            (0, Some("pq"), JwkError::UnsupportedType),
            (2, Some("k1"), JwkError::UnsupportedCurve),
            (3, Some("short"), JwkError::Modulus),
            (4, None, JwkError::NotObject),
        ]
    );
    assert!(set.find(Some("good"), Algorithm::Es256).is_ok());
    assert_eq!(set.find(Some("short"), Algorithm::Rs256).unwrap_err(), NoKey::UnknownKid);
}

#[test]
fn what_is_no_key_set_is_refused() {
    let too_many = json!({ "keys": vec![json!({}); Jwks::MOST + 1] }).to_string();
    for (text, why) in [
        ("", JwksError::Json(json::Malformed::Syntax)),
        ("[]", JwksError::Json(json::Malformed::NotObject)),
        ("{}", JwksError::NoKeys),
        (r#"{"keys":{}}"#, JwksError::NoKeys),
        (r#"{"keys":[],"keys":[]}"#, JwksError::Json(json::Malformed::Duplicate)),
        (r#"{"keys":[{"kid":"a","kid":"b"}]}"#, JwksError::Json(json::Malformed::Duplicate)),
        (&too_many, JwksError::TooMany),
    ] {
        assert_eq!(Jwks::parse(text.as_bytes()).unwrap_err(), why);
    }
    assert!(Jwks::parse(br#"{"keys":[],"other":1}"#).unwrap().is_empty());
    assert_eq!(
        Jwks::from_json(&json!([])).unwrap_err(),
        JwksError::Json(json::Malformed::NotObject)
    );
}

fn found(set: &Jwks, kid: Option<&str>, algorithm: Algorithm) -> Result<String, NoKey> {
    set.find(kid, algorithm).map(|key| key.thumbprint().to_owned())
}

#[test]
fn a_key_is_found_by_kid_and_algorithm() {
    use Algorithm::{EdDsa, Es256, Ps256, Rs256};
    let thumbprint = |algorithm| Ok(signing(algorithm).kid().to_owned());
    let set = set(&[
        jwk(Es256, json!({"kid": "1"})),
        jwk(Rs256, json!({"kid": "1"})),
        jwk(Ps256, json!({"kid": "2", "alg": "RS256"})),
    ]);
    assert_eq!(found(&set, Some("1"), Es256), thumbprint(Es256));
    assert_eq!(found(&set, Some("1"), Rs256), thumbprint(Rs256));
    assert_eq!(found(&set, Some("2"), Rs256), thumbprint(Ps256));
    assert_eq!(found(&set, Some("1"), EdDsa), Err(NoKey::OtherAlgorithm));
    assert_eq!(found(&set, Some("2"), Es256), Err(NoKey::OtherAlgorithm));
    for kid in ["3", "", "../1", "1' OR '1'='1", "https://evil.example/1", "1\0"] {
        assert_eq!(found(&set, Some(kid), Es256), Err(NoKey::UnknownKid));
    }
    assert_eq!(found(&set, None, Es256), thumbprint(Es256));
    assert_eq!(found(&set, None, Rs256), Err(NoKey::Ambiguous));
    assert_eq!(found(&set, None, EdDsa), Err(NoKey::UnknownKid));
}

#[test]
fn two_keys_under_one_kid_and_algorithm_are_ambiguous_unless_they_are_one() {
    use Algorithm::{Ps256, Rs256};
    let one = jwk(Rs256, json!({"kid": "1"}));
    let two = jwk(Ps256, json!({"kid": "1", "alg": "RS256"}));
    assert_eq!(found(&set(&[one.clone(), two]), Some("1"), Rs256), Err(NoKey::Ambiguous));
    let twice = set(&[one.clone(), one]);
    assert_eq!(found(&twice, Some("1"), Rs256), Ok(signing(Rs256).kid().to_owned()));
    assert_eq!(found(&twice, None, Rs256), Ok(signing(Rs256).kid().to_owned()));
}

#[test]
fn a_key_without_kid_serves_a_token_with_one_only_when_it_is_alone() {
    use Algorithm::{Es256, Rs256};
    let nameless = jwk(Es256, json!({"kid": null}));
    let alone = set(std::slice::from_ref(&nameless));
    assert_eq!(found(&alone, Some("any"), Es256), Ok(signing(Es256).kid().to_owned()));
    assert_eq!(found(&alone, Some("any"), Rs256), Err(NoKey::UnknownKid));
    let two = set(&[nameless, jwk(Rs256, json!({}))]);
    assert_eq!(found(&two, Some("any"), Es256), Err(NoKey::UnknownKid));
    let named = set(&[jwk(Es256, json!({"kid": "1"}))]);
    assert_eq!(found(&named, Some("any"), Es256), Err(NoKey::UnknownKid));
    assert_eq!(found(&Jwks::default(), Some("any"), Es256), Err(NoKey::UnknownKid));
}

#[test]
fn a_set_is_published_as_it_is_read() {
    let set = Jwks::from_keys(KEYS.iter().map(|key| key.verifying_key().clone()).collect());
    let read = Jwks::from_json(&set.to_json()).unwrap();
    assert_eq!(read.to_json(), set.to_json());
    assert!(read.skipped().is_empty());
    for key in KEYS.iter() {
        assert!(read.find(Some(key.kid()), key.algorithm()).is_ok());
    }
}

#[test]
fn an_algorithm_is_written_and_read_by_its_name() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        let text = serde_json::to_string(&algorithm).unwrap();
        assert_eq!(text, format!("{:?}", algorithm.name()));
        assert_eq!(serde_json::from_str::<Algorithm>(&text).unwrap(), algorithm);
    }
    assert!(serde_json::from_str::<Algorithm>("\"none\"").is_err());
}
