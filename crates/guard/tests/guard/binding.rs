//! A token that is bound to a key is no bearer token (RFC 7800 §3.1).

use serde_json::json;

use crate::mint::*;

//= https://www.rfc-editor.org/rfc/rfc9449#section-7.2
//= type=test
//# Specifically, such a protected resource MUST reject a
//# DPoP-bound access token received as a bearer token per [RFC6750].
#[test]
fn a_bound_token_without_its_proof_is_refused() {
    let jkt = json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" });
    verdict(&token(&with("cnf", jkt)), "proof_missing");
    let x5t = json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0" });
    verdict(&token(&with("cnf", x5t)), "certificate_missing");
}

#[test]
fn a_binding_that_cannot_be_checked_is_never_taken_for_none() {
    for cnf in [
        json!({ "jwk": {} }),
        json!({ "jkt": "short" }),
        json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", "kid": "a" }),
        json!({}),
        json!([]),
        json!("x"),
        json!(false),
    ] {
        verdict(&token(&with("cnf", cnf)), "claim_malformed");
    }
    let mut claims = claims();
    claims["cnf"] = serde_json::Value::Null;
    verdict(&token(&claims), "claim_malformed");
}
