//! The syntax of resource identifiers, case by case.

use proptest::prelude::*;

use super::*;

fn verdict(text: &str, expected: Result<&str, MalformedResource>) {
    let parsed = Resource::parse(text);
    assert_eq!(parsed.as_ref().map(Resource::as_str).map_err(|why| *why), expected, "{text:?}");
}

#[test]
fn spellings_of_one_identifier_are_one_value() {
    for text in [
        "https://api.example.com",
        "https://api.example.com/",
        "HTTPS://API.Example.COM",
        "https://api.example.com:443",
        "https://api.example.com:443/",
        "https://api.example.com/.",
        "https://api.example.com/a/..",
        "https://api.example.com/%2e",
    ] {
        verdict(text, Ok("https://api.example.com"));
    }
}

#[test]
fn the_canonical_form_changes_nothing_else() {
    for (text, canonical) in [
        ("https://a/x/", "https://a/x/"),
        ("https://a/x", "https://a/x"),
        ("https://a/x/./y/../z", "https://a/x/z"),
        ("https://a/%7Euser", "https://a/~user"),
        ("https://a/%c3%a9", "https://a/%C3%A9"),
        ("https://a/%23", "https://a/%23"),
        ("https://a/x%2fy", "https://a/x%2Fy"),
        ("https://a//x", "https://a//x"),
        ("https://a/X", "https://a/X"),
        ("https://a/x,y", "https://a/x,y"),
        ("https://a?q=1", "https://a?q=1"),
        ("https://a/?q=1", "https://a?q=1"),
        ("https://a:8443/x", "https://a:8443/x"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:80/x", "http://127.0.0.1/x"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]", "http://[::1]"),
        ("urn:example:orders", "urn:example:orders"),
        ("URN:example:Orders", "urn:example:Orders"),
        ("api://Orders/x", "api://orders/x"),
        ("api:orders", "api:orders"),
        ("api://orders/./x", "api://orders/./x"),
        ("https://a/__proto__", "https://a/__proto__"),
    ] {
        verdict(text, Ok(canonical));
    }
}

//= https://www.rfc-editor.org/rfc/rfc8707#section-2
//= type=test
//# Its value MUST be an absolute URI, as specified by Section 4.3 of [RFC3986].
#[test]
fn what_is_no_absolute_uri_is_refused() {
    use MalformedResource as No;
    for (text, why) in [
        ("", No::Empty),
        ("/orders", No::Relative),
        ("orders", No::Relative),
        ("//api.example.com", No::Relative),
        ("__proto__", No::Relative),
        ("1https://a", No::Relative),
        ("https:", No::Host),
        ("https://", No::Host),
        ("https:///x", No::Host),
        ("https:a", No::Host),
        (" https://a", No::Character),
        ("https://a ", No::Character),
        ("https://a https://b", No::Character),
        ("https://a\n", No::Character),
        ("https://a/\0", No::Character),
        ("https://a/\u{7f}", No::Character),
        ("https://b\u{fc}cher.example", No::Character),
        ("https://a/\"", No::Character),
        ("https://a/\\", No::Character),
        ("https://a/[x]", No::Character),
        ("https://a/%", No::PercentEncoding),
        ("https://a/%4", No::PercentEncoding),
        ("https://a/%zz", No::PercentEncoding),
        ("https://%61/x", No::Host),
        ("https://a:/x", No::Port),
        ("https://a:0443/x", No::Port),
        ("https://a:65536/x", No::Port),
        ("https://a:b/x", No::Port),
        ("https://[::1", No::Host),
        ("https://[zz]", No::Host),
        ("https://[::1]x", No::Host),
        ("urn:", No::Empty),
        ("urn://a", No::Host),
        ("api:", No::Empty),
    ] {
        verdict(text, Err(why));
    }
}

//= https://www.rfc-editor.org/rfc/rfc8707#section-2
//= type=test
//# The URI MUST NOT include a fragment component.
#[test]
fn a_fragment_is_refused() {
    for text in ["https://a/#part", "https://a#", "https://a/x?y#z", "urn:a#b"] {
        verdict(text, Err(MalformedResource::Fragment));
    }
}

#[test]
fn other_schemes_userinfo_and_plain_http_are_refused() {
    for text in
        ["javascript:alert(1)", "data:text/plain,x", "file:///etc/passwd", "blob:x", "ftp://a"]
    {
        verdict(text, Err(MalformedResource::Scheme));
    }
    verdict("https://user@a/x", Err(MalformedResource::Userinfo));
    verdict("https://user:pw@a/x", Err(MalformedResource::Userinfo));
    verdict("http://api.example.com", Err(MalformedResource::PlainHttp));
    verdict("http://127.0.0.1.example.com", Err(MalformedResource::PlainHttp));
    assert!(Resource::parse_with("http://api.example.com", PlainHttp::Anywhere).is_ok());
}

#[test]
fn an_identifier_of_513_octets_is_refused() {
    let text = format!("https://a/{}", "x".repeat(LONGEST - 10));
    assert_eq!(text.len(), LONGEST);
    verdict(&text, Ok(&text));
    verdict(&format!("{text}x"), Err(MalformedResource::TooLong(LONGEST)));
}

#[test]
fn neither_prefix_nor_origin_makes_two_identifiers_one() {
    let parse = |text| Resource::parse(text).unwrap();
    assert_ne!(parse("https://a/x"), parse("https://a/x/"));
    assert_ne!(parse("https://a"), parse("https://a/x"));
    assert_ne!(parse("urn:a"), parse("urn:b"));
    assert_ne!(parse("https://a"), parse("http://127.0.0.1"));
}

proptest! {
    #[test]
    fn canonicalising_twice_changes_nothing(
        text in "(https|HTTP|http|api|urn|Https):(//(localhost|A.b|127.0.0.1|\\[::1\\])(:80|:443|:81)?)?(/|/\\.|/\\.\\.|/%2[eE]|/%7e|/%C3%a9|/x|/%2F){0,6}(\\?[a-z%2F/]{0,5})?"
    ) {
        if let Ok(once) = Resource::parse(&text) {
            let twice = Resource::parse(once.as_str()).unwrap();
            prop_assert_eq!(once.as_str(), twice.as_str());
        }
    }

    #[test]
    fn nothing_makes_the_parser_panic(text in "\\PC*|[ -~]{0,40}|(https://)?[a-z%/.:@#?\\[\\]]{0,30}") {
        if let Ok(resource) = Resource::parse(&text) {
            prop_assert!(!resource.as_str().contains('#'));
            prop_assert!(resource.as_str().len() <= LONGEST);
        }
    }
}
