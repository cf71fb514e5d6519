//! The networks of proxies whose word is taken (RFC 4632 §3.1, RFC 4291 §2.3).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks from which a proxy's headers are believed; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// What makes a text no network of trusted proxies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedNetwork {
    /// It is neither an address nor a network.
    #[error("'{0}' is no network such as '10.1.0.0/16', nor an address")]
    Form(String),
    /// It has bits beyond its prefix.
    #[error("'{0}' has bits beyond its prefix; '{1}' is the network that it lies in")]
    HostBits(String, String),
    /// It holds every address.
    #[error("'{0}' holds every address, and so everybody would be a trusted proxy")]
    Everybody(String),
}

impl TrustedProxies {
    /// Reads networks in prefix notation; a bare address is a network of one.
    ///
    /// # Errors
    /// Names the first that is malformed, has bits beyond its prefix, or holds every address.
    pub fn parse<S: AsRef<str>>(
        networks: impl IntoIterator<Item = S>,
    ) -> Result<Self, MalformedNetwork> {
        networks
            .into_iter()
            .map(|text| Network::parse(text.as_ref()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the address is in one of the networks. IPv4 addresses in IPv6 form, as sockets for
    /// both report them, are IPv4 addresses (RFC 4291 §2.5.5.2).
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    /// INVARIANT: canonical, and no bit beyond the prefix is set.
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn parse(text: &str) -> Result<Self, MalformedNetwork> {
        let malformed = || MalformedNetwork::Form(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let stated: IpAddr = address.parse().map_err(|_| malformed())?;
        let prefix = match prefix {
            Some(digits) => number(digits).filter(|n| *n <= bits(stated)).ok_or_else(malformed)?,
            None => bits(stated),
        };
        // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
        let address = stated.to_canonical();
        let prefix = (prefix + bits(address)).checked_sub(bits(stated)).ok_or_else(malformed)?;
        if prefix == 0 {
            return Err(MalformedNetwork::Everybody(text.to_owned()));
        }
        let network = Self { address: masked(address, prefix), prefix };
        if network.address != address {
            let meant = format!("{}/{prefix}", network.address);
            return Err(MalformedNetwork::HostBits(text.to_owned(), meant));
        }
        Ok(network)
    }

    fn contains(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && masked(address, self.prefix) == self.address
    }
}

fn bits(address: IpAddr) -> u32 {
    if address.is_ipv4() { Ipv4Addr::BITS } else { Ipv6Addr::BITS }
}

fn masked(address: IpAddr, prefix: u32) -> IpAddr {
    // A shift by all bits leaves none.
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(Ipv4Addr::BITS - prefix).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(Ipv6Addr::BITS - prefix).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// A number in its one spelling.
fn number(digits: &str) -> Option<u32> {
    let is_plain = digits.bytes().all(|c| c.is_ascii_digit());
    let is_short = digits == "0" || !digits.starts_with('0');
    digits.parse().ok().filter(|_| is_plain && is_short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(network: &str, address: &str) -> bool {
        TrustedProxies::parse([network]).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", vec!["10.0.0.0", "10.255.255.255"], vec!["9.255.255.255", "11.0.0.0"]),
            ("10.1.2.3", vec!["10.1.2.3"], vec!["10.1.2.2", "10.1.2.4", "::10.1.2.3"]),
            ("10.1.2.2/31", vec!["10.1.2.2", "10.1.2.3"], vec!["10.1.2.1", "10.1.2.4"]),
            ("128.0.0.0/1", vec!["128.0.0.0", "255.255.255.255"], vec!["127.0.0.1", "8000::"]),
            ("::1", vec!["::1"], vec!["::", "::2", "0.0.0.1", "127.0.0.1"]),
            ("fd00::/8", vec!["fd00::", "fdff:ffff::1"], vec!["fc00::1", "fe00::"]),
            ("2001:db8::/127", vec!["2001:db8::", "2001:db8::1"], vec!["2001:db8::2"]),
        ] {
            for address in inside {
                assert!(verdict(network, address), "{network} {address}");
            }
            for address in outside {
                assert!(!verdict(network, address), "{network} {address}");
            }
        }
    }

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_an_ipv4_address() {
        assert!(verdict("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(verdict("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(verdict("::ffff:10.1.2.3", "10.1.2.3"));
        assert!(!verdict("::ffff:10.0.0.0/104", "11.1.2.3"));
        assert!(!verdict("10.0.0.0/8", "::ffff:11.1.2.3"));
        assert!(!verdict("::/1", "10.1.2.3"));
    }

    #[test]
    fn none_and_several_networks_are_a_set() {
        let none = TrustedProxies::parse::<&str>([]).unwrap();
        assert!(!none.contains("127.0.0.1".parse().unwrap()));
        let two = TrustedProxies::parse(["10.1.0.0/16", "::1"]).unwrap();
        for (address, expected) in [("10.1.9.9", true), ("::1", true), ("10.2.0.1", false)] {
            assert_eq!(two.contains(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in [
            "",
            "/",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/-8",
            "10.0.0.0/8/8",
            "10.0.0.0/255.0.0.0",
            "10/8",
            "10.0.0/8",
            "010.0.0.0/8",
            " 10.0.0.0/8",
            "10.0.0.0 /8",
            "proxy.example",
            "[::1]",
            "fe80::1%eth0",
            "10.0.0.1:80",
            "10.0.0.0/8,::1",
            "::ffff:0.0.0.0/95",
        ] {
            let verdict = TrustedProxies::parse([bad]);
            assert_eq!(verdict, Err(MalformedNetwork::Form(bad.to_owned())), "{bad}");
        }
        for everybody in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"] {
            let verdict = TrustedProxies::parse([everybody]);
            assert_eq!(verdict, Err(MalformedNetwork::Everybody(everybody.to_owned())));
        }
        for (bad, meant) in [("10.1.0.0/8", "10.0.0.0/8"), ("fd00::1/8", "fd00::/8")] {
            let verdict = TrustedProxies::parse([bad]);
            assert_eq!(verdict, Err(MalformedNetwork::HostBits(bad.into(), meant.into())));
        }
    }
}
