//! Which URLs and addresses may be fetched: `https`, or `http` on this machine (RFC 8414 §2, §6).

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use http::Uri;

use crate::FetchError;
use crate::address::is_public;

/// Whether this machine itself may be asked, over `http` or `https`, when a URL spells it as
/// `localhost`, `127.0.0.0/8` or `[::1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loopback {
    /// For URLs that the operator wrote.
    #[default]
    Allowed,
    /// For URLs that strangers wrote, such as those in client metadata.
    Refused,
}

/// What the operator said about targets.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) loopback: Loopback,
    /// Hosts that may have any address, in lower case.
    pub(crate) private_hosts: HashSet<String>,
    /// Addresses to use in place of those that DNS gives, in lower case.
    pub(crate) resolved: HashMap<String, Vec<IpAddr>>,
}

impl Rules {
    /// Takes a URL that may be asked.
    pub(crate) fn check(&self, url: &str) -> Result<Uri, FetchError> {
        let refuse = |why| FetchError::Url { url: shown(url), why };
        let uri: Uri = url.parse().map_err(|_| refuse("it is malformed"))?;
        let authority = uri.authority().ok_or_else(|| refuse("it is not absolute"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("it has a user name"));
        }
        if url.contains('#') {
            return Err(refuse("it has a fragment"));
        }
        let host = host(&uri);
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_this_machine(&host) && self.loopback == Loopback::Allowed => {}
            Some("http") => return Err(refuse("plain http is not secure; use https")),
            _ => return Err(refuse("only https is fetched")),
        }
        // A literal address is connected to without resolution, so it is checked here.
        if let Ok(address) = host.parse::<IpAddr>()
            && !self.permits(&host, address)
        {
            return Err(FetchError::Address { host });
        }
        Ok(uri)
    }

    /// Whether `host` may be reached at this address.
    pub(crate) fn permits(&self, host: &str, address: IpAddr) -> bool {
        if self.private_hosts.contains(host) {
            return true;
        }
        if is_this_machine(host) {
            return self.loopback == Loopback::Allowed && address.is_loopback();
        }
        is_public(address)
    }
}

/// Whether two URLs are alike in that either both or none of them spell this machine.
///
/// A document from elsewhere has no business here: it would let its author reach local services.
pub(crate) fn same_side(one: &str, other: &str) -> bool {
    let local = |url: &str| url.parse::<Uri>().is_ok_and(|uri| is_this_machine(&host(&uri)));
    local(one) == local(other)
}

/// A URL as it may stand in messages: without user name, query and fragment.
pub(crate) fn shown(url: &str) -> String {
    let url = &url[..url.find(['?', '#']).unwrap_or(url.len())];
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url[authority..].find('/').map_or(url.len(), |at| authority + at);
    let host = url[authority..end].rfind('@').map_or(authority, |at| authority + at + 1);
    format!("{}{}", &url[..authority], &url[host..])
}

/// What a stranger sent, short enough for a message.
pub(crate) fn clip(text: &str) -> String {
    text.chars().take(256).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The host in lower case, without the brackets of a literal address.
fn host(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host == "::1"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(rules: &Rules, url: &str) -> &'static str {
        match rules.check(url) {
            Ok(_) => "taken",
            Err(FetchError::Url { .. }) => "url",
            Err(FetchError::Address { .. }) => "address",
            Err(_) => "other",
        }
    }

    #[test]
    fn only_https_is_taken_but_for_this_machine() {
        let cases = [
            ("https://id.example.com/x?y=1", "taken"),
            ("HTTPS://id.example.com", "taken"),
            ("http://127.0.0.1:8080/x", "taken"),
            ("http://[::1]:8080", "taken"),
            ("http://localhost", "taken"),
            ("http://id.example.com", "url"),
            ("http://localhost.example.com", "url"),
            ("http://10.0.0.1", "url"),
            ("https://10.0.0.1", "address"),
            ("https://169.254.169.254/latest", "address"),
            ("https://[::ffff:127.0.0.1]", "address"),
            ("https://[fe80::1]", "address"),
            ("https://user@id.example.com", "url"),
            ("https://id.example.com/#x", "url"),
            ("ftp://id.example.com", "url"),
            ("/relative", "url"),
            ("", "url"),
        ];
        for (url, expected) in cases {
            assert_eq!(verdict(&Rules::default(), url), expected, "{url}");
        }
    }

    #[test]
    fn this_machine_can_be_refused() {
        let rules = Rules { loopback: Loopback::Refused, ..Rules::default() };
        assert_eq!(verdict(&rules, "http://127.0.0.1"), "url");
        assert_eq!(verdict(&rules, "https://127.0.0.1"), "address");
        assert!(!rules.permits("localhost", Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn a_private_host_may_be_named() {
        let rules =
            Rules { private_hosts: HashSet::from(["10.0.0.1".to_owned()]), ..Rules::default() };
        assert_eq!(verdict(&rules, "https://10.0.0.1"), "taken");
        assert_eq!(verdict(&rules, "https://10.0.0.2"), "address");
        assert_eq!(verdict(&rules, "http://10.0.0.1"), "url");
    }

    #[test]
    fn a_message_shows_no_secrets_of_a_url() {
        let cases = [
            ("https://u:p@a.example/x?token=1#y", "https://a.example/x"),
            ("https://a.example/@x", "https://a.example/@x"),
            ("https://a.example?u@b", "https://a.example"),
            ("rubbish", "rubbish"),
        ];
        for (url, expected) in cases {
            assert_eq!(shown(url), expected);
        }
    }
}
