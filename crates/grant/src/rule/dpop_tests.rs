use bailiwick_jose::{Algorithm, SealingKey, SigningKey};
use bailiwick_oauth::dpop::{SealedNonces, token_hash};
use serde_json::{Value, json};

use super::*;
use crate::fixture::{NOW, World, no};
use crate::state::DpopNonce;

const TOKEN: &str = "https://id.example.com/token";

fn uris() -> [String; 2] {
    [TOKEN.to_owned(), "https://mtls.example.com/token".to_owned()]
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

/// A proof by this key, as the header has it.
fn proof(key: &SigningKey, claims: &Value) -> Proof {
    let jwk = json!({ "jwk": key.verifying_key().to_bare_jwk() });
    let claims = claims.to_string();
    let jwt = key.sign_with("dpop+jwt", jwk.as_object().unwrap(), claims.as_bytes()).unwrap();
    Proof::parse(&jwt).unwrap()
}

fn claims() -> Value {
    json!({ "jti": "1", "htm": "POST", "htu": TOKEN, "iat": NOW })
}

fn nonces() -> SealedNonces {
    SealedNonces::new(SealingKey::from_bytes(&[1; 32]).unwrap(), 300)
}

fn verdict(world: &World, proof: &Proof, token: Option<&str>) -> String {
    let (method, uris) = (Method::POST, uris());
    let shown = Shown { method: &method, uris: &uris, token };
    match prove(&world.tenant, &world.client, proof, &shown, &nonces(), NOW) {
        Ok(once) => format!("once {}", once.until - NOW),
        Err(refused) => no(&refused),
    }
}

// RFC 9449 §4.3, steps 8 to 12.
#[test]
fn a_proof_is_for_this_request_alone() {
    let (world, key) = (World::new(), key());
    let invalid = "invalid_dpop_proof proof_invalid";
    let cases = [
        ("htm", json!("POST"), "once 70"),
        ("htm", json!("GET"), invalid),
        ("htm", json!("post"), invalid),
        ("htu", json!("https://ID.example.com:443/token?x=1#y"), "once 70"),
        ("htu", json!("https://mtls.example.com/token"), "once 70"),
        ("htu", json!("https://id.example.com/token/"), invalid),
        ("htu", json!("https://id.example.com/revoke"), invalid),
        ("htu", json!("http://id.example.com/token"), invalid),
        ("htu", json!("https://other.example.com/token"), invalid),
        ("iat", json!(NOW - 70), "once 0"),
        ("iat", json!(NOW - 71), invalid),
        ("iat", json!(NOW + 10), "once 80"),
        ("iat", json!(NOW + 11), invalid),
    ];
    for (name, value, expected) in cases {
        let mut claims = claims();
        claims[name] = value.clone();
        assert_eq!(verdict(&world, &proof(&key, &claims), None), expected, "{name} {value}");
    }
}

#[test]
fn a_proof_beside_an_access_token_names_it() {
    let (world, key) = (World::new(), key());
    let invalid = "invalid_dpop_proof proof_invalid";
    let mut claims = claims();
    assert_eq!(verdict(&world, &proof(&key, &claims), Some("token")), invalid, "no ath");
    claims["ath"] = token_hash("other").into();
    assert_eq!(verdict(&world, &proof(&key, &claims), Some("token")), invalid);
    claims["ath"] = token_hash("token").into();
    assert_eq!(verdict(&world, &proof(&key, &claims), Some("token")), "once 70");
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-8
//= type=test
//# If the nonce claim in the DPoP proof does not exactly match a nonce
//# recently supplied by the authorization server to the client, the
//# authorization server MUST reject the request.
#[test]
fn a_nonce_is_demanded_where_it_is_required() {
    let (mut world, key) = (World::new(), key());
    let with = |nonce: &str| {
        let mut claims = claims();
        claims["nonce"] = nonce.into();
        proof(&key, &claims)
    };
    let wanted = "use_dpop_nonce nonce_missing";
    let plain = proof(&key, &claims());
    assert_eq!(verdict(&world, &with("of another server"), None), "once 70", "not looked at");
    for by_client in [false, true] {
        world.tenant.sender.nonce =
            if by_client { DpopNonce::Optional } else { DpopNonce::Required };
        world.client.sender.nonce =
            if by_client { DpopNonce::Required } else { DpopNonce::Optional };
        assert_eq!(verdict(&world, &plain, None), wanted);
        assert_eq!(verdict(&world, &with("of another server"), None), wanted);
        let good = nonces().make(&plain.thumbprint, NOW - 300).unwrap();
        assert_eq!(verdict(&world, &with(&good), None), "once 70");
        let old = nonces().make(&plain.thumbprint, NOW - 301).unwrap();
        assert_eq!(verdict(&world, &with(&old), None), wanted);
        let of_another_key = nonces().make("another", NOW).unwrap();
        assert_eq!(verdict(&world, &with(&of_another_key), None), wanted);
    }
    // Nobody learns a nonce by a wrong proof.
    let mut wrong = claims();
    wrong["htm"] = "GET".into();
    let told = verdict(&world, &proof(&key, &wrong), None);
    assert_eq!(told, "invalid_dpop_proof proof_invalid");
}

//= https://www.rfc-editor.org/rfc/rfc9449#section-10.1
//= type=test
//# If both mechanisms are used at the same time, the authorization server
//# MUST reject the request if the JWK Thumbprint in dpop_jkt does not
//# match the public key in the DPoP header.
#[test]
fn a_pushed_request_names_one_key() {
    let told = |named, proved| match of_request(named, proved) {
        Ok(jkt) => jkt.unwrap_or_default(),
        Err(refused) => no(&refused),
    };
    assert_eq!(told(None, None), "");
    assert_eq!(told(Some("a"), None), "a");
    assert_eq!(told(None, Some("a")), "a");
    assert_eq!(told(Some("a"), Some("a")), "a");
    assert_eq!(told(Some("a"), Some("b")), "invalid_dpop_proof sender_differs");
}
