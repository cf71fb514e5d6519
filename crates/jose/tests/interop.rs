//! `jsonwebtoken` reads what is signed here, and the reverse, for each algorithm.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use bailiwick_jose::{Algorithm, Jws, SigningKey};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    algorithm.name().parse().unwrap()
}

fn encoding_key(key: &SigningKey) -> EncodingKey {
    let der = key.to_pkcs8();
    match key.algorithm() {
        // PKCS#8 wraps the RSAPrivateKey of RFC 8017 behind 26 octets at this size.
        Algorithm::Rs256 | Algorithm::Ps256 => EncodingKey::from_rsa_der(&der[26..]),
        Algorithm::Es256 | Algorithm::Es384 => EncodingKey::from_ec_der(&der),
        Algorithm::EdDsa => EncodingKey::from_ed_der(&der),
    }
}

#[test]
fn what_we_sign_they_verify() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm).unwrap();
        let claims = json!({"sub": "alice", "exp": 4_102_444_800_u64});
        let token = key.sign_json("at+jwt", &claims).unwrap();

        let jwk = serde_json::from_value(key.verifying_key().to_jwk()).unwrap();
        let decoding = DecodingKey::from_jwk(&jwk).unwrap();
        let read =
            jsonwebtoken::decode::<Value>(&token, &decoding, &Validation::new(theirs(algorithm)))
                .unwrap();
        assert_eq!(read.claims, claims, "{algorithm}");
        assert_eq!(read.header.kid.as_deref(), Some(key.kid()));
        assert_eq!(read.header.typ.as_deref(), Some("at+jwt"));
    }
}

#[test]
fn what_they_sign_we_verify() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm).unwrap();
        let claims = json!({"sub": "alice"});
        let token =
            jsonwebtoken::encode(&Header::new(theirs(algorithm)), &claims, &encoding_key(&key))
                .unwrap();

        let verified = Jws::parse(&token).unwrap().verify(key.verifying_key()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&verified.payload).unwrap(), claims);
    }
}
