//! Whose key a token may be signed with (RFC 8725 §3.5, §3.8, §3.10).

use bailiwick_guard::{Keys, Missing, Presented, Stop, Trusted};
use bailiwick_jose::{Algorithm, Jwks, SigningKey};
use serde_json::{Value, json};

use crate::mint::*;

fn stop(token: &str, keys: Option<&Jwks>) -> Stop {
    let issuers = [Trusted { trust: &WORLD.trust, keys }];
    let keys = Keys { issuers: &issuers, decryption: &[] };
    Presented::from_token(token).unwrap().authentic(&keys).map(drop).unwrap_err()
}

fn set(jwks: &[Value]) -> Jwks {
    Jwks::from_json(&json!({ "keys": jwks })).unwrap()
}

//= https://www.rfc-editor.org/rfc/rfc9068#section-4
//= type=test
//# The resource server MUST use the keys provided by the authorization server.
#[test]
fn a_strangers_key_is_refused_whatever_the_token_says_of_it() {
    let stranger = &WORLD.stranger;
    let mut jwk = stranger.verifying_key().to_jwk();
    jwk["kid"] = WORLD.es256.kid().into();
    for (member, value) in [
        ("jwk", jwk),
        ("jku", "https://mallory.example/keys".into()),
        ("x5u", "https://mallory.example/certificate".into()),
        ("x5c", json!(["MIIB"])),
        ("x5t#S256", "AAAA".into()),
    ] {
        for (kid, expected) in
            [(WORLD.es256.kid(), "signature_invalid"), (stranger.kid(), "missing")]
        {
            let mut header = header();
            header["kid"] = kid.into();
            header[member] = value.clone();
            verdict(&raw(stranger, &header.to_string(), &claims().to_string()), expected);
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc8725#section-3.10
//= type=test
//# The "kid" (key ID) header is used by the relying application to
//# perform key lookup.  Applications should ensure that this does not
//# create SQL or LDAP injection vulnerabilities by validating and/or
//# sanitizing the received value.
#[test]
fn a_kid_is_compared_and_never_interpreted() {
    let all = "' OR '1'='1";
    for kid in [
        "../../dev/null",
        "/etc/passwd",
        all,
        "https://mallory.example/k",
        "",
        "*",
        "a\0b",
        "${jndi:x}",
    ] {
        let mut header = header();
        header["kid"] = kid.into();
        verdict(&headed(&header), "missing");
    }
}

#[test]
fn an_unknown_key_is_a_missing_fact() {
    let token = WORLD.stranger.sign_json("at+jwt", &claims()).unwrap();
    let Stop::Missing(missing) = stop(&token, Some(&WORLD.keys)) else { panic!() };
    let kid = Some(WORLD.stranger.kid().to_owned());
    let issuer = ISSUER.to_owned();
    assert_eq!(missing, Missing::Key { issuer, kid, algorithm: Algorithm::Es256 });
    assert_eq!(stop(&token, None), Stop::Missing(missing.clone()));
    assert_eq!(missing.does_not_exist().status().as_u16(), 401);
    assert_eq!(missing.cannot_be_had().status().as_u16(), 503);
}

#[test]
fn nothing_is_fetched_for_a_token_that_is_refused_anyway() {
    for (token, expected) in [
        (token(&with("iss", "https://mallory.example".into())), "issuer_mismatch"),
        (WORLD.es256.sign_json("JWT", &claims()).unwrap(), "type_mismatch"),
        ("a.b.c".to_owned(), "token_malformed"),
    ] {
        judge(&token, &WORLD.trust, None, expected);
    }
}

#[test]
fn a_key_of_another_kind_under_the_same_kid_does_not_help() {
    let rsa = {
        let mut jwk = WORLD.rs256.verifying_key().to_jwk();
        jwk["kid"] = WORLD.es256.kid().into();
        jwk
    };
    judge(&token(&claims()), &WORLD.trust, Some(&set(std::slice::from_ref(&rsa))), "key_mismatch");
    let right = WORLD.es256.verifying_key().to_jwk();
    judge(&token(&claims()), &WORLD.trust, Some(&set(&[rsa, right])), "passed");
}

#[test]
fn keys_that_are_not_for_verifying_are_not_used() {
    let jwk = WORLD.es256.verifying_key().to_jwk();
    let changed = |member: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[member] = value;
        set(&[jwk])
    };
    let token = token(&claims());
    judge(&token, &WORLD.trust, Some(&set(std::slice::from_ref(&jwk))), "passed");
    judge(&token, &WORLD.trust, Some(&changed("use", "enc".into())), "missing");
    judge(&token, &WORLD.trust, Some(&changed("key_ops", json!(["encrypt"]))), "missing");
    judge(&token, &WORLD.trust, Some(&changed("kty", "oct".into())), "missing");
}

#[test]
fn a_short_rsa_key_is_not_used() {
    let mut jwk = WORLD.rs256.verifying_key().to_jwk();
    jwk["n"] = "s".repeat(170).into(); // 1020 bits
    let token = WORLD.rs256.sign_json("at+jwt", &claims()).unwrap();
    judge(&token, &WORLD.trust, Some(&set(&[jwk])), "missing");
}

#[test]
fn one_strange_key_does_not_spoil_the_set() {
    let strange = [
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "pq", "pub": "AA" }),
        json!({ "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA" }),
        json!({ "kty": "EC", "crv": "P-256", "kid": WORLD.es256.kid(), "x": "AA", "y": "AA" }),
        json!(7),
        WORLD.es256.verifying_key().to_jwk(),
    ];
    judge(&token(&claims()), &WORLD.trust, Some(&set(&strange)), "passed");
}

#[test]
fn a_token_without_kid_needs_a_set_with_one_fitting_key() {
    let mut header = header();
    header.as_object_mut().unwrap().remove("kid");
    verdict(&headed(&header), "passed");
    let second = SigningKey::generate(Algorithm::Es256).unwrap();
    let two = [&WORLD.es256, &second].map(|key| key.verifying_key().to_jwk());
    judge(&headed(&header), &WORLD.trust, Some(&set(&two)), "key_mismatch");
}

#[test]
fn a_key_that_belongs_to_another_issuer_is_refused() {
    let owned = |issuer: &str| {
        let mut jwk = WORLD.es256.verifying_key().to_jwk();
        jwk["issuer"] = issuer.into();
        set(&[jwk])
    };
    let cases = [
        (ISSUER, "passed"),
        ("https://{tenantid}.example.com", "passed"),
        ("https://other.example.com", "key_mismatch"),
        ("https://id.example.com/{tenantid}", "key_mismatch"),
    ];
    for (issuer, expected) in cases {
        judge(&token(&with("tid", "id".into())), &WORLD.trust, Some(&owned(issuer)), expected);
    }
    let template = owned("https://{tenantid}.example.com");
    judge(&token(&claims()), &WORLD.trust, Some(&template), "key_mismatch");
}
