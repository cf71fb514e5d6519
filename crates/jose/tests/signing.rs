//! Keys that a token carries, header members of the caller's, keys as text.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::LazyLock;

use bailiwick_jose::{Algorithm, JwkError, Jws, KeyError, SignError, SigningKey, VerifyingKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

static KEYS: LazyLock<Vec<SigningKey>> =
    LazyLock::new(|| Algorithm::ALL.map(|one| SigningKey::generate(one).unwrap()).into());

fn signing(algorithm: Algorithm) -> &'static SigningKey {
    KEYS.iter().find(|key| key.algorithm() == algorithm).unwrap()
}

fn members(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { panic!("members are an object") };
    members
}

#[test]
fn a_token_is_verified_with_the_key_it_carries() {
    for key in KEYS.iter() {
        let extra = members(json!({"jwk": key.verifying_key().to_bare_jwk()}));
        let token = key.sign_with("dpop+jwt", &extra, b"{}").unwrap();
        let jws = Jws::parse(&token).unwrap();
        assert_eq!(jws.header().kid, None);
        assert!(jws.header().is_type("dpop+jwt"));
        let carried = jws.header().member("jwk").unwrap();
        let carried = VerifyingKey::from_embedded(carried, jws.algorithm().unwrap()).unwrap();
        assert_eq!(carried.thumbprint(), key.kid());
        assert_eq!(carried.kid(), None);
        assert_eq!(jws.verify(&carried).unwrap().payload, b"{}");
    }
}

#[test]
fn a_header_member_is_stated_once_and_by_the_key() {
    let key = signing(Algorithm::Es256);
    for name in ["alg", "typ", "kid"] {
        let extra = members(json!({ name: "other" }));
        let refused = key.sign_with("JWT", &extra, b"{}");
        assert!(matches!(refused, Err(SignError::Reserved)), "{name}");
    }
    let token = key.sign_with("JWT", &Map::new(), b"{}").unwrap();
    let header = token.split('.').next().unwrap().to_owned();
    let header = bailiwick_jose::base64url::decode(&header).unwrap();
    assert_eq!(header, br#"{"alg":"ES256","typ":"JWT"}"#);
}

fn embedded(jwk: &Value, changes: Value, algorithm: Algorithm) -> Result<(), JwkError> {
    let mut jwk = jwk.clone();
    for (name, value) in members(changes) {
        jwk[name] = value;
    }
    VerifyingKey::from_embedded(&jwk, algorithm).map(drop)
}

#[test]
fn an_embedded_key_serves_the_one_algorithm_asked_for() {
    use Algorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
    let rsa = signing(Rs256).verifying_key().to_bare_jwk();
    let ec = signing(Es256).verifying_key().to_bare_jwk();
    for algorithm in [Rs256, Ps256] {
        assert_eq!(embedded(&rsa, json!({}), algorithm), Ok(()));
        assert_eq!(embedded(&rsa, json!({ "alg": algorithm }), algorithm), Ok(()));
        assert_eq!(embedded(&ec, json!({}), algorithm), Err(JwkError::OtherAlgorithm));
    }
    assert_eq!(embedded(&rsa, json!({"alg": "RS256"}), Ps256), Err(JwkError::OtherAlgorithm));
    assert_eq!(embedded(&ec, json!({"alg": "ES384"}), Es256), Err(JwkError::OtherAlgorithm));
    let unknown = embedded(&ec, json!({"alg": "none"}), Es256);
    assert_eq!(unknown, Err(JwkError::UnsupportedAlgorithm));
    for algorithm in [Es384, EdDsa] {
        assert_eq!(embedded(&ec, json!({}), algorithm), Err(JwkError::OtherAlgorithm));
    }
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-4.2
//= type=test
//# It MUST NOT contain a private key.
#[test]
fn an_embedded_key_is_public_and_for_signatures() {
    let ec = signing(Algorithm::Es256).verifying_key().to_bare_jwk();
    for name in ["d", "k", "p", "oth"] {
        let why = embedded(&ec, json!({ name: "AQAB" }), Algorithm::Es256);
        assert_eq!(why, Err(JwkError::Private), "{name}");
        let why = embedded(&ec, json!({ name: null }), Algorithm::Es256);
        assert_eq!(why, Err(JwkError::Private), "{name}");
    }
    let oct = json!({"kty": "oct", "k": "AQAB", "alg": "HS256"});
    assert_eq!(embedded(&oct, json!({}), Algorithm::Es256), Err(JwkError::Private));
    let oct = json!({"kty": "oct"});
    assert_eq!(embedded(&oct, json!({}), Algorithm::Es256), Err(JwkError::UnsupportedType));
    let why = embedded(&ec, json!({"use": "enc"}), Algorithm::Es256);
    assert_eq!(why, Err(JwkError::OtherUse));
    let why = embedded(&ec, json!({"key_ops": ["deriveKey"]}), Algorithm::Es256);
    assert_eq!(why, Err(JwkError::OtherOperations));
    let why = embedded(&ec, json!({"y": ec["x"]}), Algorithm::Es256);
    assert_eq!(why, Err(JwkError::Rejected));
    let why = VerifyingKey::from_embedded(&json!("key"), Algorithm::Es256).unwrap_err();
    assert_eq!(why, JwkError::NotObject);
}

fn pem(label: &str, der: &[u8], newline: &str) -> String {
    let digits = STANDARD.encode(der);
    let lines: Vec<_> =
        digits.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let body = lines.join(newline);
    format!("-----BEGIN {label}-----{newline}{body}{newline}-----END {label}-----{newline}")
}

#[test]
fn the_ed25519_key_of_rfc_8410_10_3_is_read() {
    let text = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    let key = SigningKey::from_pem(Algorithm::EdDsa, text).unwrap();
    let x = &key.verifying_key().to_jwk()["x"];
    assert_eq!(x, "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
}

#[test]
fn a_key_written_as_text_is_read_back() {
    for key in KEYS.iter() {
        for newline in ["\n", "\r\n"] {
            let text = pem("PRIVATE KEY", &key.to_pkcs8(), newline);
            for text in [text.clone(), format!("\n {text}\n"), text.trim().to_owned()] {
                let read = SigningKey::from_pem(key.algorithm(), &text).unwrap();
                assert_eq!(read.kid(), key.kid());
            }
        }
    }
}

#[test]
fn text_that_is_not_one_private_key_is_refused() {
    let key = signing(Algorithm::Es256);
    let der = key.to_pkcs8();
    let text = pem("PRIVATE KEY", &der, "\n");
    let digits = STANDARD.encode(&der);
    for other in [
        String::new(),
        digits.clone(),
        pem("EC PRIVATE KEY", &der, "\n"),
        pem("RSA PRIVATE KEY", &der, "\n"),
        pem("ENCRYPTED PRIVATE KEY", &der, "\n"),
        pem("PUBLIC KEY", &der, "\n"),
        pem("PRIVATE KEY", &[], "\n"),
        format!("{text}{text}"),
        format!("subject: key\n{text}"),
        format!("{text}more"),
        format!("-----BEGIN PRIVATE KEY-----{digits}-----END PRIVATE KEY-----"),
        format!("-----BEGIN PRIVATE KEY-----\nProc-Type: 4\n\n{digits}\n-----END PRIVATE KEY-----"),
        text.replace("\n-----END", "=\n-----END"),
        text.replace("-----END", "----END"),
        text.replace("BEGIN PRIVATE KEY", "BEGIN PUBLIC KEY"),
        text.replace('/', "_").replace('+', "-").replace("MI", "M I"),
        "-----BEGIN PRIVATE KEY-----".to_owned(),
        "-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----".to_owned(),
    ] {
        let why = SigningKey::from_pem(Algorithm::Es256, &other).unwrap_err();
        assert_eq!(why, KeyError::Pem, "{other}");
    }
    let why = SigningKey::from_pem(Algorithm::Es384, &text).unwrap_err();
    assert_eq!(why, KeyError::Rejected);
    let broken = pem("PRIVATE KEY", &der[1..], "\n");
    let why = SigningKey::from_pem(Algorithm::Es256, &broken).unwrap_err();
    assert_eq!(why, KeyError::Rejected);
}
