//! DPoP proofs: the examples of RFC 9449, and hostile ones.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use bailiwick_jose::{Algorithm, JwkError, SigningKey, VerifyError, base64url, json, jws};
use bailiwick_oauth::dpop::{
    LONGEST, MalformedProof, PROOF_ALGORITHMS, Proof, ProofClaims, TYPE, token_hash,
};
use serde_json::{Value, json};

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());

/// The key's public members alone, as clients send them.
fn jwk(key: &SigningKey) -> Value {
    let mut jwk = key.verifying_key().to_jwk();
    for name in ["alg", "use", "kid"] {
        jwk.as_object_mut().unwrap().remove(name);
    }
    jwk
}

fn header() -> Value {
    json!({ "typ": TYPE, "alg": "ES256", "jwk": jwk(&KEY) })
}

fn claims() -> Value {
    json!({ "jti": "1", "htm": "GET", "htu": "https://a.example/x", "iat": 1_562_262_618 })
}

/// A proof truly signed with [`KEY`], whatever it says.
fn signed(header: &str, claims: &str) -> String {
    signed_with(&KEY, header, claims)
}

fn signed_with(key: &SigningKey, header: &str, claims: &str) -> String {
    let [header, claims] = [header, claims].map(|part| base64url::encode(part.as_bytes()));
    let input = format!("{header}.{claims}");
    format!("{input}.{}", base64url::encode(&signature(key, input.as_bytes())))
}

fn signature(key: &SigningKey, input: &[u8]) -> Vec<u8> {
    let (pkcs8, random) = (key.to_pkcs8(), SystemRandom::new());
    let ecdsa = |algorithm| {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8).unwrap();
        pair.sign(&random, input).unwrap().as_ref().to_vec()
    };
    let rsa = |padding| {
        let pair = RsaKeyPair::from_pkcs8(&pkcs8).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(padding, &random, input, &mut signature).unwrap();
        signature
    };
    match key.algorithm() {
        Algorithm::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256),
        Algorithm::Ps256 => rsa(&RSA_PSS_SHA256),
        Algorithm::EdDsa => {
            Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap().sign(input).as_ref().to_vec()
        }
    }
}

/// The verdict on a proof whose header or claims have one member changed; `null` removes it.
fn verdict(part: &str, name: &str, value: Value) -> Result<Proof, MalformedProof> {
    let (mut header, mut claims) = (header(), claims());
    let changed = if part == "header" { &mut header } else { &mut claims };
    match value {
        Value::Null => drop(changed.as_object_mut().unwrap().remove(name)),
        value => changed[name] = value,
    }
    Proof::parse(&signed(&header.to_string(), &claims.to_string()))
}

// RFC 9449 §5, figure 5, with the thumbprint of §6.1, figure 9.
#[test]
fn the_proof_of_a_token_request_is_read() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZy\
                 aHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpi\
                 VFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0V\
                 TYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3R\
                 va2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4Pt\
                 FLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    assert_eq!(
        Proof::parse(proof).unwrap(),
        Proof {
            thumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned(),
            algorithm: Algorithm::Es256,
            jti: "-BwC3ESc6acc2lTc".to_owned(),
            htm: "POST".to_owned(),
            htu: "https://server.example.com/token".to_owned(),
            iat: 1_562_262_616,
            ath: None,
            nonce: None,
        }
    );
}

// RFC 9449 §7.1, figures 12 and 13.
#[test]
fn the_proof_of_a_resource_request_names_its_token() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZy\
                 aHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpi\
                 VFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9\
                 iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9\
                 wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05\
                 yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1ple\
                 mAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    let proof = Proof::parse(proof).unwrap();
    assert_eq!(proof.ath, Some(token_hash("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")));
    assert_eq!(proof.ath.as_deref(), Some("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"));
    assert_eq!(proof.htu, "https://resource.example.org/protectedresource");
}

#[test]
fn the_claims_of_a_client_are_read_again() {
    let claims = ProofClaims::new(
        "1".to_owned(),
        &http::Method::POST,
        "https://A.example:443/x?y",
        1_562_262_618,
    )
    .unwrap()
    .with_token("token")
    .with_nonce("nonce".to_owned());
    let proof = signed(&header().to_string(), &serde_json::to_string(&claims).unwrap());
    let proof = Proof::parse(&proof).unwrap();
    assert_eq!(proof.thumbprint, KEY.verifying_key().thumbprint());
    assert_eq!((proof.jti, proof.htm, proof.iat), ("1".into(), "POST".into(), 1_562_262_618));
    assert_eq!(proof.htu, "https://a.example/x");
    assert_eq!((proof.ath, proof.nonce), (Some(token_hash("token")), Some("nonce".to_owned())));
    assert_eq!(ProofClaims::new("1".into(), &http::Method::GET, "/x", 0), None);
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-4.3
//= type=test
//# The typ JOSE Header Parameter has the value dpop+jwt.
#[test]
fn another_type_is_refused() {
    for typ in ["at+jwt", "JWT", "application/dpop+jwt", "DPOP+JWT", "dpop+jwt ", ""] {
        assert_eq!(verdict("header", "typ", typ.into()), Err(MalformedProof::Type), "{typ}");
    }
    assert_eq!(verdict("header", "typ", Value::Null), Err(MalformedProof::Type));
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-4.2
//= type=test
//# It MUST NOT be none or an identifier for a symmetric algorithm (Message
//# Authentication Code (MAC)).
#[test]
fn an_algorithm_that_is_not_asymmetric_is_refused() {
    for alg in ["none", "NONE", "", "HS256", "HS512", "RS512", "dir"] {
        assert_eq!(verdict("header", "alg", alg.into()), Err(MalformedProof::Algorithm), "{alg}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-4.3
//= type=test
//# The jwk JOSE Header Parameter does not contain a private key.
#[test]
fn a_private_or_unusable_key_is_refused() {
    let with = |name: &str, value: Value| {
        let mut jwk = jwk(&KEY);
        jwk[name] = value;
        jwk
    };
    let cases = [
        (with("d", "AAAA".into()), JwkError::Private),
        (with("d", Value::Null), JwkError::Private),
        (with("k", "AAAA".into()), JwkError::Private),
        (with("use", "enc".into()), JwkError::OtherUse),
        (with("crv", "P-521".into()), JwkError::UnsupportedCurve),
        (with("x", jwk(&KEY)["y"].clone()), JwkError::Rejected),
        (json!({ "kty": "oct", "k": "AAAA" }), JwkError::Private),
        (json!("key"), JwkError::NotObject),
        (json!([jwk(&KEY)]), JwkError::NotObject),
    ];
    for (jwk, why) in cases {
        assert_eq!(verdict("header", "jwk", jwk), Err(MalformedProof::Key(why)));
    }
    assert_eq!(verdict("header", "jwk", Value::Null), Err(MalformedProof::NoKey));
}

#[test]
fn a_key_of_another_algorithm_is_refused() {
    for algorithm in ["RS256", "PS256", "ES384", "EdDSA"] {
        let verdict = verdict("header", "alg", algorithm.into());
        assert_eq!(verdict, Err(MalformedProof::Key(JwkError::OtherAlgorithm)), "{algorithm}");
    }
    for alg in ["ES384", "RS256"] {
        let mut other = jwk(&KEY);
        other["alg"] = alg.into();
        let verdict = verdict("header", "jwk", other);
        assert_eq!(verdict, Err(MalformedProof::Key(JwkError::OtherAlgorithm)), "{alg}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-4.3
//= type=test
//# The JWT signature verifies with the public key contained in the jwk
//# JOSE Header Parameter.
#[test]
fn a_signature_of_another_key_is_refused() {
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    assert!(matches!(
        verdict("header", "jwk", jwk(&other)),
        Err(MalformedProof::Signature(VerifyError::BadSignature(_)))
    ));
}

#[test]
fn a_missing_or_mistyped_claim_is_named() {
    let cases = [
        ("jti", json!(null)),
        ("jti", json!("")),
        ("jti", json!(1)),
        ("jti", json!("a".repeat(257))),
        ("jti", json!("a\0b")),
        ("htm", json!(null)),
        ("htm", json!("")),
        ("htm", json!("GET POST")),
        ("htm", json!(["GET"])),
        ("htu", json!(null)),
        ("htu", json!("/x")),
        ("htu", json!("https://u@a.example/")),
        ("htu", json!(["https://a.example/x"])),
        ("iat", json!(null)),
        ("iat", json!("1562262618")),
        ("iat", json!(-1)),
        ("iat", json!(1e300)),
        ("ath", json!(7)),
        ("nonce", json!(["n"])),
    ];
    for (name, value) in cases {
        let verdict = verdict("claims", name, value.clone());
        assert_eq!(verdict, Err(MalformedProof::Claim(name)), "{name}: {value}");
    }
}

#[test]
fn a_text_that_is_no_proof_is_refused() {
    let good = signed(&header().to_string(), &claims().to_string());
    assert!(Proof::parse(&good).is_ok());
    let malformed = |text: &str| Proof::parse(text).unwrap_err();
    assert_eq!(malformed(""), MalformedProof::Form(jws::Malformed::Segments));
    assert_eq!(malformed(&format!("{good}.")), MalformedProof::Form(jws::Malformed::Segments));
    for text in [format!("{good},{good}"), format!(" {good}"), format!("{good}=")] {
        assert!(matches!(malformed(&text), MalformedProof::Form(_)), "{text}");
    }
    assert_eq!(malformed(&"a".repeat(LONGEST + 1)), MalformedProof::TooLong);
    let twice = r#"{"jti":"1","jti":"2"}"#;
    assert_eq!(
        malformed(&signed(&header().to_string(), twice)),
        MalformedProof::Payload(json::Malformed::Duplicate)
    );
}

#[test]
fn a_proof_of_any_supported_kind_of_key_is_read() {
    for algorithm in PROOF_ALGORITHMS {
        let key = SigningKey::generate(algorithm).unwrap();
        let header = json!({ "typ": TYPE, "alg": algorithm, "jwk": jwk(&key) });
        let proof = signed_with(&key, &header.to_string(), &claims().to_string());
        let proof = Proof::parse(&proof).unwrap();
        assert_eq!(proof.algorithm, algorithm);
        assert_eq!(proof.thumbprint, key.verifying_key().thumbprint());
    }
}
