//! Claims that the operator's schema declares.

use bailiwick_policy_cedar::{CedarPolicy, Schema};
use serde_json::{Value, json};

use crate::mint::{claiming, judge, with_claims};

/// Judges a token with these claims by one condition.
#[track_caller]
fn verdict(schema: &Schema, condition: &str, claims: Value, expected: &str) {
    let policies = format!("permit (principal, action, resource) when {{ {condition} }};");
    let policy = CedarPolicy::load(&policies, schema).unwrap();
    let shown = claims.to_string();
    assert_eq!(judge(&policy, &claiming(claims)), expected, "{condition} {shown}");
}

const NONE: &str = "no policy permits this";

#[test]
fn a_declared_claim_is_read_with_its_type() {
    let schema = with_claims(
        r#"department: String, level: Long, staff: Bool, groups: Set<String>,
           address: { city: String }, "https://example.com/tier": String,
           network: ipaddr, rate: decimal, hired: datetime, shift: duration"#,
    );
    let claims = || {
        json!({
            "department": "sales", "level": 3, "staff": true, "groups": ["a", "b"],
            "address": { "city": "Bern", "street": "undeclared" },
            "https://example.com/tier": "gold", "network": "10.0.0.0/8", "rate": "1.5",
            "hired": "2020-01-01", "shift": "8h", "undeclared": null,
        })
    };
    let cases = [
        r#"context.claims.department == "sales""#,
        "context.claims.level >= 3",
        "context.claims.staff",
        r#"context.claims.groups.containsAll(["a", "b"])"#,
        r#"context.claims.address.city == "Bern""#,
        r#"context.claims["https://example.com/tier"] == "gold""#,
        r#"ip("10.1.2.3").isInRange(context.claims.network)"#,
        r#"context.claims.rate.lessThan(decimal("2.0"))"#,
        r#"context.claims.hired < datetime("2020-01-02")"#,
        r#"context.claims.shift == duration("480m")"#,
    ];
    for condition in cases {
        verdict(&schema, condition, claims(), "passed");
        verdict(&schema, &format!("!({condition})"), claims(), NONE);
    }
}

#[test]
fn a_required_claim_that_is_missing_denies() {
    let schema = with_claims("department: String, address?: { city: String }");
    let missing = |claim| format!("the policies need the claim '{claim}', which the token lacks");
    let cases = [
        (json!({}), missing("department")),
        (json!({ "department": null }), missing("department")),
        (json!({ "Department": "sales" }), missing("department")),
        (json!({ "department": "a", "address": {} }), missing("/address/city")),
        (json!({ "department": "a", "address": { "city": "b" } }), "passed".to_owned()),
        (json!({ "department": "a" }), "passed".to_owned()),
    ];
    for (claims, expected) in cases {
        verdict(&schema, "true", claims, &expected);
    }
}

#[test]
fn an_optional_claim_may_be_missing_or_null() {
    let schema = with_claims("level?: Long");
    let condition = "context.claims has level && context.claims.level > 2";
    verdict(&schema, condition, json!({ "level": 3 }), "passed");
    verdict(&schema, condition, json!({ "level": null }), NONE);
    verdict(&schema, condition, json!({}), NONE);
    verdict(&schema, "!(context.claims has level)", json!({ "level": null }), "passed");
}

#[test]
fn a_claim_of_another_type_denies_and_its_value_is_not_said() {
    let cases = [
        ("String", json!(7777)),
        ("String", json!(["7777"])),
        ("String", json!({ "__entity": { "type": "Bailiwick::Subject", "id": "7777" } })),
        ("Long", json!("7777")),
        ("Long", json!(7777.5)),
        ("Long", json!(1e300)),
        ("Long", json!(u64::MAX)),
        ("Bool", json!("7777")),
        ("Bool", json!(1)),
        ("Set<String>", json!("7777")),
        ("ipaddr", json!("7777")),
        ("ipaddr", json!({ "__extn": { "fn": "ip", "arg": "127.0.0.1" } })),
        ("decimal", json!("7777")),
        ("decimal", json!(7777)),
        ("datetime", json!("7777")),
        ("duration", json!("7777")),
    ];
    for (declared, value) in cases {
        let schema = with_claims(&format!("x: {declared}"));
        let kind = declared.trim_end_matches("<String>");
        let expected = format!(
            "the token's claim 'x' is no {kind}, as which the policies' schema declares it"
        );
        verdict(&schema, "true", json!({ "x": value }), &expected);
    }
    let schema = with_claims("x: { y: Set<Long> }");
    let expected = "the token's claim '/x/y' is no Long, as which the policies' schema declares it";
    verdict(&schema, "true", json!({ "x": { "y": [1, "7777"] } }), expected);
}

#[test]
fn types_are_found_as_cedar_finds_them() {
    let schema = Schema::extended_by(
        "type City = String;
         namespace Places { type Place = { city: City, floor: __cedar::Long }; }
         namespace Bailiwick {
           type Level = String;
           type Claims = Everything;
           type Everything = { home: Places::Place, level: Level, cities: Set<City> };
         }",
    )
    .unwrap();
    let condition = r#"context.claims.home.city == "Bern" && context.claims.level == "high"
                       && context.claims.cities.contains("Rome") && context.claims.home.floor == 2"#;
    let claims =
        json!({ "home": { "city": "Bern", "floor": 2 }, "level": "high", "cities": ["Rome"] });
    verdict(&schema, condition, claims, "passed");
}
