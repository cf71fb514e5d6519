//! Strict JSON and base64url: each value has one spelling, each text one meaning.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use bailiwick_jose::{
    base64url,
    json::{self, Malformed, Object},
};
use proptest::prelude::*;

#[test]
fn what_is_not_strict_json_is_refused() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    for (text, why) in [
        (r#"{"a":1,"a":1}"#, Malformed::Duplicate),
        (r#"{"a":1,"b":2,"a":3}"#, Malformed::Duplicate),
        (r#"{"a":1,"\u0061":2}"#, Malformed::Duplicate),
        (r#"{"x":[{"y":{"a":1,"a":2}}]}"#, Malformed::Duplicate),
        (r#"{"😀":1,"\ud83d\ude00":2}"#, Malformed::Duplicate),
        (r#"{"a":1} {"a":1}"#, Malformed::Trailing),
        (r#"{"a":1}x"#, Malformed::Trailing),
        ("{\"a\":1}\0", Malformed::Trailing),
        (r#"{"a":"\ud800"}"#, Malformed::Syntax),
        (r#"{"a":"\udc00"}"#, Malformed::Syntax),
        (r#"{"a":"\ud800\u0041"}"#, Malformed::Syntax),
        (r#"{"\ud800":1}"#, Malformed::Syntax),
        (r#"{"a":1e400}"#, Malformed::Syntax),
        (r#"{"a":NaN}"#, Malformed::Syntax),
        (r#"{"a":01}"#, Malformed::Syntax),
        (r#"{"a":1,}"#, Malformed::Syntax),
        (r"{'a':1}", Malformed::Syntax),
        ("{\"a\":\"\n\"}", Malformed::Syntax),
        ("\u{feff}{}", Malformed::Syntax),
        ("{", Malformed::Syntax),
        ("", Malformed::Syntax),
        (&deep(json::DEEPEST + 1), Malformed::TooDeep),
        (&deep(10_000), Malformed::TooDeep),
    ] {
        assert_eq!(json::parse(text.as_bytes()), Err(why), "{text}");
        assert!(
            matches!(Object::parse(text.into()), Err(found) if found == why || text.starts_with('['))
        );
    }
    assert_eq!(json::parse(b"\"\xff\""), Err(Malformed::Syntax));
    assert_eq!(json::parse(b"\"\xc0\xaf\""), Err(Malformed::Syntax));
    assert!(json::parse(deep(json::DEEPEST).as_bytes()).is_ok());
}

#[test]
fn what_is_strict_json_is_what_serde_reads() {
    for text in [
        "null",
        "true",
        "-0",
        "18446744073709551616",
        "1e300",
        r#""\ud83d\ude00\u0000""#,
        r#" {"a":[1,-2,3.5,{"a":null}],"A":{"a":""}} "#,
    ] {
        let expected: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(json::parse(text.as_bytes()), Ok(expected), "{text}");
    }
}

#[test]
fn an_object_is_demanded_where_one_is_needed() {
    for text in ["[]", "null", "\"{}\"", "1"] {
        assert_eq!(json::parse_object(text.as_bytes()), Err(Malformed::NotObject), "{text}");
    }
    assert_eq!(json::parse_object(b"{}"), Ok(serde_json::Map::new()));
}

#[test]
fn what_is_wrong_is_said_without_the_text() {
    let why = json::parse(br#"{"secret":1,"secret":2}"#).unwrap_err();
    assert!(!why.to_string().contains("secret"));
}

#[test]
fn only_canonical_base64url_is_decoded() {
    for text in [
        "QQ==", "QQ=", "QR", "QUJ", "Q", "QQ\n", " QQ", "QQ ", "Q Q", "QUJD\r\n", "+-__", "a/bc",
        "QQ.", "QQ\0", "QÄ", "====",
    ] {
        assert_eq!(base64url::decode(text), Err(base64url::Malformed), "{text:?}");
    }
    assert_eq!(base64url::decode(""), Ok(vec![]));
    assert_eq!(base64url::decode("QQ"), Ok(b"A".to_vec()));
    assert_eq!(base64url::decode("-_8"), Ok(vec![0xfb, 0xff]));
    assert_eq!(base64url::encode(&[0xfb, 0xff]), "-_8");
}

/// Both readers of objects agree: what one refuses the other refuses, and for the same reason.
fn agree(text: &[u8]) {
    match (json::parse_object(text), Object::parse(text.to_vec())) {
        (Ok(members), Ok(object)) => {
            for (name, value) in &members {
                assert_eq!(object.value(name).as_ref(), Some(value), "{name}");
                assert_eq!(object.text(name).as_deref(), value.as_str(), "{name}");
                assert_eq!(object.integer(name), value.as_i64(), "{name}");
                assert!(object.contains_key(name));
            }
            assert!(!object.contains_key("absent") && object.get("absent").is_none());
            assert_eq!(object, Object::from(members.clone()));
            assert_eq!(object.tree(), &members);
        }
        (Err(one), Err(other)) => assert_eq!(one, other),
        (one, other) => panic!("{one:?} {other:?} {text:?}"),
    }
}

#[test]
fn an_object_is_read_alike_whatever_octet_stands_where() {
    for octet in 0..=u8::MAX {
        for at in 0..20 {
            let mut text = br#"{"name":"eight octets and more","other":1}"#.to_vec();
            text[9 + at] = octet;
            agree(&text);
        }
    }
}

#[test]
fn names_that_begin_alike_are_told_apart() {
    for text in [
        r#"{"a":1,"a\u0000":2,"":3,"\u0000":4}"#,
        r#"{"client_":1,"client_i":2,"client_id":3,"client_if":4}"#,
        r#"{"client_id":1,"client_i\u0064":2}"#,
        r#"{"client_i\u0064":1,"client_id":2}"#,
        r#"{"cl\u0069ent":1,"client":2}"#,
    ] {
        agree(text.as_bytes());
    }
}

#[test]
fn an_object_is_read_alike_whether_built_or_not() {
    let wide = |last: &str| {
        let members: Vec<_> = (0..100).map(|at| format!("\"n{at}\":{at}")).collect();
        format!("{{{},{last}}}", members.join(","))
    };
    let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    for text in [
        "{}",
        " { } ",
        r#"{"a":"b\u0041\n","c":[1,{"d":"\ud83d\ude00"}],"\u0065":-0.5e-3,"f":true,"g":null}"#,
        r#"{"a":"\u00e9é","":""}"#,
        r#"{"abc":1,"adc":9223372036854775807,"dbc":-9223372036854775808,"abd":9223372036854775808}"#,
        r#"{"abc":1,"adc":2,"abc":3}"#,
        r#"{"\u0061":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        &wide(r#""z":1"#),
        &wide(r#""n7":1"#),
        &wide(r#""\u006e99":1"#),
        &nested(json::DEEPEST),
        &nested(json::DEEPEST + 1),
        r#"{"a":{"b":1,"b":2}}"#,
        r#"{"a":1e308,"b":1e309}"#,
        r#"{"a":1.7976931348623157e308}"#,
        r#"{"a":1.7976931348623158e308}"#,
        r#"{"a":-1.7976931348623159e308}"#,
        r#"{"a":-}"#,
        r#"{"a":1.}"#,
        r#"{"a":.5}"#,
        r#"{"a":+1}"#,
        r#"{"a":0x1}"#,
        r#"{"a":tru}"#,
        r#"{"a" 1}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12g4"}"#,
        r#"{"a":"\ud83d\n"}"#,
        r#"{"a":[1,]}"#,
        r#"{"a":[,1]}"#,
        "{,}",
        r#"{"a"}"#,
        "[1]",
        "",
        "{\"a\":\"\u{7f}\"}",
        "{\"a\":\"\t\"}",
    ] {
        agree(text.as_bytes());
    }
    let digits = "9".repeat(400);
    agree(format!("{{\"a\":{digits}}}").as_bytes());
    agree(b"{\"a\":\"\xff\"}");
}

#[test]
fn a_member_that_is_no_text_is_none() {
    let object = Object::parse(br#"{"a":1,"b":["x"],"c":"x"}"#.to_vec()).unwrap();
    assert_eq!((object.text("a"), object.text("b")), (None, None));
    assert_eq!(object.text("c").as_deref(), Some("x"));
    assert_eq!(format!("{object:?}"), r#"["a", "b", "c"]"#);
}

proptest! {
    #[test]
    fn no_text_divides_the_readers(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ":", ",", "\"a\"", "\"b\"", "\"\\u0061\"", "\"\\ud83d\\ude00\"",
                "\"\\ud83d\"", "1", "-1.5e3", "0", "01", "true", "null", " ", "\"", "\\", "é", "1e999",
            ]),
            0..24,
        ),
    ) {
        agree(pieces.concat().as_bytes());
        agree(format!("{{\"a\":{}}}", pieces.concat()).as_bytes());
        agree(format!("{{\"x\":{{{}}}}}", pieces.concat()).as_bytes());
    }
}
