//! Is a body plain JSON: nothing else is taken for calls (RFC 8259 §8.1).

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use super::has_alias;
use crate::answer::Fault;

/// Refuses what the upstream could read otherwise than the gateway: another type, another
/// character set, something compressed.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Fault> {
    let refused = |why| Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", why));
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (Some(one), None) if is_json(one.as_bytes()) => {}
        _ => return refused("send one JSON-RPC message with 'Content-Type: application/json'"),
    }
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
        || has_alias(headers, &["content-encoding", "content-type"])
    {
        return refused("calls are read here; send them without Content-Encoding");
    }
    Ok(())
}

/// `application/json`, with `charset=utf-8` or without parameters.
fn is_json(value: &[u8]) -> bool {
    let mut parts = value.split(|c| *c == b';').map(<[u8]>::trim_ascii);
    let is_type = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(b"application/json"));
    let is_utf_8 = |parameter: &[u8]| {
        [&b"charset=utf-8"[..], b"charset=\"utf-8\""]
            .iter()
            .any(|known| parameter.eq_ignore_ascii_case(known))
    };
    is_type && parts.next().is_none_or(is_utf_8) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn verdict(sent: &[(&str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, value.parse().unwrap());
        }
        check(&headers).is_ok()
    }

    #[test]
    fn only_plain_json_is_read() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json ;charset=\"UTF-8\"",
        ] {
            assert!(verdict(&[("content-type", good)]), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/json, text/plain",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-7",
            "application/json;",
            "application/x-ndjson",
            "multipart/form-data; boundary=application/json",
        ] {
            assert!(!verdict(&[("content-type", bad)]), "{bad}");
        }
        let json = ("content-type", "application/json");
        assert!(!verdict(&[]));
        assert!(!verdict(&[json, json]));
        assert!(!verdict(&[json, ("content_type", "text/plain")]));
        assert!(verdict(&[json, ("content-encoding", "identity")]));
        assert!(!verdict(&[json, ("content-encoding", "gzip")]));
        assert!(!verdict(&[json, ("content.encoding", "gzip")]));
    }
}
