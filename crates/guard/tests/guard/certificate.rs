//! Tokens that are bound to a client certificate (RFC 8705 §3), and which bindings a resource wants.

use bailiwick_guard::{Admission, Binding};
use bailiwick_jose::{base64url, digest};
use serde_json::{Value, json};

use crate::mint::*;

fn thumbprint(certificate: &[u8]) -> [u8; 32] {
    digest::sha256(certificate)
}

/// The `cnf` of a certificate.
fn x5t(certificate: &[u8]) -> Value {
    json!({ "x5t#S256": base64url::encode(&thumbprint(certificate)) })
}

fn both(certificate: &[u8]) -> Value {
    let mut cnf = x5t(certificate);
    cnf["jkt"] = WORLD.sender.kid().into();
    cnf
}

// RFC 8705 §3: the certificate of the connection is the token's, or the answer is invalid_token.
#[test]
fn a_token_passes_with_its_own_certificate_only() {
    let token = token(&with("cnf", x5t(b"one")));
    for (shown, expected) in [
        (Some(thumbprint(b"one")), "passed"),
        (Some(thumbprint(b"two")), "binding_mismatch"),
        (Some([0; 32]), "binding_mismatch"),
        (None, "certificate_missing"),
    ] {
        let attempt = Attempt { certificate: shown, ..Attempt::bearer(&token) };
        attempt.ends(expected);
        if expected != "passed" {
            let refusal = attempt.refusal();
            assert_eq!(refusal.status().as_u16(), 401);
            assert_eq!(refusal.error().unwrap().as_str(), "invalid_token");
        }
    }
    // A certificate beside a token that is bound to none does no harm.
    let certificate = Some(thumbprint(b"one"));
    Attempt { certificate, ..Attempt::bearer(&crate::mint::token(&claims())) }.ends("passed");
}

#[test]
fn a_certificate_is_no_dpop_key() {
    let token = token(&with("cnf", x5t(b"one")));
    let proof = proof(&WORLD.sender, &proof_claims(&token));
    Attempt::dpop(&token, &proof).ends("certificate_missing");
    let certificate = Some(thumbprint(b"one"));
    Attempt { certificate, ..Attempt::dpop(&token, &proof) }.ends("binding_mismatch");
}

#[test]
fn a_token_with_two_bindings_needs_both() {
    let token = token(&with("cnf", both(b"one")));
    let proof = proof(&WORLD.sender, &proof_claims(&token));
    let right = Some(thumbprint(b"one"));
    Attempt { certificate: right, ..Attempt::dpop(&token, &proof) }.ends("passed");
    Attempt::dpop(&token, &proof).ends("certificate_missing");
    Attempt { certificate: Some([1; 32]), ..Attempt::dpop(&token, &proof) }
        .ends("binding_mismatch");
    Attempt { certificate: right, ..Attempt::bearer(&token) }.ends("proof_missing");
    Attempt { certificate: right, ..Attempt::dpop(&token, "x") }.ends("proof_invalid");
}

#[test]
fn a_resource_says_which_bindings_it_wants() {
    let cases = [
        // the token's cnf; then for each of AsTheTokenSays, Dpop, Certificate, Either
        (Value::Null, ["passed", "binding_required", "binding_required", "binding_required"]),
        (json!({ "jkt": WORLD.sender.kid() }), ["passed", "passed", "binding_required", "passed"]),
        (x5t(b"one"), ["passed", "binding_required", "passed", "passed"]),
        (both(b"one"), ["passed"; 4]),
    ];
    let bindings = [Binding::AsTheTokenSays, Binding::Dpop, Binding::Certificate, Binding::Either];
    for (cnf, expected) in cases {
        let is_dpop = cnf.get("jkt").is_some();
        let token = token(&with("cnf", cnf));
        for (binding, expected) in bindings.into_iter().zip(expected) {
            let attempt = if is_dpop {
                Attempt::dpop(&token, &proof(&WORLD.sender, &proof_claims(&token)))
            } else {
                Attempt::bearer(&token)
            };
            let certificate = Some(thumbprint(b"one"));
            Attempt { certificate, binding, ..attempt }.ends(expected);
        }
    }
}

#[test]
fn a_permit_says_whether_its_token_is_bound() {
    let is_bound = |attempt: &Attempt<'_>| match attempt.verdict().unwrap() {
        Admission::Now(permit) => permit.confirmation().is_some(),
        Admission::Once(_) => panic!("there is no proof to be used once"),
    };
    let certificate = Some(thumbprint(b"one"));
    assert!(is_bound(&Attempt {
        certificate,
        ..Attempt::bearer(&token(&with("cnf", x5t(b"one"))))
    }));
    assert!(!is_bound(&Attempt { certificate, ..Attempt::bearer(&token(&claims())) }));
}
