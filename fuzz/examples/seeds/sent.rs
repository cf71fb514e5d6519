//! What requests carry: tokens, their headers and claims, credentials, proofs.

use bailiwick_fuzz::{MESSAGE, NOW, RESOURCE, World, claims, signed};
use bailiwick_jose::{ContentEncryption, EncryptionKey};
use bailiwick_oauth::dpop;
use serde_json::{Value, json};

use crate::seed;

pub(crate) fn write() {
    tokens();
    encrypted();
    claim_sets();
    authorization();
    proofs();
}

fn tokens() {
    let world = World::get();
    let [eddsa, es256, rs256] = &world.issuer;
    for (name, key) in [("eddsa", eddsa), ("es256", es256), ("rs256", rs256)] {
        seed("token", &format!("good_{name}"), key.sign_json("at+jwt", &claims()).unwrap());
    }
    let inside = eddsa.sign_json("at+jwt", &claims()).unwrap();
    for (name, key) in encryption_keys() {
        let token = key.encrypt(ContentEncryption::A256Gcm, Some("JWT"), inside.as_bytes());
        seed("token", &format!("good_encrypted_{name}"), token.unwrap());
    }
    let signed_inside = |content: &[u8]| {
        encryption_keys()[0].1.encrypt(ContentEncryption::A256Gcm, Some("JWT"), content).unwrap()
    };
    seed("token", "bad_encrypted_claims_unsigned", signed_inside(claims().to_string().as_bytes()));
    seed(
        "token",
        "bad_encrypted_twice",
        signed_inside(signed_inside(inside.as_bytes()).as_bytes()),
    );
    seed("token", "bad_bound_sent_as_bearer", &world.bound);
    seed("token", "bad_id_token", eddsa.sign_json("JWT", &claims()).unwrap());
    seed("token", "bad_opaque", "2YotnFZFEjr1zCsicMWpAA");
    let stranger = world.sender.sign_json("at+jwt", &claims()).unwrap();
    seed("token", "bad_signed_by_a_stranger", stranger);
}

fn encrypted() {
    for (key_name, key) in encryption_keys() {
        for enc in [ContentEncryption::A256Gcm, ContentEncryption::A128CbcHs256] {
            let sent = key.encrypt(enc, None, MESSAGE).unwrap();
            seed("jwe", &format!("good_{key_name}_{}", enc.name().to_lowercase()), sent);
        }
    }
}

/// The keys that others encrypt with, and what they are called here.
pub(crate) fn encryption_keys() -> [(&'static str, EncryptionKey); 3] {
    let key = |at: usize| World::get().decryption[at].encryption_key().unwrap();
    [("agreed", key(0)), ("shared", key(1)), ("wrapped", key(2))]
}

/// The header of a token that passes.
pub(crate) fn header() -> Value {
    json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": World::get().issuer[0].kid() })
}

/// A value with one member set; `null` removes it.
pub(crate) fn with(mut object: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => _ = object.as_object_mut().unwrap().remove(name),
        value => object[name] = value,
    }
    object
}

fn claim_sets() {
    let good = claims().to_string();
    let with =
        |name: &str, value: Value| signed(&header(), &with(claims(), name, value).to_string());
    seed("claims", "good", signed(&header(), &good));
    seed("claims", "good_several_audiences", with("aud", json!(["https://b.example", RESOURCE])));
    seed(
        "claims",
        "good_roles_and_details",
        with("authorization_details", json!([{ "type": "a" }])),
    );
    seed("claims", "good_expiry_with_fraction", with("exp", json!(1_700_000_000.5)));
    seed(
        "claims",
        "good_unused_claim",
        with("x", json!({ "deep": [[[{}]]], "text": "\u{e9}\\\"" })),
    );
    let typ = crate::sent::with(header(), "typ", "application/AT+JWT".into());
    seed("claims", "good_long_type", signed(&typ, &good));
    let alg = crate::sent::with(header(), "alg", "Ed25519".into());
    seed("claims", "good_new_algorithm_name", signed(&alg, &good));

    seed("access_token", "good", claims().to_string());
    let key = World::get().sender.kid();
    let full = json!({
        "iss": "https://id.example.com", "sub": "alice", "aud": ["a", "b"], "exp": NOW, "nbf": NOW,
        "iat": NOW, "auth_time": NOW, "acr": "gold", "amr": ["pwd", "otp"], "scope": "a b",
        "cnf": { "jkt": key, "x5t#S256": key },
        "authorization_details": [{
            "type": "payment", "locations": ["https://a.example"], "actions": ["pay"],
            "datatypes": ["account"], "identifier": "1", "privileges": ["admin"],
            "amount": { "currency": "EUR", "value": "1.50" },
        }],
    });
    seed("access_token", "good_every_claim", full.to_string());
    seed("access_token", "good_empty", "{}");
}

fn authorization() {
    for (name, lines) in [
        ("good", "\nBearer abc.def.ghi"),
        ("good_any_case", "a=b\nbEARER abc"),
        ("good_dpop", "\nDPoP abc"),
        ("good_several_spaces", "\nBearer   abc"),
        ("good_other_parameter", "xaccess_token=a&access_tokens=b&q=access_token\nBearer abc"),
        ("good_padded_b64token", "\nBearer a+b/c=="),
        ("bad_none", ""),
        ("bad_two_headers", "\nBearer abc\nBearer abc"),
        ("bad_header_and_query", "access_token=abc\nBearer abc"),
        ("bad_header_and_escaped_query", "a=1&%61ccess%5ftoken=abc\nBearer abc"),
        ("bad_query_without_value", "access_token\nBearer abc"),
        ("bad_query", "access_token=abc"),
        ("bad_tab_behind_scheme", "\nBearer\tabc"),
        ("bad_comma", "\nBearer abc,def"),
        ("bad_two_schemes", "\nBearer abc, DPoP def"),
        ("bad_space_inside", "\nBearer abc def"),
        ("bad_space_behind", "\nBearer abc "),
        ("bad_space_before", "\n Bearer abc"),
        ("bad_scheme_alone", "\nBearer"),
        ("bad_no_scheme", "\nabc.def.ghi"),
        ("bad_basic", "\nBasic YTpi"),
        ("bad_quotes", "\nBearer \"abc\""),
        ("bad_not_ascii", "\nBearer abc\u{e9}"),
    ] {
        seed("authorization", name, lines);
    }
}

fn proofs() {
    let world = World::get();
    let claims = dpop::ProofClaims::new("p1".to_owned(), &"GET".parse().unwrap(), RESOURCE, NOW);
    let claims = serde_json::to_value(claims.unwrap().with_token(&world.bound)).unwrap();
    let jwk = world.sender.verifying_key().to_bare_jwk();
    let header = json!({ "alg": "EdDSA", "typ": "dpop+jwt", "jwk": jwk });
    let sent = |name: &str, value| signed(&header, &with(claims.clone(), name, value).to_string());
    let headed =
        |name: &str, value| signed(&with(header.clone(), name, value), &claims.to_string());

    let bare = json!({ "jwk": jwk });
    let text = claims.to_string();
    let compact = world.sender.sign_with("dpop+jwt", bare.as_object().unwrap(), text.as_bytes());
    seed("proof", "good_compact", compact.unwrap());
    seed("proof", "good", signed(&header, &text));
    seed(
        "proof",
        "good_uri_spelled_otherwise",
        sent("htu", "HTTPS://API.example.com:443/a/../%6frders?x#y".into()),
    );
    seed("proof", "good_with_nonce", sent("nonce", "n-0S6_WzA2Mj".into()));
    for (name, claim, value) in [
        ("bad_other_method", "htm", json!("POST")),
        ("bad_method_in_lower_case", "htm", json!("get")),
        ("bad_other_uri", "htu", json!("https://api.example.com/order")),
        ("bad_other_host", "htu", json!("https://api.example.com.evil/orders")),
        ("bad_uri_with_user", "htu", json!("https://api.example.com@evil/orders")),
        ("bad_other_token", "ath", json!(dpop::token_hash("other"))),
        ("bad_no_token", "ath", Value::Null),
        ("bad_too_old", "iat", json!(NOW - 3600)),
        ("bad_from_the_future", "iat", json!(NOW + 3600)),
        ("bad_no_jti", "jti", Value::Null),
        ("bad_empty_jti", "jti", json!("")),
        ("bad_long_jti", "jti", json!("x".repeat(257))),
        ("bad_time_as_text", "iat", json!(NOW.to_string())),
    ] {
        seed("proof", name, sent(claim, value));
    }
    let mut private = jwk.clone();
    private["d"] = "AAAA".into();
    let other = world.issuer[0].verifying_key().to_bare_jwk();
    for (name, member, value) in [
        ("bad_private_key", "jwk", private),
        ("bad_other_key", "jwk", other),
        ("bad_shared_key", "jwk", json!({ "kty": "oct", "k": "AAAA" })),
        ("bad_no_key", "jwk", Value::Null),
        ("bad_type", "typ", json!("at+jwt")),
        ("bad_no_algorithm", "alg", json!("none")),
        ("bad_hmac", "alg", json!("HS256")),
        ("bad_critical", "crit", json!(["b64"])),
    ] {
        seed("proof", name, headed(member, value));
    }
    seed(
        "proof",
        "bad_duplicate_claim",
        signed(&header, &text.replacen('{', "{\"htm\":\"POST\",", 1)),
    );
    seed("proof", "bad_two_proofs", "a.b.c,d.e.f");
}
