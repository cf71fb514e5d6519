//! The other end of connections: the proxies in front, whose word is taken (RFC 7239 §8.1).

use bailiwick_resource_server::TrustedProxies;
use toml::Spanned;

use super::reading::{Checked, fault};
use super::top::Top;

/// The proxies in front, whose word is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxies {
    /// Their networks; nobody is believed when there are none.
    pub trusted: TrustedProxies,
    /// Where they say who asked them.
    pub telling: Telling,
    /// Whether they, and nobody else, begin each connection with the PROXY protocol.
    pub proxy_protocol: bool,
}

/// Where a proxy says who asked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// In `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    XForwarded,
    /// In `Forwarded` (RFC 7239).
    Forwarded,
}

/// Checks what the top of the file says of proxies.
pub(super) fn proxies(top: &Top) -> Checked<Proxies> {
    let trusted = match &top.trusted_proxies {
        Some(networks) => parsed(networks)?,
        None => TrustedProxies::default(),
    };
    let telling = match top.trusted_header.as_ref().map(|text| (text, text.get_ref().as_str())) {
        None | Some((_, "x-forwarded")) => Telling::XForwarded,
        Some((_, "forwarded")) => Telling::Forwarded,
        Some((text, _)) => return Err(fault(text, "expected \"x-forwarded\" or \"forwarded\"")),
    };
    let proxy_protocol = match &top.proxy_protocol {
        Some(asked) if *asked.get_ref() && trusted == TrustedProxies::default() => {
            return Err(fault(asked, "whose? add `trusted_proxies`: nobody else may connect then"));
        }
        asked => asked.as_ref().is_some_and(|asked| *asked.get_ref()),
    };
    Ok(Proxies { trusted, telling, proxy_protocol })
}

/// Reads networks.
pub(super) fn parsed(networks: &Spanned<Vec<Spanned<String>>>) -> Checked<TrustedProxies> {
    // One by one first: a mistake then has its place.
    for network in networks.get_ref() {
        if let Err(error) = TrustedProxies::parse([network.get_ref()]) {
            return Err(fault(network, error));
        }
    }
    TrustedProxies::parse(networks.get_ref().iter().map(Spanned::get_ref))
        .map_err(|error| fault(networks, error))
}
