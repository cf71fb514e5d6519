//! The normal form of a request's URI, in which `htu` is compared (RFC 9449 §4.3).

use percent_encoding::{AsciiSet, utf8_percent_encode};

use crate::uri;

/// The longest URI that is taken, in octets.
const LONGEST: usize = 8 * 1024;

/// Printable characters that a URI cannot hold, but that browsers leave in paths.
const UNWISE: &AsciiSet = &AsciiSet::EMPTY
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Brings the URI of a request into its normal form (RFC 9449 §4.3, RFC 3986 §6.2.2–6.2.3).
///
/// Scheme and host in lower case, no default port, no dot segments, percent-encoding only where it
/// is needed; query and fragment are dropped. `None` for what is no `http` or `https` URI, has
/// userinfo, or holds characters that cannot stand in a request's target.
///
/// ```
/// use bailiwick_oauth::dpop::normalise;
///
/// let spelled = normalise("HTTPS://API.example:443/a/../%7euser?page=2");
/// assert_eq!(spelled.as_deref(), Some("https://api.example/~user"));
/// ```
pub fn normalise(uri: &str) -> Option<String> {
    let target = uri.split(['?', '#']).next()?;
    let (scheme, rest) = target.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // Both spellings of such a path are one, as they are for a browser.
    let target = format!("{scheme}://{authority}{}", utf8_percent_encode(path, UNWISE));
    let parts = uri::split(&target, LONGEST).ok()?;
    let scheme = parts.scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    // RFC 3986 §6.2.3: an empty port is the default one.
    let authority = parts.authority.map(|text| text.strip_suffix(':').unwrap_or(text))?;
    let (host, port) = uri::authority(authority).ok()?;
    let host = host.to_ascii_lowercase();
    let port = match port {
        Some(port) if port != default_port => format!(":{port}"),
        _ => String::new(),
    };
    // Decoded first: `%2e%2e` is a dot segment too.
    let path = uri::remove_dot_segments(&uri::normalize_encoding(parts.path));
    let path = if path.is_empty() { "/" } else { &path };
    Some(format!("{scheme}://{host}{port}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    //= https://www.rfc-editor.org/rfc/rfc9449#section-4.3
    //= type=test
    //# To reduce the likelihood of false negatives, servers SHOULD employ
    //# syntax-based normalization (Section 6.2.2 of [RFC3986]) and scheme-based
    //# normalization (Section 6.2.3 of [RFC3986]) before comparing the htu
    //# claim.
    #[test]
    fn spellings_of_one_uri_are_one() {
        let cases = [
            ("https://a.example", "https://a.example/"),
            ("https://a.example/", "https://a.example/"),
            ("HTTPS://A.Example/Path", "https://a.example/Path"),
            ("https://a.example:443/x", "https://a.example/x"),
            ("https://a.example:/x", "https://a.example/x"),
            ("http://a.example:80/x", "http://a.example/x"),
            ("https://a.example:80/x", "https://a.example:80/x"),
            ("http://a.example:443/x", "http://a.example:443/x"),
            ("https://a.example:8443", "https://a.example:8443/"),
            ("https://a.example/x?y=[1]|2", "https://a.example/x"),
            ("https://a.example/x#y?z", "https://a.example/x"),
            ("https://a.example?x", "https://a.example/"),
            ("https://a.example/%7euser%2fx", "https://a.example/~user%2Fx"),
            ("https://a.example/a/./b/../c", "https://a.example/a/c"),
            ("https://a.example/a/%2E%2e/c", "https://a.example/c"),
            ("https://a.example/..", "https://a.example/"),
            ("https://a.example/a//b/", "https://a.example/a//b/"),
            ("https://a.example/a|b[0]", "https://a.example/a%7Cb%5B0%5D"),
            ("https://a.example/a%7cb%5b0%5d", "https://a.example/a%7Cb%5B0%5D"),
            ("https://a.example/é", "https://a.example/%C3%A9"),
            ("http://[::1]:8080/x", "http://[::1]:8080/x"),
            ("http://127.0.0.1/x", "http://127.0.0.1/x"),
        ];
        for (uri, expected) in cases {
            assert_eq!(normalise(uri).as_deref(), Some(expected), "{uri}");
        }
    }

    #[test]
    fn what_is_no_request_uri_has_no_normal_form() {
        let long = format!("https://a.example/{}", "a".repeat(LONGEST));
        let cases = [
            "",
            "/x",
            "//a.example/x",
            "https:",
            "https://",
            "https:///x",
            "https:/x",
            "https:a.example",
            "ftp://a.example/",
            "urn:a:b",
            "https://user@a.example/",
            "https://user:secret@a.example/",
            "https://a.example:0443/",
            "https://a.example:99999/",
            "https://a.example:x/",
            "https://a.example::/",
            "https://a%2eexample/",
            "https://a|b.example/",
            "https://[::1/",
            "https://a.example/a b",
            "https://a.example/a\tb",
            "https://a.example/a\nb",
            "https://a.example/a\0b",
            "https://a.example/a\\b",
            "https://é.example/",
            "https://a.example/%",
            "https://a.example/%2",
            "https://a.example/%zz",
            " https://a.example/",
            &long,
        ];
        for uri in cases {
            assert_eq!(normalise(uri), None, "{uri:?}");
        }
    }

    proptest! {
        #[test]
        fn the_normal_form_of_a_normal_form_is_itself(path in "[ -~]{0,40}", any in any::<String>()) {
            for uri in [format!("https://a.example/{path}"), any] {
                if let Some(normal) = normalise(&uri) {
                    prop_assert_eq!(normalise(&normal), Some(normal));
                }
            }
        }
    }
}
