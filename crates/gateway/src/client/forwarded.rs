//! What proxies say of who asked them: `Forwarded` (RFC 7239 §4) and the older `X-Forwarded-*`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::header::{self, HeaderMap, HeaderName};
use http::uri::{Authority, Scheme};

use crate::headers::{FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO};
use crate::target;

/// One proxy's word on who asked it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// `None` where it does not say, or not as an address.
    pub(super) address: Option<IpAddr>,
    pub(super) scheme: Option<Scheme>,
    pub(super) host: Option<String>,
}

/// Reads `X-Forwarded-For`, `-Proto` and `-Host`.
///
/// Of schemes and hosts there are often fewer than of addresses: proxies write them anew. Unless
/// there is one for each address, the last is taken, which the proxy here wrote, for all.
pub(super) fn x_forwarded(headers: &HeaderMap) -> Vec<Said> {
    let addresses = list(headers, &FORWARDED_FOR);
    let (schemes, hosts) = (list(headers, &FORWARDED_PROTO), list(headers, &FORWARDED_HOST));
    let length = addresses.len().max(1);
    let nth = |of: &[String], at: usize| {
        if of.len() == length { of.get(at).cloned() } else { of.last().cloned() }
    };
    let said = |at: usize| Said {
        address: addresses.get(at).and_then(|text| address(text)),
        scheme: nth(&schemes, at).as_deref().and_then(scheme),
        host: nth(&hosts, at).filter(|text| is_host(text)),
    };
    (0..length).map(said).collect()
}

/// Reads `Forwarded`; nothing of it counts when some of it is malformed.
pub(super) fn forwarded(headers: &HeaderMap) -> Vec<Said> {
    let mut said = Vec::new();
    for line in headers.get_all(header::FORWARDED) {
        let Ok(mut rest) = line.to_str() else { return Vec::new() };
        loop {
            let Some((element, behind)) = element(rest) else { return Vec::new() };
            said.push(element);
            match behind.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
    }
    said
}

/// Reads `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )`, and gives what
/// stands behind it: nothing, or a comma and more.
fn element(text: &str) -> Option<(Said, &str)> {
    let mut said = Said::default();
    let mut seen: Vec<String> = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if !rest.starts_with([';', ',']) && !rest.is_empty() {
            let (name, behind) = rest.split_once('=')?;
            let name = name.to_ascii_lowercase();
            let (value, behind) = value(behind)?;
            if !is_token(&name) || seen.contains(&name) {
                return None;
            }
            match name.as_str() {
                "for" => said.address = node(&value),
                "proto" => said.scheme = scheme(&value),
                "host" => said.host = is_host(&value).then_some(value),
                _ => {}
            }
            seen.push(name);
            rest = behind.trim_start();
        }
        match rest.strip_prefix(';') {
            Some(next) => rest = next.trim_start(),
            None if rest.is_empty() || rest.starts_with(',') => return Some((said, rest)),
            None => return None,
        }
    }
}

/// Reads a token or a quoted string (RFC 9110 §5.6.4), and gives what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',', ' ', '\t']).unwrap_or(text.len());
        let (value, behind) = text.split_at(end);
        return is_token(value).then(|| (value.to_owned(), behind));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            plain => value.push(plain),
        }
    }
    None
}

/// Reads a node (RFC 7239 §6); IPv6 stands in brackets there.
fn node(text: &str) -> Option<IpAddr> {
    let is_bare_ipv6 = text.parse::<Ipv6Addr>().is_ok();
    address(text).filter(|_| !is_bare_ipv6)
}

/// Reads an address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = match bracketed {
        Some(text) => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text
            .parse::<IpAddr>()
            .ok()
            .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip())),
    };
    address.map(|address| address.to_canonical())
}

fn scheme(text: &str) -> Option<Scheme> {
    [Scheme::HTTP, Scheme::HTTPS]
        .into_iter()
        .find(|known| text.eq_ignore_ascii_case(known.as_str()))
}

fn is_host(text: &str) -> bool {
    text.parse::<Authority>().is_ok_and(|authority| target::is_plain(&authority))
}

fn is_token(text: &str) -> bool {
    let is_token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    !text.is_empty() && text.bytes().all(is_token)
}

/// The entries of a list, over all its lines; none where there is no such header.
fn list(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let lines = headers.get_all(name).iter();
    // Text that is no text is an entry that says nothing.
    lines
        .flat_map(|line| line.to_str().unwrap_or_default().split(','))
        .map(|entry| entry.trim().to_owned())
        .collect()
}
