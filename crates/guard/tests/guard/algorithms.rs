//! What a token may be signed with (RFC 8725 §3.1, §3.2).

use aws_lc_rs::{hmac, rand::SystemRandom, rsa, signature};
use bailiwick_guard::Trust;
use bailiwick_jose::{Algorithm, Jwks, SigningKey, base64url};
use serde_json::json;

use crate::mint::*;

fn unsigned(header: &serde_json::Value) -> String {
    format!(
        "{}.{}",
        base64url::encode(header.to_string().as_bytes()),
        base64url::encode(claims().to_string().as_bytes())
    )
}

#[test]
fn a_good_token_passes_with_each_algorithm() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm).unwrap();
        let keys = Jwks::from_keys(vec![key.verifying_key().clone()]);
        let token = key.sign_json("at+jwt", &claims()).unwrap();
        judge(&token, &WORLD.trust, Some(&keys), "passed");
    }
}

//= https://www.rfc-editor.org/rfc/rfc9068#section-4
//= type=test
//# The resource server MUST reject any JWT in which the value of "alg" is "none".
#[test]
fn none_is_refused_in_any_case() {
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "alg": none, "typ": "at+jwt", "kid": WORLD.es256.kid() });
        verdict(&format!("{}.", unsigned(&header)), "algorithm_refused");
        verdict(&headed(&header), "algorithm_refused");
    }
}

#[test]
fn a_public_key_is_no_secret() {
    let public = WORLD.rs256.verifying_key().to_jwk();
    let secrets = [
        Vec::new(),
        public.to_string().into_bytes(),
        base64url::decode(public["n"].as_str().unwrap()).unwrap(),
    ];
    let kinds =
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
    for (name, kind) in kinds {
        for secret in &secrets {
            let header = json!({ "alg": name, "typ": "at+jwt", "kid": WORLD.rs256.kid() });
            let input = unsigned(&header);
            let tag = hmac::sign(&hmac::Key::new(kind, secret), input.as_bytes());
            verdict(&format!("{input}.{}", base64url::encode(tag.as_ref())), "algorithm_refused");
        }
    }
}

#[test]
fn a_key_signs_with_its_own_algorithm_only() {
    let der = WORLD.rs256.to_pkcs8();
    let pair = rsa::KeyPair::from_pkcs8(&der).unwrap();
    let sign = |alg: &str, encoding: &'static dyn signature::RsaEncoding| {
        let header = json!({ "alg": alg, "typ": "at+jwt", "kid": WORLD.rs256.kid() });
        let input = unsigned(&header);
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
        format!("{input}.{}", base64url::encode(&signature))
    };
    verdict(&sign("RS256", &signature::RSA_PKCS1_SHA256), "passed");
    verdict(&sign("PS256", &signature::RSA_PSS_SHA256), "key_mismatch");
    verdict(&sign("RS512", &signature::RSA_PKCS1_SHA512), "algorithm_refused");
    verdict(&sign("RS256", &signature::RSA_PSS_SHA256), "signature_invalid");
    verdict(&sign("RS256", &signature::RSA_PKCS1_SHA512), "signature_invalid");
}

//= https://www.rfc-editor.org/rfc/rfc8725#section-3.1
//= type=test
//# Libraries MUST enable the caller to specify a supported set of algorithms
//# and MUST NOT use any other algorithms when performing cryptographic operations.
#[test]
fn an_algorithm_that_the_operator_leaves_out_is_refused() {
    let trust = Trust { algorithms: vec![Algorithm::Rs256], ..WORLD.trust.clone() };
    judge(&token(&claims()), &trust, Some(&WORLD.keys), "algorithm_refused");
    let rsa = WORLD.rs256.sign_json("at+jwt", &claims()).unwrap();
    judge(&rsa, &trust, Some(&WORLD.keys), "passed");
}

#[test]
fn a_signature_that_is_not_exactly_right_is_refused() {
    let good = token(&claims());
    let (input, signature) = good.rsplit_once('.').unwrap();
    let right = base64url::decode(signature).unwrap();
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut flipped = right.clone();
    flipped[40] ^= 1;
    let zero = [0; 32];
    let der = {
        let mut der = vec![0x30, 68, 2, 32];
        der.extend(&right[..32]);
        der.extend([2, 32]);
        der.extend(&right[32..]);
        der
    };
    let wrong = [
        Vec::new(),
        flipped,
        [&zero[..], &right[32..]].concat(),
        [&right[..32], &zero[..]].concat(),
        [zero, zero].concat(),
        [&order[..], &right[32..]].concat(),
        [&right[..32], &order[..]].concat(),
        [&[0], &right[..32], &[0], &right[32..]].concat(),
        [&right[..], &[0]].concat(),
        right[..63].to_vec(),
        der,
    ];
    for signature in wrong {
        verdict(&format!("{input}.{}", base64url::encode(&signature)), "signature_invalid");
    }
    let (header, _) = input.split_once('.').unwrap();
    let other = base64url::encode(with("sub", "mallory".into()).to_string().as_bytes());
    verdict(&format!("{header}.{other}.{signature}"), "signature_invalid");
}
