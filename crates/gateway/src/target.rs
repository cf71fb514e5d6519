//! What a request is for: its host and its path, each with one reading (RFC 9112 §3.2, §3.3).

use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{Request, Version};

use crate::answer::Fault;
use crate::path::Path;

/// The host that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host(Authority);

impl Host {
    /// Reads the host of a request: one `Host` header, or what HTTP/2 has in its place, and where
    /// there are both (absolute form, HTTP/2) they must be the same.
    pub(crate) fn of<B>(request: &Request<B>) -> Result<Self, Fault> {
        let refused = |why| Err(Fault::bad_request("ambiguous_host", why));
        let mut headers = request.headers().get_all(HOST).iter();
        let (header, authority) = (headers.next(), request.uri().authority());
        if headers.next().is_some() {
            return refused("the request has two Host headers");
        }
        if header.is_none() && request.version() < Version::HTTP_2 {
            return refused("the request has no Host header");
        }
        let header = match header.map(|value| Authority::try_from(value.as_bytes())) {
            Some(Ok(host)) => Some(host),
            Some(Err(_)) => return refused("the Host header is malformed"),
            None => None,
        };
        match (header, authority) {
            (Some(header), Some(authority)) if header != *authority => {
                refused("the Host header and the request's target name two hosts")
            }
            (Some(host), _) if is_plain(&host) => Ok(Self(host)),
            (None, Some(host)) if is_plain(host) => Ok(Self(host.clone())),
            (None, None) => refused("the request names no host"),
            _ => refused("the host is malformed"),
        }
    }

    /// Host and port, as the client wrote them.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name alone, lower-case.
    pub(crate) fn name(&self) -> String {
        self.0.host().to_ascii_lowercase()
    }
}

/// The host and the path of a request, each with one reading.
pub(crate) fn checked<B>(request: &Request<B>) -> Result<(Host, Path<'_>), Fault> {
    let host = Host::of(request)?;
    let path = Path::parse(request.uri().path())
        .map_err(|why| Fault::bad_request("ambiguous_path", why.to_string()))?;
    Ok((host, path))
}

/// The target to forward: a checked path with the query that was received.
pub(crate) fn onward(path: Path<'_>, query: Option<&str>) -> Result<PathAndQuery, Fault> {
    let target = match query {
        Some(query) => PathAndQuery::try_from(format!("{}?{query}", path.as_str())),
        None => PathAndQuery::try_from(path.as_str()),
    };
    target.map_err(|_| Fault::bad_request("invalid_request", "the target cannot be forwarded"))
}

/// Whether nothing but a host and a port stands there.
pub(crate) fn is_plain(authority: &Authority) -> bool {
    let (text, host) = (authority.as_str(), authority.host());
    let well_formed = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(literal) => literal.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && !host.ends_with('.')
                && host.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._".contains(&c))
        }
    };
    let port = text.strip_prefix(host);
    let has_good_port = port.is_some_and(|port| {
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
    });
    well_formed && has_good_port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(version: Version, target: &str, hosts: &[&str]) -> Result<String, String> {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let request = request.body(()).unwrap();
        Host::of(&request).map(|host| host.name()).map_err(|fault| fault.description)
    }

    //= https://www.rfc-editor.org/rfc/rfc9112#section-3.2
    //= type=test
    //# A server MUST respond with a 400 (Bad Request) status code to any
    //# HTTP/1.1 request message that lacks a Host header field and to any
    //# request message that contains more than one Host header field line or
    //# a Host header field with an invalid field value.
    #[test]
    fn a_request_names_exactly_one_host() {
        let (h1, h2) = (Version::HTTP_11, Version::HTTP_2);
        for (version, target, hosts) in [
            (h1, "/", vec!["API.example:8080"]),
            (h1, "http://api.example:8080/", vec!["api.example:8080"]),
            (h2, "http://api.example/", vec![]),
            (h2, "http://api.example/", vec!["api.example"]),
        ] {
            assert_eq!(verdict(version, target, &hosts), Ok("api.example".to_owned()), "{target}");
        }
        for (version, target, hosts) in [
            (h1, "/", vec![]),
            (Version::HTTP_10, "/", vec![]),
            (h1, "/", vec!["a", "a"]),
            (h1, "/", vec!["a", "b"]),
            (h1, "http://b/", vec!["a"]),
            (h1, "http://a/", vec![]),
            (h2, "http://b/", vec!["a"]),
            (h2, "/", vec![]),
            (h1, "/", vec![""]),
            (h1, "/", vec!["user@a"]),
            (h1, "/", vec!["a."]),
            (h1, "/", vec!["a:b"]),
            (h1, "/", vec!["a:"]),
            (h1, "/", vec!["a:99999"]),
            (h1, "/", vec!["a/b"]),
            (h1, "/", vec!["a b"]),
            (h1, "/", vec!["a,b"]),
            (h1, "/", vec!["%61"]),
            (h1, "/", vec!["[::1"]),
        ] {
            assert!(verdict(version, target, &hosts).is_err(), "{target} {hosts:?}");
        }
    }

    #[test]
    fn the_target_is_forwarded_as_it_was_received() {
        let onward = |path, query| onward(Path::parse(path).unwrap(), query).unwrap().to_string();
        assert_eq!(onward("/a%C3%A9/", Some("x=%2e%2e//&y")), "/a%C3%A9/?x=%2e%2e//&y");
        assert_eq!(onward("/a", Some("")), "/a?");
        assert_eq!(onward("/a", None), "/a");
    }
}
