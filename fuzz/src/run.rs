//! The bounded run: what failed once, then the seeds, then mutations of them until time is up.

use std::fmt::Write;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use bailiwick_jose::digest;

use crate::mutate::{Random, mutate};
use crate::seeds::{folder, read};
use crate::target::{Outcome, Target};

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The number that the run was made from.
    pub seed: u64,
    /// How many mutated inputs were tried.
    pub inputs: usize,
    /// How many of them were accepted.
    pub accepted: usize,
}

/// Runs a target on all that it failed on before, on its seeds, and on mutations of them.
///
/// Seeds called `good…` must be accepted, those called `bad…` refused. An input that a target fails
/// on is kept in `crashes/`, where the next run tries it first.
pub fn run(target: &Target) -> Report {
    for (name, input) in read(&folder("crashes", target.name)) {
        attempt(target, &input, &format!("the kept input {name}"));
    }
    let mut corpus = Vec::new();
    for (name, input) in read(&folder("seeds", target.name)) {
        let expected = match name.split('_').next() {
            Some("good") => Outcome::Accepted,
            Some("bad") => Outcome::Refused,
            _ => panic!("{}: the seed {name} is neither good nor bad", target.name),
        };
        let outcome = attempt(target, &input, &format!("the seed {name}"));
        assert_eq!(outcome, expected, "{}: the seed {name}", target.name);
        corpus.push(input);
    }
    assert!(!corpus.is_empty(), "{} has no seeds", target.name);
    explore(target, corpus, &Bounds::of_environment())
}

struct Bounds {
    time: Duration,
    seed: u64,
}

impl Bounds {
    /// Short and always the same, or with `BAILIWICK_FULL=1` longer and each time another.
    fn of_environment() -> Self {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let is_full = std::env::var_os("BAILIWICK_FULL").is_some_and(|full| full == "1");
        let (time, seed) = if is_full {
            (Duration::from_secs(20), RandomState::new().hash_one("seed"))
        } else {
            (Duration::from_millis(1500), 1)
        };
        Self {
            time: number("BAILIWICK_FUZZ_SECONDS").map_or(time, Duration::from_secs),
            seed: number("BAILIWICK_FUZZ_SEED").unwrap_or(seed),
        }
    }
}

fn explore(target: &Target, mut corpus: Vec<Vec<u8>>, bounds: &Bounds) -> Report {
    let mut random = Random::new(bounds.seed);
    let mut report = Report { seed: bounds.seed, inputs: 0, accepted: 0 };
    let begin = Instant::now();
    while begin.elapsed() < bounds.time {
        let input = mutate(&mut random, &corpus);
        report.inputs += 1;
        let which = format!("input {} of seed {}", report.inputs, bounds.seed);
        if attempt(target, &input, &which) == Outcome::Accepted {
            report.accepted += 1;
            // What was let in leads on; it stands in for the coverage that is not measured.
            if corpus.len() < MOST && input.len() < LONG {
                corpus.push(input);
            }
        }
    }
    report
}

/// Tries one input; keeps it when the target fails on it.
fn attempt(target: &Target, input: &[u8], which: &str) -> Outcome {
    let failed = match catch_unwind(AssertUnwindSafe(|| (target.judge)(input))) {
        Ok(outcome) => return outcome,
        Err(failed) => failed,
    };
    let why = failed.downcast_ref::<String>().cloned();
    let why = why.or_else(|| failed.downcast_ref::<&str>().map(|why| (*why).to_owned()));
    let mut name = String::new();
    for octet in &digest::sha256(input)[..8] {
        let _ = write!(name, "{octet:02x}");
    }
    let kept = folder("crashes", target.name);
    fs::create_dir_all(&kept).unwrap();
    fs::write(kept.join(&name), input).unwrap();
    panic!(
        "{target} fails on {which}: {why}\n{text}\nIt is kept as fuzz/crashes/{target}/{name}; \
         `cargo test -p bailiwick-fuzz {target}` tries it first.",
        target = target.name,
        why = why.unwrap_or_default(),
        text = String::from_utf8_lossy(&input[..input.len().min(2048)]),
    );
}

/// Accepted inputs are kept as seeds up to this number, and when shorter than this.
const MOST: usize = 512;
const LONG: usize = 4096;
