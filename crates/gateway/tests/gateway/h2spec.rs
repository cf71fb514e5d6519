//! The conformance suite `h2spec` (RFC 9113, RFC 7541) against the gateway, with TLS and without.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::World;
use crate::tls;

/// What hyper's `h2` fails now and then, when its own answer is already on the way.
const AFTER_RESET: &str = "http2/5.1: closed: Sends a DATA frame after sending RST_STREAM frame";

/// What the gateway means to do: without TLS and without the preface it is HTTP/1.1 that is spoken,
/// and the answer is 400.
const OTHER_PREFACE: &str = "http2/3.5: Sends invalid connection preface";

/// The suite: where `H2SPEC` says. `cargo xtask test --full` builds it with Go where that can be had.
fn suite() -> Option<PathBuf> {
    std::env::var_os("H2SPEC").map(PathBuf::from)
}

/// What the suite says fails, out of how many.
fn failures(suite: &Path, address: SocketAddr, more: &[&str]) -> (BTreeSet<String>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.xml");
    let output = Command::new(suite)
        .args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-P", "/open", "-o", "1"])
        .arg("-j")
        .arg(&report)
        .args(more)
        .output()
        .unwrap();
    let report = std::fs::read_to_string(report).unwrap_or_else(|_| panic!("{output:?}"));
    let cases: Vec<&str> = report.split("<testcase ").skip(1).collect();
    let failed = cases.iter().filter(|case| case.contains("<failure") || case.contains("<error"));
    let name = |case: &&str| {
        let part = |name: &str| {
            let (_, behind) = case.split_once(&format!("{name}=\"")).unwrap();
            behind.split('"').next().unwrap().to_owned()
        };
        format!("{}: {}", part("package"), part("classname"))
    };
    (failed.map(name).collect(), cases.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn h2spec_finds_nothing_that_hyper_does_not_have() {
    let Some(suite) = suite() else {
        eprintln!("left out: H2SPEC names no h2spec");
        return;
    };
    let plain = (tls::PLAIN.to_owned(), &[][..], &[OTHER_PREFACE, AFTER_RESET][..]);
    let secure = (tls::config(""), &["-t", "-k"][..], &[AFTER_RESET][..]);
    for (config, more, known) in [plain, secure] {
        let known: BTreeSet<String> = known.iter().map(|name| (*name).to_owned()).collect();
        let world = World::with(&config).await;
        let address = world.gateway;
        let run = async || {
            let suite = suite.clone();
            let run = tokio::task::spawn_blocking(move || failures(&suite, address, more));
            let (failed, all) = run.await.unwrap();
            assert!(all >= 140, "only {all} cases ran");
            failed
        };
        let mut failed = &run().await - &known;
        if !failed.is_empty() {
            // The suite waits for a second: on a busy machine that may be too short, once.
            failed = &failed & &run().await;
        }
        assert_eq!(failed, BTreeSet::new(), "{more:?}");
    }
}
