//! Every check in its order, with its outcome.

use bailiwick_guard::explain::Path;
use bailiwick_guard::{Check, Outcome, Presented, Step, Stop, Trusted, explain};
use bailiwick_jose::Jwks;
use serde_json::json;

use crate::mint::*;

fn checks(token: &str, keys: Option<&Jwks>) -> Vec<Check> {
    let issuers = [Trusted { trust: &WORLD.trust, keys }];
    let stop = Presented::from_token(token)
        .map_err(Stop::from)
        .and_then(|presented| run(&presented, &issuers))
        .err();
    explain(Path::Verified, stop.as_ref())
}

fn marks(checks: &[Check]) -> String {
    let mark = |outcome: &Outcome| match outcome {
        Outcome::Passed => '.',
        Outcome::Failed { .. } => 'x',
        Outcome::Missing { .. } => '?',
        Outcome::NotReached => '-',
        Outcome::NotApplicable => ' ',
    };
    checks.iter().map(|check| mark(&check.outcome)).collect()
}

/// The outcomes as one line: `.` passed, `x` failed, `?` missing, `-` not reached.
fn line(token: &str, keys: Option<&Jwks>) -> String {
    let checks = checks(token, keys);
    let names: Vec<_> = checks.iter().map(|check| check.name).collect();
    assert_eq!(names, Step::ALL);
    marks(&checks)
}

#[test]
fn a_token_that_is_looked_up_passes_through_other_checks() {
    // Present, introspection, issuer, type, claims, and everything after "genuine".
    assert_eq!(marks(&explain(Path::LookedUp, None)), ". ...   ......");
}

#[test]
fn the_first_fault_is_found_where_it_is() {
    let stranger = WORLD.stranger.sign_json("at+jwt", &claims()).unwrap();
    let other_type = WORLD.es256.sign_json("JWT", &claims()).unwrap();
    let forged = raw(&WORLD.stranger, &header().to_string(), &claims().to_string());
    let hs256 = headed(&json!({ "alg": "HS256", "typ": "at+jwt" }));
    let cases = [
        (token(&claims()), ".. ..........."),
        ("a b".to_owned(), "x- -----------"),
        ("a.b".to_owned(), ".x -----------"),
        (token(&with("iss", "x".into())), ".. x----------"),
        (other_type, ".. .x---------"),
        (hs256, ".. ..x--------"),
        (stranger, ".. ...?-------"),
        (forged, ".. ....x------"),
        (token(&with("jti", serde_json::Value::Null)), ".. .....x-----"),
        (token(&with("exp", 1.into())), ".. ......x----"),
        (token(&with("aud", "x".into())), ".. ........x--"),
        (
            token(&with("cnf", json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }))),
            ".. .........x-",
        ),
        (token(&with("scope", "x".into())), ".. ..........x"),
    ];
    for (token, expected) in cases {
        assert_eq!(line(&token, Some(&WORLD.keys)), expected);
    }
    assert_eq!(line(&token(&claims()), None), ".. ...?-------");
}

#[test]
fn a_check_is_written_with_its_section_and_reason() {
    let checks = checks(&token(&with("exp", (NOW - 30).into())), Some(&WORLD.keys));
    let at = Step::ALL.iter().position(|step| *step == Step::Current).unwrap();
    assert_eq!(
        serde_json::to_value(&checks[at..at + 2]).unwrap(),
        json!([
            {
                "name": "current", "section": "RFC 7519 §4.1.4", "outcome": "failed",
                "reason": "expired", "description": "the token expired 30 s ago",
            },
            { "name": "revocation", "section": "RFC 7009 §2", "outcome": "not_reached" },
        ])
    );
}
