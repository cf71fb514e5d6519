//! The peers: what protection costs over HTTP, by the operating system's account of each process.

mod hostile;
mod issuer;
mod load;
mod process;

use bailiwick_jose::Algorithm;

use crate::Result;
use crate::measure::{Spread, each, interleave, paired};
use crate::mint::{ALGORITHMS, Mint};

pub use hostile::Presented;
pub use issuer::TestIssuer;
pub use process::{KNOWN, Peer};

use process::Server;

/// The resource that all servers protect.
const RESOURCE: &str = "http://127.0.0.1/orders";
/// Requests of one server in one round.
const BATCH: usize = 512;
/// Requests with each algorithm before anything counts: Node.js compiles what runs often.
const WARM_UP: usize = 2048;

/// What was found out.
pub struct Report {
    /// The servers that were measured.
    pub servers: Vec<&'static Peer>,
    /// Those that were not, and why.
    pub left_out: Vec<(String, String)>,
    /// What each was measured with, in the order of [`Kind::ALL`] and [`ALGORITHMS`].
    pub measured: Vec<(Kind, Algorithm, Vec<Cost>)>,
    /// What each answered to tokens that are not to be let in.
    pub answers: Vec<(Presented, Vec<u16>)>,
}

/// Which tokens requests bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The same one.
    Seen,
    /// One that never came before.
    Unseen,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Seen, Self::Unseen];
}

/// What a request costs a server, in microseconds of CPU time.
pub struct Cost {
    /// All of it.
    pub whole: Spread,
    /// Less the same framework without protection; `None` for that one itself.
    pub protection: Option<Spread>,
}

/// Starts all servers, makes sure that they answer alike, and measures them side by side.
///
/// The servers run on the first core, the load on the second.
pub fn measure(
    rounds: usize,
    cores: (usize, usize),
    mut left_out: Vec<(String, String)>,
) -> Result<Report> {
    let issuer = TestIssuer::start(RESOURCE)?;
    let mut mints = issuer.mints;
    let mut servers: Vec<Server> = Vec::new();
    for peer in &KNOWN {
        if left_out.iter().any(|(name, _)| name == peer.name) {
            continue;
        }
        match start(peer, cores, &issuer.url, &mut mints) {
            Ok(server) => servers.push(server),
            Err(why) => left_out.push((peer.name.to_owned(), why.to_string())),
        }
    }
    let answers = hostile::answers(&servers, &mut mints, &issuer.url)?;
    let mut measured = Vec::new();
    for kind in Kind::ALL {
        for (algorithm, mint) in ALGORITHMS.into_iter().zip(&mut mints) {
            let rounds = side_by_side(&servers, mint, kind, rounds)?;
            measured.push((kind, algorithm, costs(&servers, &rounds)));
        }
    }
    let servers = servers.iter().map(|server| server.peer).collect();
    Ok(Report { servers, left_out, measured, answers })
}

fn start(
    peer: &'static Peer,
    cores: (usize, usize),
    issuer: &str,
    mints: &mut [Mint],
) -> Result<Server> {
    let server = Server::start(peer, cores, issuer, RESOURCE)?;
    for mint in mints {
        let token = mint.token()?;
        load::until_ready(server.port, &token)
            .map_err(|why| format!("it did not let a good token in: {why}"))?;
        let requests = vec![load::request(&token); WARM_UP];
        load::Connections::open(server.port)?.send(&requests)?;
    }
    if peer.framework.is_some() {
        let refused = load::ask(server.port, None)?;
        if refused != 401 {
            return Err(format!("it answered a request without a token with {refused}").into());
        }
    }
    Ok(server)
}

/// What each server took in each round.
fn side_by_side(
    servers: &[Server],
    mint: &mut Mint,
    kind: Kind,
    rounds: usize,
) -> Result<Vec<Vec<f64>>> {
    let seen = load::request(&mint.token()?);
    let warm = vec![seen.clone(); load::CONNECTIONS];
    interleave(
        rounds,
        servers.len(),
        || match kind {
            Kind::Seen => Ok(vec![seen.clone(); BATCH]),
            Kind::Unseen => {
                Ok(mint.tokens(BATCH)?.iter().map(|token| load::request(token)).collect())
            }
        },
        |at, requests| {
            let server = &servers[at];
            // New connections, because a server may have closed those that were long unused.
            let mut connections = load::Connections::open(server.port)?;
            connections.send(&warm)?;
            let begin = server.cpu_time()?;
            connections.send(requests)?;
            Ok(each(begin, server.cpu_time()?, requests.len()))
        },
    )
}

fn costs(servers: &[Server], measured: &[Vec<f64>]) -> Vec<Cost> {
    let find = |name: &str| servers.iter().position(|server| server.peer.name == name);
    let cost = |(at, server): (usize, &Server)| {
        let whole = &measured[at];
        let without = server.peer.framework.and_then(find).map(|at| &measured[at]);
        let protection = without.map(|without| paired(whole, without, |with, less| with - less));
        Cost { whole: Spread::of(whole), protection }
    };
    servers.iter().enumerate().map(cost).collect()
}
