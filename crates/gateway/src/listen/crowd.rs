//! How many connections one address has at once.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The connections of each address, over all workers.
#[derive(Debug, Default)]
pub(super) struct Crowd(Mutex<HashMap<IpAddr, usize>>);

/// A place of an address, until it is dropped.
#[derive(Debug)]
pub(super) struct Place(Option<(Arc<Crowd>, IpAddr)>);

impl Crowd {
    /// Takes a place; `None` when the address has as many as it may have.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, most: Option<usize>) -> Option<Place> {
        let Some(most) = most else { return Some(Place::free()) };
        let address = network(address);
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let places = present.entry(address).or_default();
        if *places >= most {
            return None;
        }
        *places += 1;
        Some(Place(Some((self.clone(), address))))
    }
}

impl Place {
    /// A place of somebody whose places are not counted.
    pub(super) fn free() -> Self {
        Self(None)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((crowd, address)) = &self.0 else { return };
        let mut present = crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = present.get_mut(address) {
            *places = places.saturating_sub(1);
            if *places == 0 {
                present.remove(address);
            }
        }
    }
}

/// What counts as one address: with IPv6 a network of 64 bits, since one host has all of it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let crowd = Arc::new(Crowd::default());
        let enter = |address: &str| crowd.enter(address.parse().unwrap(), Some(2));
        let first = enter("192.0.2.1").unwrap();
        let second = enter("::ffff:192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none());
        let other = enter("192.0.2.2").unwrap();
        drop(first);
        let third = enter("192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none());
        drop((second, third, other));
        assert!(crowd.0.lock().unwrap().is_empty(), "who is gone is forgotten");
    }

    #[test]
    fn hosts_of_one_ipv6_network_are_one_address() {
        let crowd = Arc::new(Crowd::default());
        let enter = |address: &str| crowd.enter(address.parse().unwrap(), Some(1));
        let one = enter("2001:db8::1");
        assert!(one.is_some());
        assert!(enter("2001:db8::ffff:1").is_none());
        assert!(enter("2001:db8:0:1::1").is_some());
        let anything = |_| crowd.enter("2001:db8::1".parse().unwrap(), None).is_some();
        assert!((0..9).all(anything));
    }
}
