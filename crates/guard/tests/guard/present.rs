//! How a token is sent: once, in the header (RFC 6750 §2).

use bailiwick_guard::Presented;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

/// Judges a request's `Authorization` values and query: the token, or `!` and the reason.
#[track_caller]
fn verdict(values: &[&[u8]], query: Option<&str>, expected: &str) {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
    }
    let found = match Presented::from_request(&headers, query) {
        Ok(presented) => presented.expose().to_owned(),
        Err(refusal) => format!("!{} {}", refusal.status().as_u16(), refusal.reason()),
    };
    assert_eq!(found, expected, "{values:?} {query:?}");
}

//= https://www.rfc-editor.org/rfc/rfc6750#section-2.1
//= type=test
//# credentials = "Bearer" 1*SP b64token
#[test]
fn a_bearer_token_stands_after_its_scheme() {
    for good in ["Bearer a.b-c_d~e+f/g==", "bearer a.b-c_d~e+f/g==", "BEARER   a.b-c_d~e+f/g=="] {
        verdict(&[good.as_bytes()], None, "a.b-c_d~e+f/g==");
        verdict(&[good.as_bytes()], Some("page=1"), "a.b-c_d~e+f/g==");
    }
}

#[test]
fn malformed_credentials_are_a_malformed_request() {
    for bad in [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer\ta",
        "Bearer \ta",
        "Bearer a b",
        "Bearer a,b",
        "Bearer a, Bearer b",
        "Bearer a\t",
        "Bearer =",
        "Bearer a=b",
        "Bearer \"a\"",
        "Bearer:a",
        "Bearer a;b",
        "Bearer a%2eb",
        "Bearer <a>",
    ] {
        verdict(&[bad.as_bytes()], None, "!400 credentials_malformed");
    }
    verdict(&[b"Bearer \xc3\xa9"], None, "!400 credentials_malformed");
}

#[test]
fn another_scheme_is_no_credential_here() {
    for other in ["Basic YTpi", "DPoPs a", "Bearers a", "Negotiate", "Token a"] {
        verdict(&[other.as_bytes()], None, "!401 scheme_unsupported");
    }
    verdict(&[], None, "!401 no_credentials");
    verdict(
        &[],
        Some("token=a&accesstoken=b&ACCESS_TOKEN=c&x=access_token"),
        "!401 no_credentials",
    );
}

//= https://www.rfc-editor.org/rfc/rfc6750#section-2
//= type=test
//# Clients MUST NOT use more than one method to transmit the token in each request.
#[test]
fn two_tokens_in_one_request_are_refused() {
    verdict(&[b"Bearer a", b"Bearer a"], None, "!400 several_credentials");
    verdict(&[b"Basic YTpi", b"Bearer a"], None, "!400 several_credentials");
    verdict(&[b"Bearer a"], Some("access_token=a"), "!400 several_credentials");
    verdict(&[b"Bearer a", b"Bearer b"], Some("access_token=a"), "!400 several_credentials");
}

#[test]
fn a_token_in_the_query_is_refused_however_it_is_encoded() {
    for query in [
        "access_token=a",
        "x=1&access_token=a",
        "access%5Ftoken=a",
        "%61ccess_token",
        "access_token=",
    ] {
        verdict(&[], Some(query), "!400 query_token");
    }
}

#[test]
fn a_token_is_not_shown() {
    let presented = Presented::from_token("secret").unwrap();
    assert_eq!(format!("{presented:?}"), "Presented([redacted])");
}
