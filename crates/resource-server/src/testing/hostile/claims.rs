//! What tokens claim: too much, too little, or in another form than was meant (RFC 7519 §4.1, RFC 9068
//! §2.2, §4).

use bailiwick_guard::Reason::{
    AudienceMismatch, ClaimMalformed, ClaimMissing, Expired, InsufficientScope, IssuerMismatch,
    NotYetValid, TokenMalformed,
};
use serde_json::{Value, json};

use super::EVIL;
use super::plan::Plan;

/// Longer than clocks may differ anywhere.
const LONG: i64 = 3600;

pub(super) fn add(plan: &mut Plan<'_>) {
    times(plan);
    issuers(plan);
    names(plan);
    audiences(plan);
    scopes(plan);
    texts(plan);
}

fn times(plan: &mut Plan<'_>) {
    let now = plan.now;
    let later = now + LONG;
    plan.next("a token that never ends, or whose end is not understood");
    plan.claim("exp missing", &[ClaimMissing], "exp", Value::Null);
    let null = plan.claims_and("exp", r#""exp":null"#);
    plan.payload("exp null", &[ClaimMalformed], &null);
    plan.claim("exp a string", &[ClaimMalformed], "exp", later.to_string().into());
    plan.claim("exp a list", &[ClaimMalformed], "exp", json!([later]));
    plan.claim("exp true", &[ClaimMalformed], "exp", true.into());
    plan.claim("exp negative", &[ClaimMalformed], "exp", (-1).into());
    plan.claim("exp 1e300", &[ClaimMalformed], "exp", json!(1e300));
    let huge = plan.claims_and("exp", r#""exp":1e999"#);
    plan.payload("exp 1e999", &[TokenMalformed], &huge);
    plan.claim("exp past", &[Expired], "exp", (now - LONG).into());
    plan.claim("exp zero", &[Expired], "exp", 0.into());
    plan.next("a token is used before its time");
    plan.claim("nbf in the future", &[NotYetValid], "nbf", later.into());
    plan.claim("nbf a string", &[ClaimMalformed], "nbf", "0".into());
    plan.claim("nbf negative", &[ClaimMalformed], "nbf", (-1).into());
    plan.claim("iat in the future", &[NotYetValid], "iat", later.into());
    plan.claim("iat missing", &[ClaimMissing], "iat", Value::Null);
    plan.claim("iat a string", &[ClaimMalformed], "iat", now.to_string().into());
}

fn issuers(plan: &mut Plan<'_>) {
    let issuer = plan.issuer.url().to_owned();
    plan.next("another issuer is taken for the trusted one");
    for (name, value) in [
        ("iss missing", Value::Null),
        ("iss of another", EVIL.into()),
        ("iss a list", json!([issuer])),
        ("iss an object", json!({ "iss": issuer })),
        ("iss with a slash", format!("{issuer}/").into()),
        ("iss with a suffix", format!("{issuer}.evil.example").into()),
        ("iss with a path", format!("{issuer}/tenant").into()),
        ("iss a part", issuer[..issuer.len() - 1].into()),
        ("iss with NUL", format!("{issuer}\0").into()),
        ("iss in upper case", issuer.to_uppercase().into()),
    ] {
        plan.claim(name, &[IssuerMismatch], "iss", value);
    }
}

fn names(plan: &mut Plan<'_>) {
    plan.next("a token without a name that decisions need");
    for name in ["sub", "client_id", "jti"] {
        plan.claim(format!("{name} missing"), &[ClaimMissing], name, Value::Null);
        plan.claim(format!("{name} a number"), &[ClaimMalformed], name, 1.into());
    }
    plan.next("a name that means another one where texts end with NUL");
    plan.claim("sub with NUL", &[ClaimMalformed], "sub", "alice\0mallory".into());
    plan.claim("sub with a line break", &[ClaimMalformed], "sub", "a\r\nX-Auth-Scope: all".into());
}

fn audiences(plan: &mut Plan<'_>) {
    let resource = plan.aim.resource.clone();
    plan.next("a token for another API of the same issuer");
    plan.claim("aud missing", &[ClaimMissing], "aud", Value::Null);
    for (name, value) in [
        ("aud empty", json!("")),
        ("aud an empty list", json!([])),
        ("aud of another", json!(EVIL)),
        ("aud several others", json!([EVIL, "test-client"])),
        ("aud the client", json!("test-client")),
        ("aud the issuer", json!(plan.issuer.url())),
        ("aud a star", json!("*")),
        ("aud a part", json!(resource[..resource.len() - 1])),
        ("aud with a path", json!(format!("{resource}/x"))),
        ("aud with a suffix", json!(format!("{resource}.evil.example"))),
        ("aud as a part of another", json!(format!("{EVIL}/?{resource}"))),
        ("aud two in one text", json!(format!("{EVIL} {resource}"))),
        ("aud JSON in a text", json!(json!([resource]).to_string())),
        ("aud in upper case", json!(resource.to_uppercase())),
    ] {
        plan.claim(name, &[AudienceMismatch], "aud", value);
    }
    plan.claim("aud an object", &[ClaimMalformed], "aud", json!({ resource.as_str(): true }));
    plan.claim("aud with a number", &[ClaimMalformed], "aud", json!([resource, 1]));
    plan.claim("aud a list of lists", &[ClaimMalformed], "aud", json!([[resource]]));
    plan.claim("aud with NUL", &[ClaimMalformed], "aud", format!("{resource}\0").into());
}

fn scopes(plan: &mut Plan<'_>) {
    plan.next("a scope is read out of something else");
    plan.claim("scope an object", &[ClaimMalformed], "scope", json!({ "x": true }));
    plan.claim("scope with a line break", &[ClaimMalformed], "scope", "x\ny".into());
    let scope = plan.aim.scope.clone();
    let Some(one) = scope.split(' ').next().filter(|one| !one.is_empty()) else { return };
    plan.next("a scope that was not given");
    plan.claim("scope missing", &[InsufficientScope], "scope", Value::Null);
    for (name, value) in [
        ("scope empty", String::new()),
        ("scope longer", format!("{one}2")),
        ("scope a part", one[..one.len() - 1].to_owned()),
        ("scope with a comma", format!("{one},x")),
        ("scope as a part", format!("x:{one}")),
        ("scope in another case", swapped(one)),
        ("scope a star", "*".to_owned()),
    ] {
        if value != one {
            plan.claim(name, &[InsufficientScope], "scope", value.into());
        }
    }
}

/// The same letters in the other case.
fn swapped(text: &str) -> String {
    let swap = |c: char| match c {
        c if c.is_ascii_uppercase() => c.to_ascii_lowercase(),
        c => c.to_ascii_uppercase(),
    };
    text.chars().map(swap).collect()
}

fn texts(plan: &mut Plan<'_>) {
    plan.next("two readers of one token read two things");
    let claims = plan.claims().to_string();
    let deep = format!(r#""x":{}{}"#, "[".repeat(5000), "]".repeat(5000));
    for (name, payload) in [
        ("claim twice", plan.claims_and("", r#""sub":"mallory""#)),
        ("claim twice by an escape", plan.claims_and("", r#""\u0073ub":"mallory""#)),
        ("member twice further in", plan.claims_and("", r#""x":{"y":1,"y":2}"#)),
        ("lone surrogate", plan.claims_and("", r#""x":"\ud800""#)),
        ("broken JSON in an unused claim", plan.claims_and("", r#""x":tru"#)),
        ("a number with a leading zero", plan.claims_and("", r#""x":01"#)),
        ("a raw control character", plan.claims_and("", "\"x\":\"\u{1}\"")),
        ("a comment", plan.claims_and("", r#"/**/"x":1"#)),
        ("a comma too many", claims.replacen('}', ",}", 1)),
        ("text after the claims", format!("{claims}{{}}")),
        ("a mark before the claims", format!("\u{feff}{claims}")),
        ("claims an array", format!("[{claims}]")),
        ("claims in a text", json!(claims).to_string()),
        ("claims empty", String::new()),
        ("deep nesting", plan.claims_and("", &deep)),
        ("60 KB of claims", plan.claims_and("", &format!(r#""x":"{}""#, "x".repeat(60_000)))),
    ] {
        plan.payload(name, &[TokenMalformed], &payload);
    }
}
