//! The second opinion: what the rules say, read again with serde_json, slowly and independently.

use bailiwick_guard::Permit;
use bailiwick_oauth::form;
use serde_json::{Map, Value};

use crate::world::{ISSUER, NOW, RESOURCE, SCOPE};

/// How far clocks may differ (`guard`'s default), in seconds.
const SKEW: i64 = 10;

/// An object as serde_json reads it, which takes the last of two members of one name.
pub(crate) fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(bytes).ok()
}

/// How many members all objects of a JSON text have, duplicates counted: its colons outside strings.
pub(crate) fn written_members(json: &[u8]) -> usize {
    outside_strings(json).filter(|c| *c == b':').count()
}

/// How many members all objects of a value have.
pub(crate) fn members(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        Value::Array(items) => items.iter().map(members).sum(),
        _ => 0,
    }
}

/// How deep the objects and arrays of a JSON text are nested.
pub(crate) fn depth(json: &[u8]) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    for c in outside_strings(json) {
        match c {
            b'{' | b'[' => now += 1,
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(now);
    }
    deepest
}

fn outside_strings(json: &[u8]) -> impl Iterator<Item = u8> {
    let (mut inside, mut escaped) = (false, false);
    json.iter().copied().filter(move |c| {
        let was_inside = inside;
        match c {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            _ => {}
        }
        !was_inside && !inside
    })
}

/// What is wrong with claims that were let in; `None` when nothing is.
///
/// It may be more lenient than `guard`, never stricter: whatever it complains of is a hole.
pub(crate) fn complaint(claims: &Map<String, Value>) -> Option<&'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let number = |name: &str| claims.get(name).map(|at| at.as_f64().unwrap_or(f64::NAN).floor());
    #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
    let (earliest, latest) = ((NOW - SKEW) as f64, (NOW + SKEW) as f64);
    let for_us = match claims.get("aud") {
        Some(Value::String(aud)) => aud == RESOURCE,
        Some(Value::Array(all)) => all.iter().any(|aud| aud == RESOURCE),
        _ => false,
    };
    let rules = [
        (for_us, "it is for somebody else"),
        (number("exp").is_some_and(|exp| exp > earliest), "it has expired, or never does"),
        (number("nbf").is_none_or(|nbf| nbf <= latest), "it is not valid yet"),
        (number("iat").is_none_or(|iat| iat <= latest), "it is from the future"),
        (text("scope").is_some_and(|s| s.split(' ').any(|s| s == SCOPE)), "its scope is another"),
        (!claims.contains_key("cnf"), "it is bound, and nothing was shown"),
        (
            claims.get("status").is_none_or(|status| status.get("status_list").is_none()),
            "nobody knows whether it was revoked",
        ),
    ];
    rules.into_iter().find_map(|(holds, complaint)| (!holds).then_some(complaint))
}

/// The same for a JWT, which must have more claims (RFC 9068 §2.2).
pub(crate) fn complaint_of_jwt(claims: &Map<String, Value>) -> Option<&'static str> {
    let is_text = |name: &&str| claims.get(*name).is_some_and(Value::is_string);
    if claims.get("iss").is_none_or(|iss| iss != ISSUER) {
        return Some("it is from somebody else");
    }
    if !["sub", "client_id", "jti"].iter().all(is_text) || !claims.contains_key("iat") {
        return Some("it lacks a claim");
    }
    complaint(claims)
}

/// What is wrong with the header of a token that was let in (RFC 8725 §3).
pub(crate) fn complaint_of_header(header: &Map<String, Value>, typ: &str) -> Option<&'static str> {
    let stated = header.get("typ").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    if stated.strip_prefix("application/").unwrap_or(&stated) != typ {
        return Some("it is of another type");
    }
    if ["crit", "zip", "b64"].iter().any(|name| header.contains_key(*name)) {
        return Some("it has an extension");
    }
    let alg = header.get("alg").and_then(Value::as_str);
    (!matches!(alg, Some("EdDSA" | "Ed25519"))).then_some("its algorithm is another")
}

/// Panics when a permit says other than the claims that it was given for.
pub(crate) fn permit_says(permit: &Permit, claims: &Map<String, Value>) {
    let said = permit.token().claims.tree();
    let (said, written) = (said.clone().into(), claims.clone().into());
    assert!(same(&said, &written), "the permit has other claims: {said} and {written}");
    assert_eq!(permit.resource().as_str(), RESOURCE);
    assert_eq!(permit.issuer().as_str(), ISSUER);
    if let Some(sub) = claims.get("sub") {
        assert_eq!(permit.subject().as_str(), sub, "the permit is of another subject");
    }
    assert_eq!(permit.client_id().map(|id| id.as_str().into()), claims.get("client_id").cloned());
    assert!(permit.confirmation().is_none());
    let scopes = permit.scopes();
    let said = claims.get("scope").and_then(Value::as_str).unwrap_or_default();
    assert!(scopes.iter().all(|one| said.split(' ').any(|name| name == one.as_str())));
    assert!(!format!("{permit:?}").contains(said), "a permit prints its token's claims");
}

/// The names of a query's parameters, by the reader of another project.
pub(crate) fn query_names(query: &str) -> Vec<String> {
    form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

/// Whether two values are one, but for the last digit of a fraction: without `float_roundtrip`,
/// serde_json may read another one than it wrote.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|o| same(value, o)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Number(one), Value::Number(other)) if one != other => {
            let (one, other) = (one.as_f64().unwrap_or(0.0), other.as_f64().unwrap_or(1.0));
            (one - other).abs() <= one.abs() * 1e-14
        }
        _ => one == other,
    }
}

/// Whether every name that another reader finds is found by ours too.
pub(crate) fn same_names(query: &str, form: &form::Form) -> bool {
    query_names(query).iter().all(|name| form.names(name))
}
