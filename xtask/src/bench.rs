//! `cargo xtask bench`: builds what is measured, in the workspace of the benchmarks, and runs it.

use std::process::Command;

use crate::Result;
use crate::steps::tools;
use crate::workspace::{Workspace, cargo};

/// The peers that are Rust: what each is called, and the package that serves with it.
const PEERS: [(&str, &str); 5] = [
    ("axum", "bench-peer-bare"),
    ("bailiwick-resource-server", "bench-peer-bailiwick"),
    ("tower-oauth2-resource-server", "bench-peer-tower-oauth2-resource-server"),
    ("huskarl-resource-server", "bench-peer-huskarl-resource-server"),
    ("oauth-resource-server", "bench-peer-oauth-resource-server"),
];

/// The peers that are Node.js, without and with protection.
const NODE_PEERS: [&str; 2] = ["express", "express-oauth2-jwt-bearer"];

/// Measures the resource server: `--quick`, `--no-peers` and `--write` are passed on.
///
/// A peer that cannot be built is left out of the measurement and named in its result.
pub(crate) fn resource_server(workspace: &Workspace, options: &[&str]) -> Result<()> {
    if let Some(unknown) = options.iter().find(|option| !KNOWN.contains(option)) {
        return Err(format!("unknown option {unknown}; there are {}", KNOWN.join(", ")).into());
    }
    build(workspace, "bench-resource-server")?;
    let mut bench =
        Command::new(workspace.root.join("benches/target/release/bench-resource-server"));
    bench.args(options);
    if !options.contains(&"--no-peers") {
        // Each alone, so that none is built with the features that another one asks for.
        for (name, package) in PEERS {
            if let Err(fault) = build(workspace, package) {
                bench.arg(left_out(name, &fault.to_string()));
            }
        }
        if let Err(fault) = npm_packages(workspace) {
            bench.args(NODE_PEERS.map(|name| left_out(name, &fault.to_string())));
        }
    }
    run(bench.current_dir(&workspace.root))
}

/// Measures the gateway beside nginx, HAProxy and Envoy, all of which it installs: `--quick` and
/// `--write` are passed on.
pub(crate) fn gateway(workspace: &Workspace, options: &[&str]) -> Result<()> {
    const KNOWN: [&str; 2] = ["--quick", "--write"];
    if let Some(unknown) = options.iter().find(|option| !KNOWN.contains(option)) {
        return Err(format!("unknown option {unknown}; there are {}", KNOWN.join(", ")).into());
    }
    tools::from_debian("wrk", "the gateway's benchmark")?;
    tools::proxies(&workspace.root.join("e2e"))?;
    let envoy = workspace.root.join("e2e/.tools/envoy/_bin/envoy");
    // What is shipped is what is measured.
    let mut ours = cargo();
    ours.args(["build", "--profile", "dist", "--quiet", "--package", "bailiwick"]);
    run(ours.current_dir(&workspace.root))?;
    build(workspace, "bench-gateway")?;
    let mut bench = Command::new(workspace.root.join("benches/target/release/bench-gateway"));
    bench.args(options).arg(format!("--envoy={}", envoy.display()));
    bench.arg(format!("--bailiwick={}", workspace.target.join("dist/bailiwick").display()));
    run(bench.current_dir(&workspace.root))
}

const KNOWN: [&str; 3] = ["--quick", "--no-peers", "--write"];

fn left_out(name: &str, why: &str) -> String {
    format!("--left-out={name}:{why}")
}

fn build(workspace: &Workspace, package: &str) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--release", "--quiet", "--package", package]);
    run(build.current_dir(workspace.root.join("benches")))
}

fn npm_packages(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join("benches/peers/express");
    if folder.join("node_modules/.package-lock.json").exists() {
        return Ok(());
    }
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}

fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    let status = command.status().map_err(|fault| format!("{shown} could not be run: {fault}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::MadeUp;

    #[test]
    fn an_unknown_option_is_refused_before_anything_is_built() {
        let made_up = MadeUp::new();
        made_up.package("oauth", "");
        let fault = resource_server(&made_up.load(), &["--fast"]).unwrap_err();
        assert!(fault.to_string().contains("--fast"), "{fault}");
    }
}
