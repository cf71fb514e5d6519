//! Who asks, when some who ask are proxies that speak for others (RFC 7239 §7.4, §8.1).
//!
//! A proxy tells who asked it by adding to a list. Anybody can begin such a list, so it is read
//! from its end: each entry counts as long as the one who wrote it is believed. The first who is
//! not is the client, and what stands before it is nobody's word.

mod forwarded;

use std::net::{IpAddr, SocketAddr};

use bailiwick_resource_server::{ClientCertificate, PeerAddress};
use http::Extensions;
use http::header::HeaderMap;
use http::uri::Scheme;

use crate::config::{Proxies, Telling};
use forwarded::Said;

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Its address, or the one that the PROXY protocol told.
    pub(crate) address: IpAddr,
    /// `https` when the connection is TLS.
    pub(crate) scheme: Scheme,
    /// The certificate that it showed.
    pub(crate) certificate: Option<ClientCertificate>,
    /// Whether it is a proxy whose word is taken.
    pub(crate) is_believed: bool,
}

/// Who asked and how, as far as somebody who is believed says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// The client's address.
    pub(crate) address: IpAddr,
    /// Whether the client's connection was TLS.
    pub(crate) scheme: Scheme,
    /// The host that the client asked for, where it was another than this request's.
    pub(crate) host: Option<String>,
    /// The proxies between, in the order in which the request passed them.
    pub(crate) proxies: Vec<IpAddr>,
}

impl Peer {
    /// The other end of a TCP connection.
    pub(crate) fn new(address: SocketAddr, proxies: &Proxies) -> Self {
        let address = address.ip().to_canonical();
        let is_believed = proxies.trusted.contains(address);
        Self { address, scheme: Scheme::HTTP, certificate: None, is_believed }
    }

    /// Puts beside a request what the library wants to know of its connection.
    pub(crate) fn note(&self, extensions: &mut Extensions) {
        if self.is_believed {
            extensions.insert(PeerAddress(self.address));
        }
        if let Some(certificate) = self.certificate {
            extensions.insert(certificate);
        }
    }
}

impl Client {
    /// Reads who asked from the connection and, where its other end is believed, from the headers.
    pub(crate) fn of(peer: &Peer, headers: &HeaderMap, proxies: &Proxies) -> Self {
        let mut client = Self {
            address: peer.address,
            scheme: peer.scheme.clone(),
            host: None,
            proxies: Vec::new(),
        };
        // Whom a new configuration does not trust is not believed on old connections either.
        if !peer.is_believed || !proxies.trusted.contains(peer.address) {
            return client;
        }
        let mut said = match proxies.telling {
            Telling::XForwarded => forwarded::x_forwarded(headers),
            Telling::Forwarded => forwarded::forwarded(headers),
        };
        // From the end: whoever wrote the entry is believed, so its word on who asked it counts.
        while let Some(Said { address, scheme, host }) = said.pop() {
            client.scheme = scheme.unwrap_or(client.scheme);
            client.host = host.or(client.host);
            let Some(address) = address else { break };
            client.proxies.push(client.address);
            client.address = address;
            if !proxies.trusted.contains(address) {
                break;
            }
        }
        client.proxies.reverse();
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick_resource_server::TrustedProxies;
    use http::{HeaderName, HeaderValue};

    /// Address, scheme, host and proxies of a request over a connection.
    fn verdict(peer: &str, telling: Telling, sent: &[(&str, &str)]) -> String {
        let trusted = TrustedProxies::parse(["10.0.0.0/8", "::1"]).unwrap();
        let proxies = Proxies { trusted, telling, proxy_protocol: false };
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let peer = Peer::new(SocketAddr::new(peer.parse().unwrap(), 1), &proxies);
        let Client { address, scheme, host, proxies } = Client::of(&peer, &headers, &proxies);
        format!("{address} {scheme} {} {proxies:?}", host.as_deref().unwrap_or("-"))
    }

    #[test]
    fn a_stranger_is_not_believed() {
        for telling in [Telling::XForwarded, Telling::Forwarded] {
            let sent = [
                ("x-forwarded-for", "10.0.0.1"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "a"),
                ("forwarded", "for=10.0.0.1;proto=https;host=a"),
            ];
            assert_eq!(verdict("192.0.2.1", telling, &sent), "192.0.2.1 http - []");
            assert_eq!(verdict("::ffff:192.0.2.1", telling, &sent), "192.0.2.1 http - []");
        }
    }

    #[test]
    fn whom_a_new_configuration_does_not_trust_is_not_believed_on_an_old_connection() {
        let proxies = |networks: &[&str]| Proxies {
            trusted: TrustedProxies::parse(networks).unwrap(),
            telling: Telling::XForwarded,
            proxy_protocol: false,
        };
        let peer = Peer::new("10.0.0.1:1".parse().unwrap(), &proxies(&["10.0.0.0/8"]));
        let headers = [("x-forwarded-for", "203.0.113.9")]
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let headers = HeaderMap::from_iter(headers);
        let asks = |proxies: &Proxies| Client::of(&peer, &headers, proxies).address.to_string();
        assert_eq!(asks(&proxies(&["10.0.0.0/8"])), "203.0.113.9");
        assert_eq!(asks(&proxies(&["10.1.0.0/16"])), "10.0.0.1");
    }

    #[test]
    fn the_client_is_the_first_from_the_end_who_is_no_trusted_proxy() {
        let cases = [
            ("203.0.113.9", "203.0.113.9 http - [10.0.0.1]"),
            ("198.51.100.1, 203.0.113.9", "203.0.113.9 http - [10.0.0.1]"),
            ("10.9.9.9, 203.0.113.9", "203.0.113.9 http - [10.0.0.1]"),
            ("203.0.113.9, 10.0.0.2", "203.0.113.9 http - [10.0.0.2, 10.0.0.1]"),
            ("9.9.9.9,203.0.113.9,\t10.0.0.3 ,::1", "203.0.113.9 http - [10.0.0.3, ::1, 10.0.0.1]"),
            ("10.0.0.3, 10.0.0.2", "10.0.0.3 http - [10.0.0.2, 10.0.0.1]"),
            ("2001:db8::1", "2001:db8::1 http - [10.0.0.1]"),
            ("[2001:db8::1]:443", "2001:db8::1 http - [10.0.0.1]"),
            ("192.0.2.4:80", "192.0.2.4 http - [10.0.0.1]"),
            // Where the list says nothing, what stands before it is nobody's word.
            ("203.0.113.9, unknown", "10.0.0.1 http - []"),
            ("203.0.113.9, ", "10.0.0.1 http - []"),
            ("203.0.113.9, unknown, 10.0.0.2", "10.0.0.2 http - [10.0.0.1]"),
            ("", "10.0.0.1 http - []"),
        ];
        for (sent, expected) in cases {
            let said = verdict("10.0.0.1", Telling::XForwarded, &[("X-Forwarded-For", sent)]);
            assert_eq!(said, expected, "{sent}");
        }
        let lines = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "203.0.113.9")];
        let said = verdict("10.0.0.1", Telling::XForwarded, &lines);
        assert_eq!(said, "203.0.113.9 http - [10.0.0.1]");
    }

    #[test]
    fn scheme_and_host_are_those_that_the_client_used() {
        let by = |sent: &[(&str, &str)]| verdict("10.0.0.1", Telling::XForwarded, sent);
        let (of, proto, host) = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host");
        let one = [(of, "192.0.2.1"), (proto, "HTTPS"), (host, "Api.example:8443")];
        assert_eq!(by(&one), "192.0.2.1 https Api.example:8443 [10.0.0.1]");
        // As many as addresses: the one beside the client's address.
        let each = [(of, "9.9.9.9, 192.0.2.1, 10.0.0.2"), (proto, "x, https, http")];
        assert_eq!(by(&each), "192.0.2.1 https - [10.0.0.2, 10.0.0.1]");
        // Not as many: the last, which the proxy here wrote.
        let fewer = [(of, "9.9.9.9, 192.0.2.1, 10.0.0.2"), (proto, "https, http")];
        assert_eq!(by(&fewer), "192.0.2.1 http - [10.0.0.2, 10.0.0.1]");
        assert_eq!(by(&[(proto, "https")]), "10.0.0.1 https - []");
        assert_eq!(by(&[(proto, "gopher"), (host, "a/b")]), "10.0.0.1 http - []");
        assert_eq!(by(&[(host, "a@b")]), "10.0.0.1 http - []");
    }

    //= https://www.rfc-editor.org/rfc/rfc7239#section-4
    //= type=test
    //# Given that a proxy wishes to add a "Forwarded" header field to the
    //# outgoing request, if the incoming request has no such header field,
    //# the proxy simply adds the header with the list of parameters desired.
    #[test]
    fn forwarded_is_read_where_the_proxies_write_it() {
        let by = |sent: &str| verdict("10.0.0.1", Telling::Forwarded, &[("Forwarded", sent)]);
        let cases = [
            ("for=192.0.2.1", "192.0.2.1 http - [10.0.0.1]"),
            ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17 http - [10.0.0.1]"),
            ("for=192.0.2.60;proto=https;by=203.0.113.43;host=a", "192.0.2.60 https a [10.0.0.1]"),
            ("for=9.9.9.9, for=192.0.2.1 ; proto=https", "192.0.2.1 https - [10.0.0.1]"),
            (
                "for=192.0.2.1;host=\"a:1\";proto=https, for=10.0.0.2;proto=http;host=b",
                "192.0.2.1 https a:1 [10.0.0.2, 10.0.0.1]",
            ),
            ("for=192.0.2.1;x=\"a,b;\\\"\"", "192.0.2.1 http - [10.0.0.1]"),
            ("for=unknown", "10.0.0.1 http - []"),
            ("for=_hidden", "10.0.0.1 http - []"),
            ("proto=https", "10.0.0.1 https - []"),
            // What cannot be read is not read in part.
            ("for=192.0.2.1, for=\"10.0.0.2", "10.0.0.1 http - []"),
            ("for=9.9.9.9;for=192.0.2.1", "10.0.0.1 http - []"),
            ("for=2001:db8::1", "10.0.0.1 http - []"),
            ("for", "10.0.0.1 http - []"),
        ];
        for (sent, expected) in cases {
            assert_eq!(by(sent), expected, "{sent}");
        }
    }

    #[test]
    fn the_header_that_the_proxies_do_not_write_is_not_read() {
        let x = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")];
        assert_eq!(verdict("10.0.0.1", Telling::Forwarded, &x), "10.0.0.1 http - []");
        let standard = [("forwarded", "for=192.0.2.1;proto=https")];
        assert_eq!(verdict("10.0.0.1", Telling::XForwarded, &standard), "10.0.0.1 http - []");
    }
}
