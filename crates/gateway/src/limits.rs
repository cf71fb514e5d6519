//! Limits at work: rates by client, subject and address, and how many requests are under way
//! (RFC 6585 §4).
//!
//! The memory is bounded: of each limit some 100,000 keys are remembered. Where more ask than
//! that, those who asked least are forgotten first, and begin anew.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_guard::Permit;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::Fault;
use crate::config::{Limits, Protected, Rate, Route};
use crate::decide::Event;

/// The limits of a resource or a route.
#[derive(Debug)]
struct Limiter {
    limits: Limits,
    client: Option<Bucket>,
    subject: Option<Bucket>,
    address: Option<Bucket>,
    places: Option<Arc<Semaphore>>,
}

/// A place among the requests under way; free again when it is dropped.
type Taken = OwnedSemaphorePermit;

impl Limiter {
    /// Nothing is counted yet; `None` where nothing is limited.
    fn new(limits: Limits) -> Option<Self> {
        (limits != Limits::default()).then(|| Self {
            limits,
            client: limits.client.map(Bucket::new),
            subject: limits.subject.map(Bucket::new),
            address: limits.address.map(Bucket::new),
            places: limits.concurrent.map(|most| Arc::new(Semaphore::new(most))),
        })
    }

    /// Counts a request from an address.
    fn address(&self, address: IpAddr) -> Result<(), Fault> {
        self.address.as_ref().map_or(Ok(()), |bucket| bucket.take(&network(address)))
    }

    /// Counts a request with a token.
    fn token(&self, permit: &Permit) -> Result<(), Fault> {
        let issuer = permit.issuer().as_str();
        if let (Some(bucket), Some(client)) = (&self.client, permit.client_id()) {
            bucket.take(&(issuer, client.as_str()))?;
        }
        let subject = permit.subject().as_str();
        self.subject.as_ref().map_or(Ok(()), |bucket| bucket.take(&(issuer, subject)))
    }

    /// Takes a place among the requests under way; `None` where there are as many as may be.
    fn place(&self) -> Result<Option<Taken>, Fault> {
        let Some(places) = &self.places else { return Ok(None) };
        places.clone().try_acquire_owned().map(Some).map_err(|_| Fault {
            retry_after: Some(1),
            ..Fault::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_at_once",
                "as many requests are under way as may be; try again",
            )
        })
    }
}

/// The limiters of a resource and its routes.
#[derive(Debug)]
pub(crate) struct Limiters {
    resource: Option<Arc<Limiter>>,
    /// By the number of the route.
    routes: Vec<Option<Arc<Limiter>>>,
}

/// The places that a request has taken: of its resource, and of its route.
pub(crate) type Places = [Option<Taken>; 2];

/// The limits that a request is under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Applied<'s>([Option<&'s Arc<Limiter>>; 2]);

impl Limiters {
    /// Prepares for the limits of a resource; unchanged ones go on counting.
    pub(crate) fn after(previous: Option<(&Protected, &Self)>, resource: &Protected) -> Self {
        let kept = |known: Option<&Option<Arc<Limiter>>>, limits: Limits| match known {
            Some(Some(limiter)) if limiter.limits == limits => Some(limiter.clone()),
            _ => Limiter::new(limits).map(Arc::new),
        };
        let of_route = |route: &Route| {
            let known = previous.and_then(|(before, limiters)| {
                let is_it = |at: &Route| at.path == route.path && at.methods == route.methods;
                limiters.routes.get(before.routes.iter().position(is_it)?)
            });
            kept(known, route.limits)
        };
        Self {
            resource: kept(previous.map(|(_, limiters)| &limiters.resource), resource.limits),
            routes: resource.routes.iter().map(of_route).collect(),
        }
    }

    /// Those that a request to a route is under.
    pub(crate) fn of(&self, route: usize) -> Applied<'_> {
        Applied([self.resource.as_ref(), self.routes.get(route).and_then(Option::as_ref)])
    }
}

impl<'s> Applied<'s> {
    /// No limits at all.
    pub(crate) const NONE: Self = Self([None, None]);

    /// Counts a request by its address.
    pub(crate) fn address(self, event: &mut Event<'_>) -> Result<(), Fault> {
        let Some(address) = event.address else { return Ok(()) };
        event.verdict = "limited";
        self.each().try_for_each(|limiter| limiter.address(address))
    }

    /// Counts a request by its token, and takes its places.
    pub(crate) fn token(self, event: &mut Event<'_>) -> Result<(), Fault> {
        event.verdict = "limited";
        if let Some(permit) = &event.permit {
            self.each().try_for_each(|limiter| limiter.token(permit))?;
        }
        let [resource, route] = self.0.map(|limiter| limiter.map(|limiter| limiter.place()));
        event.places = [resource.transpose()?.flatten(), route.transpose()?.flatten()];
        Ok(())
    }

    fn each(self) -> impl Iterator<Item = &'s Arc<Limiter>> {
        self.0.into_iter().flatten()
    }
}

/// Of IPv6 the /64 that one host commonly has.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
    }
}

/// One rate, for each key.
struct Bucket {
    limiter: RateLimiter<u64, Arrivals, DefaultClock, NoOpMiddleware>,
    /// Keys are kept as numbers that nobody can aim at.
    hasher: RandomState,
    clock: DefaultClock,
}

impl Bucket {
    fn new(Rate { number, per }: Rate) -> Self {
        let every = per / number.get();
        let quota = Quota::with_period(every).unwrap_or(Quota::per_second(number));
        let clock = DefaultClock::default();
        let quota = quota.allow_burst(number);
        let limiter = RateLimiter::new(quota, Arrivals::default(), clock.clone());
        Self { limiter, hasher: RandomState::new(), clock }
    }

    fn take(&self, key: &impl Hash) -> Result<(), Fault> {
        self.limiter.check_key(&self.hasher.hash_one(key)).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Fault {
                retry_after: Some(wait.as_secs() + 1),
                ..Fault::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "rate_limited",
                    "too many requests; Retry-After says when to go on",
                )
            }
        })
    }
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket").finish_non_exhaustive()
    }
}

/// When each key's next request would be on time, in parts with a lock each.
struct Arrivals([Mutex<HashMap<u64, Nanos>>; PARTS]);

impl Default for Arrivals {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl StateStore for Arrivals {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let part = usize::try_from(*key % PARTS as u64).unwrap_or_default();
        let part = &self.0[part];
        let mut known = part.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, next) = decide(known.get(key).copied())?;
        if known.len() >= MOST_IN_A_PART && !known.contains_key(key) {
            forget_half(&mut known);
        }
        known.insert(*key, next);
        Ok(value)
    }
}

/// Forgets the keys that asked least: their next request is on time soonest, or long since.
fn forget_half(known: &mut HashMap<u64, Nanos>) {
    let mut times: Vec<Nanos> = known.values().copied().collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    known.retain(|_, time| *time > median);
}

const PARTS: usize = 16;
const MOST_IN_A_PART: usize = 100_000 / PARTS;

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;
    use std::time::Duration;

    fn bucket(number: u32, per: u64) -> Bucket {
        let number = NonZeroU32::new(number).unwrap();
        Bucket::new(Rate { number, per: Duration::from_secs(per) })
    }

    #[test]
    fn a_rate_may_be_used_up_at_once_and_then_comes_back() {
        let bucket = bucket(3, 3600);
        let took = (0..5).filter(|_| bucket.take(&"one").is_ok()).count();
        assert_eq!(took, 3);
        let fault = bucket.take(&"one").unwrap_err();
        assert_eq!((fault.status.as_u16(), fault.error), (429, "rate_limited"));
        assert!((1190..=1201).contains(&fault.retry_after.unwrap()), "{fault:?}");
        assert!(bucket.take(&"two").is_ok());
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_those_who_ask_most() {
        let bucket = bucket(2, 3600);
        while bucket.take(&"greedy").is_ok() {}
        for key in 0..300_000 {
            let _ = bucket.take(&key);
        }
        assert!(bucket.take(&"greedy").is_err());
        let kept: usize =
            bucket.limiter.into_state_store().0.iter().map(|part| part.lock().unwrap().len()).sum();
        assert!(kept <= 100_000, "{kept}");
    }

    #[test]
    fn whoever_asks_most_is_not_forgotten() {
        let mut known: HashMap<u64, Nanos> =
            (0..10).map(|key| (key, Nanos::from(key * 10))).collect();
        forget_half(&mut known);
        assert!(known.contains_key(&9) && !known.contains_key(&0) && known.len() < 6);
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let limits = Limits {
            address: Some(Rate { number: NonZeroU32::MIN, per: Duration::from_mins(1) }),
            ..Limits::default()
        };
        let limiter = Limiter::new(limits).unwrap();
        let ask = |address: &str| limiter.address(address.parse().unwrap()).is_ok();
        assert!(ask("2001:db8::1") && !ask("2001:db8::2") && ask("2001:db8:0:1::1"));
        assert!(ask("192.0.2.1") && !ask("192.0.2.1") && ask("192.0.2.2"));
    }
}
