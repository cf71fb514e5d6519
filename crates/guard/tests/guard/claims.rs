//! What a token may claim (RFC 7519 §4.1, RFC 9068 §2.2, §4).

use bailiwick_guard::profile::AudienceRule;
use bailiwick_guard::{Audience, Profile, Trusted};
use bailiwick_oauth::ClientId;
use serde_json::{Value, json};

use crate::mint::*;

#[track_caller]
fn claim(name: &str, value: Value, expected: &str) {
    verdict(&token(&with(name, value)), expected);
}

/// A token with this text for a payload, signed properly.
#[track_caller]
fn payload(text: &str, expected: &str) {
    verdict(&raw(&WORLD.es256, &header().to_string(), text), expected);
}

/// The good claims as text, with one more member.
fn and(member: &str) -> String {
    let good = claims().to_string();
    format!("{},{member}}}", good.strip_suffix('}').unwrap())
}

#[test]
fn required_claims_may_not_be_missing() {
    for name in ["sub", "aud", "client_id", "iat", "jti", "exp"] {
        claim(name, Value::Null, "claim_missing");
    }
    claim("iss", Value::Null, "issuer_mismatch");
    for optional in ["nbf", "auth_time"] {
        claim(optional, Value::Null, "passed");
    }
}

#[test]
fn mistyped_claims_are_refused() {
    for name in ["exp", "nbf", "iat", "auth_time"] {
        for value in [
            json!("1700000060"),
            json!(-1),
            json!(1e300),
            json!([NOW]),
            json!(true),
            json!({}),
            json!(u64::MAX),
        ] {
            claim(name, value, "claim_malformed");
        }
        payload(&and(&format!(r#""{name}x":1e999"#)), "token_malformed");
    }
    for value in
        [json!(1), json!({ "a": RESOURCE }), json!([RESOURCE, 1]), json!([[RESOURCE]]), json!(true)]
    {
        claim("aud", value, "claim_malformed");
    }
    for name in ["sub", "jti", "client_id", "scope"] {
        for value in [json!(1), json!(["alice"]), json!({}), json!("a\0b"), json!(false)] {
            claim(name, value, "claim_malformed");
        }
    }
    for (name, value) in
        [("sub", json!("")), ("client_id", json!("")), ("sub", json!("a\nb")), ("sub", json!("é"))]
    {
        claim(name, value, "claim_malformed");
    }
    claim("sub", json!("a".repeat(256)), "claim_malformed");
    claim("scope", json!("read:orders \"x\""), "claim_malformed");
}

#[test]
fn json_null_is_no_value() {
    for name in ["exp", "nbf", "iat", "sub", "aud", "jti", "client_id", "scope"] {
        let mut claims = claims();
        claims[name] = Value::Null;
        verdict(&token(&claims), "claim_malformed");
    }
}

//= https://www.rfc-editor.org/rfc/rfc9068#section-4
//= type=test
//# The issuer identifier for the authorization server (which is
//# typically obtained during discovery) MUST exactly match the value
//# of the "iss" claim.
#[test]
fn the_issuer_matches_byte_for_byte() {
    for other in [
        "https://id.example.com/",
        "https://id.example.com.mallory.example",
        "https://id.example.co",
        "HTTPS://id.example.com",
        "https://ID.example.com",
        "http://id.example.com",
        "id.example.com",
        "https://id.example.com:443",
        " https://id.example.com",
        "https://id.example.com\0",
        "",
    ] {
        claim("iss", other.into(), "issuer_mismatch");
    }
    for mistyped in [json!([ISSUER]), json!(1), json!({ "iss": ISSUER })] {
        claim("iss", mistyped, "issuer_mismatch");
    }
    claim("iss", ISSUER.into(), "passed");
}

//= https://www.rfc-editor.org/rfc/rfc9068#section-4
//= type=test
//# The resource server MUST validate that the "aud" claim contains a
//# resource indicator value corresponding to an identifier the resource
//# server expects for itself.
//= https://www.rfc-editor.org/rfc/rfc9068#section-4
//= type=test
//# The JWT access token MUST be rejected if "aud" does not contain a
//# resource indicator of the current resource server as a valid audience.
#[test]
fn the_audience_matches_byte_for_byte() {
    for good in [json!(RESOURCE), json!([RESOURCE]), json!(["other", RESOURCE]), json!("orders")] {
        claim("aud", good, "passed");
    }
    for other in [
        json!("https://api.example.com/orders/"),
        json!("https://api.example.com/order"),
        json!("https://api.example.com/orders2"),
        json!("https://api.example.com"),
        json!("https://API.example.com/orders"),
        json!("https://api.example.com/%6Frders"),
        json!("https://api.example.com:443/orders"),
        json!(""),
        json!([]),
        json!([""]),
        json!("order"),
        json!("ordersx"),
        json!("*"),
        json!(ISSUER),
        json!("shop"),
        json!(format!("[\"{RESOURCE}\"]")),
        json!(format!("{RESOURCE} other")),
        json!(format!("{RESOURCE},other")),
    ] {
        claim("aud", other, "audience_mismatch");
    }
    claim("aud", json!(format!("{RESOURCE}\0")), "claim_malformed");
}

#[test]
fn a_token_without_audience_is_for_the_apis_own_clients_where_its_issuer_names_none() {
    let trust_with =
        |audience| trust(Profile { audience, required: Vec::new(), ..Profile::rfc9068() });
    let own_clients = vec![ClientId::parse("shop").unwrap()];
    let audience = Audience { own_clients, ..WORLD.audience.clone() };
    let judge = |rule: AudienceRule, aud: Value, client: Value, expected: &str| {
        let trust = trust_with(rule);
        let mut claims = with("aud", aud);
        match client {
            Value::Null => _ = claims.as_object_mut().unwrap().remove("client_id"),
            client => claims["client_id"] = client,
        }
        let issuers = vec![Trusted { trust: &trust, keys: Some(&WORLD.keys) }];
        Attempt { issuers, audience: &audience, ..Attempt::bearer(&token(&claims)) }.ends(expected);
    };
    for (aud, client, expected) in [
        (Value::Null, json!("shop"), "passed"),
        (Value::Null, json!("other"), "audience_mismatch"),
        (Value::Null, Value::Null, "audience_mismatch"),
        (json!([]), json!("shop"), "audience_mismatch"),
        (json!(""), json!("shop"), "audience_mismatch"),
        (json!("other"), json!("shop"), "audience_mismatch"),
        (json!(RESOURCE), json!("other"), "passed"),
    ] {
        judge(AudienceRule::ClaimOrOwnClient, aud, client, expected);
    }
    judge(AudienceRule::Claim, Value::Null, json!("shop"), "audience_mismatch");
    judge(AudienceRule::Claim, json!(RESOURCE), json!("shop"), "passed");
}

#[test]
fn a_token_for_another_api_is_told_what_to_ask_for() {
    let refusal = refusal(&token(&with("aud", "https://api.example.com/inventory".into())));
    assert_eq!(refusal.status().as_u16(), 401);
    assert!(refusal.description().contains("resource=https://api.example.com/orders"));
}

//= https://www.rfc-editor.org/rfc/rfc9068#section-4
//= type=test
//# The current time MUST be before the time represented by the "exp" claim.
#[test]
fn a_token_is_valid_in_its_time_only() {
    let cases = [
        ("exp", NOW + 1, "passed"),
        ("exp", NOW - 9, "passed"),
        ("exp", NOW - 10, "expired"),
        ("exp", 0, "expired"),
        ("exp", 1 << 53, "passed"),
        ("exp", (1 << 53) + 1, "claim_malformed"),
        ("nbf", NOW, "passed"),
        ("nbf", NOW + 10, "passed"),
        ("nbf", NOW + 11, "not_yet_valid"),
        ("iat", NOW, "passed"),
        ("iat", NOW + 10, "passed"),
        ("iat", NOW + 11, "not_yet_valid"),
        ("iat", 1 << 53, "not_yet_valid"),
        ("nbf", 1 << 53, "not_yet_valid"),
        ("nbf", 0, "passed"),
    ];
    for (name, value, expected) in cases {
        claim(name, value.into(), expected);
    }
    claim("exp", json!(1_700_000_000.5), "passed");
}

#[test]
fn claims_are_strict_json() {
    let again = format!(r#""aud":"{RESOURCE}""#);
    for bad in [
        and(&again),
        and(r#""\u0061ud":"orders""#),
        and(r#""exp":99999999999"#),
        and(r#""x":{"y":1,"y":2}"#),
        and(r#""x":"\ud800""#),
        and(r#""x":"\udc00\ud800""#),
        and(r#""x":tru"#),
        and(r#""x":01"#),
        and(r#""x":NaN"#),
        and("\"x\":\"\u{1}\""),
        and(r#""x":"\x41""#),
        and(&format!(r#""x":{}{}"#, "[".repeat(100), "]".repeat(100))),
        and(&format!(r#""x":{}"#, "[".repeat(20_000))),
        format!("{} {{}}", claims()),
        format!("[{}]", claims()),
        format!("{:?}", claims().to_string()),
        String::new(),
        "null".to_owned(),
    ] {
        payload(&bad, "token_malformed");
    }
    payload(&and(r#""x":"\ud83d\ude00","y":[[[1.5e3]]]"#), "passed");
}

#[test]
fn the_size_of_a_token_is_bounded() {
    verdict(&token(&with("x", "x".repeat(40_000).into())), "passed");
    verdict(&token(&with("x", "x".repeat(60_000).into())), "token_malformed");
}

#[test]
fn a_profile_says_which_claim_names_the_client() {
    let profile = Profile {
        client_id: vec!["cid".into(), "azp".into()],
        required: Vec::new(),
        ..Profile::rfc9068()
    };
    let trust = trust(profile);
    for (name, value, expected) in [
        ("cid", json!("shop"), "passed"),
        ("azp", json!("shop"), "passed"),
        ("azp", json!(1), "claim_malformed"),
        ("azp", json!("a b"), "claim_malformed"),
        ("x", json!(1), "passed"),
    ] {
        judge(&token(&with(name, value)), &trust, Some(&WORLD.keys), expected);
    }
}
