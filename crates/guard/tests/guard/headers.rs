//! What a token's header may say (RFC 7515 §4, RFC 8725 §3.11).

use bailiwick_guard::Profile;
use bailiwick_guard::profile::TypeRule;
use serde_json::{Value, json};

use crate::mint::*;

fn typed(typ: Value) -> String {
    let mut header = header();
    header["typ"] = typ;
    headed(&header)
}

//= https://www.rfc-editor.org/rfc/rfc9068#section-4
//= type=test
//# The resource server MUST verify that the "typ" header value is
//# "at+jwt" or "application/at+jwt" and reject tokens carrying any other
//# value.
#[test]
fn only_an_access_token_is_an_access_token() {
    for good in ["at+jwt", "application/at+jwt", "AT+JWT", "Application/at+jwt"] {
        verdict(&typed(good.into()), "passed");
    }
    for other in [
        "JWT",
        "jwt",
        "",
        "at",
        "at+jwt ",
        "application/application/at+jwt",
        "text/at+jwt",
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "statuslist+jwt",
        "token-introspection+jwt",
        "oauth-authz-req+jwt",
        "oauth-id-jag+jwt",
        "application/jwt",
        "xat+jwt",
        "at+jwt;a=b",
    ] {
        verdict(&typed(other.into()), "type_mismatch");
    }
    let mut none = header();
    none.as_object_mut().unwrap().remove("typ");
    verdict(&headed(&none), "type_mismatch");
    for mistyped in [json!(null), json!(["at+jwt"]), json!(1)] {
        verdict(&typed(mistyped), "token_malformed");
    }
}

#[test]
fn an_issuer_that_marks_nothing_may_be_trusted_without_taking_other_tokens() {
    let trust = trust(Profile { typ: TypeRule::PlainJwt, ..Profile::rfc9068() });
    let judge = |token: &str, expected| judge(token, &trust, Some(&WORLD.keys), expected);
    let mut none = header();
    none.as_object_mut().unwrap().remove("typ");
    judge(&headed(&none), "passed");
    judge(&typed("JWT".into()), "passed");
    judge(&typed("at+jwt".into()), "passed");
    for other in ["dpop+jwt", "logout+jwt", "secevent+jwt", "statuslist+jwt", "id+jwt"] {
        judge(&typed(other.into()), "type_mismatch");
    }
    for mark in ["nonce", "at_hash", "c_hash", "s_hash", "events"] {
        let claims = with(mark, "x".into());
        judge(&WORLD.es256.sign_json("JWT", &claims).unwrap(), "type_mismatch");
        judge(&WORLD.es256.sign_json("at+jwt", &claims).unwrap(), "passed");
    }
}

#[test]
fn extensions_are_refused() {
    for crit in [
        json!([]),
        json!(["exp"]),
        json!(["b64"]),
        json!(["x", "x"]),
        json!("x"),
        json!(null),
        json!([1]),
        json!(["absent"]),
    ] {
        let mut header = header();
        header["crit"] = crit;
        header["x"] = true.into();
        verdict(&headed(&header), "token_malformed");
    }
    for (member, value) in
        [("b64", json!(false)), ("b64", json!(true)), ("zip", json!("DEF")), ("zip", json!(null))]
    {
        let mut header = header();
        header[member] = value;
        verdict(&headed(&header), "token_malformed");
    }
}

#[test]
fn a_header_has_each_member_once_and_is_an_object() {
    let kid = WORLD.es256.kid();
    for header in [
        format!(r#"{{"alg":"ES256","alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"JWT","ty\u0070":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"x","kid":"{kid}"}}"#),
        format!(r#"{{"alg":["ES256"],"typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":["{kid}"]}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}} "{kid}""#),
        r#"["ES256"]"#.to_owned(),
        String::new(),
    ] {
        verdict(&raw(&WORLD.es256, &header, &claims().to_string()), "token_malformed");
    }
}
