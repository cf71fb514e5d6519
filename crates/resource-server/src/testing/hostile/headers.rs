//! What tokens say about themselves: extensions, and that they are something else (RFC 7515 §4.1.11,
//! RFC 8725 §3.11).

use bailiwick_guard::Reason::{TokenMalformed, TypeMismatch};
use serde_json::{Value, json};

use super::NO_JWT;
use super::plan::{Plan, set};
use crate::testing::forge;

pub(super) fn add(plan: &mut Plan<'_>) {
    extensions(plan);
    types(plan);
    texts(plan);
}

fn extensions(plan: &mut Plan<'_>) {
    plan.next("an extension that must be understood is ignored");
    for (name, crit) in [
        ("crit empty", json!([])),
        ("crit unknown", json!(["x"])),
        ("crit naming the same twice", json!(["x", "x"])),
        ("crit a string", json!("x")),
        ("crit null", json!(null)),
        ("crit of a number", json!([1])),
        ("crit naming what is absent", json!(["y"])),
        ("crit naming what needs no naming", json!(["alg"])),
        ("crit b64", json!(["b64"])),
    ] {
        let mut header = set(plan.header(), "x", true.into());
        header["crit"] = crit;
        let token = plan.headed(&header);
        plan.bearer(name, &[TokenMalformed], &token);
    }
    plan.next("what was signed is not what is read");
    plan.member("b64 false", &[TokenMalformed], "b64", false.into());
    plan.member("zip", &[TokenMalformed], "zip", "DEF".into());
}

fn types(plan: &mut Plan<'_>) {
    plan.next("another kind of JWT of the same issuer is taken for an access token");
    for typ in [
        "JWT",
        "id+jwt",
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "statuslist+jwt",
        "token-introspection+jwt",
        "oauth-authz-req+jwt",
        "client-authentication+jwt",
        "entity-statement+jwt",
        "xat+jwt",
        "",
    ] {
        plan.member(format!("typ {typ:?}"), &[TypeMismatch], "typ", typ.into());
    }
    plan.member("typ missing", &[TypeMismatch], "typ", Value::Null);
    plan.member("typ a list", &[TokenMalformed], "typ", json!(["at+jwt"]));
    for (name, claim, value) in [
        ("an ID token", "nonce", json!("n")),
        ("an ID token of the hybrid flow", "at_hash", json!("h")),
        (
            "a logout token",
            "events",
            json!({ "http://schemas.openid.net/event/backchannel-logout": {} }),
        ),
    ] {
        let header = set(plan.header(), "typ", "JWT".into()).to_string();
        let claims = set(plan.claims(), claim, value).to_string();
        let token = forge::token(&plan.key, &header, &claims);
        plan.bearer(name, &[TypeMismatch], &token);
    }
}

fn texts(plan: &mut Plan<'_>) {
    plan.next("two readers of one header read two things");
    let header = plan.header().to_string();
    let and = |member: &str| format!("{},{member}}}", header.trim_end_matches('}'));
    // Some do not look like a JWT any more.
    for (name, header) in [
        ("header member twice", and(r#""typ":"JWT""#)),
        ("header member twice by an escape", and(r#""t\u0079p":"JWT""#)),
        ("alg twice", and(r#""alg":"none""#)),
        ("kid twice", and(r#""kid":"x""#)),
        ("text after the header", format!("{header} {{}}")),
        ("header an array", format!("[{header}]")),
        ("header not JSON", header.replace('"', "'")),
        ("header empty", String::new()),
    ] {
        let token = forge::token(&plan.key, &header, &plan.claims().to_string());
        plan.bearer(name, NO_JWT, &token);
    }
}
