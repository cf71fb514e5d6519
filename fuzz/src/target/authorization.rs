//! The credentials of a request: one token, in the header alone (RFC 6750 §2.1, RFC 9449 §7.1).

use bailiwick_guard::{Presented, Scheme};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::Outcome;
use crate::oracle::query_names;

/// A query on the first line, and on each further one a header `Authorization`.
pub fn target(data: &[u8]) -> Outcome {
    let mut lines = data.split(|c| *c == b'\n');
    let query = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines.take(100) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(AUTHORIZATION, value);
        }
    }
    let found = Presented::from_request(&headers, Some(query));
    let without_query = Presented::from_headers(&headers).is_ok();
    assert_eq!(found.is_ok(), without_query && !refused_for(query));
    let Ok(presented) = found else { return Outcome::Refused };

    let values: Vec<_> = headers.get_all(AUTHORIZATION).iter().collect();
    let [value] = values[..] else { panic!("{} headers, and one was chosen", values.len()) };
    assert!(!refused_for(query), "a token in the query was overlooked");
    let value = value.to_str().expect("what is not ASCII was taken");
    let token = presented.expose();
    let before = value.strip_suffix(token).expect("the token is not what the header ends with");
    let scheme = match presented.scheme() {
        Scheme::Bearer => "bearer",
        Scheme::Dpop => "dpop",
    };
    let spaces = before.to_ascii_lowercase();
    let spaces = spaces.strip_prefix(scheme).expect("the header is of another scheme");
    assert!(!spaces.is_empty() && spaces.chars().all(|c| c == ' '), "{before:?}");
    let is_clean = |c: u8| c.is_ascii_alphanumeric() || b"-._~+/=".contains(&c);
    assert!(!token.is_empty() && token.bytes().all(is_clean), "{token:?} is no b64token");
    assert!(!format!("{presented:?}").contains(token) || token.len() < 12, "it prints its token");
    Outcome::Accepted
}

fn refused_for(query: &str) -> bool {
    query_names(query).iter().any(|name| name == "access_token")
}
