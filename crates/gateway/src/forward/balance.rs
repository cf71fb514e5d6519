//! Several servers behind one resource: which one gets the next request.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::connect::{BadUpstream, Connector, NoConnection};
use super::pool::{Freshness, IDLE_CONNECTION, Pool, Taken};
use crate::config::{Balance, Server, Upstream};

/// The servers of one upstream, as one worker knows them.
pub(super) struct Fleet {
    members: Vec<Arc<Member>>,
    balance: Balance,
    /// Whose turn it is.
    turn: AtomicUsize,
    is_tended: AtomicBool,
}

/// One server, as one worker knows it.
pub(super) struct Member {
    pub(super) pool: Pool,
    /// How many requests are under way.
    load: AtomicUsize,
    /// Whether its health check says that it is well.
    is_well: AtomicBool,
    start: Instant,
    /// Until when it is passed over, in milliseconds after the start.
    out_until: AtomicU64,
}

/// A request under way at a member, from the choice to the last octet of the answer.
pub(crate) struct Turn {
    member: Arc<Member>,
    taken: Option<Taken>,
}

/// The members that a request was at already, one bit for each.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tried(u64);

impl Fleet {
    pub(super) fn new(upstream: &Upstream) -> Result<Self, BadUpstream> {
        let connector = Connector::new(upstream)?;
        let member = |server: &Server| Member::new(server, &connector).map(Arc::new);
        Ok(Self {
            members: upstream.servers.iter().map(member).collect::<Result<_, _>>()?,
            balance: upstream.balance,
            turn: AtomicUsize::new(0),
            is_tended: AtomicBool::new(false),
        })
    }

    pub(super) fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// Whether nobody closes idle connections and asks after the health of the members yet; from
    /// now on the caller does.
    pub(super) fn wants_tending(&self) -> bool {
        !self.is_tended.load(Ordering::Relaxed) && !self.is_tended.swap(true, Ordering::Relaxed)
    }

    /// Chooses who gets a request: of those that it was not at yet one that is up; when none is,
    /// one that is down, which may be up again. `None` when it was at all of them.
    pub(super) fn choose(&self, tried: &mut Tried) -> Option<Turn> {
        let number = match self.members.as_slice() {
            [_] => Some(0).filter(|_| !tried.has(0)),
            _ => self.chosen(*tried),
        }?;
        tried.0 |= 1 << number;
        let member = self.members.get(number)?.clone();
        member.load.fetch_add(1, Ordering::Relaxed);
        Some(Turn { member, taken: None })
    }

    fn chosen(&self, tried: Tried) -> Option<usize> {
        let now = Instant::now();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.members.len();
        let order = || (0..count).map(|after| first.wrapping_add(after) % count);
        let untried = || order().filter(|number| !tried.has(*number));
        let up = || untried().filter(|number| self.members[*number].is_up(now));
        let found = match self.balance {
            Balance::RoundRobin => up().next(),
            Balance::LeastLoaded => {
                up().min_by_key(|number| self.members[*number].load.load(Ordering::Relaxed))
            }
        };
        found.or_else(|| untried().next())
    }
}

impl Tried {
    fn has(self, number: usize) -> bool {
        self.0 & (1 << number) != 0
    }
}

impl Member {
    fn new(server: &Server, connector: &Connector) -> Result<Self, BadUpstream> {
        Ok(Self {
            pool: Pool::new(server.clone(), connector.clone())?,
            load: AtomicUsize::new(0),
            is_well: AtomicBool::new(true),
            start: Instant::now(),
            out_until: AtomicU64::new(0),
        })
    }

    fn is_up(&self, now: Instant) -> bool {
        let out_until = Duration::from_millis(self.out_until.load(Ordering::Relaxed));
        self.is_well.load(Ordering::Relaxed) && self.start + out_until <= now
    }

    /// Passes it over for a while: no connection to it can be made.
    fn eject(&self) {
        let until = (self.start.elapsed() + EJECTION).as_millis();
        self.out_until.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Takes note of what its health check says.
    pub(super) fn note_health(&self, is_well: bool) {
        if self.is_well.swap(is_well, Ordering::Relaxed) != is_well {
            let server = self.pool.server().authority.as_str();
            if is_well {
                tracing::info!(server, "a server of an upstream is well again");
            } else {
                tracing::warn!(server, "a server of an upstream is not well: passed over");
            }
        }
    }

    /// A turn that nobody chose: for its health check.
    pub(super) fn turn(self: &Arc<Self>) -> Turn {
        self.load.fetch_add(1, Ordering::Relaxed);
        Turn { member: self.clone(), taken: None }
    }
}

impl Turn {
    #[cfg(test)]
    fn pool(&self) -> &Pool {
        &self.member.pool
    }

    /// A connection; without one the server is passed over for a while.
    pub(super) async fn connect(
        &mut self,
        freshness: Freshness,
    ) -> Result<(&Pool, &mut Taken), NoConnection> {
        match self.member.pool.take(freshness).await {
            Ok(taken) => Ok((&self.member.pool, self.taken.insert(taken))),
            Err(error) => {
                self.member.eject();
                Err(error)
            }
        }
    }

    /// Gives the connection back when its exchange is over already.
    pub(super) fn give_back_if_ready(&mut self) {
        if self.taken.as_ref().is_some_and(Taken::is_ready) {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        if let Some(mut taken) = self.taken.take() {
            self.member.pool.give_back(&mut taken);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.give_back();
        self.member.load.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Closes idle connections for as long as the fleet lives.
pub(super) async fn tend(fleet: Weak<Fleet>) {
    loop {
        // The period of a chore; it ends with the fleet.
        sleep(IDLE_CONNECTION / 2).await;
        let Some(fleet) = fleet.upgrade() else { return };
        for member in &fleet.members {
            member.pool.sweep();
        }
    }
}

/// How long a server is passed over that no connection can be made to.
const EJECTION: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn fleet(balance: &str, servers: usize) -> Fleet {
        let urls: Vec<String> = (1..=servers).map(|port| format!("\"http://a:{port}\"")).collect();
        let config = format!(
            "[[resource]]\nidentifier = \"https://a\"\nissuer = \"https://b\"\n\
             upstream = [{}]\nbalance = \"{balance}\"\nroutes = [{{ path = \"/\", public = true }}]",
            urls.join(", ")
        );
        let config = Config::parse("g", &config).unwrap();
        Fleet::new(&config.resources[0].upstream).unwrap()
    }

    fn port(turn: &Turn) -> u16 {
        turn.pool().server().authority.port_u16().unwrap()
    }

    #[test]
    fn everyone_has_a_turn() {
        let fleet = fleet("round_robin", 3);
        let next = || port(&fleet.choose(&mut Tried::default()).unwrap());
        assert_eq!([next(), next(), next(), next()], [1, 2, 3, 1]);
        let mut tried = Tried::default();
        let mut all = [(); 3].map(|()| port(&fleet.choose(&mut tried).unwrap()));
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
        assert!(fleet.choose(&mut tried).is_none());
    }

    #[test]
    fn the_least_loaded_is_next() {
        let fleet = fleet("least_loaded", 2);
        let choose = || fleet.choose(&mut Tried::default()).unwrap();
        let (first, second) = (choose(), choose());
        assert_ne!(port(&first), port(&second));
        let free = port(&first);
        drop(first);
        let third = choose();
        assert_eq!(port(&third), free);
        drop((second, third));
        assert!(fleet.members.iter().all(|member| member.load.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn who_is_down_is_passed_over_unless_all_are() {
        let fleet = fleet("round_robin", 2);
        let next = || port(&fleet.choose(&mut Tried::default()).unwrap());
        fleet.members[0].eject();
        assert_eq!([next(), next(), next()], [2, 2, 2]);
        fleet.members[1].note_health(false);
        let mut both = [next(), next()];
        both.sort_unstable();
        assert_eq!(both, [1, 2]);
        fleet.members[1].note_health(true);
        assert_eq!([next(), next()], [2, 2]);
    }
}
