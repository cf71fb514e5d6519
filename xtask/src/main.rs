//! The project's own chores: `cargo xtask layers | specs | test | ci | bench`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod bench;
mod layers;
mod specs;
mod steps;
mod workspace;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <command>

  layers           fail on a forbidden arrow, a foreign crate in a pure row, a nameless module
  specs [--check]  write SPECS.md from the sources; with --check, fail when it is stale
  test [--full]    everything a change must pass, installing what it needs; --full runs longer
  ci [--full]      clippy, rustdoc and cargo-deny, then test
  bench resource-server [--quick] [--no-peers] [--write]
                   what a request costs, in process and beside other implementations
  bench gateway [--quick] [--write]
                   what a request costs beside nginx, HAProxy and Envoy";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["layers"] => here().and_then(|workspace| layers::run(&workspace)),
        ["specs"] => here().and_then(|workspace| specs::write(&workspace)),
        ["specs", "--check"] => here().and_then(|workspace| specs::check(&workspace)),
        ["test", rest @ ..] => chores(steps::test, rest),
        ["ci", rest @ ..] => chores(steps::ci, rest),
        ["bench", "resource-server", rest @ ..] => {
            here().and_then(|workspace| bench::resource_server(&workspace, rest))
        }
        ["bench", "gateway", rest @ ..] => {
            here().and_then(|workspace| bench::gateway(&workspace, rest))
        }
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn here() -> Result<Workspace> {
    Workspace::load(Path::new("."))
}

fn chores(run: fn(&Workspace, steps::Length) -> Result<()>, rest: &[&str]) -> Result<()> {
    let length = match rest {
        [] => steps::Length::Usual,
        ["--full"] => steps::Length::Full,
        _ => return Err(format!("unknown option {}\n\n{USAGE}", rest.join(" ")).into()),
    };
    run(&here()?, length)
}
