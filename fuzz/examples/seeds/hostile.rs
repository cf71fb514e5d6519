//! What tries to get in: tokens, a seed for each class of fault at least.

use bailiwick_fuzz::{NOW, RESOURCE, World, claims, signed};
use bailiwick_jose::{ContentEncryption, base64url};
use serde_json::{Value, json};

use crate::seed;
use crate::sent::{encryption_keys, header, with};

pub(crate) fn write() {
    headers();
    claim_values();
    claim_texts();
    signatures();
    forms();
    encryption();
}

fn headers() {
    let payload = claims().to_string();
    for (name, member, value) in [
        ("bad_alg_none", "alg", json!("none")),
        ("bad_alg_none_in_any_case", "alg", json!("nOnE")),
        ("bad_alg_hmac", "alg", json!("HS256")),
        ("bad_alg_of_another_key", "alg", json!("RS256")),
        ("bad_alg_missing", "alg", Value::Null),
        ("bad_alg_mistyped", "alg", json!(["EdDSA"])),
        ("bad_crit_empty", "crit", json!([])),
        ("bad_crit_text", "crit", json!("exp")),
        ("bad_crit_duplicate", "crit", json!(["exp", "exp"])),
        ("bad_crit_absent_member", "crit", json!(["http://example.com/x"])),
        ("bad_b64", "b64", json!(false)),
        ("bad_zip", "zip", json!("DEF")),
        ("bad_typ_dpop", "typ", json!("dpop+jwt")),
        ("bad_typ_logout", "typ", json!("logout+jwt")),
        ("bad_typ_event", "typ", json!("secevent+jwt")),
        ("bad_typ_status_list", "typ", json!("statuslist+jwt")),
        ("bad_typ_id_token", "typ", json!("JWT")),
        ("bad_typ_missing", "typ", Value::Null),
        ("bad_kid_unknown", "kid", json!("other")),
        ("bad_kid_path", "kid", json!("../../dev/null")),
        ("bad_kid_sql", "kid", json!("' or 1=1 --")),
        ("bad_kid_url", "kid", json!("https://evil.example/key")),
        ("bad_kid_number", "kid", json!(1)),
    ] {
        seed("claims", name, signed(&with(header(), member, value), &payload));
    }
    let own = World::get().sender.verifying_key().to_bare_jwk();
    for (name, member, value) in [
        ("bad_embedded_key", "jwk", own),
        ("bad_referenced_key", "jku", json!("https://evil.example/jwks")),
        ("bad_certificate_url", "x5u", json!("https://evil.example/x5c")),
        ("bad_certificate", "x5c", json!(["AAAA"])),
    ] {
        let stranger = World::get().sender.sign_with(
            "at+jwt",
            json!({ member: value }).as_object().unwrap(),
            payload.as_bytes(),
        );
        seed("token", name, stranger.unwrap());
    }
    let twice = format!("{{\"typ\":\"JWT\",{}", &header().to_string()[1..]);
    seed("claims", "bad_header_duplicate", format!("{twice}\n{payload}"));
    let escaped = format!("{{\"\\u0074yp\":\"JWT\",{}", &header().to_string()[1..]);
    seed("claims", "bad_header_duplicate_escaped", format!("{escaped}\n{payload}"));
}

fn claim_values() {
    for (name, claim, value) in [
        ("exp_missing", "exp", Value::Null),
        ("exp_text", "exp", json!((NOW + 60).to_string())),
        ("exp_past", "exp", json!(NOW - 10)),
        ("exp_negative", "exp", json!(-1)),
        ("exp_huge", "exp", json!(1e300)),
        ("exp_beyond_i64", "exp", json!(u64::MAX)),
        ("exp_list", "exp", json!([NOW + 60])),
        ("nbf_future", "nbf", json!(NOW + 3600)),
        ("nbf_text", "nbf", json!("0")),
        ("iat_missing", "iat", Value::Null),
        ("iat_future", "iat", json!(NOW + 3600)),
        ("iss_missing", "iss", Value::Null),
        ("iss_list", "iss", json!(["https://id.example.com"])),
        ("iss_slash", "iss", json!("https://id.example.com/")),
        ("iss_suffix", "iss", json!("https://id.example.com.evil.example")),
        ("aud_missing", "aud", Value::Null),
        ("aud_substring", "aud", json!("https://api.example.com/order")),
        ("aud_superstring", "aud", json!("https://api.example.com/orders2")),
        ("aud_slash", "aud", json!("https://api.example.com/orders/")),
        ("aud_json_in_text", "aud", json!(format!("[\"{RESOURCE}\"]"))),
        ("aud_two_in_text", "aud", json!(format!("{RESOURCE} https://b.example"))),
        ("aud_object", "aud", json!({ RESOURCE: true })),
        ("aud_mixed_types", "aud", json!([RESOURCE, 1])),
        ("sub_missing", "sub", Value::Null),
        ("sub_number", "sub", json!(7)),
        ("sub_nul", "sub", json!("alice\0admin")),
        ("jti_missing", "jti", Value::Null),
        ("client_missing", "client_id", Value::Null),
        ("scope_other", "scope", json!("read:orders2 xread:orders")),
        ("scope_missing", "scope", Value::Null),
        ("scope_line_break", "scope", json!("read:orders\nadmin")),
        ("cnf_null", "cnf", json!({})),
        ("cnf_unknown", "cnf", json!({ "kid": "1" })),
        ("cnf_bound", "cnf", json!({ "jkt": World::get().sender.kid() })),
        ("cnf_certificate", "cnf", json!({ "x5t#S256": World::get().sender.kid() })),
        (
            "status_unknown",
            "status",
            json!({ "status_list": { "idx": 0, "uri": "https://id.example.com/s/1" } }),
        ),
        ("details_mistyped", "authorization_details", json!({ "type": "a" })),
    ] {
        seed(
            "claims",
            &format!("bad_{name}"),
            signed(&header(), &with(claims(), claim, value).to_string()),
        );
    }
    for (name, claim, value) in [
        ("exp_text", "exp", json!("1")),
        ("aud_number", "aud", json!(1)),
        ("cnf_list", "cnf", json!([])),
        ("cnf_short_thumbprint", "cnf", json!({ "jkt": "AAAA" })),
        ("details_no_type", "authorization_details", json!([{ "actions": ["pay"] }])),
        ("details_text", "authorization_details", json!("[]")),
        ("amr_text", "amr", json!("pwd")),
    ] {
        seed("access_token", &format!("bad_{name}"), with(claims(), claim, value).to_string());
    }
}

fn claim_texts() {
    let good = claims().to_string();
    let begin = |with: &str| good.replacen('{', &format!("{{{with},"), 1);
    for (name, payload) in [
        ("bad_duplicate_claim", begin(r#""sub":"admin""#)),
        ("bad_duplicate_claim_escaped", begin(r#""\u0073ub":"admin""#)),
        ("bad_duplicate_in_unused_claim", begin(r#""x":{"a":1,"a":2}"#)),
        ("bad_lone_surrogate", begin(r#""x":"\ud800""#)),
        ("bad_json_in_unused_claim", begin(r#""x":tru"#)),
        ("bad_nesting", begin(&format!("\"x\":{}{}", "[".repeat(100), "]".repeat(100)))),
        ("bad_trailing_text", format!("{good}x")),
        ("bad_two_objects", format!("{good}{good}")),
        ("bad_byte_order_mark", format!("\u{feff}{good}")),
        ("bad_list", format!("[{good}]")),
        ("bad_empty", String::new()),
    ] {
        seed("claims", name, signed(&header(), &payload));
        seed("json", &name.replace("bad_list", "good_list"), payload);
    }
    seed(
        "claims",
        "good_60_kilobytes",
        signed(&header(), &begin(&format!("\"x\":\"{}\"", "x".repeat(40_000)))),
    );
    seed("json", "good", good);
    seed("json", "good_numbers", "[0,-0,1e-7,1.5,18446744073709551615,-9223372036854775808,1e300]");
    seed("json", "good_texts", r#"["\u00e9","é","\ud83d\ude00","\/","\u0000"]"#);
    seed("json", "good_names_that_look_alike", r#"{"a":1,"A":2,"a ":3,"":{"a":4,":":5}}"#);
    seed("json", "good_nesting", format!("{}{}", "[".repeat(64), "]".repeat(64)));
    seed("json", "bad_number_beyond_all_bounds", "1e400");
    // What rounds to the largest double for one reader, and beyond it for another.
    seed("json", "bad_number_just_too_large", r#"{"a":1.7976931348623158e308}"#);
    seed("json", "bad_comment", "{}/**/");
}

fn signatures() {
    let [eddsa, es256, _] = &World::get().issuer;
    let token = es256.sign_json("at+jwt", &claims()).unwrap();
    let input = token.rsplit_once('.').unwrap().0;
    let p256_order = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
    for (name, signature) in [
        ("zeros", base64url::encode(&[0; 64])),
        ("order", base64url::encode(&base64url::decode(p256_order).unwrap().repeat(2))),
        ("der", base64url::encode(&[&[0x30, 6, 2, 1, 1, 2, 1, 1][..]].concat())),
        ("empty", String::new()),
        ("leading_zero", base64url::encode(&[0; 65])),
    ] {
        seed("token", &format!("bad_es256_{name}"), format!("{input}.{signature}"));
    }
    let token = eddsa.sign_json("at+jwt", &claims()).unwrap();
    let input = token.rsplit_once('.').unwrap().0;
    seed("token", "bad_eddsa_zeros", format!("{input}.{}", base64url::encode(&[0; 64])));
    let unsigned = base64url::encode(br#"{"alg":"none","typ":"at+jwt"}"#);
    let payload = base64url::encode(claims().to_string().as_bytes());
    seed("token", "bad_unsigned", format!("{unsigned}.{payload}."));
}

fn forms() {
    let token = World::get().issuer[0].sign_json("at+jwt", &claims()).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (head, tail) = token.split_once('.').unwrap();
    for (name, text) in [
        ("bad_padded", format!("{token}=")),
        ("bad_padded_signature", format!("{token}==")),
        ("bad_padded_header", format!("{head}=.{tail}")),
        (
            "bad_standard_alphabet",
            format!("{input}.{}", signature.replace('-', "+").replace('_', "/") + "+"),
        ),
        ("bad_trailing_bits", format!("{}{}", &token[..token.len() - 1], "_")),
        ("bad_space", format!("{token} ")),
        ("bad_line_break", format!("{token}\n")),
        ("bad_comma", format!("{token},{token}")),
        ("bad_two_segments", input.to_owned()),
        ("bad_four_segments", format!("{token}.{signature}")),
        ("bad_five_segments", format!("{token}.{signature}.{signature}")),
        ("bad_empty_segments", "..".to_owned()),
        ("bad_rubbish_like_encrypted", "ey.ey.ey.ey.ey".to_owned()),
        ("bad_json_serialization", format!(r#"{{"protected":"{head}"}}"#)),
    ] {
        seed("token", name, text);
    }
}

fn encryption() {
    let good = encryption_keys()[1].1.encrypt(ContentEncryption::A256Gcm, None, b"x").unwrap();
    let rest = good.split_once('.').unwrap().1;
    let segments: Vec<&str> = good.split('.').collect();
    for (name, header) in [
        (
            "bad_pbes2_with_huge_count",
            json!({ "alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": i32::MAX, "p2s": "AAAA" }),
        ),
        (
            "bad_compressed",
            json!({ "alg": "dir", "enc": "A256GCM", "kid": "shared", "zip": "DEF" }),
        ),
        ("bad_rsa1_5", json!({ "alg": "RSA1_5", "enc": "A256GCM", "kid": "wrapped" })),
        ("bad_unknown_key", json!({ "alg": "dir", "enc": "A256GCM", "kid": "other" })),
        ("bad_signing_algorithm", json!({ "alg": "HS256", "enc": "A256GCM", "kid": "shared" })),
        ("bad_other_encryption", json!({ "alg": "dir", "enc": "A128GCM", "kid": "shared" })),
        (
            "bad_key_off_the_curve",
            json!({ "alg": "ECDH-ES", "enc": "A256GCM", "kid": "agreed", "epk": { "kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43) } }),
        ),
        (
            "bad_header_not_authenticated",
            json!({ "alg": "dir", "enc": "A256GCM", "kid": "shared", "x": 1 }),
        ),
    ] {
        let header = base64url::encode(header.to_string().as_bytes());
        seed("jwe", name, format!("{header}.{rest}"));
    }
    let [header, key, iv, text, tag] = segments[..] else { unreachable!("five segments") };
    seed("jwe", "bad_key_beside_direct", format!("{header}.AAAA.{iv}.{text}.{tag}"));
    seed("jwe", "bad_short_tag", format!("{header}.{key}.{iv}.{text}.{}", &tag[..16]));
    seed("jwe", "bad_no_tag", format!("{header}.{key}.{iv}.{text}."));
    seed("jwe", "bad_short_vector", format!("{header}.{key}.{}.{text}.{tag}", &iv[..8]));
    seed("jwe", "bad_four_segments", format!("{header}.{key}.{iv}.{text}"));
}
