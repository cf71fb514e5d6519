//! What is compared: which proxy, with which requests.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use bailiwick_jose::{Algorithm, Jwks};
use bench_resource_server::Result;
use bench_resource_server::measure::{each, interleave, thread_time};
use bench_resource_server::mint::{Mint, Signed};
use bench_resource_server::peers::TestIssuer;
use tempfile::TempDir;

use crate::load;
use crate::options::Options;
use crate::server::{Server, configuration, free_port};

/// The resource that tokens are for.
const RESOURCE: &str = "http://127.0.0.1/orders";
/// What the upstream answers: as long as a small JSON answer.
const BODY: &str =
    "ninety octets of an answer, neither more nor less, as a small JSON document would be: 420\\n";
/// Tokens of one round; a second of load needs less.
const TOKENS: usize = 14_000;
/// Connections that are open and idle when memory is looked at.
const IDLE: usize = 1_000;

/// The proxies.
pub(crate) const PROXIES: [&str; 4] = ["bailiwick", "nginx", "HAProxy", "Envoy"];

/// What requests ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// A small answer, without a token.
    Small,
    /// 64 KiB, without a token.
    Large,
    /// A small answer, with the same token again and again.
    Seen(Algorithm),
    /// A small answer, with a token that never came before.
    Unseen(Algorithm),
    /// The signature alone, by the cryptographic library in this process.
    Bare(Algorithm),
}

/// A proxy and what is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arm {
    /// The number of the proxy among [`PROXIES`].
    pub(crate) proxy: usize,
    pub(crate) asks: Asks,
}

impl Arm {
    /// All arms: HAProxy keeps no verdict, so that seen and unseen are one to it; nginx reads no
    /// tokens.
    pub(crate) fn all() -> Vec<Self> {
        let (rs256, es256) = (Algorithm::Rs256, Algorithm::Es256);
        let mut arms = Vec::new();
        let mut add = |asks, proxies: &[usize]| {
            arms.extend(proxies.iter().map(|proxy| Self { proxy: *proxy, asks }));
        };
        add(Asks::Small, &[0, 1, 2, 3]);
        add(Asks::Large, &[0, 1, 2]);
        for algorithm in [rs256, es256] {
            add(Asks::Seen(algorithm), &[0, 3]);
            add(Asks::Unseen(algorithm), &[0, 2, 3]);
            add(Asks::Bare(algorithm), &[0]);
        }
        arms
    }
}

/// Everything that runs: the upstream, the issuer and the proxies.
pub(crate) struct Field {
    folder: TempDir,
    _upstream: Server,
    proxies: Vec<Server>,
    mints: Vec<Mint>,
    options_envoy: PathBuf,
    options_bailiwick: PathBuf,
}

impl Field {
    /// Starts all of it and makes sure that each lets in and refuses what it should.
    pub(crate) fn start(options: &Options, cores: (usize, usize)) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = folder.path().to_string_lossy().into_owned();
        fs::write(folder.path().join("large"), vec![b'x'; 64 * 1024])?;
        let issuer = TestIssuer::start(RESOURCE)?;
        let mut mints: Vec<Mint> = issuer.mints;
        mints.truncate(2); // RS256 and ES256, which all of them know
        let keys = Jwks::from_keys(mints.iter().map(Mint::verifying_key).collect()).to_json();
        fs::write(folder.path().join("jwks.json"), keys.to_string())?;
        for (mint, name) in mints.iter().zip(["rs256.pem", "es256.pem"]) {
            fs::write(folder.path().join(name), mint.public_pem()?)?;
        }
        let upstream = free_port()?;
        let fill = |name: &str, port: u16| {
            let (port, upstream) = (port.to_string(), upstream.to_string());
            let values = [
                ("port", port.as_str()),
                ("upstream", &upstream),
                ("folder", &at),
                ("body", BODY),
                ("issuer", &issuer.url),
                ("resource", RESOURCE),
            ];
            configuration(folder.path(), name, &values)
        };
        let nginx = |file: String| {
            let mut nginx = Command::new("nginx");
            nginx.args(["-e", "stderr", "-p", &at, "-c", &file]);
            nginx
        };
        let served = nginx(fill("upstream.conf", 0)?);
        // It shares the load's core: its time is nobody's figure.
        let shared = (cores.1, cores.1);
        let served = Server::start("upstream", served, upstream, shared)?;
        let mut proxies = Vec::new();
        for name in PROXIES {
            let port = free_port()?;
            let command = match name {
                "bailiwick" => {
                    let mut ours = Command::new(&options.bailiwick);
                    ours.args(["gateway", "--config", &fill("gateway.toml", port)?]);
                    ours.env("BAILIWICK_LOG", "warn"); // none of the others writes a log either
                    ours
                }
                "nginx" => nginx(fill("nginx.conf", port)?),
                "HAProxy" => {
                    let mut haproxy = Command::new("haproxy");
                    haproxy.args(["-db", "-f", &fill("haproxy.cfg", port)?]);
                    haproxy
                }
                _ => {
                    let mut envoy = Command::new(&options.envoy);
                    envoy.args(["--concurrency", "1", "--disable-hot-restart", "-l", "error"]);
                    envoy.args(["-c", &fill("envoy.yaml", port)?]);
                    envoy
                }
            };
            proxies.push(Server::start(name, command, port, cores)?);
        }
        let mut field = Self {
            folder,
            _upstream: served,
            proxies,
            mints,
            options_envoy: options.envoy.clone(),
            options_bailiwick: options.bailiwick.clone(),
        };
        field.make_sure()?;
        Ok(field)
    }

    /// Every proxy answers alike before anything is measured.
    fn make_sure(&mut self) -> Result<()> {
        for server in &self.proxies {
            let of = |why: String| format!("{}: {why}", server.name);
            let (status, body) = load::ask(server.port, "/open/small", None)?;
            if status != 200 || body.len() != 90 {
                return Err(of(format!("{status} with {} octets", body.len())).into());
            }
            if server.name == "nginx" {
                continue;
            }
            let (refused, _) = load::ask(server.port, "/api/small", None)?;
            let wrong =
                self.mints[1].token_with("at+jwt", &serde_json::json!({ "aud": "other" }))?;
            let (wrong, _) = load::ask(server.port, "/api/small", Some(&wrong))?;
            if refused != 401 || !matches!(wrong, 401 | 403) {
                return Err(of(format!("no token {refused}, other audience {wrong}")).into());
            }
            for mint in &mut self.mints {
                let token = mint.token()?;
                let (status, _) = load::ask(server.port, "/api/small", Some(&token))?;
                if status != 200 {
                    return Err(of(format!("a good token was answered with {status}")).into());
                }
            }
        }
        Ok(())
    }

    /// Microseconds of CPU time for each request, for each arm in each round.
    pub(crate) fn measure(&mut self, rounds: usize) -> Result<Vec<Vec<f64>>> {
        let arms = Arm::all();
        let folder = self.folder.path().to_path_buf();
        let (proxies, mints) = (&self.proxies, &mut self.mints);
        let bare = mints.iter().map(Mint::bare).collect::<Result<Vec<_>>>()?;
        let file = |kind: &str, which: usize| folder.join(format!("{kind}-{which}"));
        for (which, mint) in mints.iter_mut().enumerate() {
            fs::write(file("seen", which), mint.token()?)?;
        }
        interleave(
            rounds,
            arms.len(),
            || {
                let mut signed = Vec::new();
                for (which, mint) in mints.iter_mut().enumerate() {
                    let tokens = mint.tokens(TOKENS)?;
                    signed.push(
                        tokens
                            .iter()
                            .take(500)
                            .map(|it| Signed::of(it))
                            .collect::<Result<Vec<_>>>()?,
                    );
                    fs::write(file("unseen", which), tokens.join("\n"))?;
                }
                Ok(signed)
            },
            |number, signed: &Vec<Vec<Signed>>| {
                let Arm { proxy, asks } = arms[number];
                let which = |algorithm| usize::from(algorithm == Algorithm::Es256);
                if let Asks::Bare(algorithm) = asks {
                    let (key, signed) = (&bare[which(algorithm)], &signed[which(algorithm)]);
                    let begin = thread_time()?;
                    for one in signed {
                        key.verify(one)?;
                    }
                    return Ok(each(begin, thread_time()?, signed.len()));
                }
                let (path, tokens) = match asks {
                    Asks::Large => ("/open/large", None),
                    Asks::Seen(it) => ("/api/small", Some(file("seen", which(it)))),
                    Asks::Unseen(it) => ("/api/small", Some(file("unseen", which(it)))),
                    Asks::Small | Asks::Bare(_) => ("/open/small", None),
                };
                let server = &proxies[proxy];
                let begin = server.cpu_time()?;
                let count = load::run(server.port, path, tokens.as_deref())
                    .map_err(|why| format!("{}: {why}", server.name))?;
                Ok(each(begin, server.cpu_time()?, count))
            },
        )
    }

    /// KiB that each proxy occupies with [`IDLE`] connections that are open and idle.
    pub(crate) fn memory(&self) -> Result<Vec<(&'static str, u64)>> {
        let mut occupied = Vec::new();
        for server in &self.proxies {
            let connections = load::idle_connections(server.port, "/open/small", IDLE)?;
            occupied.push((server.name, server.resident()?));
            drop(connections);
        }
        Ok(occupied)
    }

    /// What each program says of its version.
    pub(crate) fn versions(&self) -> Vec<(&'static str, String)> {
        let said = |program: &std::path::Path, argument: &str| {
            let output = Command::new(program).arg(argument).output();
            let text = output.map(|it| [it.stdout, it.stderr].concat()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            text.lines().find(|line| !line.trim().is_empty()).unwrap_or("unknown").trim().to_owned()
        };
        vec![
            ("bailiwick", said(&self.options_bailiwick, "--version")),
            ("nginx", said("nginx".as_ref(), "-v")),
            ("HAProxy", said("haproxy".as_ref(), "-v")),
            ("Envoy", said(&self.options_envoy, "--version")),
            ("wrk", said("wrk".as_ref(), "-v")),
        ]
    }
}
