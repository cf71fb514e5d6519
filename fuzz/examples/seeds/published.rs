//! What others publish and answer: key sets, metadata, introspection, status lists, events; and the
//! words that stand in all of them.

use bailiwick_fuzz::{NOW, RESOURCE, World, claims};
use serde_json::{Value, json};

use crate::seed;
use crate::sent::with;

pub(crate) fn write() {
    key_sets();
    answers();
    documents();
    statuses();
    events();
    words();
}

fn key_sets() {
    let keys: Vec<_> = World::get().issuer.iter().map(|key| key.verifying_key().to_jwk()).collect();
    let set = |keys: &[Value]| json!({ "keys": keys }).to_string();
    seed("jwks", "good", set(&keys));
    seed("jwks", "good_without_names", set(&[with(keys[1].clone(), "kid", Value::Null)]));
    seed("jwks", "good_same_key_twice", set(&[keys[0].clone(), keys[0].clone()]));
    let namesake = with(keys[1].clone(), "kid", keys[0]["kid"].clone());
    seed("jwks", "good_two_types_under_one_name", set(&[keys[0].clone(), namesake]));
    let spoilers = [
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA" }),
        json!({ "kty": "EC", "crv": "secp256k1", "x": "AAAA", "y": "AAAA" }),
        json!({ "kty": "oct", "k": "" }),
        json!("broken"),
        keys[2].clone(),
    ];
    seed("jwks", "good_beside_broken_ones", set(&spoilers));
    let mut private = keys[0].clone();
    private["d"] = "AAAA".into();
    let mut short = keys[2].clone();
    short["n"] = "_".repeat(171).into();
    let mut off_the_curve = keys[1].clone();
    off_the_curve["x"] = "A".repeat(43).into();
    for (name, key) in [
        ("bad_private", private),
        ("bad_short_rsa", short),
        ("bad_off_the_curve", off_the_curve),
        ("bad_for_encryption", with(keys[0].clone(), "use", "enc".into())),
        ("bad_for_signing", with(keys[0].clone(), "key_ops", json!(["sign"]))),
        ("bad_algorithm_of_another_type", with(keys[0].clone(), "alg", "RS256".into())),
        ("bad_hmac", with(keys[2].clone(), "alg", "HS256".into())),
        ("bad_exponent_1", with(keys[2].clone(), "e", "AQ".into())),
    ] {
        seed("jwks", name, set(&[key]));
    }
    let weak = SMALL_ORDER.map(|x| with(keys[0].clone(), "x", x.into()));
    seed("jwks", "bad_small_order", set(&weak));
    seed("jwks", "bad_none", r#"{"keys":[]}"#);
    seed("jwks", "bad_not_a_list", r#"{"keys":{}}"#);
    seed("jwks", "bad_duplicate", r#"{"keys":[],"keys":[]}"#);
    seed("jwks", "bad_too_many", set(&vec![json!({}); 257]));
}

fn answers() {
    let live = with(claims(), "active", json!(true));
    seed("introspection", "good", live.to_string());
    let few = json!({ "active": true, "aud": RESOURCE, "exp": NOW + 60, "scope": "read:orders", "client_id": "shop" });
    seed("introspection", "good_few_claims", few.to_string());
    for (name, claim, value) in [
        ("inactive", "active", json!(false)),
        ("active_text", "active", json!("true")),
        ("active_number", "active", json!(1)),
        ("active_missing", "active", Value::Null),
        ("other_issuer", "iss", json!("https://evil.example")),
        ("other_audience", "aud", json!("https://b.example")),
        ("expired", "exp", json!(NOW - 60)),
        ("no_expiry", "exp", Value::Null),
        ("other_scope", "scope", json!("write:orders")),
        ("bound", "cnf", json!({ "jkt": World::get().sender.kid() })),
        ("bound_without_key", "token_type", json!("DPoP")),
    ] {
        seed("introspection", &format!("bad_{name}"), with(live.clone(), claim, value).to_string());
    }
    seed(
        "introspection",
        "bad_duplicate",
        live.to_string().replacen('{', r#"{"active":false,"#, 1),
    );
    seed("introspection", "bad_page", "<html>502</html>");
    seed("introspection", "bad_empty", "");
}

fn documents() {
    let server = json!({
        "issuer": "https://id.example.com", "authorization_endpoint": "https://id.example.com/authorize",
        "token_endpoint": "https://id.example.com/token", "jwks_uri": "https://id.example.com/jwks",
        "introspection_endpoint": "https://id.example.com/introspect", "scopes_supported": ["openid"],
        "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true, "request_uri_parameter_supported": false,
        "protected_resources": [RESOURCE], "dpop_signing_alg_values_supported": ["ES256"],
        "tls_client_certificate_bound_access_tokens": true,
        "mtls_endpoint_aliases": { "token_endpoint": "https://mtls.id.example.com/token", "x": 1 }, "future": {},
    });
    let resource = json!({
        "resource": RESOURCE, "authorization_servers": ["https://id.example.com"],
        "scopes_supported": ["read:orders"], "bearer_methods_supported": ["header"],
        "dpop_bound_access_tokens_required": false, "signed_metadata": "a.b.c", "resource_name": "Orders",
    });
    seed("metadata", "good_server", server.to_string());
    seed("metadata", "good_resource", resource.to_string());
    seed("metadata", "good_least", r#"{"issuer":""}"#);
    seed("metadata", "bad_issuer_list", with(server.clone(), "issuer", json!(["a"])).to_string());
    seed(
        "metadata",
        "bad_flag_as_text",
        with(server, "request_uri_parameter_supported", json!("true")).to_string(),
    );
    seed(
        "metadata",
        "bad_servers_as_text",
        with(resource, "authorization_servers", json!("a")).to_string(),
    );
    seed(
        "metadata",
        "bad_duplicate",
        r#"{"issuer":"https://a.example","issuer":"https://b.example"}"#,
    );
}

fn statuses() {
    let uri = "https://id.example.com/status/1";
    let reference = |list: Value| json!({ "status": { "status_list": list } }).to_string();
    seed("status", "good_reference", reference(json!({ "idx": 412, "uri": uri })));
    let list = json!({ "sub": uri, "iat": NOW, "exp": NOW + 60, "ttl": 60, "status_list": { "bits": 1, "lst": "eNrbuRgAAhcBXQ" } });
    seed("status", "good_list", list.to_string());
    for (name, value) in [
        ("negative", json!({ "idx": -1, "uri": uri })),
        ("fraction", json!({ "idx": 0.5, "uri": uri })),
        ("no_host", json!({ "idx": 0, "uri": "https:///1" })),
        ("relative", json!({ "idx": 0, "uri": "/status/1" })),
        ("user", json!({ "idx": 0, "uri": "https://user@id.example.com/" })),
        ("text", json!("eNrbuRgAAhcBXQ")),
    ] {
        seed("status", &format!("bad_reference_{name}"), reference(value));
    }
    seed(
        "status",
        "bad_list_three_bits",
        with(list.clone(), "status_list", json!({ "bits": 3, "lst": "" })).to_string(),
    );
    seed("status", "bad_list_kept_for_no_time", with(list, "ttl", json!(0)).to_string());
    for width in [1, 2, 4, 8_u8] {
        seed("status", &format!("bad_raw_{width}"), [width, 0xc9, 0x44, 0xf9]);
    }
}

fn events() {
    let caep = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    let risc = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
    let token = "https://schemas.openid.net/secevent/oauth/event-type/token-revoked";
    let ours = "https://bailiwick.dev/secevent/grant-revoked";
    let user = json!({ "format": "iss_sub", "iss": "https://id.example.com", "sub": "alice" });
    let event = |sub_id: &Value, events: Value| {
        let event = json!({ "iss": "https://id.example.com", "jti": "1", "iat": NOW, "aud": RESOURCE, "events": events });
        with(event, "sub_id", sub_id.clone()).to_string()
    };
    let complex =
        json!({ "format": "complex", "user": user, "session": { "format": "opaque", "id": "s1" } });
    let derived = json!({ "token_type": "access_token", "token_identifier_alg": "plain", "token": "t".repeat(60) });
    for (name, event) in [
        ("good_session", event(&complex, json!({ caep: { "event_timestamp": NOW } }))),
        ("good_account", event(&user, json!({ risc: {} }))),
        ("good_token", event(&Value::Null, json!({ token: { "subject": derived } }))),
        (
            "good_grant",
            event(&Value::Null, json!({ ours: { "client_id": "shop", "sub": "alice" } })),
        ),
        ("good_other", event(&Value::Null, json!({ "urn:other": {} }))),
        ("bad_everything_revoked", event(&Value::Null, json!({ ours: {} }))),
        ("bad_empty_condition", event(&Value::Null, json!({ ours: { "jti": "" } }))),
        ("bad_nobody", event(&Value::Null, json!({ caep: {} }))),
        ("bad_two_subjects", event(&user, json!({ caep: { "subject": complex } }))),
        ("bad_no_events", event(&user, json!({}))),
        ("bad_events_list", event(&user, json!([caep]))),
        (
            "bad_complex_inside_complex",
            event(&json!({ "format": "complex", "a": complex }), json!({ caep: {} })),
        ),
    ] {
        seed("event", name, event);
    }
}

fn words() {
    for (name, text) in [
        ("good_resource", RESOURCE),
        ("good_resource_spelled_otherwise", "HTTPS://API.Example.com:443/%7eorders/./a/../b?x=%2f"),
        ("good_resource_urn", "urn:example:orders"),
        ("good_resource_api", "api://orders/x"),
        ("good_issuer", "https://id.example.com/tenant/"),
        ("good_loopback", "http://127.0.0.1:8080/callback"),
        ("good_ipv6", "http://[::1]:8080/"),
        ("good_template", "https://login.microsoftonline.com/{tenantid}/v2.0"),
        ("good_tenant", "https://login.example.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"),
        ("good_redirect", "https://app.example/callback?state=1"),
        ("good_private_scheme", "com.example.app:/callback"),
        ("good_request_uri", "HTTPS://API.example:443/a/../%7euser?page=2#part"),
        ("bad_javascript", "javascript:alert(1)"),
        ("bad_data", "data:text/html,x"),
        ("bad_user", "https://user:secret@a.example/"),
        ("bad_host_encoded", "https://a%2eexample/"),
        ("bad_host_missing", "https:///x"),
        ("bad_template_host", "https://{tenantid}.example/"),
        ("bad_backslash", "https://a.example\\@b.example/"),
        ("bad_space", "https://a.example/a b c"),
        ("bad_port", "https://a.example:99999/"),
        ("bad_percent", "https://a.example/%zz"),
        ("bad_relative", "//a.example/x"),
        ("bad_scopes", "openid read:orders https://a.example/x"),
        ("bad_parameters", "a=b&c=%20d+e&%61=f"),
        ("bad_empty", ""),
    ] {
        seed("word", name, text);
    }
}

/// The points of Ed25519 that sign everything with themselves, or one time in eight.
const SMALL_ORDER: [&str; 7] = [
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
    "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
    "7P_______________________________________38",
    "7f_______________________________________38",
    "7v_______________________________________38",
];
