use bailiwick_jose::{Algorithm, SigningKey};
use serde_json::json;

use super::*;

fn verdict(metadata: &Value) -> String {
    match Metadata::read(metadata.as_object().unwrap()) {
        Ok(_) => "taken".to_owned(),
        Err(why) => format!("{} {why}", why.error),
    }
}

#[test]
fn javascript_and_data_are_refused_wherever_an_address_stands() {
    for bad in [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:image/svg+xml,<svg onload=alert(1)>",
        "vbscript:x",
        "file:///etc/passwd",
        "http://app.example/",
        "https://user@app.example/",
        "//app.example",
        "",
    ] {
        for member in ["client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri"] {
            let said = verdict(&json!({ member: bad }));
            let expected = format!("invalid_client_metadata {member} is no address: ");
            assert!(said.starts_with(&expected), "{member} {bad}: {said}");
        }
        let said = verdict(&json!({ "redirect_uris": ["https://a.example/cb", bad] }));
        assert!(said.starts_with("invalid_redirect_uri the redirect URI '"), "{bad}: {said}");
    }
}

#[test]
fn each_member_has_its_type_and_its_bounds() {
    let long = "a".repeat(201);
    let many: Vec<_> = (0..33).map(|at| format!("https://a.example/{at}")).collect();
    let key = SigningKey::generate(Algorithm::Es256).unwrap().verifying_key().to_jwk();
    let mut private = key.clone();
    private["d"] = "AAAA".into();
    for (metadata, expected) in [
        (json!({ "redirect_uris": "https://a.example/cb" }), "invalid_redirect_uri "),
        (json!({ "redirect_uris": [1] }), "invalid_redirect_uri "),
        (json!({ "redirect_uris": ["https://a.example/cb#x"] }), "invalid_redirect_uri "),
        (json!({ "redirect_uris": many }), "invalid_redirect_uri more than 32"),
        (json!({ "client_name": 1 }), "invalid_client_metadata client_name is no text"),
        (json!({ "client_name": "" }), "invalid_client_metadata client_name is not one line"),
        (json!({ "client_name": long }), "invalid_client_metadata client_name is not one line"),
        (json!({ "client_name": "a\nb" }), "invalid_client_metadata client_name is not one line"),
        (json!({ "client_name": "knaB\u{202e}" }), "invalid_client_metadata client_name is not"),
        (json!({ "client_name": "B\u{200b}ank" }), "invalid_client_metadata client_name is not"),
        (json!({ "contacts": "a@b" }), "invalid_client_metadata contacts is no list"),
        (json!({ "contacts": vec!["a@b"; 17] }), "invalid_client_metadata contacts is longer"),
        (json!({ "grant_types": [{}] }), "invalid_client_metadata grant_types is no text"),
        (json!({ "scope": ["a"] }), "invalid_client_metadata scope is no text"),
        (json!({ "scope": "a\"b" }), "invalid_client_metadata scope is malformed"),
        (json!({ "application_type": "service" }), "invalid_client_metadata application_type is"),
        (json!({ "request_uris": ["data:,x"] }), "invalid_client_metadata request_uris is no list"),
        (json!({ "default_max_age": -1 }), "invalid_client_metadata default_max_age is no number"),
        (json!({ "sector_identifier_uri": "data:,[]" }), "invalid_client_metadata sector_ident"),
        (json!({ "post_logout_redirect_uris": ["javascript:x"] }), "invalid_redirect_uri "),
        (json!({ "backchannel_logout_uri": "file:///x" }), "invalid_client_metadata backchannel"),
        (json!({ "id_token_signed_response_alg": "none" }), "invalid_client_metadata id_token"),
        (json!({ "request_object_signing_alg": "none" }), "invalid_client_metadata request_object"),
        (
            json!({ "require_signed_request_object": "yes" }),
            "invalid_client_metadata require_signed_request_object is no true or false",
        ),
        (json!({ "jwks": {} }), "invalid_client_metadata jwks is no set of keys"),
        (json!({ "jwks": { "keys": [] } }), "invalid_client_metadata jwks is no set of keys"),
        (json!({ "jwks": { "keys": [{ "kty": "EC" }] } }), "invalid_client_metadata jwks is no"),
        (
            json!({ "jwks": { "keys": [private] } }),
            "invalid_client_metadata jwks is no set of keys: it holds a private key",
        ),
        (
            json!({ "jwks": { "keys": [{ "kty": "oct", "k": "AAAA" }] } }),
            "invalid_client_metadata jwks is no set of keys: it holds a private key",
        ),
        (
            json!({ "jwks": { "keys": [key] }, "jwks_uri": "https://a.example/keys" }),
            "invalid_client_metadata jwks and jwks_uri are both there",
        ),
        (
            json!({ "application_type": "web", "redirect_uris": ["com.example.app:/cb"] }),
            "invalid_redirect_uri a client on the web has no redirect URI",
        ),
    ] {
        let said = verdict(&metadata);
        assert!(said.starts_with(expected), "{metadata}: {said}");
    }
}

#[test]
fn what_is_good_is_read_and_written_alike() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap().verifying_key().to_jwk();
    let document = json!({
        "redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "client_name": "Übersicht",
        "client_uri": "https://app.example",
        "logo_uri": "https://app.example/logo.png",
        "scope": "openid read",
        "contacts": ["ops@app.example"],
        "tos_uri": "https://app.example/terms",
        "policy_uri": "https://app.example/policy",
        "jwks": { "keys": [key] },
        "software_id": "7c1f",
        "software_version": "1.2",
        "application_type": "native",
        "require_pushed_authorization_requests": true,
        "require_signed_request_object": true,
        "request_object_signing_alg": "ES256",
        "request_uris": ["https://app.example/request"],
        "authorization_signed_response_alg": "PS256",
        "id_token_signed_response_alg": "ES256",
        "userinfo_signed_response_alg": "RS256",
        "subject_type": "pairwise",
        "sector_identifier_uri": "https://app.example/sector",
        "default_max_age": 300,
        "default_acr_values": ["urn:example:strong"],
        "post_logout_redirect_uris": ["https://app.example/out"],
        "backchannel_logout_uri": "https://app.example/ended",
    });
    let read = Metadata::read(document.as_object().unwrap()).unwrap();
    assert!(read.is_native());
    assert_eq!(serde_json::to_value(&read).unwrap(), document);
    assert_eq!(serde_json::from_value::<Metadata>(document).unwrap(), read);
}

//= https://www.rfc-editor.org/rfc/rfc7591#section-2
//= type=test
//# The authorization server MUST ignore any client metadata sent by the
//# client that it does not understand
#[test]
fn what_is_not_known_or_null_is_as_if_it_were_not_there() {
    let odd = json!({
        "client_name": null, "jwks": null, "redirect_uris": null, "scope": "",
        "client_name#de": "Anwendung", "__proto__": {}, "future": [1],
    });
    let read = Metadata::read(odd.as_object().unwrap()).unwrap();
    assert_eq!(read, Metadata::default());
    assert!(!read.is_native());
}

#[test]
fn a_repeated_redirect_uri_is_one() {
    let twice = json!({ "redirect_uris": ["https://a.example/cb", "https://a.example/cb"] });
    assert_eq!(Metadata::read(twice.as_object().unwrap()).unwrap().redirect_uris.len(), 1);
}
