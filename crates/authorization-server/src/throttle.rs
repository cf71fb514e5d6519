//! Slowing down who guesses passwords, without locking the owner out (RFC 6819 §4.4.3.6), and who
//! guesses the codes of devices (RFC 8628 §5.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bailiwick_grant::state::Username;
use bailiwick_window::{Attempt, WindowError};
use http::HeaderMap;

use crate::app::App;
use crate::serve::Peer;

/// Who tries to sign in as whom.
pub(crate) struct Guess {
    /// Account and network: a stranger elsewhere does not make the owner wait.
    account: String,
    /// The network alone: whoever tries many accounts.
    network: String,
}

impl Guess {
    pub(crate) fn new(username: &str, address: IpAddr) -> Self {
        let username = Username::canonical(username);
        let network = network(address);
        Self { account: format!("{username} {network}"), network }
    }

    /// Who types in the code of a device: any of them will do, so the network alone counts
    /// (RFC 8628 §5.1).
    pub(crate) fn of_user_code(address: IpAddr) -> Self {
        let network = network(address);
        // No user name begins with a space.
        Self { account: format!(" user_code {network}"), network }
    }

    /// Whether the password may be looked at now; counts as failed until [`Guess::was_right`].
    pub(crate) async fn attempt(&self, app: &App) -> Result<Attempt, WindowError> {
        let now = app.now();
        if let wait @ Attempt::Wait { .. } = app.addresses.attempt(&self.network, now).await? {
            return Ok(wait);
        }
        let attempt = app.accounts.attempt(&self.account, now).await?;
        if attempt != Attempt::Allowed {
            // No password will be looked at.
            app.addresses.give_back(&self.network).await?;
        }
        Ok(attempt)
    }

    /// The code is one of a device: no guess. Codes that were guessed before count on, because a
    /// device of one's own is no licence to try the codes of others.
    pub(crate) async fn was_no_guess(&self, app: &App) -> Result<(), WindowError> {
        app.addresses.give_back(&self.network).await?;
        app.accounts.give_back(&self.account).await
    }

    /// The password was right. The network gets this attempt back, not its failures: an account of
    /// one's own is no licence to try others, and many who sign in rightly are no crowd of guesses.
    pub(crate) async fn was_right(&self, app: &App) -> Result<(), WindowError> {
        app.addresses.give_back(&self.network).await?;
        app.accounts.succeeded(&self.account).await
    }
}

/// Whose address it is: of IPv6, one customer has 2^64 at hand (RFC 6177 §2).
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let prefix = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
            format!("{prefix}/64")
        }
    }
}

/// The address of the browser: the peer's, or what a proxy of the operator's says of it.
pub(crate) fn address(proxies: &[IpAddr], peer: Option<Peer>, headers: &HeaderMap) -> IpAddr {
    // A socket for both families shows IPv4 as `::ffff:192.0.2.1`.
    let is_ours = |address: IpAddr| proxies.iter().any(|proxy| proxy.to_canonical() == address);
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(peer)| peer.to_canonical());
    if !is_ours(peer) {
        return peer;
    }
    // Each proxy appends whom it saw; the last one that is no proxy of ours is who asked.
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        // What is no text is no address, and does not hide what follows it.
        for hop in String::from_utf8_lossy(value.as_bytes()).rsplit(',') {
            match forwarded(hop.trim()) {
                Some(address) if is_ours(address) => {}
                Some(address) => return address,
                None => return peer,
            }
        }
    }
    peer
}

/// Reads one hop: an address, with or without port and brackets.
fn forwarded(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']'));
    let address = match bare {
        Some(bare) => IpAddr::V6(bare.parse().ok()?),
        None => hop.parse().or_else(|_| hop.parse().map(|hop: SocketAddr| hop.ip())).ok()?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let proxies = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        address(&proxies, Some(Peer(peer.parse().unwrap())), &headers).to_string()
    }

    #[test]
    fn only_a_configured_proxy_says_whom_it_saw() {
        assert_eq!(seen("192.0.2.1", &["198.51.100.9"]), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(seen("10.0.0.1", &["203.0.113.5, 198.51.100.9", "10.0.0.2"]), "198.51.100.9");
        assert_eq!(seen("10.0.0.1", &["198.51.100.9, rubbish"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn a_hop_may_carry_a_port() {
        for (hop, address) in [
            ("198.51.100.9:4711", "198.51.100.9"),
            ("[2001:db8::9]:4711", "2001:db8::9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("2001:db8::9", "2001:db8::9"),
            ("::ffff:198.51.100.9", "198.51.100.9"),
            ("198.51.100.9, ::ffff:10.0.0.2", "198.51.100.9"),
            ("198.51.100.9, 10.0.0.2:443", "198.51.100.9"),
            ("[198.51.100.9]", "10.0.0.1"),
            ("198.51.100.9:x", "10.0.0.1"),
            ("unknown", "10.0.0.1"),
        ] {
            assert_eq!(seen("10.0.0.1", &[hop]), address, "{hop}");
        }
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_one() {
        assert_eq!(seen("::ffff:192.0.2.1", &["198.51.100.9"]), "192.0.2.1");
        assert_eq!(seen("::ffff:10.0.0.1", &["198.51.100.9"]), "198.51.100.9");
    }

    #[test]
    fn what_is_no_text_does_not_uncover_a_forged_hop() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", http::HeaderValue::from_static("203.0.113.5"));
        let appended = http::HeaderValue::from_bytes(b"\xff, 198.51.100.9").unwrap();
        headers.append("x-forwarded-for", appended);
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let address = address(&[proxy], Some(Peer(proxy)), &headers);
        assert_eq!(address.to_string(), "198.51.100.9");
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let key = |address: &str| Guess::new("ada", address.parse().unwrap()).network;
        assert_eq!(key("2001:db8:0:1::1"), key("2001:db8:0:1:ffff::9"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8:0:2::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
