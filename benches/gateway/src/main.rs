//! `cargo xtask bench gateway`: the gateway beside nginx, HAProxy and Envoy, one core each.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]

mod arms;
mod load;
mod options;
mod report;
mod server;

use std::fs;
use std::process::ExitCode;

use arms::{Arm, Field};
use bench_resource_server::{Result, machine};
use options::Options;

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
    let cores = machine::two_cores()?;
    machine::bind(cores.1)?;
    let mut field = Field::start(&options, cores)?;
    // Before the load, after which caches are full of tokens.
    let memory = field.memory()?;
    let measured = field.measure(options.rounds())?;
    let said = report::write(&options, &Arm::all(), &measured, &memory, &field.versions());
    println!("{said}");
    if let Some(path) = &options.write {
        fs::write(path, said)?;
    }
    Ok(())
}
