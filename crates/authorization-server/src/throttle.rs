//! Slowing down who guesses passwords, without locking the owner out (RFC 6819 §4.4.3.6).

use std::net::{IpAddr, Ipv4Addr};

use bailiwick_grant::state::Username;
use bailiwick_window::{Attempt, WindowError};
use http::HeaderMap;

use crate::app::App;
use crate::serve::Peer;

/// Who tries to sign in as whom.
pub(crate) struct Guess {
    /// Account and address: a stranger elsewhere does not make the owner wait.
    account: String,
    /// The address alone: whoever tries many accounts.
    address: String,
}

impl Guess {
    pub(crate) fn new(username: &str, address: IpAddr) -> Self {
        let username = Username::canonical(username);
        Self { account: format!("{username} {address}"), address: address.to_string() }
    }

    /// Whether the password may be looked at now; counts as failed until [`Guess::was_right`].
    pub(crate) async fn attempt(&self, app: &App) -> Result<Attempt, WindowError> {
        let now = app.now();
        match app.addresses.attempt(&self.address, now).await? {
            Attempt::Allowed => app.accounts.attempt(&self.account, now).await,
            wait @ Attempt::Wait { .. } => Ok(wait),
        }
    }

    /// The password was right. The address keeps its count: an account of one's own is no licence
    /// to try others.
    pub(crate) async fn was_right(&self, app: &App) -> Result<(), WindowError> {
        app.accounts.succeeded(&self.account).await
    }
}

/// The address of the browser: the peer's, or what a proxy of the operator's says of it.
pub(crate) fn address(proxies: &[IpAddr], peer: Option<Peer>, headers: &HeaderMap) -> IpAddr {
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(address)| address);
    if !proxies.contains(&peer) {
        return peer;
    }
    // Each proxy appends whom it saw; the last one that is no proxy of ours is who asked.
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in forwarded.into_iter().rev() {
        match hop.trim().parse::<IpAddr>() {
            Ok(address) if proxies.contains(&address) => {}
            Ok(address) => return address,
            Err(_) => break,
        }
    }
    peer
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
}
