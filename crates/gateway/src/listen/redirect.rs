//! Plain HTTP where HTTPS is meant: the way there (RFC 9110 §15.4.9).

use http::header::{AUTHORIZATION, CONNECTION, LOCATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};

use crate::answer::{Answer, Fault};
use crate::target::Host;

/// Answers a request that came without TLS.
pub(super) fn answer<B>(request: &Request<B>) -> Response<Answer> {
    let answer = location(request).map(|location| {
        let moved = Fault::new(
            StatusCode::PERMANENT_REDIRECT,
            "https_required",
            "this is served over HTTPS alone",
        );
        let mut answer = moved.answer();
        answer.headers_mut().insert(LOCATION, location);
        answer
    });
    let mut answer = answer.unwrap_or_else(|fault| fault.answer());
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// Where the same is had over HTTPS.
fn location<B>(request: &Request<B>) -> Result<HeaderValue, Fault> {
    let refused = |why: &str| Fault::new(StatusCode::FORBIDDEN, "https_required", why);
    let host = Host::of(request)?;
    // A redirect would hide from the client that its token has just been sent for all to read.
    if request.headers().contains_key(AUTHORIZATION) || request.headers().contains_key("dpop") {
        return Err(refused("a token was sent in the clear; use https, and revoke this one"));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(refused("this is served over HTTPS alone"));
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    HeaderValue::try_from(format!("https://{}{target}", host.name()))
        .map_err(|_| Fault::bad_request("invalid_request", "the target is malformed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(method: &str, target: &str, headers: &[(&str, &str)]) -> (u16, Option<String>) {
        let mut request = Request::builder().method(method).uri(target).header("host", "A.b:80");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = answer(&request.body(()).unwrap());
        let location = answer.headers().get(LOCATION);
        let location = location.map(|location| location.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location)
    }

    #[test]
    fn a_plain_request_is_shown_the_way() {
        let there = Some("https://a.b/c%20d?e=f".to_owned());
        assert_eq!(verdict("GET", "/c%20d?e=f", &[]), (308, there.clone()));
        assert_eq!(verdict("HEAD", "/c%20d?e=f", &[]), (308, there));
        assert_eq!(verdict("GET", "//evil.example/", &[]).1.unwrap(), "https://a.b//evil.example/");
    }

    #[test]
    fn what_must_not_go_on_unseen_is_refused() {
        assert_eq!(verdict("POST", "/", &[]), (403, None));
        assert_eq!(verdict("GET", "/", &[("authorization", "Bearer a")]), (403, None));
        assert_eq!(verdict("GET", "/", &[("dpop", "a")]), (403, None));
        assert_eq!(verdict("GET", "/", &[("host", "b")]), (400, None));
        assert_eq!(verdict("OPTIONS", "*", &[]), (403, None));
    }
}
