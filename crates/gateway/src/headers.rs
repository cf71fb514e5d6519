//! Header hygiene: what passes from one side of the gateway to the other (RFC 9110 §7.6).
//!
//! The upstream trusts the identity headers, so only the gateway may write them. Upstreams know
//! headers by other spellings than the wire's: CGI and its descendants (WSGI, Rack, PHP) turn
//! every character that is no letter or digit into `_`. Names are therefore compared folded, and
//! `X_Auth.Subject` is as much refused as `x-auth-subject`.

use std::fmt::Write;
use std::net::IpAddr;

use bailiwick_guard::Permit;
use http::Version;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Scheme;

use crate::client::Client;

/// Who the token speaks of.
pub(crate) const SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
/// Which client the token was issued to.
pub(crate) const CLIENT: HeaderName = HeaderName::from_static("x-auth-client");
/// The scopes of the token.
pub(crate) const SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");

/// The proof that a token's holder has its key (RFC 9449 §4.1).
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");
/// Who asked whom, client first.
pub(crate) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The host that the client asked for.
pub(crate) const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// The scheme that the client used.
pub(crate) const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether the client's credentials are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// They are: the route says `forward_token`.
    Forwarded,
    /// They stay here.
    Withheld,
}

/// Removes from a request's headers everything that a client must not tell the upstream.
///
/// What is set afterwards is out of the reach of `Connection`.
pub(crate) fn cleanse_request(headers: &mut HeaderMap, credentials: Credentials) {
    remove_connection_options(headers);
    let unwanted: Vec<HeaderName> =
        headers.keys().filter(|name| !may_pass(name.as_str(), credentials)).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}

/// Makes one `Cookie` of those that HTTP/2 sends apart: only it has several (RFC 9113 §8.2.3).
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(header::COOKIE).iter();
    let (Some(first), true) = (cookies.next(), cookies.next().is_some()) else { return };
    let rest = headers.get_all(header::COOKIE).iter().skip(1);
    let whole = rest.fold(first.as_bytes().to_vec(), |mut whole, cookie| {
        whole.extend_from_slice(b"; ");
        whole.extend_from_slice(cookie.as_bytes());
        whole
    });
    // Header values with a semicolon between make a header value.
    if let Ok(whole) = HeaderValue::from_maybe_shared(bytes::Bytes::from(whole)) {
        headers.insert(header::COOKIE, whole);
    }
}

/// Finds a header that must not reach an upstream, where it cannot be removed: one that only the
/// gateway writes, one that changes what was asked for, or another spelling of one.
pub(crate) fn deceptive(headers: &HeaderMap) -> Option<&HeaderName> {
    let is_plain = |name: &str| name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    headers.keys().find(|name| {
        let name = name.as_str();
        let is = |names: &[&str]| names.contains(&name);
        is(IDENTITY) || is(OVERRIDES) || !(is_plain(name) || may_pass(name, Credentials::Forwarded))
    })
}

/// Whether a header means nothing yet: neither between here and the upstream, nor as one of ours.
pub(crate) fn is_free(name: &HeaderName) -> bool {
    may_pass(name.as_str(), Credentials::Withheld)
}

/// Removes a header in whatever spelling an upstream might take for it.
pub(crate) fn remove_spellings(headers: &mut HeaderMap, name: &HeaderName) {
    let folded = |c: u8| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { b'-' };
    let is_it = |other: &&HeaderName| {
        other.as_str().bytes().map(folded).eq(name.as_str().bytes().map(folded))
    };
    let spellings: Vec<HeaderName> = headers.keys().filter(is_it).cloned().collect();
    for spelling in spellings {
        headers.remove(spelling);
    }
}

/// Removes from an answer's headers what is for the connection alone (RFC 9110 §7.6.1).
pub(crate) fn cleanse_response(headers: &mut HeaderMap) {
    remove_connection_options(headers);
    for name in HOP_BY_HOP {
        headers.remove(*name);
    }
}

/// What may pass of a message's trailers, in either direction (RFC 9110 §6.5.1); `None` when that
/// is nothing.
pub(crate) fn cleansed_trailers(mut trailers: HeaderMap) -> Option<HeaderMap> {
    cleanse_request(&mut trailers, Credentials::Withheld);
    for name in NEVER_TRAILERS {
        trailers.remove(name);
    }
    (!trailers.is_empty()).then_some(trailers)
}

/// Adds the gateway to those on the way (RFC 9110 §7.6.3); those before it stay.
pub(crate) fn set_via(headers: &mut HeaderMap, received: Version) {
    let via = match received {
        Version::HTTP_10 => "1.0 bailiwick",
        Version::HTTP_2 => "2.0 bailiwick",
        _ => "1.1 bailiwick",
    };
    headers.append(header::VIA, HeaderValue::from_static(via));
}

/// Tells the upstream who asked for what under which name (RFC 7239, and the older headers).
pub(crate) fn set_forwarded(headers: &mut HeaderMap, client: &Client, host: &str) {
    let host = client.host.as_deref().unwrap_or(host);
    let mut addresses = client.address.to_string();
    let of = node(client.address);
    let mut forwarded = format!("for={of};host=\"{host}\";proto={}", client.scheme);
    for proxy in &client.proxies {
        // To write to a text cannot fail.
        let _ = write!(addresses, ", {proxy}");
        let _ = write!(forwarded, ", for={}", node(*proxy));
    }
    let values = [
        (FORWARDED_FOR, addresses),
        (FORWARDED_HOST, host.to_owned()),
        (header::FORWARDED, forwarded),
    ];
    for (name, value) in values {
        // A host holds no character that a header could not: it was parsed.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    let is_tls = client.scheme == Scheme::HTTPS;
    let scheme = if is_tls { "https" } else { "http" };
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
}

/// A node (RFC 7239 §6).
fn node(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    }
}

/// Tells the upstream whom the verified token speaks of, which client holds it, and its scopes.
pub(crate) fn set_identity(headers: &mut HeaderMap, permit: &Permit) {
    // Subjects, client identifiers and scopes are printable ASCII: they all are header values.
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(SUBJECT, permit.subject().as_str());
    if let Some(client) = permit.client_id() {
        set(CLIENT, client.as_str());
    }
    set(SCOPE, &permit.scopes().to_string());
}

fn remove_connection_options(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONNECTION) {
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|c| *c == b','))
        .filter_map(|option| HeaderName::from_bytes(option.trim_ascii()).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

fn may_pass(name: &str, credentials: Credentials) -> bool {
    let mut folded = [0_u8; LONGEST];
    let length = name.len().min(LONGEST);
    for (to, from) in folded.iter_mut().zip(name.as_bytes()) {
        *to = if from.is_ascii_alphanumeric() { from.to_ascii_lowercase() } else { b'-' };
    }
    let folded = &folded[..length];
    let is = |names: &[&str]| names.iter().any(|name| name.as_bytes() == folded);
    let begins = |start: &&str| folded.starts_with(start.as_bytes());
    if is(&["authorization", "dpop"]) {
        return credentials == Credentials::Forwarded && name.as_bytes() == folded;
    }
    if is(FRAMING) {
        return name.as_bytes() == folded;
    }
    let is_a_proxys = is(FROM_PROXIES) || FROM_PROXIES_BEGIN.iter().any(begins);
    !(is(HOP_BY_HOP) || is(IDENTITY) || is(OURS) || is(OVERRIDES) || is_a_proxys)
}

/// Longer names are compared by their beginning alone; no name below is as long.
const LONGEST: usize = 40;

/// Headers for one connection (RFC 9110 §7.6.1); trailers are dealt with where bodies are.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Headers that the gateway alone writes.
const IDENTITY: &[&str] = &["x-auth-subject", "x-auth-client", "x-auth-scope"];

/// `Forwarded`, which the gateway writes too, and `Expect`, which it has answered itself.
const OURS: &[&str] = &["forwarded", "expect"];

/// Headers that a proxy would write and whose word changes what the upstream does.
const FROM_PROXIES: &[&str] = &[
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "x-host",
    // The certificate of a client (RFC 9440 §2).
    "client-cert",
    "client-cert-chain",
    // CGI makes `HTTP_PROXY` of it, which upstreams take for the proxy of their own requests.
    "proxy",
];

/// Headers in which a request asks for something else than it seems to.
const OVERRIDES: &[&str] = &[
    "x-http-host-override",
    "x-rewrite-url",
    "x-original-url",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "client-cert",
    "client-cert-chain",
];

/// Beginnings of such headers.
const FROM_PROXIES_BEGIN: &[&str] = &["x-forwarded", "x-original-", "x-ssl-client-"];

/// Headers whose second spelling would be another message to the upstream.
const FRAMING: &[&str] = &["host", "content-length", "content-type", "cookie"];

/// Headers that mean something else, or too much, when they come after the body.
const NEVER_TRAILERS: [HeaderName; 10] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::COOKIE,
    header::SET_COOKIE,
    header::TRAILER,
    header::LOCATION,
    header::CACHE_CONTROL,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn cleansed(sent: &[(&str, &str)], credentials: Credentials) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        cleanse_request(&mut headers, credentials);
        headers.keys().map(|name| name.as_str().to_owned()).collect()
    }

    #[test]
    fn identity_headers_are_removed_in_every_spelling() {
        for name in [
            "X-Auth-Subject",
            "x_auth_subject",
            "X-Auth_Client",
            "X.Auth.Scope",
            "x~auth~scope",
            "X!AUTH!SUBJECT",
            "X-Forwarded-For",
            "x_forwarded_user",
            "X-Original-URL",
            "x_original_uri",
            "X_HTTP_Method_Override",
            "Forwarded",
            "X-Real-IP",
            "Client-Cert",
            "client_cert_chain",
            "X-SSL-Client-S-DN",
            "Proxy",
            "transfer_encoding",
            "content_length",
            "Proxy_Authorization",
            "Expect",
        ] {
            assert!(cleansed(&[(name, "x")], Credentials::Forwarded).is_empty(), "{name}");
        }
        let kept = ["accept", "content-length", "x-auth-subjects", "x-request-id", "cookie"];
        for name in kept {
            assert_eq!(cleansed(&[(name, "1")], Credentials::Withheld), [name]);
        }
    }

    #[test]
    fn what_cannot_be_removed_is_found() {
        let found = |name: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
            deceptive(&headers).is_some()
        };
        for name in [
            "x-auth-subject",
            "x_auth_client",
            "x-auth.scope",
            "x-http-method-override",
            "x_http_method_override",
            "x-original-url",
            "x-rewrite-url",
            "content_length",
            "x_forwarded_for",
        ] {
            assert!(found(name), "{name}");
        }
        for name in ["authorization", "dpop", "x-forwarded-for", "connection", "x_dpop", "cookie"] {
            assert!(!found(name), "{name}");
        }
    }

    #[test]
    fn credentials_pass_only_where_the_route_says_so_and_never_by_another_name() {
        let sent = [("Authorization", "Bearer a"), ("DPoP", "b"), ("x_dpop", "d")];
        assert_eq!(cleansed(&sent, Credentials::Withheld), ["x_dpop"]);
        let mut kept = cleansed(&sent, Credentials::Forwarded);
        kept.sort();
        assert_eq!(kept, ["authorization", "dpop", "x_dpop"]);
        assert!(cleansed(&[("d.pop", "b")], Credentials::Withheld).len() == 1);
    }

    //= https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
    //= type=test
    //# Intermediaries MUST parse a received Connection header field before a
    //# message is forwarded and, for each connection-option in this field,
    //# remove any header or trailer field(s) from the message with the same
    //# name as the connection-option, and then remove the Connection header
    //# field itself (or replace it with the intermediary's own control
    //# options for the forwarded message).
    #[test]
    fn what_connection_names_is_removed() {
        let sent = [
            ("Connection", "close, X-Secret ,x-auth-subject"),
            ("connection", "X-More,, "),
            ("X-Secret", "1"),
            ("X-More", "2"),
            ("TE", "trailers"),
            ("Keep-Alive", "timeout=5"),
            ("Accept", "*/*"),
        ];
        assert_eq!(cleansed(&sent, Credentials::Withheld), ["accept"]);
    }

    #[test]
    fn trailers_are_cleansed_as_headers_are() {
        let mut trailers = HeaderMap::new();
        let names =
            ["x_auth_subject", "authorization", "content-length", "set-cookie", "te", "x-a"];
        for name in names {
            trailers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        let kept = cleansed_trailers(trailers).unwrap();
        assert_eq!(kept.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-a"]);
        assert_eq!(cleansed_trailers(HeaderMap::new()), None);
    }

    #[test]
    fn the_upstream_learns_who_asked() {
        let mut headers = HeaderMap::new();
        let mut client = Client {
            address: "2001:db8::1".parse().unwrap(),
            scheme: Scheme::HTTP,
            host: None,
            proxies: Vec::new(),
        };
        set_forwarded(&mut headers, &client, "api.example:8080");
        assert_eq!(headers["x-forwarded-for"], "2001:db8::1");
        assert_eq!(headers["x-forwarded-host"], "api.example:8080");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(
            headers["forwarded"],
            "for=\"[2001:db8::1]\";host=\"api.example:8080\";proto=http"
        );
        client.address = "192.0.2.1".parse().unwrap();
        client.scheme = Scheme::HTTPS;
        client.host = Some("a:8443".to_owned());
        client.proxies = vec!["10.0.0.2".parse().unwrap(), "::1".parse().unwrap()];
        set_forwarded(&mut headers, &client, "inner");
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1, 10.0.0.2, ::1");
        assert_eq!(headers["x-forwarded-host"], "a:8443");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(
            headers["forwarded"],
            "for=192.0.2.1;host=\"a:8443\";proto=https, for=10.0.0.2, for=\"[::1]\""
        );
    }
}
