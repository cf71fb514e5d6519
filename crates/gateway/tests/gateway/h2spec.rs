//! The conformance suite `h2spec` (RFC 9113, RFC 7541) against the gateway, with TLS and without.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::support::World;
use crate::tls;

/// What hyper's `h2` fails now and then, when its own answer is already on the way.
const AFTER_RESET: &str = "http2/5.1: closed: Sends a DATA frame after sending RST_STREAM frame";

/// What the gateway means to do: without TLS and without the preface it is HTTP/1.1 that is spoken,
/// and the answer is 400.
const OTHER_PREFACE: &str = "http2/3.5: Sends invalid connection preface";

/// The suite: where `H2SPEC` says, or built once with Go's own tool.
fn suite() -> PathBuf {
    if let Some(place) = std::env::var_os("H2SPEC") {
        return place.into();
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let place = folder.join("h2spec");
    if !place.exists() {
        let built = Command::new("go")
            .args(["install", "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"])
            .envs([("GOBIN", folder.as_os_str()), ("GOFLAGS", "-mod=mod".as_ref())])
            .status();
        let is_built = built.is_ok_and(|status| status.success());
        assert!(is_built, "h2spec cannot be built: install Go, or set H2SPEC to the program");
    }
    place
}

/// What the suite says fails, out of how many.
fn failures(address: SocketAddr, more: &[&str]) -> (BTreeSet<String>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.xml");
    let output = Command::new(suite())
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
    let plain = (tls::PLAIN.to_owned(), &[][..], &[OTHER_PREFACE, AFTER_RESET][..]);
    let secure = (tls::config(""), &["-t", "-k"][..], &[AFTER_RESET][..]);
    for (config, more, known) in [plain, secure] {
        let known: BTreeSet<String> = known.iter().map(|name| (*name).to_owned()).collect();
        let world = World::with(&config).await;
        let address = world.gateway;
        let run = async || {
            let run = tokio::task::spawn_blocking(move || failures(address, more));
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
