//! A DPoP proof, check by check in the order of RFC 9449 §4.3.

use bailiwick_guard::dpop::{LIFETIME, Nonces};
use bailiwick_guard::{Admission, Binding};
use bailiwick_jose::{Algorithm, SigningKey, base64url};
use bailiwick_oauth::dpop::token_hash;
use http::Method;
use serde_json::{Value, json};

use crate::mint::*;

/// The claims of a good proof for a token, as another token's proof or another time's.
fn changed(token: &str, name: &str, value: Value) -> Value {
    let mut claims = proof_claims(token);
    claims[name] = value;
    claims
}

#[test]
fn a_bound_token_passes_with_its_proof_by_each_algorithm() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm).unwrap();
        let token = token(&with("cnf", json!({ "jkt": key.kid() })));
        Attempt::dpop(&token, &proof(&key, &proof_claims(&token))).ends("passed");
    }
}

// Step 1.
#[test]
fn there_is_one_proof() {
    let token = bound();
    let good = proof(&WORLD.sender, &proof_claims(&token));
    let authorization = ("Authorization", &*format!("DPoP {token}"));
    let refused = |proofs: &[(&'static str, &str)], expected: &str| {
        Attempt::with_headers(&[&[authorization], proofs].concat()).ends(expected);
    };
    refused(&[("DPoP", &good)], "passed");
    refused(&[], "proof_missing");
    refused(&[("DPoP", &good), ("DPoP", &good)], "proof_invalid");
    refused(&[("DPoP", &good), ("dpop", "")], "proof_invalid");
    refused(&[("DPoP", &format!("{good}, {good}"))], "proof_invalid");
    refused(&[("DPoP", &format!("{good},{good}"))], "proof_invalid");
    refused(&[("DPoP", &format!("DPoP {good}"))], "proof_invalid");
    refused(&[("DPoP", "é")], "proof_invalid");
    refused(&[("DPoP", "")], "proof_invalid");
}

// Step 2, and the bound on what is read at all.
#[test]
fn a_proof_is_a_short_signed_jwt() {
    for bad in ["x", "a.b", "a.b.c", "....", "e30.e30."] {
        Attempt::dpop(&bound(), bad).ends("proof_invalid");
    }
    proven("x", "x".repeat(4 * 1024).into()).ends("passed");
    proven("x", "x".repeat(9 * 1024).into()).ends("proof_invalid");
    for crit in [json!([]), json!(["x"])] {
        proven_with_header("crit", crit).ends("proof_invalid");
    }
}

// Step 3: the claims of §4.2, well typed.
#[test]
fn each_required_claim_is_there_and_well_typed() {
    for name in ["jti", "htm", "htu", "iat"] {
        for value in [json!(null), json!(""), json!(["x"]), json!({}), json!(true), json!(-1)] {
            proven(name, value).ends("proof_invalid");
        }
    }
    proven("jti", "x".repeat(256).into()).ends("passed");
    proven("jti", "x".repeat(257).into()).ends("proof_invalid");
    proven("jti", 7.into()).ends("proof_invalid");
    proven("iat", NOW.to_string().into()).ends("proof_invalid");
    proven("htm", "G E T".into()).ends("proof_invalid");
}

// Step 4.
#[test]
fn another_kind_of_jwt_is_no_proof() {
    for typ in ["jwt", "JWT", "at+jwt", "", "dpop", "DPoP+JWT", "application/dpop+jwt"] {
        proven_with_header("typ", typ.into()).ends("proof_invalid");
    }
    proven_with_header("typ", json!(null)).ends("proof_invalid");
    let token = bound();
    Attempt::dpop(&token, &token).ends("proof_invalid");
}

// Step 5.
#[test]
fn a_proof_is_signed_asymmetrically() {
    for alg in ["none", "None", "HS256", "HS512", "ES512", "RS512", "ES256K", "", "es256"] {
        proven_with_header("alg", alg.into()).ends("proof_invalid");
    }
    let token = bound();
    let secret = json!({ "kty": "oct", "k": base64url::encode(b"secret"), "alg": "HS256" });
    let header = json!({ "alg": "HS256", "typ": "dpop+jwt", "jwk": secret });
    let input = format!(
        "{}.{}",
        base64url::encode(header.to_string().as_bytes()),
        base64url::encode(proof_claims(&token).to_string().as_bytes())
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"secret");
    let tag = aws_lc_rs::hmac::sign(&key, input.as_bytes());
    let symmetric = format!("{input}.{}", base64url::encode(tag.as_ref()));
    Attempt::dpop(&token, &symmetric).ends("proof_invalid");
    Attempt::dpop(&token, &format!("{input}.")).ends("proof_invalid");
}

// Step 6.
#[test]
fn a_proof_is_signed_with_the_key_that_it_carries() {
    let jwk = WORLD.stranger.verifying_key().to_bare_jwk();
    proven_with_header("jwk", jwk).ends("proof_invalid");
    proven_with_header("jwk", json!(null)).ends("proof_invalid");
    for jwk in [json!("x"), json!([]), json!({}), json!({ "kty": "EC", "crv": "P-256" })] {
        proven_with_header("jwk", jwk).ends("proof_invalid");
    }
    // A name for the key instead of the key.
    let token = bound();
    let named = WORLD.sender.sign("dpop+jwt", proof_claims(&token).to_string().as_bytes()).unwrap();
    Attempt::dpop(&token, &named).ends("proof_invalid");
    let good = proof(&WORLD.sender, &proof_claims(&token));
    let other = proof(&WORLD.sender, &proof_claims("other"));
    let (input, _) = good.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    Attempt::dpop(&token, &format!("{input}.{signature}")).ends("proof_invalid");
}

// Step 7.
#[test]
fn a_private_key_in_a_proof_is_refused() {
    let public = WORLD.sender.verifying_key().to_bare_jwk();
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let mut jwk = public.clone();
        jwk[member] = "AAAA".into();
        proven_with_header("jwk", jwk).ends("proof_invalid");
    }
}

#[test]
fn the_keys_own_algorithm_counts() {
    let public = WORLD.sender.verifying_key().to_bare_jwk();
    for (alg, expected) in
        [("ES256", "passed"), ("ES384", "proof_invalid"), ("RS256", "proof_invalid")]
    {
        let mut jwk = public.clone();
        jwk["alg"] = alg.into();
        proven_with_header("jwk", jwk).ends(expected);
    }
    proven_with_header("alg", "ES384".into()).ends("proof_invalid");
    proven_with_header("jwk", WORLD.rs256.verifying_key().to_bare_jwk()).ends("proof_invalid");
}

// Step 8.
#[test]
fn a_proof_is_for_one_method() {
    for (htm, sent, expected) in [
        ("GET", Method::GET, "passed"),
        ("DELETE", Method::DELETE, "passed"),
        ("GET", Method::POST, "proof_invalid"),
        ("POST", Method::GET, "proof_invalid"),
        ("GET", Method::HEAD, "proof_invalid"),
        ("get", Method::GET, "proof_invalid"),
        ("GET ", Method::GET, "proof_invalid"),
        ("*", Method::GET, "proof_invalid"),
    ] {
        Attempt { method: sent, ..proven("htm", htm.into()) }.ends(expected);
    }
}

// Step 9.
#[test]
fn a_proof_is_for_one_uri() {
    for (htu, called, expected) in [
        ("https://api.example.com/orders", "https://api.example.com/orders", "passed"),
        ("HTTPS://API.Example.COM/orders", "https://api.example.com/orders", "passed"),
        ("https://api.example.com/orders", "https://API.example.com/orders", "passed"),
        ("https://api.example.com:443/orders", "https://api.example.com/orders", "passed"),
        ("https://api.example.com/orders", "https://api.example.com:443/orders", "passed"),
        ("https://api.example.com/orders", "https://api.example.com/orders?page=2", "passed"),
        ("https://api.example.com/orders?page=1", "https://api.example.com/orders", "passed"),
        ("https://api.example.com/orders#top", "https://api.example.com/orders", "passed"),
        ("https://api.example.com/%6Frders", "https://api.example.com/orders", "passed"),
        ("https://api.example.com/a%2fb", "https://api.example.com/a%2Fb", "passed"),
        ("https://api.example.com", "https://api.example.com/", "passed"),
        ("https://api.example.com/orders/", "https://api.example.com/orders", "proof_invalid"),
        ("https://api.example.com/orders", "https://api.example.com/orders/", "proof_invalid"),
        ("https://api.example.com/Orders", "https://api.example.com/orders", "proof_invalid"),
        ("https://api.example.com/a%2Fb", "https://api.example.com/a/b", "proof_invalid"),
        ("http://api.example.com/orders", "https://api.example.com/orders", "proof_invalid"),
        ("https://api.example.com/orders", "http://api.example.com/orders", "proof_invalid"),
        ("https://api.example.com:8443/orders", "https://api.example.com/orders", "proof_invalid"),
        ("https://other.example.com/orders", "https://api.example.com/orders", "proof_invalid"),
        ("https://api.example.com.evil.example/", "https://api.example.com/", "proof_invalid"),
        ("https://api.example.com/", "https://api.example.com/orders", "proof_invalid"),
        ("/orders", "https://api.example.com/orders", "proof_invalid"),
        ("https://a@api.example.com/orders", "https://api.example.com/orders", "proof_invalid"),
        // What is no URI matches nothing, not even itself.
        ("https://api.example.com/orders", "", "proof_invalid"),
        ("https://api.example.com/orders", "/orders", "proof_invalid"),
    ] {
        Attempt { uri: called, ..proven("htu", htu.into()) }.ends(expected);
    }
}

// Step 10.
#[test]
fn a_nonce_is_the_servers_and_the_keys_own() {
    let ours = Given("n1", WORLD.sender.kid().to_owned());
    let others = Given("n1", WORLD.stranger.kid().to_owned());
    let cases: [(Value, &dyn Nonces, &str); 6] = [
        (json!("n1"), &ours, "passed"),
        (json!(null), &ours, "nonce_required"),
        (json!("n2"), &ours, "nonce_required"),
        (json!("n1"), &others, "nonce_required"),
        (json!(1), &ours, "proof_invalid"),
        (json!("n1"), &(), "passed"),
    ];
    for (nonce, nonces, expected) in cases {
        Attempt { nonces, ..proven("nonce", nonce) }.ends(expected);
    }
    let refusal = Attempt { nonces: &ours, ..proven("nonce", json!(null)) }.refusal();
    assert_eq!(refusal.status().as_u16(), 401);
    assert_eq!(refusal.error().unwrap().as_str(), "use_dpop_nonce");
}

#[test]
fn a_nonce_is_for_those_alone_who_hold_token_and_key() {
    let ours = Given("n1", WORLD.sender.kid().to_owned());
    let token = bound();
    let strangers = proof(&WORLD.stranger, &proof_claims(&token));
    Attempt { nonces: &ours, ..Attempt::dpop(&token, &strangers) }.ends("binding_mismatch");
    Attempt { nonces: &ours, ..proven("htm", "POST".into()) }.ends("proof_invalid");
    Attempt { nonces: &ours, ..proven("iat", 0.into()) }.ends("proof_invalid");
    Attempt { nonces: &ours, ..proven("ath", json!(null)) }.ends("proof_invalid");
}

// Step 11.
#[test]
fn a_proof_is_fresh() {
    let oldest = NOW - LIFETIME - 10;
    for (iat, expected) in [
        (json!(NOW), "passed"),
        (json!(oldest), "passed"),
        (json!(oldest - 1), "proof_invalid"),
        (json!(NOW + 10), "passed"),
        (json!(NOW + 11), "proof_invalid"),
        (json!(0), "proof_invalid"),
        (json!(1_i64 << 53), "proof_invalid"),
        (json!(1e300), "proof_invalid"),
    ] {
        proven("iat", iat).ends(expected);
    }
}

// Step 12.
#[test]
fn a_proof_is_for_one_token_and_its_key() {
    for ath in [
        json!(null),
        json!(""),
        json!(1),
        json!(token_hash("other")),
        json!(base64url::encode(&[0; 32])),
    ] {
        proven("ath", ath).ends("proof_invalid");
    }
    let token = bound();
    let padded = format!("{}=", token_hash(&token));
    let claims = changed(&token, "ath", padded.into());
    Attempt::dpop(&token, &proof(&WORLD.sender, &claims)).ends("proof_invalid");
    let strangers = proof(&WORLD.stranger, &proof_claims(&token));
    Attempt::dpop(&token, &strangers).ends("binding_mismatch");
}

#[test]
fn the_scheme_says_whether_a_token_is_bound() {
    let token = bound();
    let good = proof(&WORLD.sender, &proof_claims(&token));
    let bearer = |token: &str, proof: &str| {
        Attempt::with_headers(&[("Authorization", &format!("Bearer {token}")), ("DPoP", proof)])
    };
    bearer(&token, &good).ends("proof_missing");
    let unbound = crate::mint::token(&claims());
    let with_proof = proof(&WORLD.sender, &proof_claims(&unbound));
    Attempt::dpop(&unbound, &with_proof).ends("binding_mismatch");
    bearer(&unbound, &with_proof).ends("passed");
    bearer(&unbound, "rubbish").ends("passed");
    let lower = format!("dpop {token}");
    Attempt::with_headers(&[("Authorization", &lower), ("dpop", &good)]).ends("passed");
}

#[test]
fn a_bound_token_is_refused_where_proofs_cannot_be_checked() {
    let token = bound();
    let presented = bailiwick_guard::Presented::from_token(&token).unwrap();
    let issuers = [bailiwick_guard::Trusted { trust: &WORLD.trust, keys: Some(&WORLD.keys) }];
    let keys = bailiwick_guard::Keys { issuers: &issuers, decryption: &[] };
    let addressed = presented
        .authentic(&keys)
        .unwrap()
        .current(&bailiwick_guard::Moment::at(NOW))
        .ok()
        .and_then(|current| current.addressed_to(&WORLD.audience).ok())
        .unwrap();
    let sender = bailiwick_guard::Sender {
        scheme: bailiwick_guard::Scheme::Dpop,
        ..bailiwick_guard::Sender::BEARER
    };
    let refusal = addressed.bound_to(&sender, Binding::AsTheTokenSays, NOW, 10).err().unwrap();
    assert_eq!(refusal.reason().as_str(), "proof_missing");
}

/// What must be used once only, for a request that passes if it is.
fn once(attempt: &Attempt<'_>) -> (String, i64) {
    match attempt.verdict().unwrap() {
        Admission::Once(once) => (once.only().key.clone(), once.only().until),
        Admission::Now(_) => panic!("a proof must be used once only"),
    }
}

#[test]
fn a_replay_has_the_same_name_and_no_other_proof_has() {
    let attempt = proven("jti", "j1".into());
    let (key, until) = once(&attempt);
    assert_eq!(once(&attempt), (key.clone(), until));
    // Good until then, inclusive, and for nothing after it.
    assert_eq!(until, NOW + LIFETIME + 10);
    assert_eq!(once(&proven("iat", (NOW - 5).into())).1, NOW - 5 + LIFETIME + 10);
    assert_ne!(once(&proven("jti", "j2".into())).0, key);
    let token = token(&with("cnf", json!({ "jkt": WORLD.stranger.kid() })));
    let claims = changed(&token, "jti", "j1".into());
    assert_ne!(once(&Attempt::dpop(&token, &proof(&WORLD.stranger, &claims))).0, key);
}

#[test]
fn a_replay_is_told_from_a_memory_that_cannot_be_asked() {
    let once = || match proven("jti", "j1".into()).verdict().unwrap() {
        Admission::Once(once) => once,
        Admission::Now(_) => panic!(),
    };
    assert_eq!(once().is_first().subject().as_str(), "alice");
    let bound_to = once().is_first().confirmation().unwrap().jkt.clone();
    assert_eq!(bound_to.as_deref(), Some(WORLD.sender.kid()));
    let replayed = once().is_replayed();
    assert_eq!((replayed.status().as_u16(), replayed.reason().as_str()), (401, "proof_replayed"));
    assert_eq!(replayed.error().unwrap().as_str(), "invalid_dpop_proof");
    let unknown = once().is_unknown();
    assert_eq!((unknown.status().as_u16(), unknown.reason().as_str()), (503, "replay_unknown"));
}
