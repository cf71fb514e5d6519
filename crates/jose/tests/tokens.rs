//! Hostile tokens: algorithm, header and form.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::LazyLock;

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
        RsaEncoding, RsaKeyPair,
    },
};
use bailiwick_jose::{
    Algorithm, BadSignature, Jws, SigningKey, UnsupportedAlgorithm, VerifyError, base64url, json,
    jws::{LONGEST, Malformed},
};

static RS256: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Rs256).unwrap());
static ES256: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());

fn input(header: &str) -> String {
    format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(b"{}"))
}

fn join(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", base64url::encode(signature))
}

/// A token truly signed by [`ES256`], whatever its header says.
fn es256(header: &str) -> String {
    let input = input(header);
    join(&input, &ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, &input))
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, input: &str) -> Vec<u8> {
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, &ES256.to_pkcs8()).unwrap();
    pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap().as_ref().to_vec()
}

/// A token truly signed by [`RS256`]'s private key with any padding and digest.
fn rsa(header: &str, encoding: &'static dyn RsaEncoding) -> String {
    let pair = RsaKeyPair::from_pkcs8(&RS256.to_pkcs8()).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    let input = input(header);
    pair.sign(encoding, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
    join(&input, &signature)
}

fn verdict(token: &str, key: &SigningKey) -> Result<(), VerifyError> {
    Jws::parse(token).unwrap().verify(key.verifying_key()).map(drop)
}

const UNSUPPORTED: VerifyError = VerifyError::UnsupportedAlgorithm(UnsupportedAlgorithm);
const BAD_SIGNATURE: VerifyError = VerifyError::BadSignature(BadSignature);

#[test]
fn a_token_of_our_own_making_is_accepted() {
    assert_eq!(verdict(&es256(r#"{"alg":"ES256"}"#), &ES256), Ok(()));
    assert_eq!(verdict(&rsa(r#"{"alg":"RS256"}"#, &RSA_PKCS1_SHA256), &RS256), Ok(()));
}

//= https://www.rfc-editor.org/rfc/rfc8725#section-3.1
//= type=test
//# Libraries MUST enable the caller to specify a supported set of
//# algorithms and MUST NOT use any other algorithms when performing
//# cryptographic operations.
#[test]
fn an_algorithm_outside_the_list_is_refused_in_any_case() {
    for alg in [
        "none", "None", "NONE", "nOnE", "", " none", "HS256", "HS384", "HS512", "RS384", "RS512",
        "PS384", "PS512", "ES512", "ES256K", "es256", "ES256 ", "RSA-OAEP", "dir", "Ed448",
        "eddsa", "ED25519",
    ] {
        let header = serde_json::json!({ "alg": alg }).to_string();
        assert_eq!(verdict(&es256(&header), &ES256), Err(UNSUPPORTED), "{alg}");
        let unsigned = join(&input(&header), b"");
        assert_eq!(verdict(&unsigned, &ES256), Err(UNSUPPORTED), "{alg}");
    }
}

#[test]
fn a_mac_keyed_with_the_public_key_is_refused() {
    for key in [&*RS256, &*ES256] {
        let jwk = key.verifying_key().to_jwk();
        let modulus = base64url::decode(jwk["n"].as_str().unwrap_or_default()).unwrap();
        for secret in [jwk.to_string().into_bytes(), modulus, vec![]] {
            let input = input(r#"{"alg":"HS256"}"#);
            let secret = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            let token = join(&input, hmac::sign(&secret, input.as_bytes()).as_ref());
            assert_eq!(verdict(&token, key), Err(UNSUPPORTED));
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc8725#section-3.1
//= type=test
//# Moreover, each key MUST be used with exactly one algorithm, and this
//# MUST be checked when the cryptographic operation is performed.
#[test]
fn a_key_verifies_one_algorithm_only() {
    let pss = rsa(r#"{"alg":"PS256"}"#, &RSA_PSS_SHA256);
    assert_eq!(verdict(&pss, &RS256), Err(VerifyError::OtherAlgorithm));

    let sha512 = rsa(r#"{"alg":"RS512"}"#, &RSA_PKCS1_SHA512);
    assert_eq!(verdict(&sha512, &RS256), Err(UNSUPPORTED));

    // and with a header that lies about the padding or the digest
    let pss = rsa(r#"{"alg":"RS256"}"#, &RSA_PSS_SHA256);
    assert_eq!(verdict(&pss, &RS256), Err(BAD_SIGNATURE));
    let sha512 = rsa(r#"{"alg":"RS256"}"#, &RSA_PKCS1_SHA512);
    assert_eq!(verdict(&sha512, &RS256), Err(BAD_SIGNATURE));

    // nor does a key of another type
    let token = es256(r#"{"alg":"ES256"}"#);
    assert_eq!(verdict(&token, &RS256), Err(VerifyError::OtherAlgorithm));
    let token = es256(r#"{"alg":"RS256"}"#);
    assert_eq!(verdict(&token, &RS256), Err(BAD_SIGNATURE));
}

#[test]
fn the_newer_name_of_eddsa_is_understood() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(&key.to_pkcs8()).unwrap();
    let input = input(r#"{"alg":"Ed25519"}"#);
    let token = join(&input, pair.sign(input.as_bytes()).as_ref());
    assert_eq!(verdict(&token, &key), Ok(()));
}

//= https://www.rfc-editor.org/rfc/rfc7518#section-3.4
//= type=test
//# The JWS Signature value MUST be a 64-octet sequence.  If it is
//# not a 64-octet sequence, the validation has failed.
#[test]
fn an_ecdsa_signature_out_of_shape_or_range_is_refused() {
    const ORDER: &str = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
    let input = input(r#"{"alg":"ES256"}"#);
    let good = ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, &input);
    assert_eq!(verdict(&join(&input, &good), &ES256), Ok(()));

    let (r, s) = good.split_at(32);
    let (zero, order) = ([0; 32], base64url::decode(ORDER).unwrap());
    let der = ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, &input);
    for signature in [
        [&zero, s].concat(),
        [r, &zero].concat(),
        [zero, zero].concat(),
        [&order, s].concat(),
        [r, &order].concat(),
        [r, &[0xff; 32]].concat(),
        [&[0], r, &[0], s].concat(),
        [&[0], r, s].concat(),
        [r, s, &[0]].concat(),
        [s, r].concat(),
        good[..63].to_vec(),
        der,
        vec![],
    ] {
        assert_eq!(verdict(&join(&input, &signature), &ES256), Err(BAD_SIGNATURE));
    }
}

#[test]
fn zero_signatures_are_refused_for_every_algorithm() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm).unwrap();
        let input = input(&serde_json::json!({ "alg": algorithm }).to_string());
        for length in [0, 64, 96, 255, 256, 257] {
            let token = join(&input, &vec![0; length]);
            assert_eq!(verdict(&token, &key), Err(BAD_SIGNATURE), "{algorithm} {length}");
        }
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let header = serde_json::json!({
        "alg": "ES256",
        "kid": stranger.kid(),
        "jwk": stranger.verifying_key().to_jwk(),
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/cert",
        "x5c": ["MIIB"],
    });
    let input = input(&header.to_string());
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &stranger.to_pkcs8()).unwrap();
    let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
    let token = join(&input, signature.as_ref());

    assert_eq!(verdict(&token, &ES256), Err(BAD_SIGNATURE));
    let jws = Jws::parse(&token).unwrap();
    assert_eq!(jws.header().member("jwk"), Some(&stranger.verifying_key().to_jwk()));
    assert_eq!(jws.header().member("x5t"), None);
}

fn refused(header: &str) -> Malformed {
    Jws::parse(&es256(header)).expect_err(header)
}

//= https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11
//= type=test
//# If any of the listed extension Header Parameters are not
//# understood and supported by the recipient, then the JWS is invalid.
#[test]
fn crit_is_refused_in_any_form() {
    for crit in [
        "[]",
        r#"["exp"]"#,
        r#"["alg"]"#,
        r#"["b64"]"#,
        r#"["x","x"]"#,
        r#""exp""#,
        "null",
        "1",
        "{}",
        "[1]",
        "[\"\"]",
        "false",
    ] {
        assert_eq!(refused(&format!(r#"{{"alg":"ES256","crit":{crit}}}"#)), Malformed::Crit);
    }
    assert_eq!(refused(r#"{"alg":"ES256","cr\u0069t":[]}"#), Malformed::Crit);
    assert_eq!(refused(r#"{"alg":"ES256","b64":false,"crit":["b64"]}"#), Malformed::Crit);
}

#[test]
fn compression_and_unencoded_payloads_are_refused() {
    assert_eq!(refused(r#"{"alg":"ES256","zip":"DEF"}"#), Malformed::Zip);
    assert_eq!(refused(r#"{"alg":"ES256","zip":null}"#), Malformed::Zip);
    assert_eq!(refused(r#"{"alg":"ES256","b64":false}"#), Malformed::B64);
    assert_eq!(refused(r#"{"alg":"ES256","b64":true}"#), Malformed::B64);
}

//= https://www.rfc-editor.org/rfc/rfc7515#section-4
//= type=test
//# The Header Parameter names within the JOSE Header MUST be unique;
#[test]
fn a_duplicate_header_member_is_refused() {
    for header in [
        r#"{"alg":"ES256","alg":"ES256"}"#,
        r#"{"alg":"none","\u0061lg":"ES256"}"#,
        r#"{"alg":"ES256","jwk":{"kty":"EC","kty":"EC"}}"#,
    ] {
        assert_eq!(refused(header), Malformed::Header(json::Malformed::Duplicate));
    }
}

#[test]
fn a_header_that_is_mistyped_or_no_object_is_refused() {
    for (header, why) in [
        ("{}", Malformed::NoAlgorithm),
        (r#"{"alg":null}"#, Malformed::Mistyped("alg")),
        (r#"{"alg":["ES256"]}"#, Malformed::Mistyped("alg")),
        (r#"{"alg":"ES256","typ":1}"#, Malformed::Mistyped("typ")),
        (r#"{"alg":"ES256","kid":{}}"#, Malformed::Mistyped("kid")),
        (r#"{"alg":"ES256","kid":null}"#, Malformed::Mistyped("kid")),
        (r#"{"alg":"ES256","cty":[]}"#, Malformed::Mistyped("cty")),
        (r#"["ES256"]"#, Malformed::Header(json::Malformed::NotObject)),
        (r#"{"alg":"ES256"}{}"#, Malformed::Header(json::Malformed::Trailing)),
        ("", Malformed::Header(json::Malformed::Syntax)),
        (r#"{"alg":"ES256","kid":"\ud800"}"#, Malformed::Header(json::Malformed::Syntax)),
    ] {
        assert_eq!(refused(header), why, "{header}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc7515#section-5.2
//= type=test
//# Base64url-decode the encoded representation of the JWS Protected
//# Header, following the restriction that no line breaks, whitespace,
//# or other additional characters have been used.
#[test]
fn a_token_out_of_form_is_refused() {
    let token = es256(r#"{"alg":"ES256"}"#);
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three segments") };
    for other in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{header}.{payload}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{token}.{signature}.{signature}"),
        format!("{header}..{signature}.{payload}"),
        format!("{token}="),
        format!("{token}=="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{token} "),
        format!("{header}. {payload}.{signature}"),
        format!("{token},{token}"),
        format!("{header}.{payload}.{signature}+"),
        format!("{token}\0"),
        format!("Bearer {token}"),
        format!("{{\"payload\":\"{payload}\",\"signature\":\"{signature}\"}}"),
    ] {
        assert!(Jws::parse(&other).is_err(), "{other:?}");
    }
    for stray in ['R', 'h', 'x'] {
        // 64 octets end in a character of which only the upper two bits count
        let mut other = token.clone();
        other.pop();
        other.push(stray);
        assert_eq!(Jws::parse(&other).unwrap_err(), Malformed::Encoding(base64url::Malformed));
    }
}

#[test]
fn a_token_has_a_longest_length() {
    let key = &*ES256;
    let token = key.sign("JWT", &vec![b' '; LONGEST]).unwrap();
    assert_eq!(Jws::parse(&token).unwrap_err(), Malformed::TooLong);
    let token = key.sign("JWT", &vec![b' '; LONGEST / 2]).unwrap();
    assert_eq!(verdict(&token, key), Ok(()));
}

//= https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9
//= type=test
//# A recipient using the media type value MUST treat it as if
//# "application/" were prepended to any "typ" value not containing a
//# '/'.
#[test]
fn a_type_is_compared_as_a_media_type() {
    for (typ, same) in [
        ("at+jwt", true),
        ("AT+JWT", true),
        ("application/at+jwt", true),
        ("Application/At+Jwt", true),
        ("application/application/at+jwt", false),
        ("text/at+jwt", false),
        ("/at+jwt", false),
        ("at+jwt ", false),
        ("JWT", false),
        ("dpop+jwt", false),
        ("", false),
        ("applicationé/at+jwt", false),
    ] {
        let token = ES256.sign(typ, b"{}").unwrap();
        assert_eq!(Jws::parse(&token).unwrap().header().is_type("at+jwt"), same, "{typ}");
    }
    let untyped = es256(r#"{"alg":"ES256"}"#);
    assert!(!Jws::parse(&untyped).unwrap().header().is_type("at+jwt"));
}

#[test]
fn a_token_in_a_log_shows_no_claims() {
    let token = ES256.sign("at+jwt", br#"{"sub":"alice"}"#).unwrap();
    let jws = Jws::parse(&token).unwrap();
    let shown = format!("{jws:?}");
    assert!(shown.contains("at+jwt") && !shown.contains("97, 108"), "{shown}");
    let shown = format!("{:?}", jws.verify(ES256.verifying_key()).unwrap());
    assert!(shown.contains("at+jwt") && !shown.contains("97, 108"), "{shown}");
}
