//! `cargo xtask bench resource-server`: measures, prints the tables, and writes them if asked to.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]

mod report;

use std::fs;
use std::process::{Command, ExitCode};

use bench_resource_server::mint::ALGORITHMS;
use bench_resource_server::options::Options;
use bench_resource_server::{Result, machine, peers, scale, token};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let rounds = options.rounds();
    let mut said = report::head(&options);
    let mut say = |section: String| {
        println!("{section}");
        said += &format!("{section}\n");
    };
    let cores = machine::two_cores()?;
    machine::bind(cores.1)?;

    let (mut seen, mut unseen) = (Vec::new(), Vec::new());
    for algorithm in ALGORITHMS {
        seen.push((algorithm, token::seen(algorithm, rounds)?));
        unseen.push((algorithm, token::unseen(algorithm, rounds)?));
    }
    say(report::seen(&seen));
    say(report::unseen(&unseen));
    say(report::sizes(&scale::sizes(rounds)?));
    say(report::routes(&scale::routes(rounds)?, &scale::gateway(rounds)?));
    say(report::allocations(&allocations()?));
    if !options.no_peers {
        let left_out = options.left_out.clone();
        say(report::peers(&peers::measure(options.peer_rounds(), cores, left_out)?));
    }
    if let Some(path) = &options.write {
        fs::write(path, said)?;
    }
    Ok(())
}

/// What the program that counts allocations prints.
fn allocations() -> Result<String> {
    let counter = std::env::current_exe()?.with_file_name("allocations");
    let output = Command::new(counter).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
